"""`paygw ledger check`: recompute every invariant from the tables."""

from paygw.hub.hub import Hub
from paygw.store.ledger_checks import find_violations


async def check_ledger(hub: Hub) -> list[str]:
    """The violated invariants, one sentence each; an empty list is a clean book."""
    async with hub.pool.acquire() as connection:
        return await find_violations(connection, mode=hub.settings.funds)
