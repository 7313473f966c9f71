"""Whether the database takes writes, which schema it has, when the workers last spoke, whose clock is right."""

from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection, UndefinedTableError

_PROBE = """
INSERT INTO probes (one, at) VALUES (true, now())
ON CONFLICT ON CONSTRAINT probes_pk DO UPDATE SET at = excluded.at
"""
_HEARTBEATS = """
SELECT worker, extract(epoch FROM now() - at)::float8 AS age_s FROM heartbeats
 WHERE at > now() - interval '1 day' ORDER BY at DESC LIMIT 20
"""
_BEAT = """
INSERT INTO heartbeats (worker, at) VALUES ($1, now())
ON CONFLICT ON CONSTRAINT heartbeats_pk DO UPDATE SET at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker and the seconds since it last spoke."""

    worker: str
    age_s: float


async def probe_write(connection: Connection, *, timeout_s: float) -> None:
    """Commit one row; raises what the database raises when it does not take writes in time."""
    await connection.execute(_PROBE, timeout=timeout_s)


async def read_revision(connection: Connection) -> str:
    """The revision of the schema, or nothing where there is none."""
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version") or "")
    except UndefinedTableError:
        return ""


async def read_database_bytes(connection: Connection) -> int:
    """How much room the database takes, without its log."""
    size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    return size


async def read_heartbeats(connection: Connection) -> list[Heartbeat]:
    """The workers of the last day, the latest first."""
    return [Heartbeat(row["worker"], row["age_s"]) for row in await connection.fetch(_HEARTBEATS)]


async def beat(connection: Connection, worker: str) -> None:
    """Say that a worker lives."""
    await connection.execute(_BEAT, worker)


async def read_clock(connection: Connection) -> datetime:
    """The database's idea of now."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment
