"""The position proof: whose money stands where, from the ledger, and receipts against what statements credit.

A unit is a receipt with everything that became of it, or a posting that belongs to none. Within a unit every debit
balance (who holds) is matched with the credit balances (whose it is) in the order of the accounts; what finds no
partner is a surplus or a shortage. Postings that move value between units (netting) are balanced through `between`.
"""

from dataclasses import dataclass
from datetime import date, datetime

from asyncpg import Connection

from paygw.store.engine import ask_long

# $1: booked up to this moment; $2: as seen in this snapshot. Either may be null.
_ENTRIES = """
WITH entries AS MATERIALIZED (
    SELECT l.key, l.account, l.amount_vnd, coalesce(l.code, '') AS code,
        coalesce(l.receipt_id::text, d.receipt_id::text, l.key) AS unit,
        coalesce(r.bank || ':' || r.merchant, l.bank || ':' || l.merchant) AS merchant
    FROM ledger l
    LEFT JOIN disbursements d ON l.receipt_id IS NULL AND l.batch_id = d.batch_id::text
        AND split_part(l.key, ':', 3) = d.no::text
    LEFT JOIN receipts r ON r.id = coalesce(l.receipt_id, d.receipt_id)
    WHERE ($1::timestamptz IS NULL OR l.booked_at <= $1)
        AND ($2::text IS NULL OR pg_visible_in_snapshot(l.xid, $2::text::pg_snapshot))
), shared AS (
    SELECT key FROM entries GROUP BY key HAVING count(DISTINCT unit) > 1 AND sum(amount_vnd) = 0
), linked AS (
    SELECT unit, merchant, account, code, amount_vnd FROM entries
    UNION ALL
    SELECT unit, max(merchant), 'between', '', -sum(amount_vnd) FROM entries JOIN shared USING (key) GROUP BY unit, key
), stands AS (
    SELECT unit, trim(':' FROM max(merchant) OVER (PARTITION BY unit)) AS merchant, account, code, vnd FROM (
        SELECT unit, max(merchant) AS merchant, account,
            CASE WHEN account LIKE 'P:%' OR account LIKE 'PRET:%' OR account LIKE 'RB:%' THEN code ELSE '' END AS code,
            sum(amount_vnd) AS vnd
        FROM linked GROUP BY 1, 3, 4 HAVING sum(amount_vnd) <> 0
    ) sums
), sides AS (
    SELECT unit, merchant, account, code, vnd > 0 AS holds, abs(vnd) AS vnd FROM stands
    UNION ALL                                 -- a unit off balance gets a nobody on its lighter side
    SELECT unit, max(merchant), 'nobody', '', sum(vnd) < 0, abs(sum(vnd)) FROM stands GROUP BY unit HAVING sum(vnd) <> 0
), laid AS (
    SELECT *, sum(vnd) OVER w - vnd AS low, sum(vnd) OVER w AS high FROM sides
    WINDOW w AS (PARTITION BY unit, holds ORDER BY account = 'nobody', account, code)
)
SELECT h.merchant, h.account AS holder, o.account AS owner, coalesce(nullif(o.code, ''), h.code) AS code,
    count(*) AS units, sum(least(h.high, o.high) - greatest(h.low, o.low)) AS vnd,
    min(h.unit) AS example
FROM laid h JOIN laid o ON o.unit = h.unit AND h.holds AND NOT o.holds AND h.low < o.high AND o.low < h.high
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
# What a night read last of a day counts; a file sent again replaces the one before. A provider that pays in net
# credits is compared by its batches (row 16): a statement that tells none of our payments says nothing of receipts.
# Money of the hour around midnight belongs to the day whose statement tells of it; while the next day's may, it waits.
_STATEMENTS = """
WITH newest AS (
    SELECT DISTINCT f.bank, f.day FROM night_files f WHERE f.kind = 'statement'
        AND ($1::text IS NULL OR f.bank = $1) AND ($2::date IS NULL OR f.day = $2)
        AND (NOT EXISTS (SELECT FROM night_files s WHERE (s.bank, s.day, s.kind) = (f.bank, f.day, 'settlement'))
            OR EXISTS (SELECT FROM file_lines l JOIN receipts r ON r.bank = f.bank AND r.bank_txn_id = l.bank_txn_id
                WHERE (l.file_id, l.statement_n) = (f.file_id, f.statement_n)))
), credited AS (
    SELECT n.bank, n.day,
        coalesce(sum(l.amount_vnd) FILTER (WHERE l.direction = 'credit' AND l.movement = 'payment'), 0) AS vnd,
        count(*) FILTER (WHERE l.direction = 'credit' AND l.movement = 'payment') AS lines
    FROM newest n LEFT JOIN night_lines l ON (l.bank, l.day, l.kind) = (n.bank, n.day, 'statement')
        AND NOT EXISTS (SELECT FROM payout_lines p          -- what came back of our own payment orders
            WHERE (p.bank, p.bank_txn_id, p.direction) = (l.bank, l.bank_txn_id, 'credit'))
    GROUP BY 1, 2
), landed AS (
    SELECT n.bank, n.day, coalesce(sum(r.amount_vnd), 0) AS vnd, count(r.id) AS receipts
    FROM newest n LEFT JOIN (
        SELECT bank, id, amount_vnd, CASE
            WHEN extract(hour FROM received_at AT TIME ZONE 'Asia/Ho_Chi_Minh') NOT IN (0, 23) THEN value_date
            ELSE coalesce(
                (SELECT min(l.day) FROM night_lines l WHERE l.bank_txn_id = q.bank_txn_id AND l.bank = q.bank
                    AND l.kind = 'statement' AND l.day BETWEEN q.value_date - 1 AND q.value_date + 1),
                CASE WHEN extract(hour FROM received_at AT TIME ZONE 'Asia/Ho_Chi_Minh') = 0 OR EXISTS (
                    SELECT FROM night_files f WHERE (f.bank, f.day, f.kind) = (q.bank, q.value_date + 1, 'statement'))
                THEN value_date END)
            END AS day
        FROM receipts q WHERE ($1::text IS NULL OR bank = $1)
            AND ($2::date IS NULL OR value_date BETWEEN $2 - 1 AND $2 + 1)
    ) r ON r.bank = n.bank AND r.day = n.day GROUP BY 1, 2
)
SELECT c.bank, c.day, l.receipts, l.vnd AS receipts_vnd, c.lines, c.vnd AS credits_vnd
FROM credited c JOIN landed l USING (bank, day) ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """So much of `owner` (budget `code`) stands with `holder`; `nobody` on a side is a difference."""

    merchant: str
    holder: str
    owner: str
    code: str
    units: int
    vnd: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """A bank's day whose statement was read: what landed here against what it credits."""

    bank: str
    day: date
    receipts: int
    receipts_vnd: int
    lines: int
    credits_vnd: int


async def standings(
    connection: Connection, *, as_of: datetime | None = None, snapshot: str | None = None
) -> list[Standing]:
    """The position as one statement; `snapshot` is a pg_snapshot's text."""
    rows = await ask_long(connection, _ENTRIES, as_of, snapshot)
    return [Standing(**{**dict(row), "vnd": int(row["vnd"])}) for row in rows]


async def account_days(connection: Connection, *, bank: str | None = None, day: date | None = None) -> list[AccountDay]:
    """Every day of every bank whose statement was read."""
    rows = await ask_long(connection, _STATEMENTS, bank, day)
    return [
        AccountDay(**{**dict(row), "receipts_vnd": int(row["receipts_vnd"]), "credits_vnd": int(row["credits_vnd"])})
        for row in rows
    ]
