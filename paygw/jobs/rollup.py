"""Advance the ledger's totals over what is committed for good, so that reading them stays cheap."""

from functools import partial

from paygw.hub.hub import Hub
from paygw.store.ledger import advance_rollup

_BATCH = 20_000


async def roll_up(hub: Hub) -> int:
    """Add one batch of entries. Returns 1 if there is more, else 0."""
    return int(await hub.transact(partial(advance_rollup, limit=_BATCH)) >= _BATCH)
