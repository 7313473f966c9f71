"""Terms, maintenance windows and health of banks."""

from collections.abc import Iterable
from datetime import datetime

from asyncpg import Connection, Record

from paygw.kernel.pulse import Tally

_TERMS = "SELECT bank, portal, body, offered, min_vnd, max_vnd FROM bank_terms ORDER BY bank, portal, body"
_WINDOWS = """
SELECT bank, starts_at, ends_at, note_vi, note_en FROM bank_windows
 WHERE ends_at > now() ORDER BY bank, starts_at
"""
_TERM = """
SELECT offered, min_vnd, max_vnd FROM bank_terms WHERE bank = $1 AND portal = $2 AND body = $3 FOR UPDATE
"""
_PUT_TERM = """
INSERT INTO bank_terms (bank, portal, body, offered, min_vnd, max_vnd) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT bank_terms_pk
    DO UPDATE SET offered = excluded.offered, min_vnd = excluded.min_vnd, max_vnd = excluded.max_vnd
"""
_DROP_TERM = "DELETE FROM bank_terms WHERE bank = $1 AND portal = $2 AND body = $3"
_WINDOW = "SELECT ends_at, note_vi, note_en FROM bank_windows WHERE bank = $1 AND starts_at = $2 FOR UPDATE"
_PUT_WINDOW = """
INSERT INTO bank_windows (bank, starts_at, ends_at, note_vi, note_en) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT bank_windows_pk
    DO UPDATE SET ends_at = excluded.ends_at, note_vi = excluded.note_vi, note_en = excluded.note_en
"""
_DROP_WINDOW = "DELETE FROM bank_windows WHERE bank = $1 AND starts_at = $2"
_SECRETS = "UPDATE banks SET credentials = $2, credentials_previous = $3 WHERE id = $1"

_CLOSE = "UPDATE bank_health SET open_until = NULL WHERE process = $1 AND open_until IS NOT NULL"
_FORGET = "DELETE FROM bank_health WHERE minute < now() - interval '1 hour'"
_ADD = """
INSERT INTO bank_health (bank, operation, process, minute, good, bad, open_until)
VALUES ($1, $2, $3, date_trunc('minute', now()), $4, $5, now() + make_interval(secs => $6::int / 1000.0))
ON CONFLICT ON CONSTRAINT bank_health_pk DO UPDATE
    SET good = bank_health.good + excluded.good, bad = bank_health.bad + excluded.bad, open_until = excluded.open_until
"""
_HEALTH = """
SELECT bank, operation, sum(good)::int AS good, sum(bad)::int AS bad,
    coalesce(max(open_until) > now(), false) AS is_open
  FROM bank_health WHERE minute > now() - make_interval(secs => $1::float8) GROUP BY bank, operation
 ORDER BY bank, operation
"""


async def read_terms(connection: Connection) -> list[Record]:
    """Every term."""
    rows: list[Record] = await connection.fetch(_TERMS)
    return rows


async def read_windows(connection: Connection) -> list[Record]:
    """Every maintenance window that has not passed."""
    rows: list[Record] = await connection.fetch(_WINDOWS)
    return rows


async def find_term(connection: Connection, bank: str, portal: str, body: str) -> Record | None:
    """One term, locked."""
    return await connection.fetchrow(_TERM, bank, portal, body)


async def put_term(
    connection: Connection, place: tuple[str, str, str], *, offered: bool, min_vnd: int | None, max_vnd: int | None
) -> None:
    """Write the term of a (bank, portal, body); one that says nothing is dropped."""
    if offered and min_vnd is None and max_vnd is None and not any(place[1:]):
        await connection.execute(_DROP_TERM, *place)
    else:
        await connection.execute(_PUT_TERM, *place, offered, min_vnd, max_vnd)


async def find_window(connection: Connection, bank: str, starts_at: datetime) -> Record | None:
    """One maintenance window, locked."""
    return await connection.fetchrow(_WINDOW, bank, starts_at)


async def put_window(
    connection: Connection, bank: str, span: tuple[datetime, datetime], *, note_vi: str, note_en: str
) -> None:
    """Write a maintenance window; its bank and beginning name it."""
    await connection.execute(_PUT_WINDOW, bank, *span, note_vi, note_en)


async def drop_window(connection: Connection, bank: str, starts_at: datetime) -> None:
    """Forget a maintenance window."""
    await connection.execute(_DROP_WINDOW, bank, starts_at)


async def set_secrets(connection: Connection, bank: str, *, sealed: bytes, previous: bytes | None) -> None:
    """Other credentials for a bank, and those before them while they still count."""
    await connection.execute(_SECRETS, bank, sealed, previous)


async def tell_health(connection: Connection, process: str, tallies: Iterable[Tally]) -> None:
    """Add what a process saw and say anew which of its circuits are open; rows of the last hour are kept."""
    await connection.execute(_CLOSE, process)
    await connection.execute(_FORGET)
    rows = [(one.bank, one.operation, process, one.good, one.bad, one.rest_ms) for one in tallies]
    await connection.executemany(_ADD, rows)


async def read_health(connection: Connection, *, window_s: float) -> list[Record]:
    """Contacts of the last `window_s` seconds per bank and operation, of all processes together."""
    rows: list[Record] = await connection.fetch(_HEALTH, window_s)
    return rows
