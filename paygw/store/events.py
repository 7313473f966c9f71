"""The events feed: what happened, in the order of transactions, complete up to the oldest one still running.

A transaction that began earlier may commit later, so numbers alone would let a reader pass a row that is not there
yet. Every row below `pg_snapshot_xmin` has been decided: nothing can appear before a cursor that went over it.
"""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import Connection, Record

from paygw.store.cursor import BEGINNING, Cursor

_FEED = """
SELECT id, portal_id, order_id, type, body, created_at, xid, seq FROM events
WHERE portal_id = $1 AND (xid, seq) > ($2::xid8, $3) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, seq LIMIT $4
"""
# One index walk per portal, merged: the index of the feed serves both readers.
_FEED_OF_ALL = """
SELECT e.* FROM portals p
CROSS JOIN LATERAL (
    SELECT id, portal_id, order_id, type, body, created_at, xid, seq FROM events
    WHERE portal_id = p.id AND (xid, seq) > ($1::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, seq LIMIT $3
) e
ORDER BY e.xid, e.seq LIMIT $3
"""
_OF_ORDER = """
SELECT e.id, e.type, e.body, e.created_at, d.status, d.attempts, d.next_at, d.delivered_at
FROM events e LEFT JOIN deliveries d ON d.event_id = e.id
WHERE e.order_id = $1 AND ($2::text IS NULL OR e.portal_id = $2)
ORDER BY e.id LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows (id, portal_id, order_id, type, body, created_at) and where the next page begins."""

    rows: list[Record]
    after: Cursor
    more: bool


async def feed(connection: Connection, portal_id: str | None, after: Cursor = BEGINNING, limit: int = 100) -> Page:
    """The next events of a portal, or of all portals for None. An empty page keeps its cursor: ask again later."""
    if portal_id is None:
        rows = await connection.fetch(_FEED_OF_ALL, after.xid, after.seq, limit)
    else:
        rows = await connection.fetch(_FEED, portal_id, after.xid, after.seq, limit)
    last = Cursor(rows[-1]["xid"], rows[-1]["seq"]) if rows else after
    return Page(rows, last, more=len(rows) == limit)


async def events_of_order(
    connection: Connection, order_id: UUID, portal_id: str | None, limit: int = 500
) -> list[Record]:
    """An order's events with the state of their delivery; of a foreign portal's order: none."""
    rows: list[Record] = await connection.fetch(_OF_ORDER, order_id, portal_id, limit)
    return rows
