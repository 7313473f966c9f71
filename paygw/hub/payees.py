"""Where a beneficiary's money goes, and the remittance clock: what waits, since when, due by law on which day."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from asyncpg import Connection, Record

from paygw.hub.days import calendar_of, local_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payment_orders import budget_codes
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.registry import Body
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.kernel.remitting import check_term, remit_due
from paygw.store import payouts as store
from paygw.store.payouts import Payee

TREASURY: Final = "treasury"
_UNIT_DIGITS: Final = 4
Bodies = Mapping[str, Body]


def body_of(bodies: Bodies, code: str) -> str:
    """The collecting body a budget code is of (`Registry.budget_code`); empty where none here bears it."""
    codes = budget_codes(code)
    if codes.chapter == codes.area == "-":
        return codes.unit
    named = (codes.chapter, codes.area, codes.unit)
    return next((one.id for one in bodies.values() if (one.chapter, one.area, one.budget_unit) == named), "")


def payee_name(bodies: Bodies, known: Collection[str], beneficiary: str, code: str) -> str:
    """Whose account a slice goes to: the owner's, of the treasury the one of this collecting body where it has one."""
    own = f"{beneficiary}@{body_of(bodies, code)}"
    return own if own in known else beneficiary


def into_budget(beneficiary: str) -> bool:
    """Whether money of this owner is paid into the state budget (C1-02/NS); an agency's share of phí is its own."""
    return beneficiary.split("@", 1)[0].split(":", 1)[0] == TREASURY


def check_payee(payee: Payee) -> None:
    """What the treasury's slip needs (C1-02/NS), and the term. Raises Refused `invalid_value`."""
    check_term(payee.remit_every, payee.remit_by)
    unit = payee.treasury_unit
    if unit and not (unit.isascii() and unit.isdigit() and len(unit) == _UNIT_DIGITS):
        raise Refused("invalid_value", "The code of a treasury unit (mã KBNN) has four digits, such as 0012.")
    if into_budget(payee.beneficiary) and not (unit and payee.collecting_office):
        raise Refused("invalid_value", "Money to the treasury needs the treasury unit (KBNN) and the cơ quan thu code.")


async def set_payee(hub: Hub, payee: Payee, *, persons: TwoPersons) -> View:
    """Say where a beneficiary's money goes; two persons, the document names the account."""
    check_term(payee.remit_every, payee.remit_by)

    async def work(connection: Connection) -> None:
        await decided_by_two(connection, persons, "payee.set", payee.beneficiary, bank=payee.bank_code)
        await store.set_payee(connection, payee, by=persons.maker, checked_by=persons.checker, at=hub.clock())

    await hub.transact(work)
    return {"beneficiary": payee.beneficiary, "set": True}


async def list_payees(hub: Hub) -> list[View]:
    """Every payee: its account, its term, the two persons who set it, and when."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_payees(connection)
    return [{**dict(row), "set_at": instant(row["set_at"])} for row in rows]


async def list_due(hub: Hub) -> list[View]:
    """The remittance clock: settled money per owner and collecting body, since when it waits, when the law wants it."""
    async with hub.pool.acquire() as connection:
        rows = await store.waiting_for_owners(connection)
        known = await store.read_payees(connection)
    waiting: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for row in rows:
        name = payee_name(hub.registry.bodies, known, row["beneficiary"], row["code"])
        body = body_of(hub.registry.bodies, row["code"])
        waiting[row["beneficiary"], body, row["stands_with"], name].append(row)
    today = local_day(hub.clock())
    return [_waiting(key, several, known.get(key[3]), today) for key, several in sorted(waiting.items())]


def _waiting(key: tuple[str, str, str, str], rows: list[Record], payee: Payee | None, today: date) -> View:
    beneficiary, body, stands_with, name = key
    oldest = min(row["oldest"] for row in rows)
    due = remit_due(payee.remit_every, payee.remit_by, oldest, calendar_of("treasury")) if payee else None
    return {
        "beneficiary": beneficiary,
        "collecting_body": body,
        "payee": name if payee else None,
        "stands_with": stands_with,
        "oldest": oldest.isoformat(),
        "slices": sum(row["slices"] for row in rows),
        "amount_vnd": sum(row["vnd"] for row in rows),
        "came_back_vnd": sum(row["came_back_vnd"] for row in rows),
        "due_on": due.isoformat() if due else None,
        "overdue": bool(due and today > due),
        "basis": payee.basis if payee else None,
    }
