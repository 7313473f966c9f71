"""Scheduled work on procrastinate: any number of workers look for nights that are due, one of them does each.

A night is due on the bank's next working day, at the hour of `night_at`; missed ones are caught up, late files are
asked for again at every look, and a file that stays away becomes a break. What a killed worker left is taken over.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import Final

from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued

from paygw.hub.breaks import Found, keep_breaks
from paygw.hub.days import local_day
from paygw.hub.due import Due, read_due
from paygw.hub.hub import Hub
from paygw.hub.measuring import measure_clearing, measure_remittance, verify_audit
from paygw.hub.position import prove_position
from paygw.jobs.nightly import reconcile
from paygw.kernel.errors import Refused
from paygw.store.dsn import Dsn
from paygw.store.nights import find_night

QUEUE: Final = "nights"
_STALLED_S: Final = 30.0
_AT_ONCE: Final = 2
_POOL: Final = 4
_TRIES: Final = RetryStrategy(max_attempts=4, exponential_wait=30)
_PROVE_AT: Final = "30 4 * * *"  # UTC: 11:30 in Vietnam, when the nights are done
_VERIFY_AT: Final = "0 18 * * *"  # UTC: 01:00 in Vietnam, when few pay
_REMITTANCE_AT: Final = "7,22,37,52 * * * *"

_log = logging.getLogger("paygw.nights")


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

    @app.periodic(cron=_VERIFY_AT)
    @app.task(name="audit.verify", queue=QUEUE, queueing_lock="audit.verify")
    async def verify(timestamp: int) -> bool:
        del timestamp
        return await verify_and_tell(hub)

    @app.periodic(cron=_REMITTANCE_AT)
    @app.task(name="remittance.measure", queue=QUEUE, queueing_lock="remittance.measure")
    async def remittance(timestamp: int) -> None:
        del timestamp
        await measure_remittance(hub)

    return app


async def find_due(hub: Hub) -> list[Due]:
    """What is due now; files that stay away too long become breaks on the way."""
    async with hub.pool.acquire() as connection:
        found = await read_due(hub, connection)
    late = timedelta(seconds=hub.settings.night_late_s)
    for due in found:
        if due.waiting and hub.clock() > due.since + late:
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


async def verify_and_tell(hub: Hub) -> bool:
    """The chains of ledger, evidence and audit trail of the day; somebody is called about the first bad row."""
    bad = await verify_audit(hub)
    if bad is not None:
        _log.critical("audit_differs", extra={"code": bad.chain, "outcome": f"seal {bad.seal}"})
    return bad is None


async def prove_and_tell(hub: Hub) -> bool:
    """The position proof of the day; each surplus or shortage is a break, and somebody is called."""
    await measure_clearing(hub)
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
