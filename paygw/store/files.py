"""Files as they came, their statements and lines. Written in SQL: lines are copied in, COPY knows no Core.

A file is staged whole: statements, lines and the file's new state in one transaction, counted again before it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from asyncpg import Connection, Record

FileState = Literal["received", "staged", "refused", "superseded"]
FileKind = Literal["statement", "notification", "settlement"]

_FACE: Final = """f.id, f.bank, f.profile, f.name, f.digest, f.size_bytes, f.source, f.brought_by, f.account, f.day,
    f.sequence, f.state, f.reason_code, f.reason_line, f.reason_vi, f.reason_en, f.received_at, f.decided_at"""
_COUNTS: Final = """
LEFT JOIN LATERAL (
    SELECT count(*) AS statements, coalesce(sum(lines), 0) AS lines, coalesce(sum(credit_vnd), 0) AS credit_vnd,
        coalesce(sum(debit_vnd), 0) AS debit_vnd
    FROM file_statements s WHERE s.file_id = f.id
) c ON true
"""
_ADD = """
INSERT INTO bank_files (id, bank, profile, name, digest, size_bytes, content, source, stamp, brought_by, account,
    day, sequence, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT ON CONSTRAINT bank_files_once DO NOTHING RETURNING id
"""
_KNOWN = """
SELECT id FROM bank_files WHERE bank = $1 AND digest = $2 AND profile = $3 AND account = $4
    AND day IS NOT DISTINCT FROM $5
"""
_SEEN = "SELECT EXISTS (SELECT FROM bank_files WHERE source = $1 AND name = $2 AND stamp = $3)"
_ONE = f"SELECT {_FACE}, c.* FROM bank_files f {_COUNTS} WHERE f.id = $1"  # noqa: S608 - our own constants
_LIST = f"""
SELECT {_FACE}, c.* FROM bank_files f {_COUNTS}
WHERE ($1 = '' OR f.bank = $1) AND ($2 = '' OR f.state = $2)
    AND ($3::timestamptz IS NULL OR (f.received_at, f.id) < ($3, $4))
ORDER BY f.received_at DESC, f.id DESC LIMIT $5
"""  # noqa: S608 - our own constants
# A large file is leased for longer: 200 kB are read and staged in a second on a busy machine.
_CLAIM = """
UPDATE bank_files SET lease_until = $1 + make_interval(secs => $2 + size_bytes / 200000)
WHERE id = (
    SELECT id FROM bank_files WHERE state = 'received' AND (lease_until IS NULL OR lease_until <= $1)
    ORDER BY received_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, bank, profile, account, day, sequence, size_bytes, content
"""
_CLAIM_ONE = """
UPDATE bank_files SET lease_until = $2::timestamptz + make_interval(secs => $3 + size_bytes / 200000)
WHERE id = $1 AND state = 'received'
RETURNING id, bank, profile, account, day, sequence, size_bytes, content
"""
_LOCK = "SELECT bank, state FROM bank_files WHERE id = $1 FOR NO KEY UPDATE"
_LOCK_ACCOUNT = "SELECT pg_advisory_xact_lock(hashtextextended('files:' || $1 || ':' || $2, 12))"
_DECIDE = """
UPDATE bank_files SET state = $2, reason_code = $3, reason_line = $4, reason_vi = $5, reason_en = $6, decided_at = $7,
    lease_until = NULL
WHERE id = $1
"""
_AGAIN = """
UPDATE bank_files SET state = 'received', decided_at = NULL, reason_code = '', reason_line = NULL, reason_vi = '',
    reason_en = '', lease_until = NULL
WHERE id = $1 AND state = 'refused'
"""
_CURRENT = """
SELECT file_id, n, sequence, content_hash FROM file_statements
WHERE bank = $1 AND kind = $2 AND account = $3 AND day = $4 AND part = $5 AND superseded_by IS NULL FOR NO KEY UPDATE
"""
_SUPERSEDE = "UPDATE file_statements SET superseded_by = $3 WHERE file_id = $1 AND n = $2"
_SUPERSEDE_FILE = """
UPDATE bank_files f SET state = 'superseded', decided_at = $2
WHERE id = $1 AND state = 'staged'
    AND NOT EXISTS (SELECT FROM file_statements s WHERE s.file_id = f.id AND s.superseded_by IS NULL)
"""
_WITHDRAWN = """
SELECT count(*) FILTER (WHERE NOT EXISTS (
    SELECT FROM file_lines n WHERE n.file_id = $3 AND n.statement_n = $4 AND n.key = o.key
        AND (n.amount_vnd, n.direction, n.status) = (o.amount_vnd, o.direction, o.status)
)), max(o.n)
FROM (
    SELECT * FROM file_lines WHERE file_id = $1 AND statement_n = $2 AND n > $5 ORDER BY n LIMIT $6
) o
"""
_ADD_STATEMENT = """
INSERT INTO file_statements (file_id, n, bank, kind, account, day, part, number, sequence, opening_vnd, closing_vnd,
    credit_vnd, debit_vnd, lines, pending, content_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_STORED = """
SELECT count(*), coalesce(sum(amount_vnd) FILTER (WHERE direction = 'credit'), 0)::bigint,
    coalesce(sum(amount_vnd) FILTER (WHERE direction = 'debit'), 0)::bigint
FROM file_lines WHERE file_id = $1 AND statement_n = $2 AND n BETWEEN $3 AND $4
"""
_ADD_PIECE = "INSERT INTO bank_file_pieces (file_id, n, content) VALUES ($1, $2, $3)"
_PIECE = "SELECT content FROM bank_file_pieces WHERE file_id = $1 AND n = $2"
_DAY = """
SELECT s.*, f.brought_by, p.day AS before_day, p.number AS before_number, p.closing_vnd AS before_closing_vnd
FROM file_statements s
JOIN bank_files f ON f.id = s.file_id
LEFT JOIN LATERAL (
    SELECT day, number, closing_vnd FROM file_statements p
    WHERE p.bank = s.bank AND p.account = s.account AND p.kind = s.kind AND p.kind = 'statement'
        AND p.superseded_by IS NULL AND (p.day, p.number, p.part) < (s.day, s.number, s.part)
    ORDER BY p.day DESC, p.number DESC, p.part DESC LIMIT 1
) p ON true
WHERE s.bank = $1 AND s.kind = $2 AND ($3 = '' OR s.account = $3) AND s.day = $4 AND s.superseded_by IS NULL
ORDER BY s.account, s.number, s.part
"""
_LINES = """
SELECT * FROM file_lines WHERE file_id = $1 AND statement_n = $2 AND n > $3 ORDER BY n LIMIT $4
"""
_LINE_COLUMNS: Final = (
    "file_id", "statement_n", "n", "line", "key", "bank_txn_id", "ref", "kind", "direction", "amount_vnd", "fee_vnd",
    "status", "booked_at", "value_date", "settled_on", "balance_vnd", "virtual_account", "memo",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file as it came; `content` is sealed, `digest` is that of the plain bytes (hex SHA-256)."""

    id: UUID
    bank: str
    profile: str
    name: str
    digest: str
    size_bytes: int
    content: bytes
    source: str
    stamp: str
    brought_by: str
    account: str
    day: date | None
    sequence: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFile:
    """A file to be read: what was said of it, and its sealed bytes."""

    id: UUID
    bank: str
    profile: str
    account: str
    day: date | None
    sequence: int
    size_bytes: int
    content: bytes  # the first piece


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A statement as staged; amounts in whole đồng."""

    file_id: UUID
    n: int
    bank: str
    kind: FileKind
    account: str
    day: date
    part: str
    number: int
    sequence: int
    opening_vnd: int | None
    closing_vnd: int | None
    credit_vnd: int
    debit_vnd: int
    lines: int
    pending: int
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line as staged; `memo` is sealed, None where empty."""

    file_id: UUID
    statement_n: int
    n: int
    line: int
    key: str
    bank_txn_id: str
    ref: str
    kind: str
    direction: str
    amount_vnd: int
    fee_vnd: int | None
    status: str
    booked_at: datetime
    value_date: date
    settled_on: date | None
    balance_vnd: int | None
    virtual_account: str
    memo: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a file is refused or put aside: a code, the line, a sentence in Vietnamese and in English."""

    code: str = ""
    line: int | None = None
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """How many lines, and their sums in đồng."""

    lines: int = 0
    credit_vnd: int = 0
    debit_vnd: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        """Both together."""
        return Stored(self.lines + other.lines, self.credit_vnd + other.credit_vnd, self.debit_vnd + other.debit_vnd)


@dataclass(frozen=True, slots=True)
class Current:
    """The statement that counts now for a bank, kind, account, day and part."""

    file_id: UUID
    n: int
    sequence: int
    content_hash: str


async def add_file(connection: Connection, new: NewFile) -> bool:
    """Keep a file; False when the same bytes were brought before for the same purpose."""
    values = (getattr(new, name) for name in NewFile.__slots__)
    return await connection.fetchval(_ADD, *values) is not None


async def known_file(connection: Connection, new: NewFile) -> UUID | None:
    """The file that was brought before with these bytes for this purpose."""
    found: UUID | None = await connection.fetchval(_KNOWN, new.bank, new.digest, new.profile, new.account, new.day)
    return found


async def seen_file(connection: Connection, *, source: str, name: str, stamp: str) -> bool:
    """Whether a file of that name, time and size was taken from a source before."""
    return bool(await connection.fetchval(_SEEN, source, name, stamp))


async def read_file(connection: Connection, file_id: UUID) -> Record | None:
    """A file without its bytes, with the number of its statements and lines and their sums."""
    return await connection.fetchrow(_ONE, file_id)


async def list_files(
    connection: Connection, *, bank: str, state: str, before: tuple[datetime, UUID] | None, limit: int
) -> list[Record]:
    """Files, newest first, after a place in that order."""
    at, uid = before or (None, None)
    rows: list[Record] = await connection.fetch(_LIST, bank, state, at, uid, limit)
    return rows


async def claim_file(connection: Connection, now: datetime, *, lease_s: float) -> ClaimedFile | None:
    """The oldest file nobody reads, leased."""
    row = await connection.fetchrow(_CLAIM, now, lease_s)
    return ClaimedFile(**dict(row)) if row is not None else None


async def claim_this(connection: Connection, file_id: UUID, now: datetime, *, lease_s: float) -> ClaimedFile | None:
    """A file that is still to be read, leased whoever else reads it: the first to decide decides."""
    row = await connection.fetchrow(_CLAIM_ONE, file_id, now, lease_s)
    return ClaimedFile(**dict(row)) if row is not None else None


async def lock_received(connection: Connection, file_id: UUID) -> str | None:
    """The bank of a file that is still to be decided, locked; None when another reader decided."""
    row = await connection.fetchrow(_LOCK, file_id)
    return row["bank"] if row is not None and row["state"] == "received" else None


async def decide_file(
    connection: Connection, file_id: UUID, state: FileState, at: datetime, *, reason: Reason | None = None
) -> None:
    """Say what became of a file."""
    why = reason or Reason()
    await connection.execute(_DECIDE, file_id, state, why.code, why.line, why.vi, why.en, at)


async def read_again(connection: Connection, file_id: UUID) -> bool:
    """Put a refused file back to be read; False when it is not refused."""
    done: str = await connection.execute(_AGAIN, file_id)
    return done == "UPDATE 1"


async def lock_account(connection: Connection, bank: str, account: str) -> None:
    """Stage one file of an account at a time."""
    await connection.execute(_LOCK_ACCOUNT, bank, account)


async def current_statement(connection: Connection, row: StatementRow) -> Current | None:
    """What counts now in the place a statement would take."""
    found = await connection.fetchrow(_CURRENT, row.bank, row.kind, row.account, row.day, row.part)
    return Current(*found) if found is not None else None


async def supersede(connection: Connection, old: Current, by: UUID, at: datetime) -> None:
    """Put a statement aside for a newer one, and its file when nothing of it counts any more."""
    await connection.execute(_SUPERSEDE, old.file_id, old.n, by)
    await connection.execute(_SUPERSEDE_FILE, old.file_id, at)


async def withdrawn_lines(
    connection: Connection, old: Current, new: StatementRow, *, after: int, limit: int
) -> tuple[int, int | None]:
    """How many of the next lines of an older version the newer one lacks or tells otherwise, and the last looked at."""
    count, last = await connection.fetchrow(_WITHDRAWN, old.file_id, old.n, new.file_id, new.n, after, limit)
    return count, last


async def add_statement(connection: Connection, row: StatementRow) -> None:
    """Stage a statement; its lines follow in the same transaction."""
    await connection.execute(_ADD_STATEMENT, *(getattr(row, name) for name in StatementRow.__slots__))


async def copy_lines(connection: Connection, rows: Sequence[LineRow]) -> None:
    """Stage lines."""
    records = [tuple(getattr(row, name) for name in _LINE_COLUMNS) for row in rows]
    await connection.copy_records_to_table("file_lines", records=records, columns=_LINE_COLUMNS)


async def stored_lines(connection: Connection, row: StatementRow, *, first: int, last: int) -> Stored:
    """What the lines of a statement between two places come to, as they are stored."""
    return Stored(*await connection.fetchrow(_STORED, row.file_id, row.n, first, last))


async def add_piece(connection: Connection, file_id: UUID, n: int, sealed: bytes) -> None:
    """Keep a further piece of a large file."""
    await connection.execute(_ADD_PIECE, file_id, n, sealed)


async def read_piece(connection: Connection, file_id: UUID, n: int) -> bytes | None:
    """A further piece of a large file, sealed."""
    piece: bytes | None = await connection.fetchval(_PIECE, file_id, n)
    return piece


async def day_statements(
    connection: Connection, bank: str, kind: FileKind, day: date, *, account: str = ""
) -> list[Record]:
    """What counts for a day, each statement beside the one before it on the same account."""
    rows: list[Record] = await connection.fetch(_DAY, bank, kind, account, day)
    return rows


async def statement_lines(connection: Connection, file_id: UUID, n: int, *, after: int, limit: int) -> list[LineRow]:
    """Lines of a statement in the order of the file, beyond the place `after`."""
    return [LineRow(**dict(row)) for row in await connection.fetch(_LINES, file_id, n, after, limit)]
