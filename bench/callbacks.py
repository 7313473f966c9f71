"""Callbacks from the outbox to the portals, against a bare aiohttp client sending the same bodies in the same round.

    python -m bench.callbacks [--events N] [--portals N] [--rounds N] [--json]

First the rate over a full outbox: claim, sign, send, acknowledge durably, log. Then the delay (written to accepted)
under a steady load, with every receiver well and with one in ten dead. Then against one job per callback on
procrastinate (bench/callback_jobs.py), all well and one in ten dead. Receivers run in a process of their own.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import aiohttp
import uvloop

from bench.callback_jobs import JobsRound, send_jobs
from paygw.hub.hub import Hub
from paygw.jobs.callbacks import dispatch
from paygw.store.dsn import Dsn
from paygw.store.embedded import Cluster, start
from paygw.store.migrate import upgrade
from tests.jobs.outbox_kit import add_events, open_hub, portal

PER_ENDPOINT = 4
BODY_BYTES = 1_200  # of an order with one line
STEADY_S = 6.0
STEADY_PER_S = 200
_LEFT = "SELECT EXISTS (SELECT FROM deliveries WHERE status = 'pending')"
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Round:
    """One round: callbacks a second of both, CPU of this process per callback."""

    bare_per_s: float
    ours_per_s: float
    ratio: float
    bare_cpu_us: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Delay:
    """Written to accepted, in milliseconds, of the receivers that are well."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """The outbox and one job per callback: callbacks a second to the healthy, CPU per callback."""

    ours_per_s: float
    jobs_per_s: float
    ours_cpu_us: float
    jobs_cpu_us: float
    ours_sick_per_s: float
    jobs_sick_per_s: float


class Acceptor(asyncio.Protocol):
    """Accepts every callback, or never answers."""

    def __init__(self, *, dead: bool) -> None:
        self._dead = dead
        self._left = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A sender has come."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count bodies off; answer each."""
        if self._dead:
            return
        self._head += data
        while (end := self._head.find(b"\r\n\r\n")) >= 0:
            at = self._head.lower().find(b"content-length: ", 0, end)
            size = int(self._head[at + 16 : self._head.index(b"\r", at)])
            if len(self._head) < end + 4 + size:
                return
            self._head = self._head[end + 4 + size :]
            self._transport.write(_ANSWER)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=16_000)
    parser.add_argument("--portals", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    uvloop.run(receive(asked.portals) if asked.receive else measure(asked))


async def receive(portals: int) -> None:
    """Be the receivers: print their ports, the dead ones last, and stay until the pipe closes."""
    loop = asyncio.get_running_loop()
    ports = []
    for number in range(portals + max(1, portals // 10)):
        server = await loop.create_server(partial(Acceptor, dead=number >= portals), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


async def measure(asked: argparse.Namespace) -> None:
    """All rounds, then the delays."""
    with receivers(asked.portals) as ports, tempfile.TemporaryDirectory(prefix="paygw-bench-", dir="/tmp") as name:
        folder = Path(name)
        await asyncio.to_thread(folder.chmod, 0o755)
        with await asyncio.to_thread(start, folder) as cluster:
            await upgrade(cluster.owner_dsn())
            async with bench_hub(cluster.runtime_dsn(), ports, asked.portals) as hub:
                rounds = [await one_round(hub, ports[: asked.portals], asked.events) for _ in range(asked.rounds)]
                healthy = list(hub.registry.portals)[: asked.portals]
                dead = list(hub.registry.portals)[asked.portals :]
                well = await steady(hub, healthy, ())
                sick = await steady(hub, healthy, dead)
                jobs = await against_jobs(hub, cluster, ports, asked)
    show(rounds, well, sick, jobs, as_json=asked.json)


async def one_round(hub: Hub, ports: Sequence[int], events: int) -> Round:
    """The bare client, then ours."""
    began_cpu_s = time.process_time()
    bare_s = await send_bare(ports, events)
    bare_cpu_s = time.process_time() - began_cpu_s
    await fill(hub, list(hub.registry.portals)[: len(ports)], events)
    began_cpu_s = time.process_time()
    began = time.perf_counter()
    async with sending(hub):
        while await hub.pool.fetchval(_LEFT):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.05)
        ours_s = time.perf_counter() - began
    cpu_s = time.process_time() - began_cpu_s
    return Round(events / bare_s, events / ours_s, bare_s / ours_s, bare_cpu_s / events * 1e6, cpu_s / events * 1e6)


async def against_jobs(hub: Hub, cluster: Cluster, ports: Sequence[int], asked: argparse.Namespace) -> Versus:
    """A quarter of the events through the outbox and as jobs, without and with the dead receivers."""
    events, senders = asked.events // 4, asked.portals * PER_ENDPOINT
    healthy, dead = ports[: asked.portals], ports[asked.portals :]
    ours, jobs = [], []
    for sick in ((), dead):
        ours.append(await drain(hub, asked.portals, sick=len(sick), events=events))
        given = await send_jobs(cluster, healthy, sick, events=events, senders=senders, body_bytes=BODY_BYTES)
        jobs.append(given)
    return Versus(
        ours_per_s=ours[0].per_s, jobs_per_s=jobs[0].per_s, ours_cpu_us=ours[0].cpu_us, jobs_cpu_us=jobs[0].cpu_us,
        ours_sick_per_s=ours[1].per_s, jobs_sick_per_s=jobs[1].per_s,
    )  # fmt: skip


async def drain(hub: Hub, healthy: int, *, sick: int, events: int) -> JobsRound:
    """Through the outbox until the healthy have all of theirs."""
    names = list(hub.registry.portals)
    await hub.pool.execute("UPDATE deliveries SET status = 'dead' WHERE status = 'pending'")
    await fill(hub, names[:healthy], events)
    await fill(hub, names[healthy : healthy + sick], events // healthy * sick)
    left = "SELECT EXISTS (SELECT FROM deliveries WHERE status = 'pending' AND portal_id = ANY ($1))"
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    async with sending(hub):
        while await hub.pool.fetchval(left, names[:healthy]):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.02)
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    return JobsRound(events / took_s, cpu_s / events * 1e6)


async def send_bare(ports: Sequence[int], events: int) -> float:
    """Seconds a plain aiohttp session takes for as many posts, as many at once."""
    body = b"x" * BODY_BYTES
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post(port: int, count: int) -> None:
            url = f"http://127.0.0.1:{port}/cb"
            for _ in range(count):
                async with session.post(url, data=body) as answer:
                    await answer.read()

        began = time.perf_counter()
        lanes = len(ports) * PER_ENDPOINT
        await asyncio.gather(*(post(port, events // lanes) for port in ports for _ in range(PER_ENDPOINT)))
        return (time.perf_counter() - began) * events / (events // lanes * lanes)


async def steady(hub: Hub, healthy: Sequence[str], dead: Sequence[str]) -> Delay:
    """The delay of the healthy while events trickle in, for the dead too."""
    since = await hub.pool.fetchval("SELECT clock_timestamp()")
    portals = [*healthy, *dead]
    async with sending(hub):
        for turn in range(int(STEADY_S * STEADY_PER_S / 10)):
            async with hub.pool.acquire() as connection:
                for n in range(10):
                    await add_events(connection, portals[(turn * 10 + n) % len(portals)], size=BODY_BYTES)
            await asyncio.sleep(10 / STEADY_PER_S)
        await asyncio.sleep(1.5)
    rows = await hub.pool.fetch(
        "SELECT extract(epoch FROM d.delivered_at - e.created_at)::float8 * 1000 AS ms "
        "FROM deliveries d JOIN events e ON e.id = d.event_id "
        "WHERE e.created_at > $1 AND d.portal_id = ANY ($2) AND d.status = 'delivered'",
        since,
        healthy,
    )
    delays = sorted(row["ms"] for row in rows)
    return Delay(statistics.median(delays), delays[int(len(delays) * 0.99)])


@asynccontextmanager
async def bench_hub(dsn: Dsn, ports: Sequence[int], healthy: int) -> AsyncIterator[Hub]:
    """A hub whose portals are the receivers; as set by default, but for the addresses it may reach."""
    names = [f"p{n:02}" if n < healthy else f"dead{n:02}" for n in range(len(ports))]
    portals = [portal(name, f"http://127.0.0.1:{port}/cb") for name, port in zip(names, ports, strict=True)]
    async with open_hub(dsn, portals, callback_allow=tuple(f"127.0.0.1:{port}" for port in ports)) as hub:
        yield hub


@asynccontextmanager
async def sending(hub: Hub) -> AsyncIterator[None]:
    """The dispatcher at work."""
    stop = asyncio.Event()
    task = asyncio.create_task(dispatch(hub, stop))
    yield
    stop.set()
    await task


async def fill(hub: Hub, portals: Sequence[str], events: int) -> None:
    """An outbox with as many events for each portal."""
    async with hub.pool.acquire() as connection:
        for name in portals:
            await add_events(connection, name, events // len(portals), size=BODY_BYTES)


@contextmanager
def receivers(portals: int) -> Generator[list[int]]:
    """The receivers' process and its ports."""
    command = [sys.executable, "-m", "bench.callbacks", "--receive", "--portals", str(portals)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def show(rounds: Sequence[Round], well: Delay, sick: Delay, jobs: Versus, *, as_json: bool) -> None:
    """Print what was measured and what it means."""
    ratio = statistics.median(item.ratio for item in rounds)
    if as_json:
        document = {"rounds": [asdict(item) for item in rounds], "well": asdict(well), "sick": asdict(sick)}
        document |= {"jobs": asdict(jobs)}
        print(json.dumps(document | {"ratio": ratio, "p99_ratio": sick.p99_ms / well.p99_ms}))
        return
    for item in rounds:
        print(
            f"bare aiohttp {item.bare_per_s:7.0f}/s   from the outbox {item.ours_per_s:7.0f}/s   "
            f"ratio {item.ratio:.2f}   CPU {item.bare_cpu_us:.0f} and {item.cpu_us:.0f} us"
        )
    print(f"median ratio {ratio:.2f} (goal 0.60)")
    print(f"all well:      p50 {well.p50_ms:.0f} ms, p99 {well.p99_ms:.0f} ms")
    p99_ratio = sick.p99_ms / well.p99_ms
    print(f"one in ten dead: p50 {sick.p50_ms:.0f} ms, p99 {sick.p99_ms:.0f} ms, {p99_ratio:.2f} times (goal 1.5)")
    times, cpu = jobs.ours_per_s / jobs.jobs_per_s, jobs.jobs_cpu_us / jobs.ours_cpu_us
    print(
        f"a job per callback on procrastinate: {jobs.jobs_per_s:.0f}/s, from the outbox {jobs.ours_per_s:.0f}/s: "
        f"{times:.1f} times, at {cpu:.1f} times less CPU ({jobs.jobs_cpu_us:.0f} and {jobs.ours_cpu_us:.0f} us)"
    )
    rates, times = (
        f"{jobs.jobs_sick_per_s:.0f}/s and {jobs.ours_sick_per_s:.0f}/s",
        jobs.ours_sick_per_s / jobs.jobs_sick_per_s,
    )
    print(f"the same with one in ten dead: {rates}: {times:.1f} times")


if __name__ == "__main__":
    main()
