"""Versions of tariffs and the days on which orders were priced by them. Written in SQL: windows are multiranges here.

A window is `first` and `last`, both inclusive; None is open. `fee_versions` keeps its own rules: see migration 0004.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from asyncpg import Connection, Record

IN_FORCE: Final = "fee_uses_in_force"
"""Constraint of an order priced by a schedule that is not in force any more."""

_LOCK: Final = 0x7061_7967_7702
_FACE = """digest, schedule_hash, procedure, name, jurisdiction, schedule, effective_from, effective_to, confidence,
    code_status, state, in_force::text AS in_force, drafted_by, drafted_at, reviewed_by, reviewed_at, published_by,
    published_at, accepted"""

_DRAFT = """
INSERT INTO fee_versions (digest, schedule_hash, procedure, name, jurisdiction, schedule, effective_from, effective_to,
    confidence, code_status, document, drafted_by, drafted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (digest) DO NOTHING
"""
_FIND = f"""
SELECT {_FACE}, document FROM fee_versions
WHERE ($1 = '' OR digest LIKE $1 || '%') AND ($2 = '' OR procedure = $2) AND ($3 = '' OR state = $3)
ORDER BY procedure, jurisdiction, effective_from, drafted_at, digest
"""  # noqa: S608 - our own constant
_REVIEW = "UPDATE fee_versions SET state = 'reviewed', reviewed_by = $2, reviewed_at = $3 WHERE digest = $1"
_PUBLISH = """
UPDATE fee_versions SET state = 'published', published_by = $2, published_at = $3, accepted = $4,
    in_force = datemultirange(daterange(effective_from, effective_to, '[]'))
WHERE digest = $1
"""
_STANDING = """
SELECT digest, jurisdiction, schedule, document, lower(piece) AS first, upper(piece) - 1 AS last
FROM fee_versions, unnest(in_force * datemultirange(daterange($3, $4, '[]'))) AS piece
WHERE state = 'published' AND procedure = $1 AND jurisdiction = ANY ($2)
ORDER BY 2, 5
"""
_CUT = """
UPDATE fee_versions SET in_force = in_force - datemultirange(daterange($3, $4, '[]')),
    state = CASE WHEN in_force <@ datemultirange(daterange($3, $4, '[]')) THEN 'superseded' ELSE 'published' END
WHERE state = 'published' AND procedure = $1 AND jurisdiction = $2
    AND in_force && datemultirange(daterange($3, $4, '[]'))
"""
_FIRST_USE = """
SELECT u.as_of FROM fee_uses u, unnest($3::date[], $4::date[]) AS w (first, last)
WHERE u.procedure = $1 AND u.as_of BETWEEN w.first AND w.last
    AND (u.jurisdiction = $2 OR u.province = $2)
ORDER BY 1 LIMIT 1
"""
_IN_FORCE = """
SELECT digest, lower(piece) AS first, upper(piece) - 1 AS last
FROM fee_versions, unnest(in_force) AS piece WHERE state = 'published' ORDER BY procedure, jurisdiction, 2
"""
_PRICED = """
SELECT id, quote, private, face -> 'lines' AS lines FROM orders WHERE id > $1 ORDER BY id LIMIT $2
"""
_DOCUMENTS = "SELECT digest, document FROM fee_versions WHERE digest = ANY ($1)"
_BY_HASH = """
SELECT document FROM fee_versions WHERE schedule_hash = $1 AND published_by IS NOT NULL ORDER BY published_at LIMIT 1
"""


async def add_draft(connection: Connection, values: Sequence[object], *, by: str, at: datetime) -> bool:
    """Keep a version as a draft: `values` in the order of the table; False if it is known."""
    return str(await connection.execute(_DRAFT, *values, by, at)).endswith("1")


async def find_versions(
    connection: Connection, *, prefix: str = "", procedure: str = "", state: str = ""
) -> list[Record]:
    """Versions by the beginning of their digest, by procedure, by state; with their documents."""
    return list(await connection.fetch(_FIND, prefix, procedure, state))


async def hold_versions(connection: Connection) -> None:
    """One publication at a time, and no order priced meanwhile; until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    await connection.execute("SELECT hold_fee_uses()")


async def set_reviewed(connection: Connection, digest: str, *, by: str, at: datetime) -> None:
    """A draft becomes reviewed."""
    await connection.execute(_REVIEW, digest, by, at)


async def set_published(connection: Connection, digest: str, *, by: str, at: datetime, accepted: str) -> None:
    """A reviewed version comes into force for its whole window. ExclusionViolationError if that is taken."""
    await connection.execute(_PUBLISH, digest, by, at, accepted)


async def standing(
    connection: Connection, *, procedure: str, jurisdictions: Sequence[str], first: date, last: date | None
) -> list[Record]:
    """What is in force in a window, piece by piece, with its document."""
    return list(await connection.fetch(_STANDING, procedure, list(jurisdictions), first, last))


async def cut(connection: Connection, *, procedure: str, jurisdiction: str, first: date, last: date | None) -> None:
    """End every published version of a jurisdiction within a window; one with no day left is superseded."""
    await connection.execute(_CUT, procedure, jurisdiction, first, last)


async def first_use(
    connection: Connection, *, procedure: str, jurisdiction: str, windows: Iterable[tuple[date, date]]
) -> date | None:
    """The first legal date in some windows on which an order was priced by, or beside, a jurisdiction's schedule."""
    firsts, lasts = [], []
    for first, last in windows:
        firsts.append(first)
        lasts.append(last)
    found: date | None = await connection.fetchval(_FIRST_USE, procedure, jurisdiction, firsts, lasts)
    return found


async def read_revision(connection: Connection) -> int:
    """Grows with every change of a version."""
    return int(await connection.fetchval("SELECT coalesce(max(revision), 0) FROM fee_versions"))


async def read_in_force(connection: Connection) -> list[Record]:
    """Digest and window of everything in force at some time."""
    return list(await connection.fetch(_IN_FORCE))


async def read_documents(connection: Connection, digests: Sequence[str]) -> dict[str, str]:
    """Documents by digest."""
    return {row["digest"]: row["document"] for row in await connection.fetch(_DOCUMENTS, list(digests))}


async def document_of_hash(connection: Connection, schedule_hash: str) -> str | None:
    """The document orders were priced by, also long after it was superseded."""
    found: str | None = await connection.fetchval(_BY_HASH, schedule_hash)
    return found


async def known_procedures(connection: Connection) -> frozenset[str]:
    """Codes of every procedure that was ever loaded."""
    return frozenset(row["procedure"] for row in await connection.fetch("SELECT DISTINCT procedure FROM fee_versions"))


async def count_orders(connection: Connection) -> int:
    """About how many orders there are; 0 where nobody counted yet."""
    return max(
        0, int(await connection.fetchval("SELECT reltuples::bigint FROM pg_class WHERE oid = 'orders'::regclass"))
    )


async def read_priced(connection: Connection, *, after: UUID, limit: int) -> list[Record]:
    """Orders in the order of their ids with what they froze: `id`, `quote`, `private` (sealed), `lines` as shown."""
    return list(await connection.fetch(_PRICED, after, limit))
