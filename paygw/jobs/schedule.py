"""Scheduled work on procrastinate: any number of workers look for nights that are due, one of them does each.

A night is due on the bank's next working day, at the hour of `night_at`; missed ones are caught up, late files are
asked for again at every look, and a file that stays away becomes a break. What a killed worker left is taken over.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued

from paygw.hub.breaks import Found, keep_breaks
from paygw.hub.days import calendar_of, local_day
from paygw.hub.hub import Hub
from paygw.hub.position import prove_position
from paygw.jobs.nightly import reconcile
from paygw.kernel.calendar import next_working_day
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.store.dsn import Dsn
from paygw.store.nights import BankSince, banks_since, filed_days, find_night, statuses

QUEUE: Final = "nights"
_STALLED_S: Final = 30.0
_AT_ONCE: Final = 2
_POOL: Final = 4
_TRIES: Final = RetryStrategy(max_attempts=4, exponential_wait=30)
_PROVE_AT: Final = "30 4 * * *"  # UTC: 11:30 in Vietnam, when the nights are done

_log = logging.getLogger("paygw.nights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A bank's day that should have been reconciled since `since`."""

    bank: str
    day: date
    since: datetime


def due_nights(
    hub: Hub, banks: list[BankSince], known: dict[tuple[str, date], str], files: frozenset[tuple[str, date]]
) -> Iterator[Due]:
    """Every day that is due and not done, oldest first; a bank that cannot be asked is due once its file came."""
    now = hub.clock()
    today = local_day(now)
    for back in range(hub.settings.night_back_days, 0, -1):
        day = today - timedelta(days=back)
        for one in banks:
            bank = hub.registry.banks.get(one.id)
            if bank is None or not (bank.connector.fetch_file or (one.id, day) in files) or local_day(one.since) > day:
                continue
            since = night_moment(hub, day)
            if since <= now and known.get((one.id, day)) != "done":
                yield Due(bank=one.id, day=day, since=since)


def night_moment(hub: Hub, day: date) -> datetime:
    """When a day is to be reconciled: T+1 of the banks; the day after where the calendar of a year is not known."""
    try:
        on = next_working_day(calendar_of("bank"), day)
    except Refused:
        on = day + timedelta(days=1)
    return datetime.combine(on, hub.settings.night_at, VIETNAM)


def build_schedule(hub: Hub, dsn: Dsn) -> App:
    """The tasks and their times."""
    app = App(connector=PsycopgConnector(kwargs=dsn.connect_args_libpq(), min_size=1, max_size=_POOL))

    @app.task(name="night.run", queue=QUEUE, retry=_TRIES)
    async def run(bank: str, day: str) -> str:
        if await is_done(hub, bank, date.fromisoformat(day)):
            return "done before"
        try:
            return str((await reconcile(hub, bank, date.fromisoformat(day)))["status"])
        except Refused as refused:
            if refused.code == "night_running":
                return "elsewhere"
            raise

    @app.periodic(cron=hub.settings.night_poll)
    @app.task(name="night.look", queue=QUEUE, queueing_lock="night.look")
    async def look(timestamp: int) -> int:
        del timestamp
        await take_over(app)
        found = await find_due(hub)
        for due in found:
            place = f"{due.bank}:{due.day}"
            with suppress(AlreadyEnqueued):
                waiting = run.configure(lock=place, queueing_lock=place)
                await waiting.defer_async(bank=due.bank, day=due.day.isoformat())
        return len(found)

    @app.periodic(cron=_PROVE_AT)
    @app.task(name="position.prove", queue=QUEUE, queueing_lock="position.prove")
    async def prove(timestamp: int) -> bool:
        del timestamp
        return await prove_and_tell(hub)

    return app


async def find_due(hub: Hub) -> list[Due]:
    """What is due now; files that stay away too long become breaks on the way."""
    first = local_day(hub.clock()) - timedelta(days=hub.settings.night_back_days)
    async with hub.pool.acquire() as connection:
        banks, known = await banks_since(connection), await statuses(connection, first)
        files = await filed_days(connection, first)
    found = list(due_nights(hub, banks, known, files))
    late = timedelta(seconds=hub.settings.night_late_s)
    for due in found:
        if known.get((due.bank, due.day)) == "waiting" and hub.clock() > due.since + late:
            _log.critical("file_late", extra={"bank": due.bank, "outcome": due.day.isoformat()})
            one = Found(
                kind="file_late", subject="file", detail=f"no file that can be read since {due.since:%d/%m %H:%M}"
            )
            await hub.transact(partial(keep_breaks, hub, bank=due.bank, day=due.day, found=[one]))
    return found


async def is_done(hub: Hub, bank: str, day: date) -> bool:
    """Whether a night needs no further run; jobs of one night never run side by side."""
    async with hub.pool.acquire() as connection:
        night = await find_night(connection, bank, day)
    return night is not None and night["status"] == "done"


async def take_over(app: App) -> int:
    """Jobs whose worker died are put back: a night may be run again at every step."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S))
    for job in stalled:
        await app.job_manager.retry_job(job)
    return len(stalled)


async def prove_and_tell(hub: Hub) -> bool:
    """The position proof of the day; each surplus or shortage is a break, and somebody is called."""
    proof = await prove_position(hub)
    if proof["ok"]:
        return True
    _log.critical("position_differs", extra={"outcome": str(len(proof["differences"]))})
    today = local_day(hub.clock())
    found = [
        Found(
            kind="position_differs",
            subject=f"{one['kind']}:{one['account']}:{one['code']}",
            detail=f"{one['kind']} on {one['account']} of {one['merchant']}",
            book_amount_vnd=one["amount_vnd"],
        )
        for one in proof["differences"]
    ] + [
        Found(kind="position_differs", subject=sentence.split(" stands")[0], detail=sentence[:500])
        for sentence in proof["violations"]
    ]
    await hub.transact(partial(keep_breaks, hub, bank="hub", day=today, found=found))
    return False


async def keep_schedule(hub: Hub, stop: asyncio.Event) -> None:
    """Work on the schedule until told to stop; what is under way is finished first."""
    if hub.dsn is None:
        await stop.wait()
        return
    app = build_schedule(hub, hub.dsn)
    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                concurrency=_AT_ONCE,
                install_signal_handlers=False,
                shutdown_graceful_timeout=hub.settings.shutdown_s,
                delete_jobs="never",
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
