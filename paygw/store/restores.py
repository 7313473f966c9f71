"""Restores of this database: marked by the owner, in force until somebody releases what they hold back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg import Connection, Record

# Beside every claim of what leaves for the outside: one look at a table of a few rows, once per statement.
HELD_BACK: Final = "EXISTS (SELECT FROM restores WHERE released_at IS NULL)"

_MARK = """
INSERT INTO restores (era, made_at, restored_by) VALUES (extract(epoch FROM clock_timestamp())::bigint, $1, $2)
RETURNING era
"""
# Whatever was not final, or was young, may have become something else while nobody kept a record.
_ASK_AGAIN = """
UPDATE attempts SET next_enquiry_at = now(), enquiries = 0, lease_until = NULL
WHERE status NOT IN ('succeeded', 'failed', 'cancelled', 'expired')
    OR created_at >= $1::timestamptz - make_interval(secs => $2)
"""
_ASK_REFUNDS = """
UPDATE refunds SET next_enquiry_at = now(), lease_until = NULL WHERE status = 'sending'
"""
_STANDING = f"""
SELECT r.era, r.made_at, r.restored_by, r.released_at, r.released_by,
    CASE WHEN {HELD_BACK} THEN (
        SELECT count(*) FROM attempts WHERE next_enquiry_at <= to_timestamp(r.era + 1)
    ) ELSE 0 END AS unasked,
    (SELECT count(*) FROM deliveries WHERE status = 'pending') AS deliveries
FROM restores r ORDER BY r.era DESC LIMIT 1
"""  # noqa: S608 - a constant of this module
_RELEASE = """
UPDATE restores SET released_at = now(), released_by = $1 WHERE released_at IS NULL
"""
_ANEW = """
SELECT greatest((SELECT max(xid) FROM ledger), (SELECT max(xid) FROM audit), (SELECT max(xid) FROM evidence))
    >= pg_snapshot_xmax(pg_current_snapshot())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The last restore. `unasked` attempts have not been asked about since; `deliveries` wait to be sent."""

    era: int
    made_at: datetime
    restored_by: str
    released_at: datetime | None
    released_by: str | None
    unasked: int
    deliveries: int


async def mark_restored(connection: Connection, *, made_at: datetime, by: str, recent_s: float) -> int:
    """In one transaction of the owner: hold deliveries back, ask about everything not final or of the last `recent_s`.

    Returns how many attempts will be asked about.
    """
    await connection.fetchval(_MARK, made_at, by)
    asked = await connection.execute(_ASK_AGAIN, made_at, recent_s)
    await connection.execute(_ASK_REFUNDS)
    return int(asked.rpartition(" ")[2])


async def last_restore(connection: Connection) -> Restored | None:
    """The last restore with what still waits; None for a database that never was restored."""
    row = await connection.fetchrow(_STANDING)
    return None if row is None else Restored(**row)


async def read_eras(connection: Connection) -> list[Record]:
    """`era` and `xid` of every restore."""
    rows: list[Record] = await connection.fetch("SELECT era, xid FROM restores")
    return rows


async def is_held(connection: Connection) -> bool:
    """Whether what leaves for portals and banks is held back."""
    held: bool = await connection.fetchval(f"SELECT {HELD_BACK}")
    return held


async def release_restores(connection: Connection, by: str) -> bool:
    """Let everything go out again; False if nothing was held."""
    done = await connection.execute(_RELEASE, by)
    return not done.endswith(" 0")


async def begins_anew(connection: Connection) -> bool:
    """Whether stored rows bear transaction numbers this server has not reached: a logical dump was loaded.

    Readers that walk by transaction (events, ledger, seals) would pass over what is written next.
    """
    anew: bool | None = await connection.fetchval(_ANEW)
    return bool(anew)
