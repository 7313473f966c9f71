"""Breaks, what was said and decided about them. A break is one row per key for ever; its history only grows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from asyncpg import Connection, Record

_OPEN = """
INSERT INTO breaks (id, key, kind, bank, day, ref, bank_txn_id, book_amount_vnd, statement_amount_vnd, risk_vnd, detail,
    receipt_id, order_id, opened_at, due_on)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, r.id, r.order_id, $12, $13
FROM (VALUES (1)) one LEFT JOIN receipts r ON r.id = (
    SELECT x.id FROM (
        SELECT id FROM receipts WHERE bank = $4 AND bank_txn_id = nullif($7, '')
        UNION SELECT n.id FROM attempts a JOIN receipts n ON n.attempt_id = a.id AND n.bank = $4
            WHERE a.bank = $4 AND a.ref = nullif($6, '')
    ) named JOIN receipts x USING (id)
    ORDER BY x.bank_txn_id IS NOT DISTINCT FROM nullif($7, '') DESC, x.booked_at, x.id LIMIT 1)
WHERE NOT EXISTS (SELECT FROM breaks WHERE key = $2)
ON CONFLICT ON CONSTRAINT breaks_key DO NOTHING RETURNING id
"""
_NOTE = "INSERT INTO break_notes (break_id, at, person, action, text) VALUES ($1, $2, $3, $4, $5)"
_LIST = """
SELECT b.*, p.id AS proposal_id, p.proposed_by, p.content AS proposal, p.content_hash FROM breaks b
LEFT JOIN break_proposals p ON p.break_id = b.id AND p.status = 'open'
WHERE ($1::text IS NULL OR b.status = $1) AND ($2::text IS NULL OR b.bank = $2) AND ($3::date IS NULL OR b.day = $3)
    AND ($4::text IS NULL OR b.kind = $4) AND ($5::uuid IS NULL OR b.id > $5)
ORDER BY b.id LIMIT $6
"""
_FIND = """
SELECT b.*, p.id AS proposal_id, p.proposed_by, p.content AS proposal, p.content_hash FROM breaks b
LEFT JOIN break_proposals p ON p.break_id = b.id AND p.status = 'open' WHERE b.id = $1
"""
_RESOLVE = """
UPDATE breaks SET status = 'resolved', resolved_at = $2, resolution = $3, automatic = $4
WHERE id = $1 AND status <> 'resolved'
"""
_REOPEN = """
UPDATE breaks SET status = 'open', resolved_at = NULL, resolution = '', automatic = false
WHERE key = $1 AND status = 'resolved' AND automatic RETURNING id
"""
_GONE = """
SELECT id FROM breaks WHERE bank = $1 AND day = $2 AND status = 'open' AND kind = ANY ($3::text[])
    AND key <> ALL ($4::text[]) ORDER BY id FOR UPDATE
"""
_OF_DAY = """
SELECT kind, key, ref, bank_txn_id, book_amount_vnd, statement_amount_vnd, risk_vnd, detail, status, resolution, owner
FROM breaks WHERE bank = $1 AND day = $2 ORDER BY kind, key
"""
_PROPOSE = """
INSERT INTO break_proposals (id, break_id, content, content_hash, proposed_by, proposed_via, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_UNAPPLIED = """
SELECT r.id, r.free_vnd + r.refund_due_vnd AS vnd FROM receipts r JOIN receipts named ON named.id = $1
WHERE (r.id = named.id OR r.attempt_id = named.attempt_id) AND r.free_vnd + r.refund_due_vnd > 0
    AND NOT r.conflict AND r.dispute_vnd = 0
ORDER BY r.id <> named.id, r.booked_at DESC, r.id LIMIT 1
"""
_PROPOSAL = "SELECT * FROM break_proposals WHERE break_id = $1 AND status = 'open'"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBreak:
    """A break to open; `key` says what it is about, so that it is opened once."""

    id: str
    key: str
    kind: str
    bank: str
    day: date
    ref: str
    bank_txn_id: str
    book_amount_vnd: int | None
    statement_amount_vnd: int | None
    risk_vnd: int
    detail: str
    opened_at: datetime
    due_on: date


async def open_break(connection: Connection, new: NewBreak) -> bool:
    """Open a break, or open one again that automation had closed; False when it stands or people closed it."""
    opened = await connection.fetchval(
        _OPEN,
        UUID(new.id), new.key, new.kind, new.bank, new.day, new.ref, new.bank_txn_id, new.book_amount_vnd,
        new.statement_amount_vnd, new.risk_vnd, new.detail, new.opened_at, new.due_on,
    )  # fmt: skip
    if opened is not None:
        await add_note(connection, opened, at=new.opened_at, person="night", action="opened", text=new.detail)
        return True
    again = await connection.fetchval(_REOPEN, new.key)
    if again is not None:
        await add_note(connection, again, at=new.opened_at, person="night", action="reopened", text=new.detail)
    return again is not None


async def add_note(
    connection: Connection, break_id: UUID, *, at: datetime, person: str, action: str, text: str
) -> None:
    """One line of the history."""
    await connection.execute(_NOTE, break_id, at, person, action, text)


async def list_breaks(
    connection: Connection,
    *,
    status: str | None = None,
    bank: str | None = None,
    day: date | None = None,
    kind: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Record]:
    """Breaks in the order they were opened, each with its open proposal."""
    rows: list[Record] = await connection.fetch(_LIST, status, bank, day, kind, after, limit)
    return rows


async def find_break(connection: Connection, break_id: UUID) -> Record | None:
    """One break with its open proposal."""
    return await connection.fetchrow(_FIND, break_id)


async def lock_break(connection: Connection, break_id: UUID) -> Record | None:
    """The same, locked; the last lock of the order."""
    return await connection.fetchrow(_FIND + " FOR UPDATE OF b", break_id)


async def notes_of(connection: Connection, break_id: UUID) -> list[Record]:
    """The history, oldest first."""
    rows: list[Record] = await connection.fetch(
        "SELECT at, person, action, text FROM break_notes WHERE break_id = $1 ORDER BY seq", break_id
    )
    return rows


async def unapplied_of(connection: Connection, receipt_id: UUID) -> Record | None:
    """What a receipt, else another one of the same attempt, holds for nobody's obligation: `id`, `vnd`."""
    return await connection.fetchrow(_UNAPPLIED, receipt_id)


async def set_owner(connection: Connection, break_id: UUID, owner: str) -> None:
    """Give a break to somebody."""
    await connection.execute("UPDATE breaks SET owner = $2 WHERE id = $1", break_id, owner)


async def set_status(connection: Connection, break_id: UUID, status: str) -> None:
    """Open, or proposed."""
    await connection.execute("UPDATE breaks SET status = $2 WHERE id = $1", break_id, status)


async def resolve(connection: Connection, break_id: UUID, *, at: datetime, resolution: str, automatic: bool) -> bool:
    """Close a break; False when it was closed before."""
    status: str = await connection.execute(_RESOLVE, break_id, at, resolution, automatic)
    return status.endswith(" 1")


async def open_ones_gone(
    connection: Connection, bank: str, day: date, *, kinds: list[str], still: list[str]
) -> list[UUID]:
    """Open breaks of a day, of kinds that were looked for, that were not found this time."""
    return [row["id"] for row in await connection.fetch(_GONE, bank, day, kinds, still)]


async def open_by_keys(connection: Connection, keys: Collection[str]) -> list[UUID]:
    """Open breaks by their keys."""
    rows = await connection.fetch(
        "SELECT id FROM breaks WHERE status = 'open' AND key = ANY ($1::text[]) ORDER BY id FOR UPDATE", sorted(keys)
    )
    return [row["id"] for row in rows]


async def open_days(connection: Connection, bank: str, kind: str) -> list[date]:
    """The days on which breaks of a kind are open."""
    rows = await connection.fetch(
        "SELECT DISTINCT day FROM breaks WHERE bank = $1 AND kind = $2 AND status = 'open'", bank, kind
    )
    return [row["day"] for row in rows]


async def open_one_of(
    connection: Connection, banks: Collection[str], kind: str, amount_vnd: int | None = None
) -> UUID | None:
    """The oldest break of a kind (and sum) at one of these banks that nobody has solved."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM breaks WHERE bank = ANY ($1::text[]) AND kind = $2 AND status <> 'resolved' "
        "AND ($3::bigint IS NULL OR statement_amount_vnd = $3) ORDER BY id LIMIT 1",
        list(banks), kind, amount_vnd,
    )  # fmt: skip
    return found


async def breaks_of(connection: Connection, bank: str, day: date) -> list[Record]:
    """All breaks of a bank's day, for its minutes."""
    rows: list[Record] = await connection.fetch(_OF_DAY, bank, day)
    return rows


async def propose(
    connection: Connection,
    *,
    proposal_id: str,
    break_id: UUID,
    content: str,
    digest: str,
    by: str,
    via: str,
    at: datetime,
) -> None:
    """Keep a proposal. Raises asyncpg.UniqueViolationError when one is open already."""
    await connection.execute(_PROPOSE, UUID(proposal_id), break_id, content, digest, by, via, at)


async def open_proposal(connection: Connection, break_id: UUID) -> Record | None:
    """The proposal that waits for another person."""
    return await connection.fetchrow(_PROPOSAL, break_id)


async def decide(connection: Connection, proposal_id: UUID, *, status: str, by: str, at: datetime) -> bool:
    """Approve or reject; False when somebody did before."""
    done: str = await connection.execute(
        "UPDATE break_proposals SET status = $2, decided_by = $3, decided_at = $4 WHERE id = $1 AND status = 'open'",
        proposal_id, status, by, at,
    )  # fmt: skip
    return done.endswith(" 1")
