"""`paygw work`: every job in a loop of its own, so that a slow one delays no other; all end together, cleanly.

A job takes the hub and returns 0 when it may rest, anything else when there is more to do at once. Any number of
workers run side by side: each job claims its rows, or takes a lock of its own in the database.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from paygw.hub.enquiries import enquire_due
from paygw.hub.hub import Hub
from paygw.hub.orders import expire_orders
from paygw.jobs.callbacks import dispatch
from paygw.jobs.housekeeping import tidy
from paygw.jobs.refunds import run_refunds
from paygw.jobs.rollup import roll_up
from paygw.jobs.sealing import seal_more
from paygw.kernel.errors import Unavailable
from paygw.settings import Settings
from paygw.store.engine import AWAY
from paygw.store.health import beat

_REST_AFTER_FAILURE_S: Final = 1.0
_REST_MAX_S: Final = 60.0
_log = logging.getLogger("paygw.work")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done, and how long to rest when there was nothing more to do."""

    name: str
    work: Callable[[Hub], Awaitable[int]]
    rest_s: Callable[[Settings], float]


async def heartbeat(hub: Hub) -> int:
    """Say that this worker lives."""
    async with hub.pool.acquire() as connection:
        await beat(connection, f"{socket.gethostname()}:{os.getpid()}")
    return 0


JOBS: Final = (
    Job("heartbeat", heartbeat, lambda settings: settings.heartbeat_s),
    Job("enquiries", enquire_due, lambda settings: settings.worker_poll_s),
    Job("refunds", run_refunds, lambda settings: settings.worker_poll_s),
    Job("expiry", expire_orders, lambda settings: settings.worker_poll_s),
    Job("sealing", seal_more, lambda settings: settings.seal_s),
    Job("rollup", roll_up, lambda settings: settings.rollup_s),
    Job("housekeeping", tidy, lambda settings: settings.housekeeping_s),
)


async def work(hub: Hub, stop: asyncio.Event, *, jobs: Sequence[Job] = JOBS) -> None:
    """Send callbacks and do every job until `stop` is set; returns when what was under way is finished."""

    async def send_callbacks(hub: Hub) -> int:
        await dispatch(hub, stop)
        return 0

    callbacks = Job("callbacks", send_callbacks, lambda settings: settings.callback_poll_s)
    async with asyncio.TaskGroup() as tasks:
        for job in (callbacks, *jobs):
            tasks.create_task(repeat(hub, job, stop), name=job.name)


async def repeat(hub: Hub, job: Job, stop: asyncio.Event) -> None:
    """One job, again and again. A failure is logged, counted, and tried again after a rest that doubles."""
    failures = 0
    while not stop.is_set():
        rest_s = job.rest_s(hub.settings)
        try:
            if await job.work(hub):
                rest_s = 0.0
            failures = 0
        except Exception as error:  # noqa: BLE001 - one job's defect must not end the others; its line in the log pages
            failures += 1
            rest_s = max(rest_s, min(_REST_AFTER_FAILURE_S * 2 ** min(failures - 1, 10), _REST_MAX_S))
            _tell(hub, job, error)
        with suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await stop.wait()


def _tell(hub: Hub, job: Job, error: Exception) -> None:
    hub.observe.count("paygw_job_failures_total", job=job.name)
    if isinstance(error, (Unavailable, *AWAY)):
        _log.warning("job_waits", extra={"route": job.name, "code": type(error).__name__})
    else:
        _log.critical("job_failed", extra={"route": job.name, "code": type(error).__name__}, exc_info=error)
