"""Callbacks in people's hands: what waits and what was given up, sending again, pausing an endpoint."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.kernel.refs import Kind, private_id, public_id
from paygw.store import outbox
from paygw.store.audit import AuditRow, add_audit
from paygw.store.outbox import CallbackState, Selection

View = dict[str, Any]
_PAGE = 1_000


def selection(
    *,
    portal: str | None = None,
    order: str | None = None,
    event: str | None = None,
    since: datetime | None = None,
    dead_only: bool = False,
) -> Selection:
    """Read what is to be sent again from public ids. Raises Refused when nothing narrows it, or an id is none."""
    if portal is None and order is None and event is None and since is None:
        raise Refused("nothing_selected", "Name an order, an event, a portal or a time from which to send again.")
    if since is not None and since.tzinfo is None:
        raise Refused("bad_time", "Give the time with its offset, such as 2026-01-31T08:00:00+07:00.")
    return Selection(
        portal_id=portal,
        order_id=_uuid("ord", order),
        event_id=_uuid("evt", event),
        since=since,
        dead_only=dead_only,
    )


async def replay(hub: Hub, chosen: Selection, *, principal: str) -> int:
    """Send the chosen events again, with their ids and bodies, on a fresh schedule. Returns how many.

    Page by page, one transaction each; broken off, it can be started again without harm.
    """
    total, after = 0, None
    while True:
        page = await hub.transact(partial(_replay_page, chosen=chosen, after=after, principal=principal))
        total, after = total + page.count, page.after
        if after is None:
            return total


async def set_state(hub: Hub, portal_id: str, state: CallbackState, *, principal: str) -> bool:
    """Pause an endpoint, or set it going again (also one that was gone). Deliveries wait and lose nothing.

    False if it was so already. Raises Refused `not_found`.
    """
    if portal_id not in hub.registry.portals:
        raise Refused("not_found", "There is no such portal.")
    return await hub.transact(partial(_set_state, portal_id=portal_id, state=state, principal=principal))


async def list_backlog(hub: Hub) -> list[View]:
    """Per portal: the endpoint's state, what waits, for how long, what was given up."""
    rows = await hub.transact(outbox.backlog)
    return [
        {
            "portal": row["portal_id"],
            "state": row["callback_state"],
            "pending": row["pending"],
            "oldest_s": round(row["oldest_s"], 1),
            "dead": row["dead"],
        }
        for row in rows
    ]


async def list_troubled(hub: Hub, *, portal_id: str | None, after: str | None = None, limit: int = 100) -> View:
    """Deliveries that were given up or failed at least once, oldest event first, with their last attempt."""
    place = _uuid("evt", after)
    rows = await hub.transact(partial(outbox.troubled, portal_id=portal_id, after=place, limit=limit + 1))
    page = rows[:limit]
    items = [
        {
            "id": public_id("evt", str(row["event_id"])),
            "portal": row["portal_id"],
            "order_id": public_id("ord", str(row["order_id"])),
            "type": row["type"],
            "status": row["status"],
            "attempts": row["attempts"],
            "next_at": instant(row["next_at"]) if row["status"] == "pending" else None,
            "outcome": row["outcome"],
            "http_status": row["http_status"],
            "tried_at": instant(row["tried_at"]) if row["tried_at"] else None,
        }
        for row in page
    ]
    return {"items": items, "next": items[-1]["id"] if len(rows) > limit else None}


async def _replay_page(
    connection: Connection, chosen: Selection, after: UUID | None, principal: str
) -> outbox.Replayed:
    page = await outbox.replay(connection, chosen, after=after, limit=_PAGE)
    if page.count:
        told = {name: str(value) for name in Selection.__slots__ if (value := getattr(chosen, name))}
        await _audit(connection, principal, "callback.replay", chosen.portal_id or "*", told | {"count": page.count})
    return page


async def _set_state(connection: Connection, portal_id: str, state: CallbackState, principal: str) -> bool:
    changed = await outbox.set_callback_state(connection, portal_id, state)
    if changed:
        await _audit(connection, principal, "callback.state", portal_id, {"state": state})
    return changed


async def _audit(connection: Connection, principal: str, action: str, subject: str, detail: View) -> None:
    text = msgspec.json.encode(detail).decode()
    await add_audit(connection, AuditRow(principal=principal, action=action, subject=subject, detail=text))


def _uuid(kind: Kind, text: str | None) -> UUID | None:
    if text is None:
        return None
    found = private_id(kind, text)
    if found is None:
        raise Refused("not_found", "There is no such order or event.")
    return UUID(found)
