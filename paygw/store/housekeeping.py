"""Removal of what may be forgotten: expired idempotency keys, old refused messages, workers long gone.

Money, evidence, events and the audit trail are not among it.
"""

from datetime import datetime

from asyncpg import Connection

# By physical place: the index on the age is a summary of pages, and a batch is whatever comes first.
_EXPIRED_KEYS = """
DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1
"""
_SURPLUS_REFUSED = """
DELETE FROM refused_messages WHERE id = ANY (ARRAY(
    SELECT id FROM refused_messages WHERE id <= (SELECT max(id) - $1 FROM refused_messages) ORDER BY id LIMIT $2))
RETURNING 1
"""
_GONE_WORKERS = "DELETE FROM heartbeats WHERE at < now() - interval '1 day' RETURNING 1"


async def forget_keys(connection: Connection, *, before: datetime, limit: int) -> int:
    """Remove up to `limit` idempotency keys of before that time. Returns how many."""
    return len(await connection.fetch(_EXPIRED_KEYS, before, limit))


async def forget_refused(connection: Connection, *, kept: int, limit: int) -> int:
    """Remove up to `limit` of the oldest refused messages beyond the newest `kept`. Returns how many."""
    return len(await connection.fetch(_SURPLUS_REFUSED, kept, limit))


async def forget_workers(connection: Connection) -> int:
    """Remove workers that have not spoken for a day. Returns how many."""
    return len(await connection.fetch(_GONE_WORKERS))
