"""Seal what was committed, export the heads, verify all of it."""

import asyncio
from functools import partial
from pathlib import Path

from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.outside.heads import append_heads, read_heads
from paygw.settings import Settings
from paygw.store import seals
from paygw.store.seals import CHAINS, BadRow

SEAL_ROWS_MAX = 5_000


def heads_path(settings: Settings) -> Path:
    """Where exported heads are kept, until they are copied off the machine."""
    return settings.var / "seals" / "heads.jsonl"


async def seal(hub: Hub) -> int:
    """Seal the next rows of every chain and export the heads. Returns the most rows sealed in one chain."""
    sealed = [await hub.transact(partial(seals.seal_rows, chain=chain, limit=SEAL_ROWS_MAX)) for chain in CHAINS]
    await export(hub)
    return max(sealed)


async def seal_all(hub: Hub) -> int:
    """Seal in batches until one is not full: what is committed meanwhile comes later. Returns about how many rows."""
    sealed, count = 0, SEAL_ROWS_MAX
    while count == SEAL_ROWS_MAX:
        count = await seal(hub)
        sealed += count
    return sealed


async def export(hub: Hub) -> bool:
    """Write the current heads down outside the database if they are news. What a crash left out comes with the next."""
    heads = await hub.transact(seals.current_heads)
    add = partial(append_heads, heads_path(hub.settings), heads, at=instant(hub.clock()))
    return bool(heads) and await asyncio.to_thread(add)


async def verify(hub: Hub) -> BadRow | None:
    """The first row that is not what was sealed, or a tail that was cut off; None when all chains hold."""
    exported = await asyncio.to_thread(lambda: list(read_heads(heads_path(hub.settings))))
    async with hub.pool.acquire() as connection:
        return await seals.verify(connection, exported)
