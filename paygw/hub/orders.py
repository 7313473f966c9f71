"""What happens to an order besides money: read, list, cancel, expire, applied at the portal."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from asyncpg import Connection

from paygw.hub.enquiries import close_sessions
from paygw.hub.hub import Hub
from paygw.hub.ordering import view_of
from paygw.hub.views import instant
from paygw.hub.writing import Told, writes_for
from paygw.kernel.connector import Verdict
from paygw.kernel.decide import Decision, Fact, FactType
from paygw.kernel.errors import Refused
from paygw.kernel.orders import LIVE_ORDER, OrderStatus, close_order
from paygw.store.orders import OrderFilter, OrderRead, expired_orders, list_orders, mark_applied, read_order
from paygw.store.situations import Locked, apply, lock_by_order, read_purse

View = dict[str, Any]
_MISSING = Refused("not_found", "There is no such order here.")


def show(hub: Hub, read: OrderRead) -> View:
    """An order as portals see it."""
    return view_of(hub, msgspec.json.decode(read.face), read.order, read.purse, read.applied_at)


async def get_order(hub: Hub, order_id: str, *, portal_id: str | None) -> View:
    """One order of this portal; a foreign one is as good as missing. One statement."""
    async with hub.pool.acquire() as connection:
        read = await read_order(connection, order_id, portal_id=portal_id)
    if read is None:
        raise _MISSING
    return show(hub, read)


async def find_orders(hub: Hub, portal_id: str, wanted: OrderFilter, *, limit: int) -> View:
    """A page of a portal's orders, newest first, and the cursor of the next page."""
    async with hub.pool.acquire() as connection:
        found = await list_orders(connection, portal_id, wanted, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return {"items": [show(hub, read) for read in page], "next": _cursor(page[-1]) if more else None}


def read_cursor(text: str) -> tuple[datetime, str]:
    """The position a cursor stands for. Raises Refused `bad_cursor`."""
    try:
        at, order_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split("|")
        return datetime.fromisoformat(at), order_id
    except (Base64Error, ValueError, UnicodeDecodeError):
        raise Refused("bad_cursor", "Use the `next` of the page before as it is.") from None


def _cursor(read: OrderRead) -> str:
    return urlsafe_b64encode(f"{read.created_at.isoformat()}|{read.order.id}".encode()).rstrip(b"=").decode()


async def cancel_order(hub: Hub, order_id: str, *, portal_id: str) -> View:
    """Cancel an order that nobody has paid or is paying. Cancelling twice is the same as once.

    Open sessions are first closed at their banks where these can (hub/enquiries.py); elsewhere they stand in the way.
    """
    cancel = partial(_close, hub, order_id, OrderStatus.CANCELLED, portal_id)
    try:
        return await hub.transact(cancel)
    except Refused as refused:
        if refused.code != "attempt_in_flight" or not await close_sessions(hub, order_id):
            raise
    return await hub.transact(cancel)


async def _close(hub: Hub, order_id: str, status: OrderStatus, portal_id: str | None, connection: Connection) -> View:
    locked = await lock_by_order(connection, order_id)
    order = locked.situation.order
    if order is None or (portal_id is not None and order.portal_id != portal_id):
        raise _MISSING
    if locked.receipt_count:
        purse = await read_purse(connection, order_id)
        locked = replace(locked, situation=replace(locked.situation, purse=purse))
    if order.status is not status:
        locked = await _write_closed(hub, connection, locked, status)
    closed = locked.situation.order or order
    return view_of(hub, msgspec.json.decode(locked.face), closed, locked.situation.purse, locked.applied_at)


async def _write_closed(hub: Hub, connection: Connection, locked: Locked, status: OrderStatus) -> Locked:
    closed = close_order(locked.situation, status)
    order = closed.order
    if order is None:
        raise _MISSING
    kind: FactType = "order.cancelled" if status is OrderStatus.CANCELLED else "order.expired"
    fact = Fact(kind, f"order:{order.id}:{order.version}")
    decision = Decision(situation=closed, verdict=Verdict.ACCEPTED, facts=(fact,))
    await apply(connection, writes_for(hub, locked, decision, Told(now=hub.clock())))
    hub.observe.count("paygw_orders_total", portal=order.portal_id, status=status)
    return replace(locked, situation=closed)


async def expire_orders(hub: Hub, *, limit: int = 200) -> int:
    """Close orders past their expiry that nobody is paying; how many were closed."""
    async with hub.pool.acquire() as connection:
        due = await expired_orders(connection, hub.clock(), limit=limit)
    closed = 0
    for order_id in due:
        closed += await hub.transact(partial(_expire, hub, order_id))
    return closed


async def _expire(hub: Hub, order_id: str, connection: Connection) -> bool:
    locked = await lock_by_order(connection, order_id)
    order = locked.situation.order
    busy = any(attempt.in_flight for attempt in locked.situation.attempts)
    if order is None or order.status not in LIVE_ORDER or busy or order.expires_at > hub.clock():
        return False
    await _close(hub, order_id, OrderStatus.EXPIRED, None, connection)
    return True


async def applied(hub: Hub, order_id: str, *, portal_id: str) -> View:
    """The portal has applied a paid order to its dossier. Raises Refused `order_not_paid`."""
    now = hub.clock()
    async with hub.pool.acquire() as connection:
        marked = await mark_applied(connection, order_id, portal_id, now)
    view = await get_order(hub, order_id, portal_id=portal_id)
    if not marked:
        raise Refused("order_not_paid", "Only a paid order can be applied.", order_status=str(view["status"]))
    view["applied_at"] = view["applied_at"] or instant(now)
    return view
