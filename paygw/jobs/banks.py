"""Work that waits for banks: a loop per bank and kind, so that a sick bank keeps nobody but itself waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from paygw.hub.enquiries import enquire_due
from paygw.hub.hub import Hub
from paygw.hub.refund_sending import work_refunds
from paygw.hub.resuming import resume_due
from paygw.jobs.repeating import Job, repeat

# By name: one round at one bank, which says how much it found to do.
ROUNDS: Final[dict[str, Callable[[Hub, str], Awaitable[int]]]] = {
    "sessions": resume_due,
    "enquiries": enquire_due,
    "refunds": work_refunds,
}


async def tend_banks(hub: Hub, stop: asyncio.Event) -> None:
    """Keep the loops of every bank there is, also of one configured later, until `stop` is set."""
    tended: set[str] = set()
    async with asyncio.TaskGroup() as loops:
        while not stop.is_set():
            for bank in hub.registry.banks.keys() - tended:
                tended.add(bank)
                for name in ROUNDS:
                    loops.create_task(repeat(hub, job_at(bank, name), stop), name=f"{name} {bank}")
            with suppress(TimeoutError):
                async with asyncio.timeout(hub.settings.worker_poll_s):
                    await stop.wait()


def job_at(bank: str, name: str) -> Job:
    """One kind of work at one bank."""

    async def work(hub: Hub) -> int:
        return await ROUNDS[name](hub, bank)

    return Job(name, work, lambda settings: settings.worker_poll_s)
