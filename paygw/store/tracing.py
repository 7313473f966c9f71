"""Any đồng from the bank's line to the beneficiary: all that bears a receipt's names, in one statement."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

# $1 is any name: a uuid (order, receipt, refund, attempt, payout batch), a bank's reference, our attempt or refund
# reference, a portal's reference or a dossier code. All of it is found through the receipts it leads to.
_TRACE = """
WITH uid AS (SELECT CASE WHEN $1 ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN $1::uuid END AS id),
wanted_orders AS (
    SELECT o.id FROM orders o, uid WHERE o.id = uid.id OR o.reference = $1
    UNION SELECT x.order_id FROM obligations b JOIN order_lines x ON x.obligation_id = b.id WHERE b.dossier_code = $1
    UNION SELECT a.order_id FROM attempts a, uid WHERE a.id = uid.id OR a.ref = $1
), wanted AS (
    SELECT r.id FROM receipts r, uid WHERE r.id = uid.id OR r.bank_txn_id = $1
    UNION SELECT receipt_id FROM receipt_aliases WHERE alias = $1
    UNION SELECT r.id FROM receipts r JOIN wanted_orders w ON w.id = r.order_id
    UNION SELECT f.receipt_id FROM refunds f, uid WHERE f.id = uid.id OR f.ref = $1
    UNION SELECT d.receipt_id FROM disbursements d, uid WHERE d.batch_id = uid.id
    UNION SELECT d.receipt_id FROM disbursements d WHERE (d.batch_id, d.beneficiary, d.code) = ($2::uuid, $3, $4)
), names AS (
    SELECT w.id AS receipt_id, a.ref AS name FROM wanted w JOIN receipts r ON r.id = w.id
        JOIN attempts a ON a.id = r.attempt_id
    UNION SELECT w.id, r.bank_txn_id FROM wanted w JOIN receipts r ON r.id = w.id WHERE r.bank_txn_id IS NOT NULL
    UNION SELECT w.id, x.alias FROM wanted w JOIN receipt_aliases x ON x.receipt_id = w.id
    UNION SELECT w.id, f.ref FROM wanted w JOIN refunds f ON f.receipt_id = w.id
), lines AS (
    SELECT s.bank, s.day, s.kind, s.superseded_by IS NULL AS counts, l.line AS no, l.ref, l.bank_txn_id,
        l.kind AS movement, l.direction, l.amount_vnd, l.status, l.booked_at AS occurred_at, l.file_id
    FROM file_lines l JOIN file_statements s ON (s.file_id, s.n) = (l.file_id, l.statement_n)
    WHERE l.bank_txn_id = $1 OR l.ref = $1 OR l.bank_txn_id IN (SELECT name FROM names)
        OR l.ref IN (SELECT name FROM names)
)
SELECT jsonb_build_object(
    'bank_lines', coalesce((SELECT jsonb_agg(jsonb_build_object('bank', bank, 'day', day, 'file', kind, 'line', no,
        'ref', ref, 'bank_txn_id', bank_txn_id, 'kind', movement, 'direction', direction, 'amount_vnd', amount_vnd,
        'status', status, 'occurred_at', occurred_at, 'counts', counts) ORDER BY day, kind, no, file_id)
        FROM lines), '[]'),
    'orders', coalesce((SELECT jsonb_agg(jsonb_build_object('id', o.id, 'portal', o.portal_id, 'reference', o.reference,
        'status', o.status, 'amount_vnd', o.amount_vnd, 'applied_at', o.applied_at) ORDER BY o.id) FROM orders o
        WHERE o.id IN (SELECT id FROM wanted_orders)
            OR o.id IN (SELECT r.order_id FROM receipts r JOIN wanted w ON w.id = r.id)), '[]'),
    'receipts', coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'key', r.key, 'bank', r.bank,
        'bank_txn_id', r.bank_txn_id, 'order_id', r.order_id, 'amount_vnd', r.amount_vnd, 'free_vnd', r.free_vnd,
        'refund_due_vnd', r.refund_due_vnd, 'taken_back_vnd', r.taken_back_vnd, 'settled', r.settled,
        'holder', r.holder, 'account', r.account, 'value_date', r.value_date,
        'slices', (SELECT coalesce(jsonb_agg(jsonb_build_object('line', s.line_no, 'beneficiary', s.beneficiary,
            'code', s.code, 'live_vnd', s.live_vnd, 'disbursed_vnd', s.disbursed_vnd)
            ORDER BY s.line_no, s.beneficiary, s.code), '[]') FROM slices s WHERE s.receipt_id = r.id),
        'refunds', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'ref', f.ref, 'status', f.status,
            'amount_vnd', f.amount_vnd, 'source', f.source) ORDER BY f.id), '[]')
            FROM refunds f WHERE f.receipt_id = r.id)
        ) ORDER BY r.booked_at, r.id) FROM receipts r JOIN wanted w ON w.id = r.id), '[]'),
    'settlements', coalesce((SELECT jsonb_agg(jsonb_build_object('bank', x.bank, 'batch', x.batch, 'line', x.line,
        'kind', x.kind, 'amount_vnd', x.amount_vnd, 'into', x.holding) ORDER BY x.booked_at, x.line)
        FROM settlement_lines x JOIN wanted w ON w.id = x.receipt_id), '[]'),
    'payouts', coalesce((SELECT jsonb_agg(jsonb_build_object('batch', d.batch_id, 'no', d.no, 'status', d.status,
        'beneficiary', d.beneficiary, 'code', d.code, 'amount_vnd', d.amount_vnd, 'from', d.account)
        ORDER BY d.batch_id, d.no) FROM disbursements d JOIN wanted w ON w.id = d.receipt_id), '[]'),
    'ledger', coalesce((SELECT jsonb_agg(jsonb_build_object('seq', l.seq, 'key', l.key, 'row', l.rule,
        'account', l.account, 'amount_vnd', l.amount_vnd, 'booked_at', l.booked_at) ORDER BY l.seq) FROM (
            SELECT l.* FROM ledger l WHERE l.receipt_id IN (SELECT id FROM wanted)
            UNION SELECT l.* FROM ledger l WHERE l.key IN (SELECT format('dsb-%s:%s:%s', e, d.batch_id, d.no)
                FROM disbursements d JOIN wanted w ON w.id = d.receipt_id,
                unnest(ARRAY['ok', 'ret', 'back', 'again']) e)) l), '[]'),
    'breaks', coalesce((SELECT jsonb_agg(jsonb_build_object('id', b.id, 'kind', b.kind, 'status', b.status,
        'detail', b.detail) ORDER BY b.opened_at, b.id) FROM breaks b WHERE b.bank_txn_id = $1 OR b.ref = $1
        OR b.receipt_id IN (SELECT id FROM wanted) OR b.bank_txn_id IN (SELECT name FROM names)), '[]')
)::text
"""

_NAMES = """
SELECT a.ref AS attempt_ref, r.bank_txn_id FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id
WHERE r.bank = $1 AND ($2::text IS NOT NULL OR $3::text IS NOT NULL) AND ($2::text IS NULL OR a.ref = $2)
    AND ($3::text IS NULL OR r.bank_txn_id = $3
        OR EXISTS (SELECT FROM receipt_aliases x WHERE x.receipt_id = r.id AND x.alias = $3)) LIMIT 2
"""


async def names_of_payment(
    connection: Connection, bank: str, attempt_ref: str | None, bank_txn_id: str | None
) -> list[Record]:
    """Both names (`attempt_ref`, `bank_txn_id`) of the payments of a bank that bear these; two at most."""
    rows: list[Record] = await connection.fetch(_NAMES, bank, attempt_ref, bank_txn_id)
    return rows


async def trace(connection: Connection, name: str, paid_out: tuple[UUID, str, str] | None = None) -> dict[str, Any]:
    """Everything under a name, by layer; all lists empty for a name nobody knows.

    `paid_out` is what a payment order paid: batch, beneficiary, budget code.
    """
    batch, beneficiary, code = paid_out or (None, None, None)
    found = await connection.fetchval(_TRACE, name, batch, beneficiary, code)
    return msgspec.json.decode(found, type=dict[str, Any])


async def payout_of_line(connection: Connection, bank_txn_id: str) -> tuple[UUID, int] | None:
    """The batch and the number of the payment order a bank's line told of."""
    row = await connection.fetchrow(
        "SELECT batch_id, order_no FROM payout_lines WHERE bank_txn_id = $1 ORDER BY told_at DESC LIMIT 1", bank_txn_id
    )
    return (row["batch_id"], row["order_no"]) if row is not None else None
