"""`paygw work`: every job in a loop of its own, so that a slow one delays no other; all end together, cleanly.

A job takes the hub and returns 0 when it may rest, anything else when there is more to do at once. Any number of
workers run side by side: each job claims its rows, or takes a lock of its own in the database.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Final

from paygw.hub.hub import Hub
from paygw.hub.orders import expire_orders
from paygw.jobs.banks import tend_banks
from paygw.jobs.callbacks import dispatch
from paygw.jobs.housekeeping import tidy
from paygw.jobs.pickup import pick_up_all
from paygw.jobs.repeating import Job, repeat
from paygw.jobs.rollup import roll_up
from paygw.jobs.schedule import keep_schedule
from paygw.jobs.sealing import seal_more
from paygw.jobs.staging import stage_received
from paygw.store.health import beat


async def heartbeat(hub: Hub) -> int:
    """Say that this worker lives."""
    async with hub.pool.acquire() as connection:
        await beat(connection, f"{socket.gethostname()}:{os.getpid()}")
    return 0


JOBS: Final = (
    Job("heartbeat", heartbeat, lambda settings: settings.heartbeat_s),
    Job("expiry", expire_orders, lambda settings: settings.worker_poll_s),
    Job("sealing", seal_more, lambda settings: settings.seal_s),
    Job("rollup", roll_up, lambda settings: settings.rollup_s),
    Job("files", stage_received, lambda settings: settings.worker_poll_s),
    Job("pickup", pick_up_all, lambda settings: settings.file_pickup_s),
    Job("housekeeping", tidy, lambda settings: settings.housekeeping_s),
)


async def work(hub: Hub, stop: asyncio.Event, *, jobs: Sequence[Job] = JOBS) -> None:
    """Send callbacks, tend banks and do every job until `stop` is set; returns when what was under way is finished."""

    async def send_callbacks(hub: Hub) -> int:
        await dispatch(hub, stop)
        return 0

    async def ask_banks(hub: Hub) -> int:
        await tend_banks(hub, stop)
        return 0

    callbacks = Job("callbacks", send_callbacks, lambda settings: settings.callback_poll_s)
    banks = Job("banks", ask_banks, lambda settings: settings.worker_poll_s)

    async def run_schedule(hub: Hub) -> int:
        await keep_schedule(hub, stop)
        return 0

    schedule = Job("schedule", run_schedule, lambda settings: settings.worker_poll_s)
    async with asyncio.TaskGroup() as tasks:
        for job in (callbacks, banks, schedule, *jobs):
            tasks.create_task(repeat(hub, job, stop), name=job.name)
