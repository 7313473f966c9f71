"""Totals and entries of the ledger: a rollup over what is committed for good, plus the tail since.

The rollup advances only below the oldest running transaction and in the order of transactions, so that an entry that
commits late is still before it. Rollup and tail are read by one statement, hence in one snapshot.
"""

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection, Record

from paygw.store.cursor import BEGINNING, Cursor

_ADVANCE = """
WITH mark AS MATERIALIZED (
    SELECT xid, seq FROM ledger_rollup_mark FOR UPDATE SKIP LOCKED
), fresh AS MATERIALIZED (
    SELECT l.account, l.amount_vnd, l.bank, l.rule, l.xid, l.seq FROM ledger l, mark
    WHERE (l.xid, l.seq) > (mark.xid, mark.seq) AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY l.xid, l.seq LIMIT $1
), added AS (
    INSERT INTO ledger_rollup AS r (account, debit_vnd, credit_vnd)
    SELECT account, sum(greatest(amount_vnd, 0)), sum(greatest(-amount_vnd, 0)) FROM fresh
    GROUP BY account ORDER BY account
    ON CONFLICT (account) DO UPDATE
    SET debit_vnd = r.debit_vnd + excluded.debit_vnd, credit_vnd = r.credit_vnd + excluded.credit_vnd
), by_rule AS (
    INSERT INTO ledger_rules AS r (bank, rule, moved_vnd)
    SELECT bank, rule, sum(amount_vnd) FROM fresh WHERE amount_vnd > 0 GROUP BY bank, rule ORDER BY bank, rule
    ON CONFLICT (bank, rule) DO UPDATE SET moved_vnd = r.moved_vnd + excluded.moved_vnd
), moved AS (
    UPDATE ledger_rollup_mark m SET xid = last.xid, seq = last.seq
    FROM (SELECT xid, seq FROM fresh ORDER BY xid DESC, seq DESC LIMIT 1) last
)
SELECT count(*) FROM fresh
"""
_TRIAL_BALANCE = """
SELECT account, sum(debit_vnd) AS debit_vnd, sum(credit_vnd) AS credit_vnd, now() AS as_of
FROM (
    SELECT account, debit_vnd, credit_vnd FROM ledger_rollup
    UNION ALL
    SELECT l.account, greatest(l.amount_vnd, 0), greatest(-l.amount_vnd, 0) FROM ledger l, ledger_rollup_mark mark
    WHERE (l.xid, l.seq) > (mark.xid, mark.seq)
) entries
GROUP BY account ORDER BY account
"""
_ENTRIES = """
SELECT xid, seq, key, n, rule, account, amount_vnd, receipt_id, refund_id, batch_id, order_id, line_no, beneficiary,
    code, holder, bank, merchant, value_date, budget_year, booked_at
FROM ledger
WHERE (xid, seq) > ($1::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, seq LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """All debits and all credits of an account, both at least 0."""

    account: str
    debit_vnd: int
    credit_vnd: int


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries in the order of transactions and where the next page begins."""

    rows: list[Record]
    after: Cursor
    more: bool


async def advance_rollup(connection: Connection, limit: int) -> int:
    """Add up to `limit` entries to the rollup. 0 when there are none, or another worker is at it."""
    count: int = await connection.fetchval(_ADVANCE, limit)
    return count


async def trial_balance(connection: Connection) -> tuple[datetime | None, list[AccountTotal]]:
    """The totals of every account in one snapshot, and when it was taken (None: nothing was ever booked)."""
    rows = await connection.fetch(_TRIAL_BALANCE)
    totals = [AccountTotal(row["account"], int(row["debit_vnd"]), int(row["credit_vnd"])) for row in rows]
    return (rows[0]["as_of"] if rows else None), totals


async def entries_after(connection: Connection, after: Cursor = BEGINNING, limit: int = 100) -> Entries:
    """The next entries; like the events feed, it cannot skip one that commits late."""
    rows = await connection.fetch(_ENTRIES, after.xid, after.seq, limit)
    last = Cursor(rows[-1]["xid"], rows[-1]["seq"]) if rows else after
    return Entries(rows, last, more=len(rows) == limit)
