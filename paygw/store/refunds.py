"""Refunds as asked for, decided and sent. Their money stands on the receipt: see situations.py."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from sqlalchemy import Text, Uuid, bindparam, func, insert, select, update

from paygw.kernel.receipts import Refund, RefundRoute, RefundSource, RefundStatus
from paygw.store.query import Query
from paygw.store.restores import HELD_BACK
from paygw.store.tables import orders, receipts, refunds

_INSERT = Query(
    insert(refunds).values(
        id=bindparam("id"),
        receipt_id=bindparam("receipt"),
        order_id=bindparam("order"),
        portal_id=bindparam("portal"),
        source=bindparam("source"),
        line_no=bindparam("line"),
        amount_vnd=bindparam("amount"),
        status=RefundStatus.REQUESTED.value,
        reason=bindparam("reason"),
        requested_by=bindparam("by"),
        content_hash=bindparam("hash"),
        ref=bindparam("ref"),
        created_at=bindparam("at"),
    )
)
_read = select(refunds, orders.c.reference, orders.c.face, receipts.c.bank, receipts.c.bank_txn_id).select_from(
    refunds.join(receipts, receipts.c.id == refunds.c.receipt_id).outerjoin(orders, orders.c.id == refunds.c.order_id)
)
_ONE = Query(_read.where(refunds.c.id == bindparam("id")))
_PAGE = Query(
    _read.where(
        bindparam("status", type_=Text).is_(None) | (refunds.c.status == bindparam("status", type_=Text)),
        bindparam("order", type_=Uuid).is_(None) | (refunds.c.order_id == bindparam("order", type_=Uuid)),
    )
    .order_by(refunds.c.created_at.desc(), refunds.c.id.desc())
    .limit(bindparam("limit"))
)
_LOCK = Query(select(refunds).where(refunds.c.id == bindparam("id")).with_for_update(key_share=False))
_ASKED = Query(
    select(func.coalesce(func.sum(refunds.c.amount_vnd), 0)).where(
        refunds.c.receipt_id == bindparam("receipt"),
        refunds.c.status == RefundStatus.REQUESTED.value,
        refunds.c.line_no.is_not_distinct_from(bindparam("line")),
    )
)
_DECIDE = Query(
    update(refunds)
    .where(refunds.c.id == bindparam("refund"))
    .values(decided_by=bindparam("by"), decided_at=bindparam("at"))
)
_WAKE = Query(
    update(refunds)
    .where(refunds.c.id == bindparam("refund"), refunds.c.status == RefundStatus.FUNDED.value)
    .values(next_enquiry_at=bindparam("at"))
)
_CLAIM = f"""
UPDATE refunds f SET lease_until = $1 + make_interval(secs => $2), fence = f.fence + 1
FROM (
    SELECT d.id FROM refunds d
    WHERE d.next_enquiry_at <= $1 AND d.status IN ('funded', 'sending')
        AND (d.status = 'sending' OR NOT {HELD_BACK})
        AND (d.lease_until IS NULL OR d.lease_until <= $1)
        AND ($4::text IS NULL OR EXISTS (SELECT FROM receipts r WHERE r.id = d.receipt_id AND r.bank = $4))
    ORDER BY d.next_enquiry_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
) due WHERE f.id = due.id
RETURNING f.id, f.status, f.fence, f.enquiries
"""  # noqa: S608 - a constant of ours
_HELD = Query(select(refunds.c.id).where(refunds.c.id == bindparam("id"), refunds.c.fence == bindparam("fence_held")))
_RELEASE = """
UPDATE refunds SET lease_until = NULL, enquiries = enquiries + 1, next_enquiry_at = $3,
    unknown = unknown OR ($4 AND status = 'sending')
WHERE id = $1 AND fence = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """A refund as asked for. `by` is a principal, `ref` the reference the bank will see."""

    refund: Refund
    order_id: str | None
    portal_id: str | None
    reason: str
    by: str
    content_hash: bytes
    ref: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """A refund as stored, with what people need beside it. `face` is the order's JSON, None without one."""

    refund: Refund
    order_id: str | None
    portal_id: str | None
    reason: str
    requested_by: str
    decided_by: str | None
    content_hash: bytes
    ref: str
    created_at: datetime
    decided_at: datetime | None
    by_channel: bool = False
    reference: str | None = None
    face: str | None = None
    bank: str = ""
    bank_txn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A refund leased to a worker; what is written under an older fence is lost."""

    id: str
    status: RefundStatus
    fence: int
    enquiries: int


async def insert_refund(connection: Connection, new: NewRefund) -> None:
    """Keep a request."""
    await _INSERT.run(
        connection,
        id=UUID(new.refund.id),
        receipt=UUID(new.refund.receipt_id),
        order=UUID(new.order_id) if new.order_id else None,
        portal=new.portal_id,
        source=new.refund.source,
        line=new.refund.line_no,
        amount=new.refund.amount_vnd,
        reason=new.reason,
        by=new.by,
        hash=new.content_hash,
        ref=new.ref,
        at=new.at,
    )


async def read_refund(connection: Connection, refund_id: str) -> RefundRow | None:
    """One refund with its order's face."""
    row = await _ONE.one(connection, id=UUID(refund_id))
    return _beside(row) if row is not None else None


async def list_refunds(
    connection: Connection, *, status: str | None, order_id: str | None, limit: int
) -> list[RefundRow]:
    """Refunds, newest first."""
    order = UUID(order_id) if order_id else None
    return [_beside(row) for row in await _PAGE.all(connection, status=status, order=order, limit=limit)]


async def lock_refund(connection: Connection, refund_id: str) -> RefundRow | None:
    """Lock one refund; its receipt is locked before."""
    row = await _LOCK.one(connection, id=UUID(refund_id))
    return _row(row) if row is not None else None


async def asked_vnd(connection: Connection, receipt_id: str, line_no: int | None) -> int:
    """What is asked for and not yet decided, of one source of a receipt (line None: its unapplied money)."""
    total: int = await _ASKED.value(connection, receipt=UUID(receipt_id), line=line_no)
    return int(total)


async def mark_decided(connection: Connection, refund_id: str, *, by: str, at: datetime) -> None:
    """Who decided. Raises asyncpg.CheckViolationError when it is who asked."""
    await _DECIDE.run(connection, refund=UUID(refund_id), by=by, at=at)


async def wake_refund(connection: Connection, refund_id: str, *, at: datetime) -> None:
    """Put a funded refund on the work list."""
    await _WAKE.run(connection, refund=UUID(refund_id), at=at)


async def choose_channel(connection: Connection, refund_id: str, *, at: datetime) -> None:
    """The provider tries again although it failed before; on the work list at once."""
    await connection.execute(
        "UPDATE refunds SET by_channel = true, next_enquiry_at = $2 WHERE id = $1", UUID(refund_id), at
    )


async def claim_refunds(
    connection: Connection, bank: str | None, *, now: datetime, lease_s: float, limit: int
) -> list[Claimed]:
    """Refunds to send or to ask about, of one bank or of all, leased to the caller."""
    rows = await connection.fetch(_CLAIM, now, lease_s, limit, bank)
    return [Claimed(str(row["id"]), RefundStatus(row["status"]), row["fence"], row["enquiries"]) for row in rows]


async def holds_lease(connection: Connection, claimed: Claimed) -> bool:
    """Whether nobody has claimed the refund since; to be asked under its lock."""
    return await _HELD.one(connection, id=UUID(claimed.id), fence_held=claimed.fence) is not None


async def release_refund(
    connection: Connection, claimed: Claimed, *, next_at: datetime | None, silent: bool = False
) -> None:
    """Give a lease back and say when to look again; `silent` when the bank said nothing of a refund under way."""
    await connection.execute(_RELEASE, UUID(claimed.id), claimed.fence, next_at, silent)


def _row(row: Record) -> RefundRow:
    route: RefundRoute | None = row["route"]
    source: RefundSource = row["source"]
    return RefundRow(
        refund=Refund(
            id=str(row["id"]),
            receipt_id=str(row["receipt_id"]),
            source=source,
            amount_vnd=row["amount_vnd"],
            status=RefundStatus(row["status"]),
            line_no=row["line_no"],
            due_vnd=row["due_vnd"],
            body_paid_vnd=row["body_paid_vnd"],
            consented=row["consented"],
            route=route,
            void=row["void"],
            unknown=row["unknown"],
            seen=frozenset(msgspec.json.decode(row["seen"], type=list[str])),
        ),
        order_id=str(row["order_id"]) if row["order_id"] else None,
        portal_id=row["portal_id"],
        reason=row["reason"],
        requested_by=row["requested_by"],
        decided_by=row["decided_by"],
        content_hash=row["content_hash"],
        ref=row["ref"],
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        by_channel=row["by_channel"],
    )


def _beside(row: Record) -> RefundRow:
    return replace(
        _row(row),
        reference=row["reference"],
        face=row["face"],
        bank=row["bank"],
        bank_txn_id=row["bank_txn_id"],
    )
