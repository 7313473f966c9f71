"""What the night reads of the books: rows to be matched, what no file has told, what portals have not applied."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Final

import msgspec
from asyncpg import Connection, Record

from paygw.store.engine import ask_long

# Everything that moved at a bank around a day, and what a file names of other days. A refund's day is the day its
# confirmation was booked. The line by which a statement claimed a receipt is another name of its transaction.
_RECEIPTS: Final = """
SELECT coalesce(a.ref, '') AS ref, coalesce(r.bank_txn_id, '') AS bank_txn_id, 'payment' AS kind, r.amount_vnd,
    'succeeded' AS status, r.received_at AS occurred_at, r.id::text AS subject,
    array_remove(array_append({aliases}, coalesce(c.body #>> '{{claim,line,reference}}',
        'line:' || (c.body #>> '{{claim,line,id}}'))), NULL) AS aliases,
    CASE WHEN r.home = 'account' THEN coalesce(c.claim_day <> {day}, false)
        ELSE EXISTS (SELECT FROM settlement_lines x WHERE x.receipt_id = r.id AND x.kind = 'receipt'
            AND split_part(x.batch, '.', 1) <> to_char({day}, 'YYYY-MM-DD')) END AS told
FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id
    LEFT JOIN account_credits c ON c.key = r.key AND r.home = 'account'
WHERE r.bank = $1 AND {which}
"""
_REVERSALS: Final = """
SELECT coalesce(a.ref, v.attempt_ref, '') AS ref, coalesce(v.bank_txn_id, '') AS bank_txn_id, 'reversal' AS kind,
    v.amount_vnd, 'succeeded' AS status, v.occurred_at, v.reversal_id AS subject, '{{}}'::text[] AS aliases,
    false AS told
FROM reversals v JOIN receipts r ON r.key = v.receipt_key LEFT JOIN attempts a ON a.id = r.attempt_id
WHERE v.bank = $1 AND r.taken_back_by = v.reversal_id AND {which}
"""
_REFUNDS: Final = """
SELECT f.ref, '' AS bank_txn_id, 'refund' AS kind, f.amount_vnd - f.body_paid_vnd AS amount_vnd,
    CASE WHEN l.key LIKE 'rf-back:%' THEN 'reversed' ELSE 'succeeded' END AS status, l.booked_at AS occurred_at,
    f.id::text AS subject, '{{}}'::text[] AS aliases, false AS told
FROM refunds f JOIN receipts r ON r.id = f.receipt_id
    JOIN ledger l ON {joined} AND l.n = 0 AND l.rule IN ('10', '10b')
WHERE r.bank = $1 AND f.route = 'provider' AND {which}
"""
_AROUND: Final = (  # a span of the column itself, for its index
    "{at} >= ($2::date - 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' "
    "AND {at} < ($2::date + 2)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'"
)
_BOOK: Final = " UNION ALL ".join(
    (
        _RECEIPTS.format(
            aliases="'{}'::text[]", day="$2::date", which="r.value_date BETWEEN $2::date - 1 AND $2::date + 1"
        ),
        _REVERSALS.format(which=_AROUND.format(at="v.occurred_at")),
        _REFUNDS.format(joined="l.refund_id = f.id", which=_AROUND.format(at="l.booked_at")),
    )
)
# $2: our references, $3: the bank's transactions, as lines of the day $4 name them and the days around do not have.
_NAMED: Final = " UNION ALL ".join(
    (
        _RECEIPTS.format(
            aliases="""(SELECT coalesce(array_agg(x.alias), '{}') FROM receipt_aliases x
                JOIN banks b ON b.id = x.observer WHERE x.alias = ANY ($3::text[]) AND x.receipt_id = r.id)""",
            day="$4::date",
            which="""r.id IN (
                SELECT n.id FROM receipts n WHERE n.bank = $1 AND n.bank_txn_id = ANY ($3::text[])
                UNION SELECT n.id FROM attempts m JOIN receipts n ON n.order_id = m.order_id AND n.attempt_id = m.id
                    WHERE m.bank = $1 AND m.ref = ANY ($2::text[])
                UNION SELECT x.receipt_id FROM receipt_aliases x JOIN banks b ON b.id = x.observer
                    WHERE x.alias = ANY ($3::text[]))""",
        ),
        _REVERSALS.format(which="v.bank_txn_id = ANY ($3::text[])"),
        _REFUNDS.format(joined="l.key IN ('rf-ok:' || f.id, 'rf-back:' || f.id)", which="f.ref = ANY ($2::text[])"),
    )
)
_PENDING = """
SELECT a.ref, '' AS bank_txn_id, 'payment' AS kind, a.amount_vnd,
    CASE WHEN a.status IN ('failed', 'cancelled', 'expired') THEN 'failed' ELSE 'pending' END AS status,
    a.created_at AS occurred_at, a.id::text AS subject, '{}'::text[] AS aliases, false AS told
FROM attempts a WHERE a.bank = $1 AND a.ref = ANY ($2::text[])
    AND NOT EXISTS (SELECT FROM receipts r WHERE r.attempt_id = a.id)
UNION ALL
SELECT f.ref, '', 'refund', f.amount_vnd - f.body_paid_vnd, 'pending', f.created_at, f.id::text, '{}'::text[], false
FROM refunds f JOIN receipts r ON r.id = f.receipt_id
WHERE r.bank = $1 AND f.ref = ANY ($2::text[]) AND f.status IN ('approved', 'funded', 'sending', 'failed')
"""
# Money a provider still has to pass on, told by no file although its day's file was read long ago. What a file told and
# cannot be settled (another amount, another reference, nobody's order) is a break or a case of its own.
_UNTOLD = """
SELECT r.id::text AS subject, coalesce(a.ref, '') AS ref, coalesce(r.bank_txn_id, '') AS bank_txn_id, r.amount_vnd,
    r.value_date AS day
FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id
WHERE r.bank = $1 AND r.home = 'provider' AND NOT r.settled AND r.taken_back_vnd < r.amount_vnd
    AND r.value_date BETWEEN $2::date - 60 AND $3::date
    AND EXISTS (SELECT FROM night_readings f WHERE f.bank = r.bank AND f.day = r.value_date AND f.kind = 'settlement')
    AND NOT EXISTS (SELECT FROM night_lines l WHERE l.bank = r.bank AND l.bank_txn_id = r.bank_txn_id
        AND l.kind = 'settlement' AND l.movement = 'payment' AND l.status IN ('succeeded', 'reversed'))
ORDER BY r.value_date, r.id
"""
_UNAPPLIED_PORTALS = """
SELECT DISTINCT o.id::text AS order_id, o.portal_id, o.reference, o.amount_vnd
FROM receipts r JOIN orders o ON o.id = r.order_id
WHERE r.bank = $1 AND r.value_date = $2 AND o.status = 'paid' AND o.applied_at IS NULL
    AND EXISTS (SELECT FROM events e WHERE e.order_id = o.id AND e.type = 'order.paid' AND e.created_at < $3)
ORDER BY 1
"""
_UNAPPLIED_OLD = """
SELECT r.id::text AS subject, coalesce(r.bank_txn_id, '') AS bank_txn_id, r.free_vnd + r.refund_due_vnd AS amount_vnd,
    r.reason, r.value_date AS day
FROM receipts r WHERE r.bank = $1 AND (r.free_vnd > 0 OR r.refund_due_vnd > 0) AND r.value_date <= $2 ORDER BY r.id
"""
_HOLDER = """
SELECT b.collecting_body FROM orders o, jsonb_array_elements(o.lines) WITH ORDINALITY x(line, n)
JOIN obligations b ON b.id = (x.line->>'obligation_id')::uuid
WHERE o.id = (SELECT a.order_id FROM attempts a WHERE a.bank = $1 AND a.ref = $2 LIMIT 1) ORDER BY x.n LIMIT 1
"""
_BATCHES = """
SELECT batch, holding, lines_vnd, fee_vnd, net_vnd, status FROM settlements
WHERE bank = $1 AND (batch = $2 OR batch LIKE $2 || '.%') ORDER BY batch
"""


class BookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the book; `subject` is what it is here: a receipt, reversal, refund or attempt."""

    ref: str
    bank_txn_id: str
    kind: str
    amount_vnd: int
    status: str
    occurred_at: datetime
    subject: str
    aliases: tuple[str, ...]
    told: bool


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """Money we booked and no file has told."""

    subject: str
    ref: str
    bank_txn_id: str
    amount_vnd: int
    day: date


class Unapplied(msgspec.Struct, frozen=True, kw_only=True):
    """A paid order its portal has not applied."""

    order_id: str
    portal_id: str
    reference: str
    amount_vnd: int


class Stale(msgspec.Struct, frozen=True, kw_only=True):
    """Unapplied money older than its limit."""

    subject: str
    bank_txn_id: str
    amount_vnd: int
    reason: str
    day: date


class BatchRead(msgspec.Struct, frozen=True, kw_only=True):
    """A closed settlement batch of a day."""

    batch: str
    holding: str
    lines_vnd: int
    fee_vnd: int
    net_vnd: int
    status: str


async def book_around(
    connection: Connection, bank: str, day: date, *, refs: Collection[str] = (), txns: Collection[str] = ()
) -> list[BookRow]:
    """Rows of the day and its neighbours; what lines name of other days; and the attempts without money they name."""
    rows = _rows(await ask_long(connection, _BOOK, bank, day))
    strange_refs = set(refs) - {row.ref for row in rows}
    strange_txns = set(txns) - {row.bank_txn_id for row in rows}
    if strange_refs or strange_txns:
        there = {(row.kind, row.subject, row.status) for row in rows}
        named = _rows(await ask_long(connection, _NAMED, bank, sorted(strange_refs), sorted(strange_txns), day))
        rows += [row for row in named if (row.kind, row.subject, row.status) not in there]
    return rows + _rows(await ask_long(connection, _PENDING, bank, sorted(refs)))


def _rows(records: Iterable[Record]) -> list[BookRow]:
    return [msgspec.convert(dict(row), BookRow) for row in records]


async def untold(connection: Connection, bank: str, day: date, until: date) -> list[Untold]:
    """Receipts of up to `until` (T+2) that no settlement file has told."""
    return [msgspec.convert(dict(row), Untold) for row in await ask_long(connection, _UNTOLD, bank, day, until)]


async def unapplied_at_portals(connection: Connection, bank: str, day: date, before: datetime) -> list[Unapplied]:
    """Orders paid by this bank's money of a day whose news is older than `before`, not applied yet."""
    rows = await ask_long(connection, _UNAPPLIED_PORTALS, bank, day, before)
    return [msgspec.convert(dict(row), Unapplied) for row in rows]


async def stale_unapplied(connection: Connection, bank: str, until: date) -> list[Stale]:
    """Unapplied money that landed on `until` or before."""
    return [msgspec.convert(dict(row), Stale) for row in await ask_long(connection, _UNAPPLIED_OLD, bank, until)]


async def body_of_attempt(connection: Connection, bank: str, ref: str) -> str | None:
    """The collecting body of the first line of the order an attempt pays: whose account it is in routing."""
    found: str | None = await connection.fetchval(_HOLDER, bank, ref)
    return found


async def attempt_of_refund(connection: Connection, refund_ref: str) -> str | None:
    """Our reference of the attempt whose money a refund gives back."""
    found: str | None = await connection.fetchval(
        "SELECT a.ref FROM refunds f JOIN receipts r ON r.id = f.receipt_id JOIN attempts a ON a.id = r.attempt_id "
        "WHERE f.ref = $1",
        refund_ref,
    )
    return found


async def batches_of(connection: Connection, bank: str, day: date) -> list[BatchRead]:
    """The closed batches of a day."""
    return [msgspec.convert(dict(row), BatchRead) for row in await connection.fetch(_BATCHES, bank, day.isoformat())]
