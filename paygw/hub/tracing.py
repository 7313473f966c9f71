"""`trace`: one name, and the way of its money from the bank's line to the beneficiary."""

from typing import get_args

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.refs import Kind, private_id
from paygw.store.tracing import trace

_NAME_CHARS_MAX = 128


async def trace_money(hub: Hub, name: str) -> View:
    """Lines, orders, receipts, slices, refunds, settlements, payouts, entries, breaks. Raises Refused `not_found`."""
    if not 0 < len(name) <= _NAME_CHARS_MAX:
        raise Refused("not_found", "Give an id, a bank's reference, a reference of the portal or a dossier code.")
    uids = (private_id(kind, name) for kind in get_args(Kind))
    plain = next((uid for uid in uids if uid), name)
    async with hub.pool.acquire() as connection:
        found = await trace(connection, plain)
    if not any(found.values()):
        raise Refused("not_found", "No order, receipt, refund, payout or bank line here bears this name.")
    return {"name": name, **found}
