"""One job in a loop: a failure is logged, counted and tried again after a rest that grows; nothing else is delayed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from paygw.hub.hub import Hub
from paygw.kernel.errors import Unavailable
from paygw.settings import Settings
from paygw.store.away import AWAY

_REST_AFTER_FAILURE_S: Final = 1.0
_REST_MAX_S: Final = 60.0
_log = logging.getLogger("paygw.work")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done, and how long to rest when there was nothing more to do."""

    name: str
    work: Callable[[Hub], Awaitable[int]]
    rest_s: Callable[[Settings], float]


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
    hub.observe.count("paygw_job_failures_total", task=job.name)
    if isinstance(error, (Unavailable, *AWAY)):
        _log.warning("job_waits", extra={"route": job.name, "code": type(error).__name__})
    else:
        _log.critical("job_failed", extra={"route": job.name, "code": type(error).__name__}, exc_info=error)
