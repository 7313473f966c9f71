"""The journal of the nights: a run per bank and day, its steps, and which staged statements it read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

_BEGIN = """
INSERT INTO nights AS n (id, bank, day, status, started_at, touched_at) VALUES ($1, $2, $3, 'running', $4, $4)
ON CONFLICT ON CONSTRAINT nights_day DO UPDATE
    SET status = 'running', tries = n.tries + 1, touched_at = $4, ended_at = NULL
RETURNING id, tries
"""
_END = """
WITH ended AS (
    UPDATE nights SET status = $2::text, touched_at = $3::timestamptz,
        ended_at = CASE WHEN $2 = 'done' THEN $3::timestamptz END,
        snapshot = CASE WHEN $2 = 'done' THEN pg_current_snapshot() ELSE snapshot END
    WHERE id = $1 RETURNING id, tries, status, ended_at, snapshot
)
INSERT INTO night_ends (night_id, try, ended_at, snapshot)
SELECT id, tries, ended_at, snapshot FROM ended WHERE status = 'done'
"""
_ENDS = """
SELECT e.try, e.ended_at, e.snapshot::text AS snapshot, m.no, m.content_hash
FROM night_ends e JOIN nights n ON n.id = e.night_id
LEFT JOIN night_steps s ON s.night_id = e.night_id AND s.try = e.try AND s.step = 'minutes'
LEFT JOIN minutes m ON m.bank = n.bank AND m.day = n.day AND m.content_hash = s.result ->> 'content_hash'
WHERE e.night_id = $1 ORDER BY e.try
"""
_STEP = """
INSERT INTO night_steps (night_id, try, step, at, result) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT night_steps_pk DO NOTHING
"""
_STEPS = "SELECT step, at, result FROM night_steps WHERE night_id = $1 AND try = $2 ORDER BY at, step"
_LAST_READING = """
SELECT reading, array_agg((file_id, statement_n)) AS statements FROM night_readings
WHERE bank = $1 AND day = $2 AND kind = $3 GROUP BY reading ORDER BY reading DESC LIMIT 1
"""
_READING = """
INSERT INTO night_readings (bank, day, kind, reading, file_id, statement_n, read_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_ONE_LINE = """
SELECT * FROM night_lines WHERE bank = $1 AND day = $2 AND bank_txn_id = $3 AND ($4 = '' OR ref = $4)
ORDER BY kind = 'settlement' DESC, file_id, no LIMIT 1
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 17))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended($1, 17))"


class LineRead(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file of the night, its memo in clear; `amount_vnd` is above 0, `direction` is of our account."""

    bank: str
    day: date
    kind: str
    no: int
    ref: str
    bank_txn_id: str
    movement: str
    amount_vnd: int
    fee_vnd: int | None
    status: str
    direction: str
    account: str
    occurred_at: datetime
    settled_on: date | None
    virtual_account: str
    memo: str


async def begin(connection: Connection, *, night_id: str, bank: str, day: date, now: datetime) -> tuple[str, int]:
    """Open the run of a bank's day, or go at it once more; its id and which try this is."""
    row = await connection.fetchrow(_BEGIN, UUID(night_id), bank, day, now)
    return str(row["id"]), row["tries"]


async def end(connection: Connection, night_id: str, *, status: str, now: datetime) -> None:
    """Close a run as done, with what was committed then; or leave it waiting for a file."""
    await connection.execute(_END, UUID(night_id), status, now)


async def ends_of(connection: Connection, night_id: UUID) -> list[Record]:
    """Every run of a night that ended: its number, its snapshot, the minutes it came to; the first one first."""
    rows: list[Record] = await connection.fetch(_ENDS, night_id)
    return rows


async def keep_step(
    connection: Connection, night_id: str, attempt: int, step: str, *, at: datetime, result: dict[str, Any]
) -> None:
    """Journal a step."""
    await connection.execute(_STEP, UUID(night_id), attempt, step, at, msgspec.json.encode(result).decode())


async def steps_of(connection: Connection, night_id: str, attempt: int) -> list[Record]:
    """The journal of one try."""
    rows: list[Record] = await connection.fetch(_STEPS, UUID(night_id), attempt)
    return rows


async def keep_reading(
    connection: Connection, bank: str, day: date, kind: str, statements: Collection[tuple[UUID, int]], now: datetime
) -> int:
    """Note which statements a night reads; the number of this reading, the same one for the same statements."""
    row = await connection.fetchrow(_LAST_READING, bank, day, kind)
    if row is not None and {tuple(one) for one in row["statements"]} == set(statements):
        return int(row["reading"])
    reading = row["reading"] + 1 if row is not None else 1
    rows = [(bank, day, kind, reading, *statement, now) for statement in statements]
    await connection.executemany(_READING, rows)
    return reading


async def find_line(connection: Connection, bank: str, day: date, bank_txn_id: str, ref: str) -> Record | None:
    """A line of a day by the bank's reference, its memo sealed; the settlement's before the statement's."""
    return await connection.fetchrow(_ONE_LINE, bank, day, bank_txn_id, ref)


async def find_night(connection: Connection, bank: str, day: date) -> Record | None:
    """The run of a bank's day: its state and tries."""
    return await connection.fetchrow(
        "SELECT id, bank, day, status, tries, started_at, touched_at, ended_at FROM nights "
        "WHERE bank = $1 AND day = $2",
        bank,
        day,
    )


async def list_nights(connection: Connection, limit: int) -> list[Record]:
    """The latest runs."""
    rows: list[Record] = await connection.fetch(
        "SELECT id, bank, day, status, tries, started_at, touched_at, ended_at FROM nights "
        "ORDER BY day DESC, bank LIMIT $1",
        limit,
    )
    return rows


@dataclass(frozen=True, slots=True)
class BankSince:
    """A bank, and since when it is known here."""

    id: str
    since: datetime


async def banks_since(connection: Connection) -> list[BankSince]:
    """Every bank that is switched on."""
    rows = await connection.fetch("SELECT id, created_at FROM banks WHERE enabled ORDER BY id")
    return [BankSince(row["id"], row["created_at"]) for row in rows]


async def filed_days(connection: Connection, first: date) -> frozenset[tuple[str, date]]:
    """Days since a day of which a bank's file was staged."""
    rows = await connection.fetch(
        "SELECT DISTINCT s.bank, s.day FROM file_statements s JOIN bank_files f ON f.id = s.file_id "
        "WHERE f.state = 'staged' AND s.kind <> 'notification' AND s.day >= $1",
        first,
    )
    return frozenset((row["bank"], row["day"]) for row in rows)


async def statuses(connection: Connection, first: date) -> dict[tuple[str, date], str]:
    """How far each night since a day is."""
    rows = await connection.fetch("SELECT bank, day, status FROM nights WHERE day >= $1", first)
    return {(row["bank"], row["day"]): row["status"] for row in rows}


async def try_lock(connection: Connection, bank: str, day: date) -> bool:
    """Take the one seat at a bank's day, for as long as this connection is held; False when another has it."""
    return bool(await connection.fetchval(_LOCK, f"{bank}:{day}"))


async def unlock(connection: Connection, bank: str, day: date) -> None:
    """Leave the seat."""
    await connection.execute(_UNLOCK, f"{bank}:{day}")


async def reversal_of(connection: Connection, bank: str, bank_txn_id: str, attempt_ref: str) -> str | None:
    """The id under which a reversal was told, if it was."""
    found: str | None = await connection.fetchval(
        "SELECT reversal_id FROM reversals WHERE bank = $1 AND bank_txn_id = $2 "
        "AND ($3 = '' OR attempt_ref IS NULL OR attempt_ref = $3) ORDER BY occurred_at LIMIT 1",
        bank,
        bank_txn_id,
        attempt_ref,
    )
    return found
