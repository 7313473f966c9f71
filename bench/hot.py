"""The hot paths against pgbench writing the same rows in one statement on the same server, round by round.

    python -m bench.hot [--requests N] [--rounds N] [--grown N] [--json]

Rates swing on shared machines; the ratio of one round, CPU per request, WAL per transaction and statements per request
do not. The hub is the real one: authentication, rate limit, strict parsing, fee engine, signed webhooks.
`--grown 1000000` measures instead what a hub loses that has so many orders behind it, against an empty one beside it.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from bench.anchor import CREATE_SCRIPT, WEBHOOK_SCRIPT, pgbench, prepare
from bench.grown import fill
from bench.load import load
from bench.world import World, count_statements, public_order_ids, send_to_bank, start_world

CONNECTIONS = 32
_GOOD = range(200, 300)
CREATE, REPLAY, WEBHOOK, AGAIN, STATUS, FIND = (
    "create", "create, same key", "webhook", "webhook, same message", "status by id", "find by status",
)  # fmt: skip
_FIRST: Final[Mapping[str, str]] = {REPLAY: CREATE, AGAIN: WEBHOOK}

Figure = Literal["ratio", "p99_x", "app_us", "db_us", "anchor_db_us", "wal_bytes", "statements", "of_first", "refused"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """What pgbench reached."""

    rate: float
    p99_ms: float
    db_us: float
    wal_bytes: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One path in one round. `of_first` is the CPU of a repetition over that of its first; 0 where there is none."""

    path: str
    rate: float
    p50_ms: float
    p99_ms: float
    anchor: Anchor
    app_us: float
    db_us: float
    wal_bytes: float
    statements: float
    refused: int
    of_first: float = 0.0

    def figure(self, name: Figure) -> float:
        """A figure by name; `ratio` and `p99_x` are ours over the anchor's, in the same round."""
        match name:
            case "ratio":
                return self.rate / self.anchor.rate if self.anchor.rate else 0.0
            case "p99_x":
                return self.p99_ms / self.anchor.p99_ms if self.anchor.p99_ms else 0.0
            case "anchor_db_us":
                return self.anchor.db_us
            case _:
                return float(getattr(self, name))


FIGURES: Final[Mapping[Figure, str]] = {
    "ratio": "ratio", "p99_x": "p99 x", "app_us": "app us", "db_us": "db us", "anchor_db_us": "anchor",
    "wal_bytes": "WAL B", "statements": "SQL", "of_first": "of 1st", "refused": "refused",
}  # fmt: skip
# docs/performance.md; the ratio at least, everything else at most.
GOALS: Final[Mapping[str, Mapping[Figure, float]]] = {
    CREATE: {"ratio": 0.5, "p99_x": 2.5, "app_us": 180, "db_us": 50, "statements": 1},
    WEBHOOK: {"ratio": 0.35, "p99_x": 3, "statements": 2},
    AGAIN: {"of_first": 0.6},
    STATUS: {"statements": 1},
}
# Of a grown hub: rates at least so much of an empty one's, the p99 of a search at most so much.
GROWN_GOALS: Final[Mapping[str, str]] = {
    CREATE: "rate >= 0.90", WEBHOOK: "rate >= 0.85", STATUS: "rate >= 0.80", FIND: "p99 <= 2.00",
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grown", type=int, default=0, metavar="ORDERS")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        world = _world(stack)
        statements = asyncio.run(count_statements(world))
        if asked.grown:
            _compare(world, _world(stack), asked.grown, asked.requests, asked.rounds)
            return
        rounds = [_round(world, str(number), asked.requests, statements) for number in range(asked.rounds)]
    measured = [item for items in rounds for item in items]
    if asked.json:
        json.dump(
            [{name: item.figure(name) for name in FIGURES} | {"path": item.path} for item in measured], sys.stdout
        )
    else:
        _print(measured)


def _world(stack: ExitStack) -> World:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paygw-bench-")))
    folder.chmod(0o755)
    return stack.enter_context(start_world(folder))


def _anchor(world: World, script: str, transactions: int) -> Anchor:
    before = asyncio.run(world.usage())
    rate, p99_ms = pgbench(world, script, transactions)
    spent = asyncio.run(world.usage()) - before
    return Anchor(rate, p99_ms, 1e6 * spent.db_s / transactions, spent.wal_bytes / transactions)


def _round(world: World, tag: str, requests: int, statements: Mapping[str, float]) -> list[Measured]:
    """Anchor and hub right after one another, on one server."""
    prepare(world, 0)
    create_anchor = _anchor(world, CREATE_SCRIPT, requests)
    creates = [world.create(tag, at) for at in range(requests)]

    def measure(path: str, sent: list[bytes], anchor: Anchor) -> Measured:
        return _measure(world, path, sent, anchor, statements.get(path, 0.0))

    created = measure(CREATE, creates, create_anchor)
    replayed = measure(REPLAY, creates, create_anchor)
    ids, begun = asyncio.run(_begin(world, requests))
    prepare(world, requests)
    webhook_anchor = _anchor(world, WEBHOOK_SCRIPT, requests)
    webhooks = [world.webhook(ref, amount_vnd, f"{tag}-{at}") for at, (ref, amount_vnd) in enumerate(begun)]
    paid = measure(WEBHOOK, webhooks, webhook_anchor)
    again = measure(AGAIN, webhooks, webhook_anchor)
    status = measure(STATUS, [world.read(uid) for uid in ids], create_anchor)
    return [created, _beside(replayed, created), paid, _beside(again, paid), status]


async def _begin(world: World, orders: int) -> tuple[list[str], list[tuple[str, int]]]:
    """Public ids of any orders, and attempts begun for open ones."""
    async with world.hub() as hub:
        async with hub.pool.acquire() as connection:
            still_open = await connection.fetch(
                "SELECT id FROM orders WHERE portal_id = 'bench' AND status = 'open' LIMIT $1", orders
            )
            known = await connection.fetch(
                "SELECT id FROM orders WHERE portal_id = 'bench' ORDER BY md5(id::text) LIMIT $1", orders
            )
        begun = await send_to_bank(hub, [str(row["id"]) for row in still_open])
        return public_order_ids([str(row["id"]) for row in known]), begun


def _measure(world: World, path: str, requests: list[bytes], anchor: Anchor, statements: float) -> Measured:
    before = asyncio.run(world.usage())
    run = load(world.port, iter(requests), connections=CONNECTIONS, accept=lambda status: status in _GOOD)
    spent = asyncio.run(world.usage()) - before
    count = len(requests)
    return Measured(
        path=path,
        rate=run.rate,
        p50_ms=run.percentile_ms(0.5),
        p99_ms=run.percentile_ms(0.99),
        anchor=anchor,
        app_us=1e6 * spent.app_s / count,
        db_us=1e6 * spent.db_s / count,
        wal_bytes=spent.wal_bytes / count,
        statements=statements,
        refused=run.refused,
    )


def _beside(again: Measured, first: Measured) -> Measured:
    return replace(again, of_first=(again.app_us + again.db_us) / (first.app_us + first.db_us))


def _compare(small: World, grown: World, orders: int, requests: int, rounds: int) -> None:
    """An empty and a grown hub in turn, each against itself the other way round in the next round."""
    seconds = fill(grown, orders)
    pairs: dict[str, list[tuple[Measured, Measured]]] = {}
    for number in range(rounds):
        turn = (small, grown) if number % 2 else (grown, small)
        found = {id(world): _paths(world, f"g{number}", requests) for world in turn}
        for one, other in zip(found[id(small)], found[id(grown)], strict=True):
            pairs.setdefault(one.path, []).append((one, other))
    sys.stdout.write(f"grown by {orders} orders in {seconds:.0f} s; grown over empty, medians of {rounds} rounds\n")
    for path, both in pairs.items():
        told = [f"{name} {_median(both, read):.2f}" for name, read in _OVER.items()]
        sys.stdout.write(f"{path:<24}{'   '.join(told)}   goal {GROWN_GOALS[path]}\n")


_OVER: Final[Mapping[str, Callable[[Measured], float]]] = {
    "rate": lambda item: item.rate,
    "p99": lambda item: item.p99_ms,
    "app": lambda item: item.app_us,
    "db": lambda item: item.db_us,
    "WAL": lambda item: item.wal_bytes,
}


def _median(pairs: list[tuple[Measured, Measured]], read: Callable[[Measured], float]) -> float:
    return statistics.median(read(other) / read(one) if read(one) else 1.0 for one, other in pairs)


def _paths(world: World, tag: str, requests: int) -> list[Measured]:
    """What a grown hub may not lose, without anchors."""
    none = Anchor(0.0, 0.0, 0.0, 0.0)
    created = _measure(world, CREATE, [world.create(tag, at) for at in range(requests)], none, 0)
    ids, begun = asyncio.run(_begin(world, requests))
    webhooks = [world.webhook(ref, amount_vnd, f"{tag}-{at}") for at, (ref, amount_vnd) in enumerate(begun)]
    paid = _measure(world, WEBHOOK, webhooks, none, 0)
    status = _measure(world, STATUS, [world.read(uid) for uid in ids], none, 0)
    found = _measure(world, FIND, [world.get("/v1/orders?status=paid&limit=20")] * (requests // 10), none, 0)
    return [created, paid, status, found]


def _print(measured: list[Measured]) -> None:
    """Medians, with the goal below each path that has one; `<` marks what misses it."""
    sys.stdout.write(f"{'path':<24}{'rate/s':>8}{'p50 ms':>8}{'p99 ms':>8}")
    sys.stdout.write("".join(f"{title:>9}" for title in FIGURES.values()) + "\n")
    for path in dict.fromkeys(item.path for item in measured):
        mine = [item for item in measured if item.path == path]
        found = {name: statistics.median(item.figure(name) for item in mine) for name in FIGURES}
        told = [statistics.median(values) for values in zip(*((i.rate, i.p50_ms, i.p99_ms) for i in mine), strict=True)]
        sys.stdout.write(f"{path:<24}{told[0]:>8.0f}{told[1]:>8.1f}{told[2]:>8.1f}")
        sys.stdout.write("".join(f"{_shown(name, value):>9}" for name, value in found.items()) + "\n")
        goals = GOALS.get(path, {})
        if goals:
            cells = [_goal(name, goals[name], found[name]) if name in goals else "" for name in FIGURES]
            sys.stdout.write(f"{'    goal':<48}" + "".join(f"{cell:>9}" for cell in cells) + "\n")


def _shown(name: Figure, value: float) -> str:
    return f"{value:.2f}" if name in {"ratio", "p99_x", "statements", "of_first"} else f"{value:.0f}"


def _goal(name: Figure, goal: float, value: float) -> str:
    missed = value < goal if name == "ratio" else value > goal
    return f"{goal:g}{'<' if missed else ''}"


if __name__ == "__main__":
    main()
