"""What minutes of reconciliation are made of, and the minutes themselves with who signed them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Connection, Record

from paygw.store.engine import ask_long

# By collecting body, procedure and component: what was allocated of the money that landed on the day. The ledger's
# allocations never change, so a later refund does not rewrite the minutes of the day the money came.
_BREAKDOWN = """
SELECT b.collecting_body, split_part(b.component_set, ':', 1) AS procedure, x.line->>'component' AS component,
    coalesce(min(f.name), '') AS name, coalesce(min(f.title), '') AS title,
    count(DISTINCT l.receipt_id) AS count, -sum(l.amount_vnd)::bigint AS vnd,
    coalesce(-sum(l.amount_vnd) FILTER (WHERE l.beneficiary = 'treasury'), 0)::bigint AS treasury_vnd
FROM ledger l JOIN receipts r ON r.id = l.receipt_id JOIN orders o ON o.id = l.order_id
CROSS JOIN LATERAL (SELECT y.line FROM jsonb_array_elements(o.lines) y(line)
    WHERE (y.line->>'no')::int = l.line_no LIMIT 1) x
JOIN obligations b ON b.id = (x.line->>'obligation_id')::uuid
LEFT JOIN LATERAL (SELECT c.part->>'name' AS name, g.line->>'name' AS title
    FROM jsonb_array_elements(o.face->'lines') g(line), jsonb_array_elements(g.line->'components') c(part)
    WHERE c.part->>'id' = x.line->>'component' AND g.line->>'collecting_body' = b.collecting_body
        AND g.line->>'procedure' = split_part(b.component_set, ':', 1) LIMIT 1) f ON true
WHERE r.bank = $1 AND r.value_date = $2 AND l.rule = '3a' AND l.account LIKE 'P:%'
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_BOOK = """
SELECT count(*) AS receipts, coalesce(sum(amount_vnd), 0)::bigint AS receipts_vnd,
    coalesce(sum(taken_back_vnd), 0)::bigint AS taken_back_vnd, count(*) FILTER (WHERE taken_back_vnd > 0) AS taken_back
FROM receipts WHERE bank = $1 AND value_date = $2
"""
_REFUNDED = """
SELECT count(*) AS refunds, coalesce(sum(f.amount_vnd - f.body_paid_vnd), 0)::bigint AS refunds_vnd
FROM refunds f JOIN receipts r ON r.id = f.receipt_id
    JOIN ledger l ON l.refund_id = f.id AND l.n = 0 AND l.rule = '10'
WHERE r.bank = $1 AND l.booked_at >= $2::date::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND l.booked_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'
"""
_FILES = """
SELECT kind, digest, sum(lines)::int AS lines, sum(total_vnd)::bigint AS total_vnd FROM night_files
WHERE bank = $1 AND day = $2 GROUP BY kind, digest ORDER BY kind, digest
"""
_LINES = """
SELECT kind AS file, movement, direction, status, count(*) AS count, sum(amount_vnd)::bigint AS vnd,
    coalesce(sum(fee_vnd), 0)::bigint AS fee_vnd
FROM night_lines WHERE bank = $1 AND day = $2 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_KEEP = """
INSERT INTO minutes (id, bank, day, no, content, content_hash, made_at)
SELECT $1, $2, $3, 1 + coalesce((SELECT max(no) FROM minutes WHERE bank = $2 AND day = $3), 0), $4, $5, $6
ON CONFLICT ON CONSTRAINT minutes_content DO NOTHING RETURNING no
"""
_FIND = """
SELECT * FROM minutes
WHERE bank = $1 AND day = $2 AND ($3::int IS NULL OR no = $3) ORDER BY no DESC LIMIT 1
"""
_SIGN = """
INSERT INTO minutes_signatures (minutes_id, role, person, at, content_hash) VALUES ($1, $2, $3, $4, $5)
"""
_SIGNED = """
SELECT s.role, s.person, p.name, s.at, s.content_hash FROM minutes_signatures s JOIN persons p ON p.id = s.person
WHERE s.minutes_id = $1 ORDER BY s.at
"""


async def facts_of(connection: Connection, bank: str, day: date) -> dict[str, Any]:
    """Every figure of a bank's day, as plain values."""
    asked = (_BREAKDOWN, _BOOK, _REFUNDED, _FILES, _LINES)
    told = [[dict(row) for row in await ask_long(connection, sql, bank, day)] for sql in asked]
    breakdown, [book], [refunded], files, lines = told
    return {"breakdown": breakdown, "book": book | refunded, "files": files, "lines": lines}


async def keep_minutes(
    connection: Connection, *, minutes_id: str, bank: str, day: date, content: str, digest: str, at: datetime
) -> int | None:
    """Keep minutes under the next number; None when this very content is there."""
    number: int | None = await connection.fetchval(_KEEP, UUID(minutes_id), bank, day, content, digest, at)
    return number


async def find_minutes(connection: Connection, bank: str, day: date, number: int | None = None) -> Record | None:
    """The minutes of a day: the newest, or one by number."""
    return await connection.fetchrow(_FIND, bank, day, number)


async def list_minutes(connection: Connection, limit: int) -> list[Record]:
    """The latest minutes and who signed them."""
    rows: list[Record] = await connection.fetch(
        "SELECT m.bank, m.day, m.no, m.content_hash, m.made_at, "
        "(SELECT array_agg(s.role || ':' || s.person ORDER BY s.role) FROM minutes_signatures s "
        "WHERE s.minutes_id = m.id) AS signatures FROM minutes m ORDER BY m.day DESC, m.bank, m.no DESC LIMIT $1",
        limit,
    )
    return rows


async def sign(connection: Connection, minutes_id: UUID, *, role: str, person: str, at: datetime, digest: str) -> None:
    """Sign or approve; raises asyncpg.UniqueViolationError when that was done, or by this very person."""
    await connection.execute(_SIGN, minutes_id, role, person, at, digest)


async def signatures_of(connection: Connection, minutes_id: UUID) -> list[Record]:
    """Who signed and approved."""
    rows: list[Record] = await connection.fetch(_SIGNED, minutes_id)
    return rows
