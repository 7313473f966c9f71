"""Attempts: written before a bank is called, claimed for enquiries afterwards."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from paygw.kernel.connector import Session
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.orders import Attempt
from paygw.store.query import Query
from paygw.store.tables import attempts

_INSERT = Query(
    insert(attempts).values(
        id=bindparam("id"),
        order_id=bindparam("order_id"),
        bank=bindparam("bank"),
        merchant=bindparam("merchant"),
        ref=bindparam("ref"),
        method=bindparam("method"),
        amount_vnd=bindparam("amount_vnd"),
        status=bindparam("status"),
        session=bindparam("session", type_=JSONB),
        intent=bindparam("intent"),
        created_at=bindparam("created_at"),
        expires_at=bindparam("expires_at"),
        next_enquiry_at=bindparam("next_enquiry_at"),
        lease_until=bindparam("lease_until"),
    )
)
_ORDER_OF = Query(select(attempts.c.order_id).where(attempts.c.id == bindparam("id")))
_CREATED = Query(select(attempts.c.created_at).where(attempts.c.id == bindparam("id")))
_SESSION = Query(
    update(attempts)
    .where(attempts.c.id == bindparam("attempt"), attempts.c.fence == bindparam("held"))
    .values(session=bindparam("body", type_=JSONB), intent=None, lease_until=None)
)
_OF_ORDER = Query(
    select(attempts).where(attempts.c.order_id == bindparam("order")).order_by(attempts.c.created_at.desc())
)
_CLAIM = """
UPDATE attempts a SET lease_until = $1 + make_interval(secs => $2), fence = a.fence + 1
FROM (
    SELECT id FROM attempts
    WHERE bank = $4 AND next_enquiry_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
    ORDER BY next_enquiry_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due WHERE a.id = due.id
RETURNING a.*
"""
_CLAIM_ONE = """
UPDATE attempts SET lease_until = $1 + make_interval(secs => $2), fence = fence + 1
WHERE id = $3 AND (lease_until IS NULL OR lease_until <= $1) RETURNING *
"""
_CLAIM_LEFT = """
UPDATE attempts a SET lease_until = $1 + make_interval(secs => $2), fence = a.fence + 1
FROM (
    SELECT id FROM attempts
    WHERE bank = $4 AND intent IS NOT NULL AND (lease_until IS NULL OR lease_until <= $1)
    ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due WHERE a.id = due.id
RETURNING a.*
"""
_CLAIM_LEFT_ONE = """
UPDATE attempts SET lease_until = $1 + make_interval(secs => $2), fence = fence + 1
WHERE id = $3 AND intent IS NOT NULL AND (lease_until IS NULL OR lease_until <= $1) RETURNING *
"""
_POSTPONE = """
UPDATE attempts SET lease_until = $3::timestamptz + greatest(make_interval(secs => $4), ($3 - created_at) / 2)
WHERE id = $1 AND fence = $2 AND intent IS NOT NULL RETURNING id
"""
_DROP_INTENT = "UPDATE attempts SET intent = NULL, lease_until = NULL WHERE id = $1 AND fence = $2"
_DROP_INTENTS = "UPDATE attempts SET intent = NULL WHERE id = ANY ($1) AND intent IS NOT NULL"
_RELEASE = """
UPDATE attempts SET lease_until = NULL, enquiries = enquiries + 1,
    next_enquiry_at = CASE WHEN status = 'succeeded' THEN NULL ELSE $3::timestamptz END
WHERE id = $1 AND fence = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """A new attempt with its times: with the session where no call was needed, else with the sealed intent to call."""

    attempt: Attempt
    method: str
    created_at: datetime
    expires_at: datetime
    next_enquiry_at: datetime
    lease_until: datetime | None
    session: Session | None = None
    intent: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRead:
    """An attempt as stored. `fence` guards a claim: a result under an older fence is not written.

    `intent` is there, sealed, from before the bank is called until what it said is kept.
    """

    attempt: Attempt
    method: str
    created_at: datetime
    expires_at: datetime
    enquiries: int
    fence: int
    redirect_url: str
    qr_text: str
    bank_session_id: str
    intent: bytes | None = None


async def insert_attempt(connection: Connection, row: AttemptRow) -> None:
    """Write the intent."""
    made = row.attempt
    await _INSERT.run(
        connection,
        id=UUID(made.id),
        order_id=UUID(made.order_id),
        bank=made.bank,
        merchant=made.merchant,
        ref=made.ref,
        method=row.method,
        amount_vnd=made.amount_vnd,
        status=made.status.value,
        session=_session_json(row.session) if row.session else "{}",
        intent=row.intent,
        created_at=row.created_at,
        expires_at=row.expires_at,
        next_enquiry_at=row.next_enquiry_at,
        lease_until=row.lease_until,
    )


async def created_at_of(connection: Connection, attempt_id: str) -> datetime | None:
    """When the attempt was made: the time its session was asked for under."""
    found: datetime | None = await _CREATED.value(connection, id=UUID(attempt_id))
    return found


async def order_of_attempt(connection: Connection, attempt_id: str) -> str:
    """The order an attempt belongs to (attempts never move)."""
    return str(await _ORDER_OF.value(connection, id=UUID(attempt_id)))


async def set_session(connection: Connection, attempt_id: str, session: Session, *, fence: int) -> bool:
    """Where the payer was sent; False (and nothing written) if somebody else has taken the attempt over."""
    return await _SESSION.run(connection, attempt=UUID(attempt_id), held=fence, body=_session_json(session)) > 0


async def attempts_of(connection: Connection, order_id: str) -> list[AttemptRead]:
    """All attempts of an order, newest first."""
    return [_read(row) for row in await _OF_ORDER.all(connection, order=UUID(order_id))]


async def claim_due(
    connection: Connection, bank: str, *, now: datetime, lease_s: float, limit: int
) -> list[AttemptRead]:
    """Attempts at one bank whose enquiry is due, leased to the caller; no two workers get the same one."""
    return [_read(row) for row in await connection.fetch(_CLAIM, now, lease_s, limit, bank)]


async def claim_left(
    connection: Connection, bank: str, *, now: datetime, lease_s: float, limit: int
) -> list[AttemptRead]:
    """Attempts at one bank whose intent nobody carries out any more (its lease has ended), leased to the caller."""
    return [_read(row) for row in await connection.fetch(_CLAIM_LEFT, now, lease_s, limit, bank)]


async def claim_left_one(
    connection: Connection, attempt_id: str, *, now: datetime, lease_s: float
) -> AttemptRead | None:
    """One such attempt; None if somebody carries it out, or its session is known."""
    row = await connection.fetchrow(_CLAIM_LEFT_ONE, now, lease_s, UUID(attempt_id))
    return _read(row) if row is not None else None


async def postpone_left(connection: Connection, attempt_id: str, *, fence: int, now: datetime, least_s: float) -> bool:
    """The intent stays; it rests for half as long as the attempt is old. False if there is none under this fence."""
    return await connection.fetchval(_POSTPONE, UUID(attempt_id), fence, now, least_s) is not None


async def drop_intent(connection: Connection, attempt_id: str, *, fence: int) -> None:
    """The bank is not called any more about a session: from now on it is only asked."""
    await connection.execute(_DROP_INTENT, UUID(attempt_id), fence)


async def drop_intents(connection: Connection, attempt_ids: Collection[str]) -> None:
    """Nobody wants these sessions any more."""
    if attempt_ids:
        await connection.execute(_DROP_INTENTS, [UUID(attempt_id) for attempt_id in attempt_ids])


async def claim_one(connection: Connection, attempt_id: str, *, now: datetime, lease_s: float) -> AttemptRead | None:
    """One attempt, unless somebody else is asking about it, or is opening its session."""
    row = await connection.fetchrow(_CLAIM_ONE, now, lease_s, UUID(attempt_id))
    return _read(row) if row is not None else None


async def release(connection: Connection, attempt_id: str, *, fence: int, next_at: datetime | None) -> None:
    """Give a claim back and say when to ask again (None: never)."""
    await connection.execute(_RELEASE, UUID(attempt_id), fence, next_at)


def _read(row: Record) -> AttemptRead:
    session = msgspec.json.decode(row["session"])
    return AttemptRead(
        attempt=Attempt(
            id=str(row["id"]),
            order_id=str(row["order_id"]),
            bank=row["bank"],
            merchant=row["merchant"],
            ref=row["ref"],
            amount_vnd=row["amount_vnd"],
            status=AttemptStatus(row["status"]),
            last_contact_failed=row["last_contact_failed"],
        ),
        method=row["method"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        enquiries=row["enquiries"],
        fence=row["fence"],
        redirect_url=session.get("redirect_url", ""),
        qr_text=session.get("qr_text", ""),
        bank_session_id=session.get("bank_session_id", ""),
        intent=row["intent"],
    )


def _session_json(session: Session) -> str:
    body = {
        "redirect_url": session.redirect_url,
        "qr_text": session.qr_text,
        "bank_session_id": session.bank_session_id,
    }
    return msgspec.json.encode(body).decode()
