"""What batches come to, the lines of statements that are no payment of ours, and which of them pay a batch."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

import msgspec
from asyncpg import Connection

from paygw.store.engine import ask_long

_DUE = """
SELECT x.batch, split_part(x.batch, '.', 1)::date AS begins,
    min(coalesce(x.settled_on, split_part(x.batch, '.', 1)::date)) AS first,
    max(coalesce(x.settled_on, split_part(x.batch, '.', 1)::date)) AS last,
    sum(x.amount_vnd)::bigint AS gross_vnd, sum(x.fee_vnd)::bigint AS fee_vnd, count(*)::int AS lines
FROM settlement_lines x LEFT JOIN settlements s ON (s.bank, s.batch) = (x.bank, x.batch)
WHERE x.bank = $1 AND x.batch ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([.][0-9]+)?$'
    AND x.batch BETWEEN to_char($2::date, 'YYYY-MM-DD') AND to_char($3::date, 'YYYY-MM-DD') || '~'
    AND s.status IS DISTINCT FROM 'matched'
GROUP BY 1 ORDER BY 1
"""
_OURS = """
SELECT t.txn FROM unnest($2::text[]) t(txn)
WHERE EXISTS (SELECT FROM receipts r WHERE r.bank = $1 AND r.bank_txn_id = t.txn)
    OR EXISTS (SELECT FROM file_lines l JOIN file_statements s ON (s.file_id, s.n) = (l.file_id, l.statement_n)
        WHERE l.bank_txn_id = t.txn AND s.bank = $1 AND s.kind = 'settlement')
"""
_UNTIED = """
SELECT l.day, l.bank_txn_id AS name,
    CASE l.direction WHEN 'credit' THEN l.amount_vnd ELSE -l.amount_vnd END AS amount_vnd
FROM night_lines l
WHERE l.bank = $1 AND l.kind = 'statement' AND l.day >= $2 AND l.day < $3 AND l.bank_txn_id <> ''
    AND NOT EXISTS (SELECT FROM batch_credits b WHERE (b.bank, b.day, b.line) = (l.bank, l.day, l.bank_txn_id))
ORDER BY l.day, l.bank_txn_id, l.no
"""
_READ = """
SELECT DISTINCT day FROM night_readings WHERE bank = $1 AND kind = 'statement' AND day BETWEEN $2 AND $3
"""
_TIED = "SELECT DISTINCT line FROM batch_credits WHERE bank = $1 AND day = $2"
_HELD = """
SELECT DISTINCT l.bank_txn_id AS line FROM night_lines l JOIN settlements s ON s.bank = l.bank AND s.status = 'differs'
WHERE l.bank = $1 AND l.day = $2 AND l.kind = 'statement' AND l.direction = 'credit' AND l.amount_vnd = s.net_vnd
    AND EXISTS (SELECT FROM settlement_lines x WHERE (x.bank, x.batch) = (s.bank, s.batch) AND x.settled_on = l.day)
"""
_TIE = """
INSERT INTO batch_credits (bank, batch, day, line, amount_vnd, tied_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT batch_credits_pk DO NOTHING
"""


class BatchDue(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is not closed with fitting figures: its lines, and between which days they say they are paid."""

    batch: str
    begins: date
    first: date
    last: date
    gross_vnd: int
    fee_vnd: int
    lines: int


class Untied(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an earlier statement that pays no batch, below zero where money left."""

    day: date
    name: str
    amount_vnd: int


async def batches_due(connection: Connection, bank: str, first: date, last: date) -> list[BatchDue]:
    """The open batches of the days from `first` to `last`."""
    return [msgspec.convert(dict(row), BatchDue) for row in await ask_long(connection, _DUE, bank, first, last)]


async def our_transactions(connection: Connection, bank: str, txns: Collection[str]) -> frozenset[str]:
    """Those of the bank's transactions that are payments of ours or lines of its settlements."""
    return frozenset(row["txn"] for row in await ask_long(connection, _OURS, bank, sorted(txns)))


async def untied_lines(connection: Connection, bank: str, first: date, before: date) -> list[Untied]:
    """Named lines of the statements read of these days that pay no batch; payments of ours among them."""
    return [msgspec.convert(dict(row), Untied) for row in await ask_long(connection, _UNTIED, bank, first, before)]


async def tied_names(connection: Connection, bank: str, day: date) -> frozenset[str]:
    """The lines of a day's statement that pay batches."""
    return frozenset(row["line"] for row in await connection.fetch(_TIED, bank, day))


async def held_names(connection: Connection, bank: str, day: date) -> frozenset[str]:
    """The lines of a day's statement that should pay a batch of this day and differ from it: a break of the batch."""
    return frozenset(row["line"] for row in await ask_long(connection, _HELD, bank, day))


async def tie_credits(
    connection: Connection, bank: str, batches: Iterable[str], credits_: Iterable[tuple[date, str, int]], at: datetime
) -> None:
    """Write down which lines pay which batches."""
    told = list(credits_)
    rows = [(bank, batch, day, name, amount_vnd, at) for batch in batches for day, name, amount_vnd in told]
    await connection.executemany(_TIE, rows)


async def statement_days(connection: Connection, bank: str, first: date, last: date) -> frozenset[date]:
    """The days whose statement a night read."""
    return frozenset(row["day"] for row in await connection.fetch(_READ, bank, first, last))


async def waits_for_settlement(connection: Connection, bank: str, day: date) -> bool:
    """Whether a provider still holds payments of a day or before, which a credit of that day may pay."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM receipts WHERE bank = $1 AND home = 'provider' AND NOT settled "
        "AND taken_back_vnd < amount_vnd AND value_date <= $2)",
        bank, day,
    )  # fmt: skip
    return found
