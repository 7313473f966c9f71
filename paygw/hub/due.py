"""Which nights are due: a bank's day is to be reconciled on the bank's next working day, at the hour of `night_at`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from asyncpg import Connection

from paygw.hub.days import calendar_of, local_day
from paygw.hub.hub import Hub
from paygw.kernel.calendar import next_working_day
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.store.nights import BankSince, banks_since, filed_days, statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A bank's day that should have been reconciled since `since`; `waiting` where a run found no file."""

    bank: str
    day: date
    since: datetime
    waiting: bool = False


async def read_due(hub: Hub, connection: Connection) -> list[Due]:
    """Every day that is due and not done, oldest first."""
    first = local_day(hub.clock()) - timedelta(days=hub.settings.night_back_days)
    banks, known = await banks_since(connection), await statuses(connection, first)
    return list(due_nights(hub, banks, known, await filed_days(connection, first)))


def due_nights(
    hub: Hub, banks: list[BankSince], known: dict[tuple[str, date], str], files: frozenset[tuple[str, date]]
) -> Iterator[Due]:
    """The same from what is known; a bank that cannot be asked is due once its file came."""
    now = hub.clock()
    today = local_day(now)
    for back in range(hub.settings.night_back_days, 0, -1):
        day = today - timedelta(days=back)
        for one in banks:
            bank = hub.registry.banks.get(one.id)
            if bank is None or not (bank.connector.fetch_file or (one.id, day) in files) or local_day(one.since) > day:
                continue
            since, status = night_moment(hub, day), known.get((one.id, day))
            if since <= now and status != "done":
                yield Due(bank=one.id, day=day, since=since, waiting=status == "waiting")


def night_moment(hub: Hub, day: date) -> datetime:
    """When a day is to be reconciled: T+1 of the banks; the day after where the calendar of a year is not known."""
    try:
        on = next_working_day(calendar_of("bank"), day)
    except Refused:
        on = day + timedelta(days=1)
    return datetime.combine(on, hub.settings.night_at, VIETNAM)
