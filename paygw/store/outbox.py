"""The outbox: deliveries claimed under a lease and a fence, acknowledged in bulk, never dropped.

A delivery stays `pending` until a receiver accepted it (`delivered`) or its schedule ended (`dead`). A claim sets
`lease_until` and raises `fence`: a worker that lost its lease cannot overwrite what another wrote since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from asyncpg import Connection, Record

from paygw.store.restores import HELD_BACK

# Candidates are ranked within each portal and taken rank by rank, so that no portal's backlog fills the batch.
# The fence stands for the state a row was seen in: whatever another worker did to it since has raised it. Rows are
# then found by key and fence alone, or the planner would walk all that is pending to find a few.
_CLAIM = f"""
WITH candidates AS MATERIALIZED (
    SELECT due.event_id, due.fence
    FROM unnest($1::text[], $2::int[]) AS room (portal_id, places)
    CROSS JOIN LATERAL (
        SELECT d.event_id, d.fence, row_number() OVER (ORDER BY d.next_at) AS rank
        FROM deliveries d
        WHERE d.portal_id = room.portal_id AND d.status = 'pending' AND d.next_at <= now()
            AND (d.lease_until IS NULL OR d.lease_until <= now())
        ORDER BY d.next_at LIMIT room.places
    ) due
    WHERE NOT {HELD_BACK}
    ORDER BY due.rank LIMIT $3
), mine AS MATERIALIZED (
    SELECT d.event_id FROM deliveries d JOIN candidates c ON d.event_id = c.event_id AND d.fence = c.fence
    FOR NO KEY UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE deliveries d
    SET fence = d.fence + 1, lease_until = now() + make_interval(secs => $4), first_at = coalesce(d.first_at, now())
    FROM mine WHERE d.event_id = mine.event_id
    RETURNING d.event_id, d.attempts, d.fence
)
SELECT e.id, e.portal_id, e.body, e.created_at, c.attempts, c.fence
FROM claimed c JOIN events e ON e.id = c.event_id
ORDER BY e.xid, e.seq
"""  # noqa: S608 - a constant of ours
_ACKNOWLEDGE = """
WITH told AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::float8[], $6::text[], $7::smallint[],
        $8::int[]) AS t (event_id, fence, attempt, status, wait_s, outcome, http_status, ms)
), logged AS (
    INSERT INTO delivery_log (event_id, attempt, outcome, http_status, ms)
    SELECT event_id, attempt, outcome, http_status, ms FROM told
)
UPDATE deliveries d
SET status = t.status, attempts = t.attempt, lease_until = NULL,
    next_at = now() + make_interval(secs => t.wait_s),
    delivered_at = CASE WHEN t.status = 'delivered' THEN now() END
FROM told t
WHERE d.event_id = ANY ($1) AND d.event_id = t.event_id AND d.fence = t.fence
RETURNING d.event_id
"""
_RELEASE = """
UPDATE deliveries d SET lease_until = NULL
FROM unnest($1::uuid[], $2::int[]) AS held (event_id, fence)
WHERE d.event_id = ANY ($1) AND d.event_id = held.event_id AND d.fence = held.fence
"""
_DISABLE = """
WITH gone AS (
    UPDATE portals SET callback_state = 'gone'
    WHERE id = $1 AND callback_url = $2 AND callback_state <> 'gone' RETURNING id
)
INSERT INTO cases (key, kind, detail, owner)
SELECT 'callback_gone:' || id, 'callback_gone',
    'the endpoint answered 410; callbacks wait until it is enabled', 'operator'
FROM gone
ON CONFLICT (key) DO UPDATE SET status = 'open', opened_at = now(), closed_at = NULL
RETURNING key
"""
_REPORT_DEAD = """
INSERT INTO cases (key, kind, detail, owner)
SELECT 'callback_dead:' || portal_id, 'callback_dead', 'callbacks were given up after their last attempt', 'operator'
FROM (VALUES ($1::text)) AS dead (portal_id)
ON CONFLICT (key) DO UPDATE SET status = 'open', opened_at = now(), closed_at = NULL WHERE cases.status = 'closed'
"""
_STATE = """
UPDATE portals SET callback_state = $2 WHERE id = $1 AND callback_state <> $2 RETURNING id
"""
_REPLAY = """
WITH chosen AS MATERIALIZED (
    SELECT e.id FROM events e
    WHERE ($1::text IS NULL OR e.portal_id = $1) AND ($2::uuid IS NULL OR e.order_id = $2)
        AND ($3::uuid IS NULL OR e.id = $3) AND ($4::timestamptz IS NULL OR e.created_at >= $4)
        AND e.id > $5
    ORDER BY e.id LIMIT $7
), again AS (
    UPDATE deliveries d
    SET status = 'pending', attempts = 0, first_at = NULL, next_at = now(), lease_until = NULL,
        fence = d.fence + 1, delivered_at = NULL
    FROM chosen c WHERE d.event_id = c.id AND (NOT $6 OR d.status = 'dead')
    RETURNING d.event_id
)
SELECT (SELECT count(*) FROM again) AS replayed, (SELECT count(*) FROM chosen) AS seen,
    (SELECT id FROM chosen ORDER BY id DESC LIMIT 1) AS last
"""
_BACKLOG = """
SELECT p.id AS portal_id, p.callback_state,
    pending.count AS pending, coalesce(extract(epoch FROM now() - pending.oldest), 0)::float8 AS oldest_s,
    (SELECT count(*) FROM deliveries d WHERE d.portal_id = p.id AND d.status = 'dead') AS dead
FROM portals p
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(e.created_at) AS oldest
    FROM deliveries d JOIN events e ON e.id = d.event_id
    WHERE d.portal_id = p.id AND d.status = 'pending'
) pending
ORDER BY p.id
"""

# Two index walks: dead letters, and what waits after a failure.
_TROUBLED = """
SELECT d.event_id, d.portal_id, e.order_id, e.type, d.status, d.attempts, d.next_at,
    last.outcome, last.http_status, last.at AS tried_at
FROM (
    SELECT * FROM (
        SELECT * FROM deliveries WHERE status = 'dead'
        UNION ALL
        SELECT * FROM deliveries WHERE status = 'pending' AND attempts > 0
    ) stuck
    WHERE ($1::text IS NULL OR portal_id = $1) AND ($2::uuid IS NULL OR event_id > $2)
    ORDER BY event_id LIMIT $3
) d JOIN events e ON e.id = d.event_id
LEFT JOIN LATERAL (
    SELECT outcome, http_status, at FROM delivery_log WHERE event_id = d.event_id ORDER BY id DESC LIMIT 1
) last ON true
ORDER BY d.event_id
"""
_ID_BEFORE_COMMIT_MS = 3_600_000  # an id is made a little before its transaction, on a clock of its own

Status = Literal["pending", "delivered", "dead"]
CallbackState = Literal["active", "paused", "gone"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery this worker may send until its lease ends. `attempts` were made before."""

    event_id: UUID
    portal_id: str
    body: bytes
    created_at: datetime
    attempts: int
    fence: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What an attempt came to: the new status and, while pending, the wait until the next attempt."""

    claim: Claim
    status: Status
    wait_s: float
    outcome: str
    http_status: int | None
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events to send again; all that is given must hold. Without a portal: of every portal."""

    portal_id: str | None = None
    order_id: UUID | None = None
    event_id: UUID | None = None
    since: datetime | None = None
    dead_only: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """One page of a replay: how many deliveries were made due, and where to go on (None: done)."""

    count: int
    after: UUID | None


async def claim(connection: Connection, rooms: Mapping[str, int], *, limit: int, lease_s: float) -> list[Claim]:
    """Take due deliveries, at most `rooms[portal]` of each portal and `limit` in all, oldest first."""
    rows = await connection.fetch(_CLAIM, list(rooms), list(rooms.values()), limit, lease_s)
    return [
        Claim(row["id"], row["portal_id"], row["body"], row["created_at"], row["attempts"], row["fence"])
        for row in rows
    ]


async def acknowledge(connection: Connection, told: Sequence[Acknowledgement]) -> set[UUID]:
    """Record attempts. Returns the events whose lease was still ours; the others are only logged."""
    rows = await connection.fetch(
        _ACKNOWLEDGE,
        [item.claim.event_id for item in told],
        [item.claim.fence for item in told],
        [item.claim.attempts + 1 for item in told],
        [item.status for item in told],
        [item.wait_s for item in told],
        [item.outcome for item in told],
        [item.http_status for item in told],
        [item.ms for item in told],
    )
    return {row["event_id"] for row in rows}


async def release(connection: Connection, claims: Sequence[Claim]) -> None:
    """Give back what was not sent; it is due at once, and no attempt is counted."""
    await connection.execute(_RELEASE, [item.event_id for item in claims], [item.fence for item in claims])


async def disable_endpoint(connection: Connection, portal_id: str, url: str) -> bool:
    """The endpoint said 410: stop sending, open a case. False if it was known or the URL has changed since."""
    return await connection.fetchval(_DISABLE, portal_id, url) is not None


async def report_dead(connection: Connection, portal_id: str) -> None:
    """One open case per portal with dead letters."""
    await connection.execute(_REPORT_DEAD, portal_id)


async def set_callback_state(connection: Connection, portal_id: str, state: CallbackState) -> bool:
    """Pause or resume; deliveries wait meanwhile and lose nothing. False if nothing changed."""
    return await connection.fetchval(_STATE, portal_id, state) is not None


async def replay(
    connection: Connection, selection: Selection, *, after: UUID | None = None, limit: int = 1_000
) -> Replayed:
    """Make one page of the selected deliveries due again with a fresh schedule; ids and bodies stay."""
    row = await connection.fetchrow(
        _REPLAY,
        selection.portal_id,
        selection.order_id,
        selection.event_id,
        selection.since,
        after or _floor(selection.since),
        selection.dead_only,
        limit,
    )
    return Replayed(row["replayed"], row["last"] if row["seen"] == limit else None)


async def backlog(connection: Connection) -> list[Record]:
    """Per portal: callback_state, pending, oldest_s (age of the oldest pending event), dead."""
    rows: list[Record] = await connection.fetch(_BACKLOG)
    return rows


async def troubled(
    connection: Connection, *, portal_id: str | None, after: UUID | None = None, limit: int = 100
) -> list[Record]:
    """Deliveries that are dead, or wait after a failed attempt, with what that attempt came to."""
    rows: list[Record] = await connection.fetch(_TROUBLED, portal_id, after, limit)
    return rows


def _floor(since: datetime | None) -> UUID:
    """An id below every event of that time on: ids begin with the milliseconds at which they were made."""
    if since is None:
        return UUID(int=0)
    made_ms = max(0, int(since.timestamp() * 1000) - _ID_BEFORE_COMMIT_MS)
    return UUID(int=made_ms << 80)
