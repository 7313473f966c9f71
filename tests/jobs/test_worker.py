"""The worker: jobs go on beside a failing one, rest, end together; what expired is forgotten, the rest is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paygw.hub.hub import Hub
from paygw.hub.sealing import verify
from paygw.jobs.housekeeping import tidy
from paygw.jobs.repeating import Job, repeat
from paygw.jobs.worker import JOBS, work
from paygw.kernel.errors import Unavailable
from tests.db_fixtures import Database
from tests.hub_fixtures import Counts
from tests.jobs.outbox_kit import QUICK, add_events, open_hub, open_receiver, portal, until

pytestmark = [pytest.mark.db, pytest.mark.net]


@pytest.fixture
async def idle(database: Database, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub without portals."""
    async with open_hub(database.runtime, [], var=tmp_path) as hub:
        yield hub


def _job(name: str, run: Callable[[Hub], Awaitable[int]], rest_s: float = 0.01) -> Job:
    return Job(name, run, lambda _: rest_s)


async def _worked(hub: Hub, enough: Callable[[], object], *jobs: Job) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(hub, stop, jobs=jobs))
        await until(enough)
        stop.set()


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Unavailable("no database")])
async def test_job_that_fails_is_counted_and_others_go_on(idle: Hub, error: Exception) -> None:
    runs: list[str] = []

    async def fail(_: Hub) -> int:
        raise error

    async def go_on(_: Hub) -> int:
        runs.append("on")
        return 0

    await _worked(idle, lambda: len(runs) >= 5, _job("bad", fail), _job("good", go_on))

    assert isinstance(idle.observe, Counts)
    assert ("paygw_job_failures_total", {"task": "bad", "by": "1"}) in idle.observe.seen


async def test_job_that_failed_is_tried_again(idle: Hub) -> None:
    tries: list[int] = []

    async def fail_once(_: Hub) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionResetError
        return 0

    await _worked(idle, lambda: len(tries) >= 2, _job("shaky", fail_once))

    assert len(tries) >= 2


async def test_job_with_more_to_do_does_not_rest(idle: Hub) -> None:
    left = [1, 1, 1, 0]
    stop = asyncio.Event()

    async def do(_: Hub) -> int:
        more = left.pop(0)
        if not left:
            stop.set()
        return more

    async with asyncio.timeout(20):
        await repeat(idle, _job("busy", do, rest_s=3600), stop)

    assert left == []


async def test_worker_ends_when_told_though_a_job_rests_for_an_hour(idle: Hub) -> None:
    ran = asyncio.Event()

    async def rest(_: Hub) -> int:
        ran.set()
        return 0

    await _worked(idle, ran.is_set, _job("slow", rest, rest_s=3600))

    assert ran.is_set()


@pytest.mark.alone
async def test_whole_worker_delivers_seals_and_totals(database: Database, tmp_path: Path) -> None:
    async with open_receiver() as receiver:
        settings = QUICK | {
            "callback_allow": (f"127.0.0.1:{receiver.port}",),
            "var": tmp_path,
            "seal_s": 0.05,
            "rollup_s": 0.05,
            "worker_poll_s": 0.05,
        }
        async with open_hub(database.runtime, [portal("hanoi", receiver.url())], **settings) as hub:
            async with hub.pool.acquire() as connection:
                await add_events(connection, "hanoi", 20)
                await connection.execute("INSERT INTO audit (principal, action, subject) VALUES ('a', 'b', 'c')")
            await _worked(hub, lambda: len(receiver.ids) >= 20 and (tmp_path / "seals" / "heads.jsonl").exists(), *JOBS)
            beats = await hub.pool.fetchval("SELECT count(*) FROM heartbeats")
            bad = await verify(hub)

    assert (beats, bad, len(set(receiver.ids))) == (1, None, 20)


async def test_expired_keys_and_surplus_refusals_are_forgotten(database: Database) -> None:
    settings = {"idempotency_kept_s": 3600.0, "refused_messages_kept": 3}
    async with open_hub(database.runtime, [], **settings) as hub:
        now = datetime.now(UTC)
        await hub.pool.executemany(
            "INSERT INTO idempotency (principal, route, key, fingerprint, status, answer, created_at) "
            "VALUES ('p', 'r', $1, '', 201, '', $2)",
            [("old", now - timedelta(hours=2)), ("fresh", now - timedelta(minutes=30))],
        )
        await hub.pool.executemany(
            "INSERT INTO refused_messages (bank, digest, reason) VALUES ('b', '', $1)", [(str(n),) for n in range(5)]
        )
        await hub.pool.execute("INSERT INTO heartbeats VALUES ('old', now() - interval '2 days'), ('new', now())")

        more = await tidy(hub)
        keys = await hub.pool.fetch("SELECT key FROM idempotency")
        reasons = await hub.pool.fetch("SELECT reason FROM refused_messages ORDER BY id")
        workers = await hub.pool.fetch("SELECT worker FROM heartbeats")

    assert more == 0
    assert [row["key"] for row in keys] == ["fresh"]
    assert [row["reason"] for row in reasons] == ["2", "3", "4"]
    assert [row["worker"] for row in workers] == ["new"]
