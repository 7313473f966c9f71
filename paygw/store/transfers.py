"""The credits of a receiving account and who told of them: read as far as a decision needs, changes written back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from asyncpg import Connection, Record

from paygw.kernel.identity import REACH_DAYS, Account, Credit, Observation

# Beyond this many days no credit can change what becomes of an observation, or of a statement's lines: a line that
# changes its credit moves by REACH_DAYS at most, and long chains of such moves do not occur in one month.
_NEAR: timedelta = timedelta(days=4 * REACH_DAYS)
_FAR: timedelta = timedelta(days=31)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 13))"
_TOLD = "SELECT amount_vnd, account FROM account_observations WHERE observer = $1 AND id = $2"
_NEAR_CREDITS = """
SELECT body FROM account_credits
WHERE account = $1 AND (reference = $2 OR key IN (
        SELECT credit_key FROM account_observations WHERE account = $1 AND observer = $3 AND alias = $4)
    OR amount_vnd = $5 AND (seen_day BETWEEN $6 AND $7 OR claim_day BETWEEN $6 AND $7))
"""
_NEAR_WAITING = """
SELECT * FROM account_observations WHERE account = $1 AND credit_key IS NULL
    AND (amount_vnd = $2 AND day BETWEEN $3 AND $4 OR observer = $5 AND alias = $6)
ORDER BY told_at, observer, id
"""
_FAR_CREDITS = """
SELECT body FROM account_credits
WHERE account = $1 AND (seen_day BETWEEN $2 AND $3 OR claim_day BETWEEN $2 AND $3 OR reference = ANY ($4::text[]))
"""
_ALL_WAITING = """
SELECT * FROM account_observations WHERE account = $1 AND credit_key IS NULL ORDER BY told_at, observer, id
"""
_DAYS = "SELECT day FROM statement_days WHERE account = $1 AND day BETWEEN $2 AND $3"
_KEEP_CREDITS = """
INSERT INTO account_credits (key, account, amount_vnd, seen_day, claim_day, reference, body)
SELECT x.key, $1, x.amount_vnd, x.seen_day, x.claim_day, x.reference, x.body
FROM jsonb_to_recordset($2::jsonb) AS x(key text, amount_vnd bigint, seen_day date, claim_day date, reference text,
    body jsonb)
ON CONFLICT ON CONSTRAINT account_credits_pk DO UPDATE SET claim_day = excluded.claim_day, body = excluded.body
"""
_KEEP_OBSERVATION = """
INSERT INTO account_observations (observer, id, account, alias, reference, amount_vnd, day, order_code, credit_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT ON CONSTRAINT account_observations_pk DO NOTHING
"""
_JOIN = """
UPDATE account_observations SET credit_key = $4
WHERE account = $1 AND observer = $2 AND alias = $3 AND credit_key IS NULL
"""
_ALIAS = """
INSERT INTO receipt_aliases (observer, alias, receipt_id) SELECT $1, $2, id FROM receipts WHERE key = $3
ON CONFLICT ON CONSTRAINT receipt_aliases_pk DO NOTHING
"""
_KEEP_DAY = """
INSERT INTO statement_days (account, day, read_at) VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT statement_days_pk DO NOTHING
"""
_OWNERS = """
SELECT ref, bank FROM attempts WHERE bank = ANY ($1::text[]) AND merchant = ANY ($2::text[]) AND ref = ANY ($3::text[])
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A message taken in before."""

    amount_vnd: int
    account: str


async def lock_identity(connection: Connection, account: str) -> None:
    """Serialise what is decided about an account's credits; taken before any order."""
    await connection.execute(_LOCK, account)


async def told_before(connection: Connection, observer: str, observed_id: str) -> Told | None:
    """What an observer said under this id."""
    row = await connection.fetchrow(_TOLD, observer, observed_id)
    return Told(row["amount_vnd"], row["account"]) if row is not None else None


async def read_near(connection: Connection, account: str, seen: Observation) -> Account:
    """All of an account that can bear on one observation."""
    alias = seen.reference or seen.id
    first, last = seen.day - _NEAR, seen.day + _NEAR
    wide = (first - _NEAR, last + _NEAR)
    found = await connection.fetch(_NEAR_CREDITS, account, seen.reference, seen.observer, alias, seen.amount_vnd, *wide)
    waiting = await connection.fetch(_NEAR_WAITING, account, seen.amount_vnd, first, last, seen.observer, alias)
    days = await connection.fetch(_DAYS, account, *wide)
    return _account(account, found, waiting, days)


async def read_around(connection: Connection, account: str, day: date, references: Sequence[str]) -> Account:
    """All of an account that can bear on the statement of a day."""
    span = (day - _FAR, day + _FAR)
    found = await connection.fetch(_FAR_CREDITS, account, *span, list(references))
    waiting = await connection.fetch(_ALL_WAITING, account)
    days = await connection.fetch(_DAYS, account, *span)
    return _account(account, found, waiting, days)


async def keep_identity(connection: Connection, before: Account, after: Account) -> None:
    """Write the credits that changed, and the observations that no longer wait. New observations are kept apart."""
    old = set(before.credits)
    changed = [credit for credit in after.credits if credit not in old]
    if changed:
        rows = [_credit_row(credit) for credit in changed]
        await connection.execute(_KEEP_CREDITS, before.id, msgspec.json.encode(rows).decode())
    homes = {alias: credit.key for credit in changed for alias in credit.aliases}
    left = set(after.waiting)
    for seen in before.waiting:
        if seen not in left:
            alias = seen.reference or seen.id
            await connection.execute(_JOIN, before.id, seen.observer, alias, homes[seen.observer, alias])


async def keep_observation(connection: Connection, after: Account, seen: Observation) -> None:
    """Keep one message; it waits unless one of the account's credits has it as an alias."""
    alias = seen.reference or seen.id
    key = next((credit.key for credit in after.credits if (seen.observer, alias) in credit.aliases), None)
    await connection.execute(
        _KEEP_OBSERVATION,
        seen.observer,
        seen.id,
        after.id,
        alias,
        seen.reference,
        seen.amount_vnd,
        seen.day,
        seen.order_code,
        key,
    )


async def keep_aliases(connection: Connection, joined: Iterable[Credit]) -> None:
    """Let each observer's name for a transfer lead to its receipt, which is booked by now."""
    rows = [(observer, alias, credit.key) for credit in joined for observer, alias in credit.aliases]
    await connection.executemany(_ALIAS, rows)


async def keep_day(connection: Connection, account: str, day: date, now: datetime) -> None:
    """The statement of a day was read."""
    await connection.execute(_KEEP_DAY, account, day, now)


async def owners_of(
    connection: Connection, banks: Sequence[str], merchants: Sequence[str], refs: Sequence[str]
) -> dict[str, str]:
    """Of these references the ones that name an attempt at one of these banks, with the bank."""
    if not refs:
        return {}
    rows = await connection.fetch(_OWNERS, list(banks), list(merchants), list(refs))
    return {row["ref"]: row["bank"] for row in rows}


_decode = msgspec.json.Decoder(Credit).decode


def _account(account: str, found: list[Record], waiting: list[Record], days: list[Record]) -> Account:
    return Account(
        id=account,
        credits=tuple(_decode(row["body"]) for row in found),
        waiting=tuple(
            Observation(
                id=row["id"],
                observer=row["observer"],
                reference=row["reference"],
                amount_vnd=row["amount_vnd"],
                day=row["day"],
                order_code=row["order_code"],
            )
            for row in waiting
        ),
        read_days=frozenset(row["day"] for row in days),
    )


def _credit_row(credit: Credit) -> dict[str, object]:
    return {
        "key": credit.key,
        "amount_vnd": credit.amount_vnd,
        "seen_day": credit.seen_day,
        "claim_day": credit.claim.day if credit.claim else None,
        "reference": next(iter(sorted(credit.references)), None),
        "body": credit,
    }
