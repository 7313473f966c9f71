"""Small reads and marks around money that the two statements of situations.py do not cover."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Connection
from sqlalchemy import Text, Uuid, any_, bindparam, func, select, union, update
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, insert

from paygw.kernel.evidence import DisputeNewsStatus, DisputeSeen
from paygw.store.query import Query, among
from paygw.store.tables import attempts, disputes, order_lines, orders, receipts, refunds

_ORDER_OF_RECEIPT = Query(select(receipts.c.order_id).where(receipts.c.key == bindparam("key")))
_HOME = Query(select(receipts.c.order_id, receipts.c.key).where(receipts.c.id == bindparam("id")))
_ID_OF_KEY = Query(select(receipts.c.id).where(receipts.c.key == bindparam("key")))
_REFUND_BY_REF = Query(
    select(refunds.c.id, refunds.c.order_id, refunds.c.receipt_id).where(refunds.c.ref == bindparam("ref"))
)
_CONCERNED = Query(
    union(
        select(attempts.c.order_id).where(
            attempts.c.bank == bindparam("bank"),
            attempts.c.merchant == bindparam("merchant"),
            attempts.c.ref == any_(bindparam("refs", type_=ARRAY(Text))),
        ),
        select(receipts.c.order_id).where(receipts.c.key == any_(bindparam("keys", type_=ARRAY(Text)))),
        select(receipts.c.order_id)
        .join(refunds, refunds.c.receipt_id == receipts.c.id)
        .where(refunds.c.ref == any_(bindparam("refund_refs", type_=ARRAY(Text)))),
    )
)
_DISPUTE = Query(
    select(disputes.c.status).where(disputes.c.bank == bindparam("bank"), disputes.c.dispute_id == bindparam("id"))
)
_new_dispute = insert(disputes).values(
    bank=bindparam("bank"),
    dispute_id=bindparam("dispute_id"),
    receipt_id=bindparam("receipt_id"),
    status=bindparam("status"),
    amount_vnd=bindparam("amount_vnd"),
)
_KEEP_DISPUTE = Query(
    _new_dispute.on_conflict_do_update(
        constraint="disputes_pk",
        set_={"status": _new_dispute.excluded.status},
        where=disputes.c.status == DisputeNewsStatus.OPENED.value,
    )
)
_HOLD = Query(
    update(attempts).where(attempts.c.id == bindparam("attempt")).values(held_reversals=attempts.c.held_reversals + 1)
)
_mine = order_lines.alias("mine")
_LIVE_ORDER_OF = Query(
    select(orders.c.id)
    .join(order_lines, order_lines.c.order_id == orders.c.id)
    .where(
        among(orders.c.status, ("open", "partially_paid")),
        orders.c.id != bindparam("besides"),
        orders.c.id.in_(select(_mine.c.order_id).where(_mine.c.obligation_id == bindparam("first"))),
    )
    .group_by(orders.c.id)
    .having(
        func.array_agg(aggregate_order_by(order_lines.c.obligation_id, order_lines.c.obligation_id))
        == bindparam("all", type_=ARRAY(Uuid))
    )
    .order_by(orders.c.id)
    .limit(1)
)


_ORDERED_DEBIT = """
SELECT EXISTS (SELECT FROM refunds f JOIN receipts r ON r.id = f.receipt_id
               WHERE r.account = $1 AND f.route = 'transfer' AND f.status IN ('sending', 'succeeded')
                 AND f.amount_vnd - f.body_paid_vnd = $2)
    OR EXISTS (SELECT FROM disbursements d WHERE d.account = $1
               GROUP BY d.batch_id, d.beneficiary, d.code HAVING sum(d.amount_vnd) = $2)
"""


@dataclass(frozen=True, slots=True)
class FoundRefund:
    """Where a refund lives."""

    refund_id: str
    order_id: str | None
    receipt_id: str


@dataclass(frozen=True, slots=True)
class Home:
    """Where a receipt lives now."""

    order_id: str | None
    key: str


async def home_of(connection: Connection, receipt_id: str) -> Home | None:
    """The order and key of a receipt, read without a lock; None for an unknown receipt."""
    row = await _HOME.one(connection, id=UUID(receipt_id))
    return Home(str(row["order_id"]) if row["order_id"] else None, row["key"]) if row is not None else None


async def receipt_of_key(connection: Connection, key: str) -> str | None:
    """The id of the receipt with this key, if it has come."""
    found = await _ID_OF_KEY.value(connection, key=key)
    return str(found) if found else None


async def order_of_receipt(connection: Connection, key: str) -> str | None:
    """The order a receipt is counted in, if the receipt is known and has one."""
    found = await _ORDER_OF_RECEIPT.value(connection, key=key)
    return str(found) if found else None


async def refund_by_ref(connection: Connection, ref: str) -> FoundRefund | None:
    """The refund we gave this reference."""
    row = await _REFUND_BY_REF.one(connection, ref=ref)
    if row is None:
        return None
    return FoundRefund(str(row["id"]), str(row["order_id"]) if row["order_id"] else None, str(row["receipt_id"]))


async def orders_concerned(
    connection: Connection,
    *,
    bank: str,
    merchant: str,
    refs: AbstractSet[str],
    keys: AbstractSet[str],
    refund_refs: AbstractSet[str],
) -> frozenset[str]:
    """The orders of these attempts, and those in which these receipts and refunds live now; read without a lock."""
    rows = await _CONCERNED.all(
        connection, bank=bank, merchant=merchant, refs=list(refs), keys=list(keys), refund_refs=list(refund_refs)
    )
    return frozenset(str(row["order_id"]) for row in rows if row["order_id"])


async def dispute_status(connection: Connection, bank: str, dispute_id: str) -> str | None:
    """The latest booked news of a dispute."""
    status: str | None = await _DISPUTE.value(connection, bank=bank, id=dispute_id)
    return status


async def keep_dispute(connection: Connection, bank: str, seen: DisputeSeen, receipt_id: str) -> None:
    """Remember how far a dispute got; an ended one stays ended."""
    await _KEEP_DISPUTE.run(
        connection,
        bank=bank,
        dispute_id=seen.dispute_id,
        receipt_id=UUID(receipt_id),
        status=seen.status.value,
        amount_vnd=seen.amount_vnd,
    )


async def is_ordered_debit(connection: Connection, account: str, amount_vnd: int) -> bool:
    """Whether a refund by transfer or a payout of exactly this sum is on its way from, or has left, an account."""
    return bool(await connection.fetchval(_ORDERED_DEBIT, account, amount_vnd))


async def mark_held_reversal(connection: Connection, attempt_id: str) -> None:
    """Note on the attempt that a reversal came before its receipt."""
    await _HOLD.run(connection, attempt=UUID(attempt_id))


async def live_order_of(connection: Connection, obligation_ids: list[str], *, besides: str) -> str | None:
    """The oldest live order that pays exactly these obligations."""
    wanted = sorted(UUID(item) for item in obligation_ids)
    found = await _LIVE_ORDER_OF.value(connection, besides=UUID(besides), first=wanted[0], all=wanted)
    return str(found) if found else None
