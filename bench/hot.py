"""The two hot paths against pgbench writing the same rows in one statement on the same server, round by round.

    python -m bench.hot [--requests N] [--rounds N] [--json]

Rates swing on shared machines; the ratio of one round, CPU per request, WAL per transaction and statements per request
do not. The hub is the real one: authentication, rate limit, strict parsing, fee engine, signed webhooks.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.anchor import CREATE_SCRIPT, WEBHOOK_SCRIPT, pgbench, prepare
from bench.load import load
from bench.world import World, count_statements, public_order_ids, send_to_bank, start_world

CONNECTIONS = 32
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Measured:
    """One path in one round."""

    path: str
    rate: float
    anchor_rate: float
    p50_ms: float
    p99_ms: float
    anchor_p99_ms: float
    anchor_db_cpu_us: float
    app_cpu_us: float
    db_cpu_us: float
    wal_bytes: float
    statements: float
    refused: int

    @property
    def ratio(self) -> float:
        """Ours over the anchor's, in the same round."""
        return self.rate / self.anchor_rate if self.anchor_rate else 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paygw-bench-")))
        folder.chmod(0o755)
        world = stack.enter_context(start_world(folder))
        statements = asyncio.run(count_statements(world))
        rounds = [asyncio.run(_round(world, number, asked.requests, statements)) for number in range(asked.rounds)]
    measured = [item for items in rounds for item in items]
    if asked.json:
        json.dump([{**_plain(item)} for item in measured], sys.stdout, indent=2)
    else:
        _print(measured)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What pgbench reached."""

    rate: float
    p99_ms: float
    db_cpu_us: float


async def _anchor(world: World, script: str, transactions: int) -> Anchor:
    before = await world.usage()
    rate, p99_ms = await asyncio.to_thread(pgbench, world, script, transactions)
    spent = await world.usage() - before
    return Anchor(rate, p99_ms, 1e6 * spent.db_s / transactions)


async def _round(world: World, number: int, requests: int, statements: Mapping[str, float]) -> list[Measured]:
    """Anchor and hub right after one another, on one server."""
    tag = str(number)
    prepare(world, 0)
    create_anchor = await _anchor(world, CREATE_SCRIPT, requests)
    creates = [world.create(tag, at) for at in range(requests)]

    async def measure(path: str, sent: list[bytes], anchor: Anchor) -> Measured:
        return await _measure(world, path, sent, anchor, statements.get(path, 0.0))

    created = await measure("create", creates, create_anchor)
    replayed = await measure("create, same key", creates, create_anchor)
    async with world.hub() as hub:
        async with hub.pool.acquire() as connection:
            rows = await connection.fetch("SELECT id FROM orders WHERE portal_id = 'bench' AND status = 'open'")
        ids = [str(row["id"]) for row in rows]
        begun = await send_to_bank(hub, ids)
    prepare(world, requests)
    webhook_anchor = await _anchor(world, WEBHOOK_SCRIPT, requests)
    webhooks = [world.webhook(ref, amount_vnd, f"{tag}-{at}") for at, (ref, amount_vnd) in enumerate(begun)]
    paid = await measure("webhook", webhooks, webhook_anchor)
    again = await measure("webhook, same message", webhooks, webhook_anchor)
    status = await measure("status by id", [world.read(uid) for uid in public_order_ids(ids)], create_anchor)
    return [created, replayed, paid, again, status]


async def _measure(world: World, path: str, requests: list[bytes], anchor: Anchor, statements: float) -> Measured:
    before = await world.usage()
    run = await load(world.port, iter(requests), connections=CONNECTIONS, accept=lambda status: status in _GOOD)
    spent = await world.usage() - before
    count = len(requests)
    return Measured(
        path=path,
        rate=run.rate,
        anchor_rate=anchor.rate,
        p50_ms=run.percentile_ms(0.5),
        p99_ms=run.percentile_ms(0.99),
        anchor_p99_ms=anchor.p99_ms,
        anchor_db_cpu_us=anchor.db_cpu_us,
        app_cpu_us=1e6 * spent.app_s / count,
        db_cpu_us=1e6 * spent.db_s / count,
        wal_bytes=spent.wal_bytes / count,
        statements=statements,
        refused=run.refused,
    )


def _plain(item: Measured) -> dict[str, object]:
    return {name: getattr(item, name) for name in (*Measured.__slots__, "ratio")}


def _print(measured: list[Measured]) -> None:
    head = f"{'path':<24}{'ratio':>7}{'rate/s':>9}{'anchor/s':>10}{'p50 ms':>8}{'p99 ms':>8}{'anchor p99':>11}"
    print(f"{head}{'anchor db':>10}{'app us':>8}{'db us':>7}{'WAL B':>7}{'SQL':>6}{'refused':>9}")
    for path in dict.fromkeys(item.path for item in measured):
        mine = [item for item in measured if item.path == path]
        middle = {name: statistics.median(float(str(_plain(item)[name])) for item in mine) for name in _FIGURES}
        print(
            f"{path:<24}{middle['ratio']:>7.2f}{middle['rate']:>9.0f}{middle['anchor_rate']:>10.0f}"
            f"{middle['p50_ms']:>8.1f}{middle['p99_ms']:>8.1f}{middle['anchor_p99_ms']:>11.1f}"
            f"{middle['anchor_db_cpu_us']:>10.0f}{middle['app_cpu_us']:>8.0f}{middle['db_cpu_us']:>7.0f}{middle['wal_bytes']:>7.0f}"
            f"{middle['statements']:>6.2f}{middle['refused']:>9.0f}"
        )


_FIGURES = (
    "ratio", "rate", "anchor_rate", "p50_ms", "p99_ms", "anchor_p99_ms", "anchor_db_cpu_us", "app_cpu_us", "db_cpu_us",
    "wal_bytes", "statements", "refused",
)  # fmt: skip


if __name__ == "__main__":
    main()
