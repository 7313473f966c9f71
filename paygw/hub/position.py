"""The position proof for people and programs: held = owed per holder, owner, budget code and merchant, or a break."""

from dataclasses import asdict
from datetime import datetime

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.store.ledger_checks import find_violations
from paygw.store.position import AccountDay, Standing, account_days, standings

NOBODY = "nobody"


async def prove_position(hub: Hub, *, as_of: datetime | None = None) -> View:
    """Rows, differences of both signs, statement days and violated invariants; `ok` when there is none.

    As of an earlier moment the ledger alone speaks: the records it is compared with say only how things are now.
    """
    async with hub.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")
        rows = await standings(connection, as_of=as_of)
        days = await account_days(connection) if as_of is None else []
    violations = await _violations(hub) if as_of is None else []
    differences = [_difference(row) for row in rows if NOBODY in {row.holder, row.owner}]
    uneven = [day for day in days if day.receipts_vnd != day.credits_vnd]
    return {
        "ok": not (differences or uneven or violations),
        "as_of": instant(as_of or hub.clock()),
        "held_vnd": sum(row.vnd for row in rows if row.holder != NOBODY),
        "owed_vnd": sum(row.vnd for row in rows if row.owner != NOBODY),
        "rows": [_row(row) for row in rows if NOBODY not in {row.holder, row.owner}],
        "differences": differences,
        "statements": [_day(day) for day in days],
        "violations": violations,
    }


def moment_of(text: str) -> datetime:
    """A moment with its offset. Raises Refused `bad_time`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("bad_time", "Give a moment with its offset, such as 2026-01-31T08:00:00+07:00.")
    return at


async def _violations(hub: Hub) -> list[str]:
    async with hub.pool.acquire() as connection:
        return await find_violations(connection, mode=hub.settings.funds)


def _row(row: Standing) -> View:
    return {**asdict(row), "example": row.example}


def _difference(row: Standing) -> View:
    """A surplus is held for nobody; a shortage is owed and held by nobody."""
    surplus = row.owner == NOBODY
    return {
        "kind": "surplus" if surplus else "shortage",
        "merchant": row.merchant,
        "account": row.holder if surplus else row.owner,
        "code": row.code,
        "amount_vnd": row.vnd,
        "unit": row.example,
    }


def _day(day: AccountDay) -> View:
    return {**asdict(day), "day": day.day.isoformat(), "difference_vnd": day.receipts_vnd - day.credits_vnd}
