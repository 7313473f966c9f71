"""Whole lives of orders: created, chosen, sent to the bank, paid there, told to the portal; how many a second.

    python -m bench.journey [--orders N] [--at-once N] [--rounds N] [--json]

Real processes: `paygw serve`, `paygw work`, a durable server; this process plays portal, citizen and bank over sockets.
The anchor is pgbench writing an order and its payment on the same server in the same round. The delay is from the
moment the bank sends its webhook to the moment the portal has accepted the callback, one order at a time beside it.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from html import unescape
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from bench.anchor import CREATE_SCRIPT, WEBHOOK_SCRIPT, pgbench, prepare
from bench.world import KEY, World, start_world, webhook_body, webhook_headers
from paygw.outside.ports import free_port

_BANK_PAGE = re.compile(r'class="button" href="(http[^"]+)"')
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """Lives a second, the anchor's, and the delay of callbacks in milliseconds: under this load, and almost idle."""

    per_s: float
    anchor_per_s: float
    p50_ms: float
    p99_ms: float
    idle_p50_ms: float
    idle_p99_ms: float

    @property
    def ratio(self) -> float:
        """Ours over the anchor's."""
        return self.per_s / self.anchor_per_s


@dataclass(slots=True)
class Portal:
    """Accepts callbacks; who waits for one of an order gets the moment."""

    waiting: dict[str, "asyncio.Future[float]"] = field(default_factory=dict)

    async def receive(self, request: web.Request) -> web.Response:
        """One callback."""
        event = await request.json()
        waited = self.waiting.pop(event["data"]["id"], None) if event["type"] == "order.paid" else None
        if waited is not None:
            waited.set_result(time.perf_counter())
        return web.Response(status=204)


@dataclass(slots=True)
class Lives:
    """Lives orders against one world."""

    world: World
    portal: Portal
    http: aiohttp.ClientSession
    tag: str
    _numbers: "count[int]" = field(default_factory=count)

    async def one(self) -> float:
        """One order from its creation to its callback; the delay of the callback in seconds."""
        number, origin = next(self._numbers), f"http://127.0.0.1:{self.world.port}"
        key = f"{self.tag}-{number}"
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Idempotency-Key": key}
        body = self.world.create_body(self.tag, number)
        async with self.http.post(f"{origin}/v1/orders", data=body, headers=headers) as made:
            order = await made.json()
        page = f"{origin}{urlsplit(order['pay_url']).path}"
        async with self.http.get(page) as shown:
            await shown.read()
        async with self.http.post(
            f"{page}/attempts", data={"way": "sandbox-a:wallet"}, allow_redirects=False
        ) as chosen:
            await chosen.read()
        async with self.http.get(f"{page}/go") as way_out:
            found = _BANK_PAGE.search(await way_out.text())
        if found is None:
            raise RuntimeError("the hub offers no way to the bank")
        return await self._paid(origin, order, _attempt_of(unescape(found[1])), key)

    async def _paid(self, origin: str, order: dict[str, str], ref: str, txn: str) -> float:
        told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.portal.waiting[order["id"]] = told
        body = webhook_body(ref, int(order["amount_vnd"]), txn)
        began_s = time.perf_counter()
        headers = {"Content-Type": "application/json", **webhook_headers(body)}
        async with self.http.post(f"{origin}/webhooks/sandbox-a", data=body, headers=headers) as taken:
            if taken.status != 200:
                raise RuntimeError(f"the webhook was answered {taken.status}")
        async with asyncio.timeout(_WAIT_S):
            return await told - began_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    port = free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paygw-bench-", dir="/tmp")))
        folder.chmod(0o755)
        world = stack.enter_context(start_world(folder, callback_url=f"http://127.0.0.1:{port}/callbacks"))
        stack.enter_context(_worker(world, port))
        rounds = [asyncio.run(_round(world, port, str(number), asked)) for number in range(asked.rounds)]
    if asked.json:
        json.dump([asdict(one) | {"ratio": one.ratio} for one in rounds], sys.stdout, indent=2)
        return
    for one in rounds:
        print(
            f"{one.per_s:6.0f} lives/s, {one.ratio:.2f} of the database's own {one.anchor_per_s:.0f}; bank-paid to "
            f"portal-accepted p50 {one.p50_ms:.0f} ms, p99 {one.p99_ms:.0f} ms; almost idle "
            f"p50 {one.idle_p50_ms:.0f} ms, p99 {one.idle_p99_ms:.0f} ms"
        )
    print(f"median ratio {statistics.median(one.ratio for one in rounds):.2f}")


async def _round(world: World, port: int, tag: str, asked: argparse.Namespace) -> Round:
    anchor_per_s = await asyncio.to_thread(_anchor_per_s, world, asked.orders)
    portal = Portal()
    connector = aiohttp.TCPConnector(limit=0)
    async with _listening(portal, port), aiohttp.ClientSession(connector=connector) as http:
        lives, delays = Lives(world, portal, http, tag), list[float]()

        async def live(times: int) -> None:
            for _ in range(times):
                delays.append(await lives.one())

        began_s = time.perf_counter()
        await asyncio.gather(*(live(asked.orders // asked.at_once) for _ in range(asked.at_once)))
        per_s = len(delays) / (time.perf_counter() - began_s)
        idle = [await lives.one() for _ in range(max(20, asked.orders // 20))]
    return Round(per_s, anchor_per_s, *_percentiles_ms(delays), *_percentiles_ms(idle))


def _anchor_per_s(world: World, transactions: int) -> float:
    """An order and its payment, each in one statement."""
    prepare(world, 0)
    creates, _ = pgbench(world, CREATE_SCRIPT, transactions)
    prepare(world, transactions)
    payments, _ = pgbench(world, WEBHOOK_SCRIPT, transactions)
    return 1 / (1 / creates + 1 / payments)


def _percentiles_ms(delays: list[float]) -> tuple[float, float]:
    ordered = sorted(delays)
    return 1000 * statistics.median(ordered), 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def _attempt_of(page: str) -> str:
    packed = parse_qs(urlsplit(page).query)["session"][0]
    return str(json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["attempt_ref"])


@asynccontextmanager
async def _listening(portal: Portal, port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/callbacks", portal.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield
    await runner.cleanup()


@contextmanager
def _worker(world: World, port: int) -> Iterator[None]:
    environment = {
        **os.environ, "PAYGW_VAR": str(world.settings.var), "PAYGW_LOG_LEVEL": "error",
        "PAYGW_CALLBACK_ALLOW": f"127.0.0.1:{port}",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "paygw", "work"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
