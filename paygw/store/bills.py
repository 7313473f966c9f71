"""Bill collection: the order behind a payment code, and the first answer to each bank transaction."""

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 17))"
_ATTEMPT = "SELECT id, order_id FROM attempts WHERE bank = $1 AND merchant = $2 AND ref = $3"
_ANSWER = "SELECT content, result, receipt_no FROM bill_answers WHERE bank = $1 AND operation = $2 AND bank_txn_id = $3"
_ADD = """
INSERT INTO bill_answers (bank, operation, bank_txn_id, content, result, receipt_no, answered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CASH = """
SELECT r.id, r.amount_vnd, r.booked_at, r.taken_back_vnd, r.free_vnd + r.refund_due_vnd AS unapplied_vnd, o.status
FROM receipts r LEFT JOIN orders o ON o.id = r.order_id WHERE r.key = $1
"""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What a bank transaction was answered the first time."""

    content: str
    result: str
    receipt_no: str


@dataclass(frozen=True, slots=True)
class BillCash:
    """The receipt of a bank transaction. `order_status` is empty for money without order."""

    receipt_id: str
    amount_vnd: int
    booked_at: datetime
    taken_back: bool
    unapplied_vnd: int
    order_status: str


async def lock_transaction(connection: Connection, bank: str, bank_txn_id: str) -> None:
    """Serialise the calls about one transaction of a bank; taken before any order."""
    await connection.execute(_LOCK, f"{bank}|{bank_txn_id}")


async def attempt_of_code(connection: Connection, *, bank: str, merchant: str, code: str) -> tuple[str, str] | None:
    """The attempt and the order that a payment code names."""
    row = await connection.fetchrow(_ATTEMPT, bank, merchant, code)
    return (str(row["id"]), str(row["order_id"])) if row is not None else None


async def first_answer(connection: Connection, *, bank: str, operation: str, bank_txn_id: str) -> FirstAnswer | None:
    """The answer given before."""
    row = await connection.fetchrow(_ANSWER, bank, operation, bank_txn_id)
    return FirstAnswer(row["content"], row["result"], row["receipt_no"]) if row is not None else None


async def keep_answer(
    connection: Connection, answer: FirstAnswer, *, bank: str, operation: str, bank_txn_id: str, now: datetime
) -> None:
    """Keep the first answer, in the transaction that makes it true."""
    await connection.execute(_ADD, bank, operation, bank_txn_id, answer.content, answer.result, answer.receipt_no, now)


async def cash_of_key(connection: Connection, key: str) -> BillCash | None:
    """The money of a receipt key."""
    row = await connection.fetchrow(_CASH, key)
    if row is None:
        return None
    return BillCash(
        receipt_id=str(row["id"]),
        amount_vnd=row["amount_vnd"],
        booked_at=row["booked_at"],
        taken_back=row["taken_back_vnd"] > 0,
        unapplied_vnd=row["unapplied_vnd"],
        order_status=row["status"] or "",
    )
