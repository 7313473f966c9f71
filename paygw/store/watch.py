"""What stands in the records and should not stand there for long: doubted transfers, claims, conflicts, debts."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from asyncpg import Connection

from paygw.store.engine import ask_long

# What observers told of an account and no receipt is known to be; a receipt of the same amount nearby is named.
_WAITING = """
SELECT o.observer || ':' || o.id AS subject, o.day, coalesce(o.reference, '') AS ref, o.alias AS bank_txn_id,
    o.amount_vnd, (SELECT count(*) FROM account_credits c WHERE c.account = o.account AND c.amount_vnd = o.amount_vnd
        AND coalesce(c.seen_day, c.claim_day) BETWEEN o.day - 2 AND o.day + 2)::int AS near
FROM account_observations o WHERE o.account = $1 AND o.credit_key IS NULL ORDER BY o.day, 1
"""
# The highest figure a provider asserted of an attempt beside what has landed of it since.
_ASSERTED = """
SELECT a.ref, c.total_vnd, coalesce((SELECT sum(r.amount_vnd) FROM receipts r WHERE r.attempt_id = a.id), 0)::bigint
        AS known_vnd, (c.opened_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day, c.keys
FROM attempts a JOIN (
    SELECT attempt_id, max(split_part(key, ':', 3)::bigint) AS total_vnd, min(opened_at) AS opened_at,
        array_agg(key ORDER BY key) AS keys
    FROM cases WHERE kind = 'assertion' AND status = 'open' GROUP BY 1
) c ON c.attempt_id = a.id
WHERE a.bank = $1 ORDER BY a.ref
"""
_CONFLICTS = """
SELECT r.id::text AS subject, r.value_date AS day, coalesce(a.ref, '') AS ref, coalesce(r.bank_txn_id, '')
        AS bank_txn_id, r.amount_vnd, coalesce(c.detail, 'its money is frozen') AS detail
FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id LEFT JOIN cases c ON c.key = 'conflict:' || r.id
WHERE r.bank = $1 AND r.conflict
UNION ALL
SELECT c.key, (c.opened_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, '', split_part(c.key, ':', 3), NULL, c.detail
FROM cases c WHERE c.kind = 'conflict' AND c.status = 'open' AND c.receipt_id IS NULL
    AND split_part(c.key, ':', 2) = ANY ($2::text[])
ORDER BY 1
"""
# By receipt what a named party has to give back; and what an account is owed for fees, the oldest not topped up.
_DEBTS = """
WITH owing AS (
    SELECT r.id FROM receipts r WHERE r.bank = $1 AND (r.claim_vnd > 0 OR r.recoveries <> '[]')
    UNION SELECT f.receipt_id FROM refunds f JOIN receipts r ON r.id = f.receipt_id
        WHERE r.bank = $1 AND (f.status = 'approved' OR f.void)
), charged AS (
    SELECT m.holding, m.booked_at, sum(m.amount_vnd) OVER (ORDER BY m.booked_at, m.key) AS vnd
    FROM movements m WHERE m.holding = 'H:bank:' || $2 AND m.event IN ('fee_kept', 'bank_charge')
), topped AS (
    SELECT coalesce(sum(amount_vnd), 0) AS vnd FROM movements
    WHERE holding = 'H:bank:' || $2 AND event = 'fee_topped_up'
)
SELECT l.account, l.receipt_id::text AS subject, sum(l.amount_vnd)::bigint AS amount_vnd, min(l.booked_at) AS since
FROM ledger l JOIN owing o ON o.id = l.receipt_id
WHERE (l.account LIKE 'RB:%' AND l.account NOT LIKE '%:held') OR l.account LIKE 'CLAIM:%'
GROUP BY 1, 2 HAVING sum(l.amount_vnd) > 0 AND min(l.booked_at) <= $3
UNION ALL
SELECT 'DUE:operator', c.holding, (max(c.vnd) - max(t.vnd))::bigint, min(c.booked_at)
FROM charged c, topped t WHERE c.vnd > t.vnd GROUP BY 2 HAVING min(c.booked_at) <= $3
ORDER BY 1, 2
"""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An observation that is no receipt; `near` counts receipts of its account and amount within two days."""

    subject: str
    day: date
    ref: str
    bank_txn_id: str
    amount_vnd: int
    near: int


class Asserted(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's cumulative figure of an attempt, what has landed of it, and the open cases that say so."""

    ref: str
    total_vnd: int
    known_vnd: int
    day: date
    keys: list[str]


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt frozen by a contradiction, or an observer's word that contradicts itself (no amount then)."""

    subject: str
    day: date
    ref: str
    bank_txn_id: str
    amount_vnd: int | None
    detail: str


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """What a party (`account`) has to give back, of which receipt or to which account, since when."""

    account: str
    subject: str
    amount_vnd: int
    since: datetime


async def waiting_observations(connection: Connection, account: str) -> list[Waiting]:
    """All observations of an account that wait."""
    return [msgspec.convert(dict(row), Waiting) for row in await ask_long(connection, _WAITING, account)]


async def asserted_totals(connection: Connection, bank: str) -> list[Asserted]:
    """Every attempt of a bank with open assertion cases."""
    return [msgspec.convert(dict(row), Asserted) for row in await ask_long(connection, _ASSERTED, bank)]


async def conflicts(connection: Connection, bank: str, observers: Sequence[str]) -> list[Conflict]:
    """Frozen receipts of a bank, and contradictions of the observers of its account."""
    rows = await ask_long(connection, _CONFLICTS, bank, list(observers))
    return [msgspec.convert(dict(row), Conflict) for row in rows]


async def old_debts(connection: Connection, bank: str, account: str, before: datetime) -> list[Debt]:
    """What was to be given back by parties to money of a bank or its account, owed since `before` or longer."""
    return [msgspec.convert(dict(row), Debt) for row in await ask_long(connection, _DEBTS, bank, account, before)]
