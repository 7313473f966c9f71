"""Nights by the clock: due on the next working day, done once by any number of workers, caught up after a crash."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from paygw.hub.breaks import list_breaks
from paygw.hub.due import due_nights
from paygw.hub.hub import Hub
from paygw.hub.sealing import heads_path
from paygw.jobs.schedule import QUEUE, build_schedule, find_due, take_over, verify_and_tell
from paygw.kernel.connector import Contact, FetchedFile, FileDialogue
from paygw.kernel.seals import Head
from paygw.outside.heads import append_heads
from paygw.store.measures import read_measures
from paygw.store.nights import BankSince
from tests.db_fixtures import Database
from tests.hub_fixtures import ScriptedBank

pytestmark = pytest.mark.db

_SETTLEMENT = b"ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on\r\nTRAILER,0,,0,0,,,\r\n"
_STATEMENT = (
    b"account,bank_txn_id,direction,amount_vnd,balance_vnd,booked_at,ref,memo\r\nTRAILER,0,,0,0,2026-11-20,0,\r\n"
)


class BankWithFiles(ScriptedBank):
    """Empty days, as files."""

    async def fetch_file(self, bank: str, dialogue: FileDialogue) -> FetchedFile:
        request = next(dialogue)
        dialogue.close()
        self.asked.append((bank, request.url.rsplit("/", 2)[-2]))
        body = _SETTLEMENT if "settlements" in request.url else _STATEMENT
        return FetchedFile(contact=Contact.SUCCEEDED, body=body)


@pytest.fixture
async def due_hub(hub: Hub, database: Database) -> Hub:
    """A hub whose one bank is known since Friday 20 November; it is Monday 23 November, 10:00 in Vietnam."""
    async with hub.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO banks (id, connector, title, base_url, merchant, credentials, options, home, account, "
            "enabled, created_at) VALUES ('sandbox-a', 'sandbox', '', '', '', '', '{}', 'provider', '', true, $1)",
            datetime(2026, 11, 20, 2, tzinfo=UTC),
        )
    return replace(hub, dsn=database.runtime, talk=BankWithFiles())


def at(hub: Hub, moment: datetime) -> Hub:
    return replace(hub, clock=lambda: moment)


async def days_due(hub: Hub) -> list[date]:
    return [due.day for due in await find_due(hub)]


async def test_a_friday_is_due_on_monday_at_ten(due_hub: Hub) -> None:
    friday = date(2026, 11, 20)

    assert await days_due(at(due_hub, datetime(2026, 11, 22, 12, tzinfo=UTC))) == []
    assert await days_due(at(due_hub, datetime(2026, 11, 23, 2, 59, tzinfo=UTC))) == []
    assert (await days_due(at(due_hub, datetime(2026, 11, 23, 3, 0, tzinfo=UTC))))[0] == friday


async def test_what_was_missed_is_caught_up(due_hub: Hub) -> None:
    found = await days_due(at(due_hub, datetime(2026, 11, 26, 5, tzinfo=UTC)))

    assert found == [date(2026, 11, day) for day in (20, 21, 22, 23, 24, 25)]


async def test_any_number_of_workers_do_a_night_once(due_hub: Hub) -> None:
    assert due_hub.dsn is not None
    hub = at(due_hub, datetime(2026, 11, 23, 3, 0, tzinfo=UTC))
    apps = [build_schedule(hub, due_hub.dsn) for _ in range(3)]
    for app in apps:
        await app.open_async()
    try:
        for app in apps:
            await app.tasks["night.look"].func(timestamp=0)
        await asyncio.gather(
            *(app.run_worker_async(queues=[QUEUE], wait=False, install_signal_handlers=False) for app in apps)
        )
    finally:
        for app in apps:
            await app.close_async()

    async with hub.pool.acquire() as connection:
        nights = await connection.fetch("SELECT day, status, tries FROM nights ORDER BY day")
        jobs = await connection.fetch("SELECT status FROM procrastinate_jobs WHERE task_name = 'night.run'")
    assert {(row["status"], row["tries"]) for row in nights if row["day"] == date(2026, 11, 20)} == {("done", 1)}
    assert {row["status"] for row in jobs} <= {"succeeded", "todo"}
    assert date(2026, 11, 20) not in await days_due(hub)


async def test_what_a_dead_worker_left_is_taken_over(due_hub: Hub) -> None:
    assert due_hub.dsn is not None
    app = build_schedule(due_hub, due_hub.dsn)
    async with app.open_async():
        await app.tasks["night.run"].defer_async(bank="sandbox-a", day="2026-11-20")
        async with due_hub.pool.acquire() as connection:
            await connection.execute(
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL WHERE task_name = 'night.run'"
            )
        taken = await take_over(app)
        async with due_hub.pool.acquire() as connection:
            state = await connection.fetchval("SELECT status::text FROM procrastinate_jobs")

    assert (taken, state) == (1, "todo")


async def test_the_proofs_of_the_day_are_kept_for_those_who_watch(due_hub: Hub, tmp_path: Path) -> None:
    assert due_hub.dsn is not None
    hub = replace(due_hub, settings=due_hub.settings.model_copy(update={"var": tmp_path}))
    app = build_schedule(hub, due_hub.dsn)

    answers = [await app.tasks[name].func(timestamp=0) for name in ("audit.verify", "position.prove")]
    await app.tasks["remittance.measure"].func(timestamp=0)

    async with hub.pool.acquire() as connection:
        kept = {row["name"] for row in await read_measures(connection)}
    assert answers == [True, True]
    assert kept == {"audit_verify_ok", "clearing_difference_vnd", "remittance_vnd"}


async def test_a_chain_that_does_not_hold_calls_somebody(
    due_hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub = replace(due_hub, settings=due_hub.settings.model_copy(update={"var": tmp_path}))
    cut_off = Head(chain="audit", no=9, head=b"h" * 32)
    append_heads(heads_path(hub.settings), [cut_off], at="2026-11-23T00:00:00Z")

    assert not await verify_and_tell(hub)
    assert [(one.levelname, one.message) for one in caplog.records] == [("CRITICAL", "audit_differs")]


async def test_a_file_that_stays_away_is_a_break(due_hub: Hub) -> None:
    hub = at(due_hub, datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    async with hub.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO nights (id, bank, day, status, started_at, touched_at) "
            "VALUES (gen_random_uuid(), 'sandbox-a', '2026-11-20', 'waiting', now(), now())"
        )

    await find_due(hub)
    await find_due(hub)

    found = (await list_breaks(hub))["items"]
    assert [(one["kind"], one["day"]) for one in found] == [("file_late", "2026-11-20")]


async def test_a_bank_that_cannot_be_asked_is_due_once_its_file_came(due_hub: Hub) -> None:
    hub = at(due_hub, datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    known = hub.registry.banks["sandbox-a"]
    silent = replace(known, connector=replace(known.connector, fetch_file=None))
    hub.registry_holder.now = replace(hub.registry, banks={"sandbox-a": silent})
    friday, since = date(2026, 11, 20), BankSince("sandbox-a", datetime(2026, 11, 1, tzinfo=UTC))

    without = list(due_nights(hub, [since], {}, frozenset()))
    found = list(due_nights(hub, [since], {}, frozenset({("sandbox-a", friday)})))

    assert without == []
    assert [(due.bank, due.day) for due in found] == [("sandbox-a", friday)]
    assert await find_due(hub) == []
