"""How banks are, as every process sees it: contacts of the last minutes and open circuits, shared by the database.

A process counts in memory and says so every few seconds; it reads what all said together. Nothing of it is on the path
of a payment: a page is made from the picture in memory, and a bank that looks sick may still be chosen.
"""

import asyncio
import logging
import os
import socket
from typing import Literal

import asyncpg
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.kernel.pulse import Pulse
from paygw.store.away import AWAY
from paygw.store.banks import read_health, tell_health

_log = logging.getLogger("paygw.health")


def is_unwell(hub: Hub, bank_id: str) -> Literal["", "circuit", "unwell"]:
    """What others saw of a bank: an open circuit somewhere, or too few answers to opening sessions and questions."""
    settings = hub.settings
    found: Literal["", "circuit", "unwell"] = ""
    for (bank, _), pulse in hub.health_holder.now.items():
        if bank != bank_id:
            continue
        if pulse.is_open:
            return "circuit"
        pct = pulse.success_pct
        enough = pulse.good + pulse.bad >= settings.bank_unwell_contacts_min
        if enough and pct is not None and pct < settings.bank_unwell_below_pct:
            found = "unwell"
    return found


def show_health(hub: Hub, bank_id: str) -> dict[str, object]:
    """The operations of a bank with their counts, for people and scripts."""
    return {
        operation: {
            "answered": pulse.good,
            "failed": pulse.bad,
            "success_pct": pulse.success_pct,
            "circuit": "open" if pulse.is_open else "closed",
        }
        for (bank, operation), pulse in hub.health_holder.now.items()
        if bank == bank_id
    }


async def share_health(hub: Hub) -> None:
    """Say what this process saw, then read what all saw."""
    tallies = hub.talk.take_tallies()

    async def say(connection: Connection) -> None:
        await tell_health(connection, f"{socket.gethostname()}:{os.getpid()}", tallies)

    if tallies or any(pulse.is_open for pulse in hub.health_holder.now.values()):
        await hub.transact(say)
    await read_picture(hub)


async def read_picture(hub: Hub) -> None:
    """Read what all processes saw."""
    async with hub.pool.acquire() as connection:
        rows = await read_health(connection, window_s=hub.settings.bank_health_window_s)
    hub.health_holder.now = {
        (row["bank"], row["operation"]): Pulse(row["good"], row["bad"], row["is_open"]) for row in rows
    }


async def watch_health(hub: Hub) -> None:
    """Do so for as long as the process lives. While the database is away the old picture stays."""
    while True:
        await asyncio.sleep(hub.settings.bank_health_s)
        try:
            await share_health(hub)
        except (*AWAY, asyncpg.PostgresError) as error:
            _log.warning("health_unshared", extra={"code": type(error).__name__})
