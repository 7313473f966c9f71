"""Bank messages that move no money: authentic ones are kept whole, refused ones as a digest in a capped log."""

from asyncpg import Connection

_IGNORED = """
INSERT INTO messages (bank, digest, verdict, body) VALUES ($1, $2, 'ignored', $3)
ON CONFLICT ON CONSTRAINT messages_pk DO NOTHING
"""
_REFUSED = """
INSERT INTO refused_messages (bank, digest, reason)
SELECT $1, $2, $3
WHERE (SELECT count(*) FROM (
    SELECT FROM refused_messages WHERE bank = $1 AND received_at > now() - interval '1 minute' LIMIT $4
) recent) < $4
"""


async def store_ignored(connection: Connection, *, bank: str, digest: bytes, body: bytes) -> None:
    """Keep a message that says nothing about money, or may not be believed alone."""
    await connection.execute(_IGNORED, bank, digest, body)


async def log_refused(connection: Connection, *, bank: str, digest: bytes, reason: str, per_minute_max: int) -> None:
    """Note a refused message, at most so many a minute and bank: a forger must not fill the disk."""
    await connection.execute(_REFUSED, bank, digest, reason, per_minute_max)
