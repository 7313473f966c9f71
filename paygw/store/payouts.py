"""Payees, batches of payment orders and what statements told of them, what can be paid out, how long money waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

from paygw.kernel.remitting import Every
from paygw.store.engine import ask_long

_SET_PAYEE = """
INSERT INTO payees (beneficiary, name, account, bank_code, treasury_unit, collecting_office, remit_every, remit_by,
    basis, set_by, checked_by, set_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT ON CONSTRAINT payees_pk DO UPDATE SET name = $2, account = $3, bank_code = $4, treasury_unit = $5,
    collecting_office = $6, remit_every = $7, remit_by = $8, basis = $9, set_by = $10, checked_by = $11, set_at = $12
"""
_PAYABLE = """
SELECT s.receipt_id::text, s.order_id::text, s.line_no, s.beneficiary, s.code,
    s.live_vnd - s.disbursed_vnd AS amount_vnd, r.value_date
FROM slices s JOIN receipts r ON r.id = s.receipt_id
WHERE s.live_vnd > s.disbursed_vnd AND r.settled AND r.account = $1 AND r.holder IS NULL AND NOT r.conflict
    AND r.dispute_vnd = 0 AND ($2::text IS NULL OR s.beneficiary = $2) AND r.value_date <= $3
    AND NOT EXISTS (SELECT FROM settlement_lines x JOIN settlements t ON (t.bank, t.batch) = (x.bank, x.batch)
        WHERE x.receipt_id = r.id AND t.status = 'differs')
ORDER BY s.beneficiary, s.code, r.value_date, s.receipt_id, s.order_id, s.line_no LIMIT $4
"""
_HELD = """
SELECT s.receipt_id::text, s.line_no, s.beneficiary, s.code, s.live_vnd - s.disbursed_vnd AS amount_vnd
FROM slices s JOIN receipts r ON r.id = s.receipt_id
WHERE r.holder = $1 AND s.beneficiary = $2 AND s.live_vnd > s.disbursed_vnd AND r.settled AND NOT r.conflict
    AND r.dispute_vnd = 0 AND r.value_date <= $3
ORDER BY r.value_date, s.receipt_id, s.line_no, s.code LIMIT $4
"""
_PROPOSE = """
INSERT INTO payouts (batch_id, kind, account, content, content_hash, total_vnd, status, proposed_by, proposed_via,
    proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, 'proposed', $7, $8, $9)
"""
_CAME_BACK = """
SELECT no, receipt_id::text, order_id::text, line_no, beneficiary, code, amount_vnd - reused_vnd AS amount_vnd
FROM disbursements WHERE batch_id = $1 AND beneficiary = $2 AND code = $3 AND status = 'returned'
    AND reused_vnd < amount_vnd ORDER BY no
"""
_KEEP_LINE = """
INSERT INTO payout_lines (batch_id, order_no, direction, bank, day, bank_txn_id, told_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_DECIDE = """
UPDATE payouts SET status = $2, decided_by = $3, decided_at = $4 WHERE batch_id = $1 AND status = 'proposed'
"""
_EXPORTED = """
UPDATE payouts SET status = 'exported', exported_at = $2, export_digest = $3
WHERE batch_id = $1 AND (status = 'approved' OR (status = 'exported' AND export_digest = $3))
"""
_LIST = """
SELECT p.batch_id, p.kind, p.account, p.total_vnd, p.status, p.content_hash, p.proposed_by, p.decided_by, c.*
FROM payouts p CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'sent') AS sent, count(*) FILTER (WHERE state = 'confirmed') AS confirmed,
        count(*) FILTER (WHERE state = 'returned') AS returned
    FROM (
        SELECT d.status AS state FROM disbursements d WHERE d.batch_id = p.batch_id
        UNION ALL
        SELECT CASE f.status WHEN 'sending' THEN 'sent' WHEN 'succeeded' THEN 'confirmed'
            WHEN 'failed' THEN 'returned' ELSE f.status END
        FROM jsonb_array_elements(p.content::jsonb -> 'refunds') x JOIN refunds f ON f.id = (x->>'refund_id')::uuid
    ) entries
) c ORDER BY p.proposed_at DESC, p.batch_id DESC LIMIT $1
"""
_WAITING = """
SELECT beneficiary, code, stands_with, min(value_date) AS oldest, count(*) AS slices, sum(vnd)::bigint AS vnd,
    coalesce(sum(vnd) FILTER (WHERE came_back), 0)::bigint AS came_back_vnd
FROM (
    SELECT s.beneficiary, s.code, coalesce(r.holder, r.account) AS stands_with, r.value_date,
        s.live_vnd - s.disbursed_vnd AS vnd, false AS came_back
    FROM slices s JOIN receipts r ON r.id = s.receipt_id WHERE s.live_vnd > s.disbursed_vnd AND r.settled
    UNION ALL
    SELECT d.beneficiary, d.code, d.account, r.value_date, d.amount_vnd - d.reused_vnd, true
    FROM disbursements d JOIN receipts r ON r.id = d.receipt_id
    WHERE d.status = 'returned' AND d.reused_vnd < d.amount_vnd
) waiting GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


class Payable(msgspec.Struct, frozen=True, kw_only=True):
    """One slice that can leave: settled, not frozen, its batch fitting the bank's credit."""

    receipt_id: str
    order_id: str
    line_no: int
    beneficiary: str
    code: str
    amount_vnd: int
    value_date: date


class CameBack(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a returned instruction."""

    no: int
    receipt_id: str
    order_id: str
    line_no: int
    beneficiary: str
    code: str
    amount_vnd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """A line of a statement that tells of a payment order: its debit left our account, its credit came back."""

    batch_id: UUID
    order_no: int
    direction: str
    bank: str
    day: date
    bank_txn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Where a beneficiary's money goes and by when; set by one person, checked by another."""

    beneficiary: str
    name: str
    account: str
    bank_code: str
    treasury_unit: str
    collecting_office: str
    remit_every: Every
    remit_by: int
    basis: str


async def set_payee(connection: Connection, payee: Payee, *, by: str, checked_by: str, at: datetime) -> None:
    """Keep or change a payee."""
    fields = [getattr(payee, name) for name in Payee.__slots__]
    await connection.execute(_SET_PAYEE, *fields, by, checked_by, at)


async def read_payees(connection: Connection) -> dict[str, Payee]:
    """All payees by beneficiary."""
    rows = await connection.fetch("SELECT * FROM payees ORDER BY beneficiary")
    return {row["beneficiary"]: Payee(**{name: row[name] for name in Payee.__slots__}) for row in rows}


async def list_payees(connection: Connection) -> list[Record]:
    """All payees with who set them and when."""
    rows: list[Record] = await connection.fetch("SELECT * FROM payees ORDER BY beneficiary")
    return rows


async def payees_set_after(connection: Connection, beneficiaries: Sequence[str], since: datetime) -> list[str]:
    """Of these the payees that were set or changed after a moment."""
    rows = await connection.fetch(
        "SELECT beneficiary FROM payees WHERE beneficiary = ANY ($1::text[]) AND set_at > $2 ORDER BY 1",
        list(beneficiaries), since,
    )  # fmt: skip
    return [row["beneficiary"] for row in rows]


async def payable(
    connection: Connection, account: str, *, beneficiary: str | None, until: date, limit: int
) -> list[Payable]:
    """Slices that can be paid out of an account, by payee and budget code."""
    rows = await ask_long(connection, _PAYABLE, account, beneficiary, until, limit)
    return [msgspec.convert(dict(row), Payable) for row in rows]


async def held_slices(
    connection: Connection, holder: str, beneficiary: str, until: date, *, limit: int
) -> list[dict[str, Any]]:
    """Slices of a beneficiary that stand with a holder (routing) and may be passed on, oldest first."""
    return [dict(row) for row in await ask_long(connection, _HELD, holder, beneficiary, until, limit)]


async def propose(  # noqa: PLR0913 - one parameter per column
    connection: Connection,
    *,
    batch_id: str,
    kind: str,
    account: str,
    content: str,
    digest: str,
    total_vnd: int,
    by: str,
    via: str,
    at: datetime,
) -> None:
    """Keep a proposed batch."""
    await connection.execute(_PROPOSE, UUID(batch_id), kind, account, content, digest, total_vnd, by, via, at)


async def find_payout(connection: Connection, batch_id: UUID) -> Record | None:
    """One batch."""
    return await connection.fetchrow("SELECT * FROM payouts WHERE batch_id = $1", batch_id)


async def lock_payout(connection: Connection, batch_id: UUID) -> Record | None:
    """The same, locked."""
    return await connection.fetchrow("SELECT * FROM payouts WHERE batch_id = $1 FOR UPDATE", batch_id)


async def list_payouts(connection: Connection, limit: int) -> list[Record]:
    """The latest batches with how far their entries are."""
    rows: list[Record] = await connection.fetch(_LIST, limit)
    return rows


async def decide(connection: Connection, batch_id: UUID, *, status: str, by: str, at: datetime) -> bool:
    """Approve or reject; False when somebody did before."""
    done: str = await connection.execute(_DECIDE, batch_id, status, by, at)
    return done.endswith(" 1")


async def mark_exported(connection: Connection, batch_id: UUID, *, digest: str, at: datetime) -> bool:
    """Note the one file of a batch; False when another was made of it."""
    done: str = await connection.execute(_EXPORTED, batch_id, at, digest)
    return done.endswith(" 1")


async def places_of(connection: Connection, batch_id: UUID, beneficiary: str, code: str, status: str) -> list[int]:
    """The numbers of a batch's instructions to one payee under one code in a state."""
    rows = await connection.fetch(
        "SELECT no FROM disbursements WHERE batch_id = $1 AND beneficiary = $2 AND code = $3 AND status = $4 "
        "ORDER BY no",
        batch_id,
        beneficiary,
        code,
        status,
    )
    return [row["no"] for row in rows]


async def came_back(connection: Connection, batch_id: UUID, beneficiary: str, code: str) -> list[CameBack]:
    """What of a batch to one payee under one code came back and has not gone elsewhere since."""
    rows = await connection.fetch(_CAME_BACK, batch_id, beneficiary, code)
    return [msgspec.convert(dict(row), CameBack) for row in rows]


async def find_by_head(connection: Connection, head: str) -> Record | None:
    """The batch whose id begins with these 26 hexadecimal digits."""
    low, high = UUID(hex=head + "0" * 6), UUID(hex=head + "f" * 6)
    return await connection.fetchrow("SELECT * FROM payouts WHERE batch_id BETWEEN $1 AND $2", low, high)


async def keep_line(connection: Connection, told: ToldLine, *, at: datetime) -> None:
    """Keep what a line told. Raises asyncpg.UniqueViolationError when the order, or the line, told that before."""
    place = (told.batch_id, told.order_no, told.direction, told.bank, told.day, told.bank_txn_id)
    await connection.execute(_KEEP_LINE, *place, at)


async def told_directions(connection: Connection, batch_id: UUID, order_no: int) -> frozenset[str]:
    """What statements told of an order: `debit` that it left, `credit` that it came back."""
    rows = await connection.fetch(
        "SELECT direction FROM payout_lines WHERE batch_id = $1 AND order_no = $2", batch_id, order_no
    )
    return frozenset(row["direction"] for row in rows)


async def told_lines(connection: Connection, bank: str, names: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Of these bank transactions those that told of payment orders, each with its direction."""
    rows = await connection.fetch(
        "SELECT bank_txn_id, direction FROM payout_lines WHERE bank = $1 AND bank_txn_id = ANY ($2::text[])",
        bank, list(names),
    )  # fmt: skip
    return frozenset((row["bank_txn_id"], row["direction"]) for row in rows)


async def waiting_for_owners(connection: Connection) -> list[Record]:
    """Settled money that has not reached its owner, or came back, by beneficiary, budget code and where it stands."""
    rows: list[Record] = await ask_long(connection, _WAITING)
    return rows
