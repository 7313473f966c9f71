"""Decisions of two persons about money: proposed with their content, decided once."""

from datetime import datetime
from uuid import UUID

from asyncpg import Connection, Record

_PROPOSE = """
INSERT INTO decisions (id, action, content, content_hash, proposed_by, proposed_via, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_DECIDE = "UPDATE decisions SET status = $2, decided_by = $3, decided_at = $4 WHERE id = $1 AND status = 'open'"
_LIST = """
SELECT * FROM decisions WHERE $1::text IS NULL OR status = $1 ORDER BY proposed_at DESC, id DESC LIMIT $2
"""


async def propose(
    connection: Connection,
    decision_id: str,
    *,
    action: str,
    content: str,
    digest: str,
    by: str,
    via: str,
    at: datetime,
) -> None:
    """Keep a proposal."""
    await connection.execute(_PROPOSE, UUID(decision_id), action, content, digest, by, via, at)


async def find_decision(connection: Connection, decision_id: UUID) -> Record | None:
    """One decision."""
    return await connection.fetchrow("SELECT * FROM decisions WHERE id = $1", decision_id)


async def list_decisions(connection: Connection, status: str | None, limit: int) -> list[Record]:
    """The latest ones."""
    rows: list[Record] = await connection.fetch(_LIST, status, limit)
    return rows


async def decide(connection: Connection, decision_id: UUID, *, status: str, by: str, at: datetime) -> bool:
    """Approve or reject; False when somebody did before."""
    done: str = await connection.execute(_DECIDE, decision_id, status, by, at)
    return done.endswith(" 1")
