"""Where a beneficiary's money goes, and the remittance clock: what waits, since when, due by law on which day."""

from asyncpg import Connection

from paygw.hub.days import calendar_of, local_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.views import instant
from paygw.kernel.remitting import check_term, remit_due
from paygw.store import payouts as store
from paygw.store.payouts import Payee


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
    """The remittance clock: settled money per beneficiary, since when it waits, by when the law wants it there."""
    async with hub.pool.acquire() as connection:
        rows = await store.waiting_for_owners(connection)
    today = local_day(hub.clock())
    found = []
    for row in rows:
        due = None
        if row["remit_every"]:
            due = remit_due(row["remit_every"], row["remit_by"], row["oldest"], calendar_of("treasury"))
        found.append(
            {
                "beneficiary": row["beneficiary"],
                "stands_with": row["stands_with"],
                "oldest": row["oldest"].isoformat(),
                "slices": row["slices"],
                "amount_vnd": row["vnd"],
                "due_on": due.isoformat() if due else None,
                "overdue": bool(due and today > due),
                "basis": row["basis"],
            }
        )
    return found
