"""`paygw work`: every job in a loop of its own, so that a slow one delays no other; all end together, cleanly.

A job takes the hub and returns how many things it did: nothing to do is a rest, something is a reason to look again.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from paygw.hub.enquiries import enquire_due
from paygw.hub.hub import Hub
from paygw.hub.orders import expire_orders
from paygw.jobs.callbacks import dispatch
from paygw.kernel.errors import Unavailable
from paygw.settings import Settings
from paygw.store.health import beat

_REST_AFTER_FAILURE_S: Final = 2.0
_log = logging.getLogger("paygw.work")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done, and how long to rest when there was nothing to do."""

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
    Job("expiry", expire_orders, lambda settings: settings.worker_poll_s),
)


async def work(hub: Hub, stop: asyncio.Event, *, jobs: tuple[Job, ...] = JOBS) -> None:
    """Do everything until `stop` is set; returns when what was under way is finished."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatch(hub, stop), name="callbacks")
        for job in jobs:
            tasks.create_task(repeat(hub, job, stop), name=job.name)


async def repeat(hub: Hub, job: Job, stop: asyncio.Event) -> None:
    """One job, again and again. A failure is logged, counted by its log line, and tried again after a rest."""
    while not stop.is_set():
        rest_s = job.rest_s(hub.settings)
        try:
            if await job.work(hub):
                rest_s = 0.0
        except Unavailable as error:
            _log.warning("job_waits", extra={"route": job.name, "outcome": str(error)})
            rest_s = max(rest_s, _REST_AFTER_FAILURE_S)
        except Exception as error:  # noqa: BLE001 - one job's defect must not end the others; its line in the log pages
            _log.critical("job_failed", extra={"route": job.name, "code": type(error).__name__}, exc_info=error)
            rest_s = max(rest_s, _REST_AFTER_FAILURE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await stop.wait()
