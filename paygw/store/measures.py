"""Measures that cost too much to take whenever a monitor asks: taken now and then by a job, kept with their time."""

from collections.abc import Mapping
from datetime import datetime

from asyncpg import Connection, Record

_DROP = "DELETE FROM measures WHERE name = $1 AND label <> ALL ($2::text[])"
_PUT = """
INSERT INTO measures (name, label, value, at) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT measures_pk DO UPDATE SET value = excluded.value, at = excluded.at
"""


async def put_measure(connection: Connection, name: str, values: Mapping[str, int], *, at: datetime) -> None:
    """Keep a measure by label in place of the one before."""
    await connection.execute(_DROP, name, sorted(values))
    await connection.executemany(_PUT, [(name, label, values[label], at) for label in sorted(values)])


async def read_measures(connection: Connection) -> list[Record]:
    """Every measure: name, label, value, and when it was taken."""
    rows: list[Record] = await connection.fetch("SELECT name, label, value, at FROM measures ORDER BY name, label")
    return rows
