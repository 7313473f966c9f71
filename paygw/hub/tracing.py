"""`trace`: one name, and the way of its money from the bank's line to the beneficiary."""

from collections.abc import Mapping
from typing import Final, get_args
from uuid import UUID

from asyncpg import Connection

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payment_orders import PaymentOrder, named_order
from paygw.hub.payouts import orders_of
from paygw.kernel.errors import Refused
from paygw.kernel.refs import Kind, private_id, public_id
from paygw.store.payouts import find_by_head, find_payout
from paygw.store.tracing import payout_of_line, trace

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
        order = await _payment_order(hub, connection, name)
        if order is None:
            found = await trace(connection, plain)
        elif refund := next((one["refund_id"] for one in order[1].pieces if "refund_id" in one), None):
            found = await trace(connection, refund)
        else:
            paid = (order[0], order[1].facts["beneficiary"], order[1].facts["code"])
            found = await trace(connection, plain, paid)
    if not any(found.values()):
        raise Refused("not_found", "No order, receipt, refund, payout or bank line here bears this name.")
    return {"name": name, **{layer: [_public(layer, one) for one in rows] for layer, rows in found.items()}}


async def _payment_order(hub: Hub, connection: Connection, name: str) -> tuple[UUID, PaymentOrder] | None:
    """The payment order of a batch that a name is of: its end-to-end id, or the bank's line that told of it."""
    told, row = named_order(name), None
    if told is not None:
        row = await find_by_head(connection, told[0])
    else:
        line = await payout_of_line(connection, name)
        told = ("", line[1]) if line else None
        row = await find_payout(connection, line[0]) if line else None
    if told is None or row is None:
        return None
    orders = orders_of(hub, row)
    return (row["batch_id"], orders[told[1] - 1]) if 0 < told[1] <= len(orders) else None


def _public(layer: str, row: View) -> View:
    """Ids as every other verb and address takes them."""
    shown = {**row, **{name: public_id(kind, row[name]) for name, kind in _IDS.get(layer, {}).items() if row[name]}}
    if "refunds" in row:
        shown["refunds"] = [one | {"id": public_id("rfd", one["id"])} for one in row["refunds"]]
    return shown
