"""`trace`: one name, and the way of its money from the bank's line to the beneficiary."""

from collections.abc import Mapping
from typing import Final, get_args

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.refs import Kind, private_id, public_id
from paygw.store.tracing import trace

_NAME_CHARS_MAX = 128
_IDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "orders": {"id": "ord"},
    "receipts": {"id": "rcp", "order_id": "ord"},
    "breaks": {"id": "brk"},
}


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
    return {"name": name, **{layer: [_public(layer, one) for one in rows] for layer, rows in found.items()}}


def _public(layer: str, row: View) -> View:
    """Ids as every other verb and address takes them."""
    shown = {**row, **{name: public_id(kind, row[name]) for name, kind in _IDS.get(layer, {}).items() if row[name]}}
    if "refunds" in row:
        shown["refunds"] = [one | {"id": public_id("rfd", one["id"])} for one in row["refunds"]]
    return shown
