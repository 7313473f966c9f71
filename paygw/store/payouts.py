"""Payees, proposed payout batches, what can be paid out, and how long money has waited."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

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
_PROPOSE = """
INSERT INTO payouts (batch_id, account, content, content_hash, total_vnd, status, proposed_by, proposed_via,
    proposed_at)
VALUES ($1, $2, $3, $4, $5, 'proposed', $6, $7, $8)
"""
_DECIDE = """
UPDATE payouts SET status = $2, decided_by = $3, decided_at = $4 WHERE batch_id = $1 AND status = 'proposed'
"""
_EXPORTED = """
UPDATE payouts SET status = 'exported', exported_at = $2, export_digest = $3
WHERE batch_id = $1 AND (status = 'approved' OR (status = 'exported' AND export_digest = $3))
"""
_WAITING = """
SELECT s.beneficiary, coalesce(r.holder, r.account) AS stands_with, min(r.value_date) AS oldest, count(*) AS slices,
    sum(s.live_vnd - s.disbursed_vnd)::bigint AS vnd, p.remit_every, p.remit_by, p.basis
FROM slices s JOIN receipts r ON r.id = s.receipt_id LEFT JOIN payees p ON p.beneficiary = s.beneficiary
WHERE s.live_vnd > s.disbursed_vnd AND r.settled
GROUP BY 1, 2, p.remit_every, p.remit_by, p.basis ORDER BY 1, 2
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Where a beneficiary's money goes and by when; set by one person, checked by another."""

    beneficiary: str
    name: str
    account: str
    bank_code: str
    treasury_unit: str
    collecting_office: str
    remit_every: str
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


async def payable(
    connection: Connection, account: str, *, beneficiary: str | None, until: date, limit: int
) -> list[Payable]:
    """Slices that can be paid out of an account, by payee and budget code."""
    rows = await connection.fetch(_PAYABLE, account, beneficiary, until, limit)
    return [msgspec.convert(dict(row), Payable) for row in rows]


async def propose(  # noqa: PLR0913 - one parameter per column
    connection: Connection,
    *,
    batch_id: str,
    account: str,
    content: str,
    digest: str,
    total_vnd: int,
    by: str,
    via: str,
    at: datetime,
) -> None:
    """Keep a proposed batch."""
    await connection.execute(_PROPOSE, UUID(batch_id), account, content, digest, total_vnd, by, via, at)


async def find_payout(connection: Connection, batch_id: UUID) -> Record | None:
    """One batch."""
    return await connection.fetchrow("SELECT * FROM payouts WHERE batch_id = $1", batch_id)


async def lock_payout(connection: Connection, batch_id: UUID) -> Record | None:
    """The same, locked."""
    return await connection.fetchrow("SELECT * FROM payouts WHERE batch_id = $1 FOR UPDATE", batch_id)


async def list_payouts(connection: Connection, limit: int) -> list[Record]:
    """The latest batches with how far their instructions are."""
    rows: list[Record] = await connection.fetch(
        "SELECT p.batch_id, p.account, p.total_vnd, p.status, p.content_hash, p.proposed_by, p.decided_by, "
        "(SELECT count(*) FROM disbursements d WHERE d.batch_id = p.batch_id AND d.status = 'sent') AS sent, "
        "(SELECT count(*) FROM disbursements d WHERE d.batch_id = p.batch_id AND d.status = 'confirmed') AS confirmed, "
        "(SELECT count(*) FROM disbursements d WHERE d.batch_id = p.batch_id AND d.status = 'returned') AS returned "
        "FROM payouts p ORDER BY p.proposed_at DESC, p.batch_id LIMIT $1",
        limit,
    )
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


async def waiting_for_owners(connection: Connection) -> list[Record]:
    """Settled money that has not reached its owner, by beneficiary and where it stands."""
    rows: list[Record] = await connection.fetch(_WAITING)
    return rows
