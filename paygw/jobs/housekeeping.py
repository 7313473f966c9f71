"""Forget what has expired, a bounded batch at a time."""

from datetime import timedelta
from functools import partial

from paygw.hub.hub import Hub
from paygw.store.housekeeping import forget_keys, forget_refused, forget_workers

_BATCH = 2_000


async def tidy(hub: Hub) -> int:
    """Remove one batch of each kind. Returns 1 if there is more, else 0."""
    settings = hub.settings
    before = hub.clock() - timedelta(seconds=settings.idempotency_kept_s)
    removed = (
        await hub.transact(partial(forget_keys, before=before, limit=_BATCH)),
        await hub.transact(partial(forget_refused, kept=settings.refused_messages_kept, limit=_BATCH)),
        await hub.transact(forget_workers),
    )
    return int(max(removed) >= _BATCH)
