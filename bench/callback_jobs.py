"""The same callbacks as one job each on procrastinate: same server, receivers, deadline and number of senders.

Each job signs and sends its body with aiohttp. A receiver that never answers keeps a sender busy up to the deadline;
a failed job is not tried again here, which favours it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import asyncpg
import procrastinate

from paygw.kernel.signing import signed_headers
from paygw.store.dsn import Dsn
from paygw.store.embedded import Cluster
from tests.jobs.outbox_kit import SECRET

DATABASE = "jobs"
DEADLINE_S = 10.0
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class JobsRound:
    """Callbacks a second, and CPU of this process for each, in microseconds."""

    per_s: float
    cpu_us: float


async def send_jobs(
    cluster: Cluster, ports: Sequence[int], dead: Sequence[int], *, events: int, senders: int, body_bytes: int
) -> JobsRound:
    """So many for the healthy ports, evenly, and as many per port for the dead ones; until the healthy have all."""
    dsn = await _fresh_database(cluster)
    each = events // len(ports)
    done, accepted = asyncio.Event(), 0
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(kwargs=dsn.connect_args_libpq(), max_size=8))
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with (
        app.open_async(),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http,
    ):
        await app.schema_manager.apply_schema_async()

        async def send(port: int, number: int) -> None:
            nonlocal accepted
            body = b"x" * body_bytes
            headers = signed_headers([SECRET], message_id=f"evt_{number}", timestamp_s=int(time.time()), body=body)
            try:
                async with http.post(f"http://127.0.0.1:{port}/cb", data=body, headers=headers) as answer:
                    await answer.read()
            except (TimeoutError, aiohttp.ClientError):
                return
            accepted += 1
            if accepted >= each * len(ports):
                done.set()

        task = app.task(name="send", pass_context=False)(send)
        jobs: list[procrastinate.types.JSONDict] = [
            {"port": port, "number": n} for n in range(each) for port in (*ports, *dead)
        ]
        for at in range(0, len(jobs), _BATCH):
            await task.batch_defer_async(*jobs[at : at + _BATCH])
        return await _work(app, done, each * len(ports), senders)


async def _work(app: procrastinate.App, done: asyncio.Event, events: int, senders: int) -> JobsRound:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    worker = asyncio.create_task(
        app.run_worker_async(
            concurrency=senders, install_signal_handlers=False, shutdown_graceful_timeout=0.1, wait=True
        )
    )
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait((worker, waiting), return_when=asyncio.FIRST_COMPLETED)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    worker.cancel()
    await asyncio.gather(worker, waiting, return_exceptions=True)
    return JobsRound(events / took_s, cpu_s / events * 1e6)


async def _fresh_database(cluster: Cluster) -> Dsn:
    connection = await asyncpg.connect(**cluster.super_dsn().connect_args())
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    return cluster.super_dsn(DATABASE)
