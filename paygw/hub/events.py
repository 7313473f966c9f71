"""The events feed: every business fact as the callback tells it, in an order that cannot skip a late commit."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from paygw.hub.finance import cursor_of
from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store.cursor import write_cursor
from paygw.store.events import events_of_order, feed
from paygw.store.orders import read_order

View = dict[str, Any]


async def list_events(hub: Hub, portal_id: str | None, after: str | None, *, limit: int) -> View:
    """A page of a portal's events. `next` is always there: ask again with it for what comes later."""
    async with hub.pool.acquire() as connection:
        page = await feed(connection, portal_id, cursor_of(hub, after), limit)
    return {"items": [_view(row) for row in page.rows], "next": write_cursor(page.after, hub.registry.restores)}


async def list_order_events(hub: Hub, order_id: str, *, portal_id: str) -> View:
    """The events of one order with the state of their delivery. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        if await read_order(connection, order_id, portal_id=portal_id) is None:
            raise Refused("not_found", "There is no such order here.")
        rows = await events_of_order(connection, UUID(order_id), portal_id)
    return {"items": [_view(row) | {"delivery": _delivery(row)} for row in rows], "next": None}


def _view(row: Record) -> View:
    return {
        "id": public_id("evt", str(row["id"])),
        "type": row["type"],
        "created_at": instant(row["created_at"]),
        "body": msgspec.Raw(row["body"]),
    }


def _delivery(row: Record) -> View:
    return {
        "status": row["status"],
        "attempts": row["attempts"],
        "next_at": instant(row["next_at"]) if row["next_at"] and row["status"] == "pending" else None,
        "delivered_at": instant(row["delivered_at"]) if row["delivered_at"] else None,
    }
