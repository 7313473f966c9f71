"""Gauges that need the hub's clock, calendar or registry, and the slow ones a job takes between two looks."""

from collections import Counter
from datetime import datetime
from functools import partial

from asyncpg import Connection

from paygw.hub.days import calendar_of, local_day
from paygw.hub.due import read_due
from paygw.hub.hub import Hub
from paygw.hub.payees import list_due
from paygw.hub.sealing import verify
from paygw.kernel.breaks import working_days_between
from paygw.kernel.errors import Refused
from paygw.outside.heads import BadHeads
from paygw.store.gauges import Gauge, oldest_unapplied, overdue_breaks, read_gauges
from paygw.store.health import read_clock
from paygw.store.ledger_checks import clearing_differences
from paygw.store.measures import put_measure, read_measures
from paygw.store.seals import BadRow

REMITTANCE_STATES = ("waiting", "overdue", "no_term")

# The slow ones by name: under which label their values stand.
_KEPT = {"audit_verify_ok": None, "clearing_difference_vnd": "bank", "remittance_vnd": "state"}


async def read_all(hub: Hub, connection: Connection) -> list[Gauge]:
    """Every gauge of the whole hub, the same from whichever process is asked."""
    return [
        *await read_gauges(connection),
        *await _kept(hub, connection),
        *await _nights(hub, connection),
        *await _clocks(hub, connection),
    ]


async def _kept(hub: Hub, connection: Connection) -> list[Gauge]:
    found: list[Gauge] = []
    taken: dict[str, datetime] = {}
    for row in await read_measures(connection):
        name, label = row["name"], _KEPT[row["name"]]
        found.append(Gauge(f"paygw_{name}", {label: row["label"]} if label else {}, row["value"]))
        taken[name] = max(row["at"], taken.get(name, row["at"]))
    return found + [
        Gauge("paygw_measure_age_seconds", {"measure": name}, (hub.clock() - at).total_seconds())
        for name, at in taken.items()
    ]


async def _nights(hub: Hub, connection: Connection) -> list[Gauge]:
    """How late the oldest night of each bank is; 0 where every day that is due is done."""
    late_s = {bank.id: 0.0 for bank in hub.registry.banks.values() if bank.connector.fetch_file}
    for due in await read_due(hub, connection):
        late_s[due.bank] = max(late_s.get(due.bank, 0.0), (hub.clock() - due.since).total_seconds())
    return [Gauge("paygw_night_overdue_seconds", {"bank": bank}, age_s) for bank, age_s in late_s.items()]


async def _clocks(hub: Hub, connection: Connection) -> list[Gauge]:
    """Ages that the calendar knows, and how far this process's clock is from the database's."""
    today = local_day(hub.clock())
    offset_s = (hub.clock() - await read_clock(connection)).total_seconds()
    return [
        Gauge("paygw_clock_offset_seconds", {}, offset_s),
        *await overdue_breaks(connection, today),
        *(
            Gauge("paygw_unapplied_oldest_days", {"bank": bank}, _working_days(since, hub.clock()))
            for bank, since in (await oldest_unapplied(connection)).items()
        ),
    ]


def _working_days(since: datetime, now: datetime) -> int:
    """Whole working days of the agencies; plain days where the calendar of a year is not known."""
    first, last = local_day(since), local_day(now)
    try:
        return working_days_between(calendar_of("agency"), first, last)
    except Refused:
        return (last - first).days


async def verify_audit(hub: Hub) -> BadRow | None:
    """Verify the chains and keep the verdict for those who watch. A damaged file of heads is a bad verdict too."""
    keep = partial(_keep, hub, "audit_verify_ok")
    try:
        bad = await verify(hub)
    except BadHeads:
        await keep({"": 0})
        raise
    await keep({"": int(bad is None)})
    return bad


async def measure_clearing(hub: Hub) -> None:
    """Take anew by how much the clearing of each bank differs from the records; `bank`: accounts of our own."""
    async with hub.pool.acquire() as connection:
        found = await clearing_differences(connection, mode=hub.settings.funds)
    await _keep(hub, "clearing_difference_vnd", dict.fromkeys(("bank", *hub.registry.banks), 0) | found)


async def measure_remittance(hub: Hub) -> None:
    """Take anew what waits for its owners: within its legal term, past it, or without one."""
    waiting: Counter[str] = Counter(dict.fromkeys(REMITTANCE_STATES, 0))
    for row in await list_due(hub):
        waiting["overdue" if row["overdue"] else "waiting" if row["due_on"] else "no_term"] += row["amount_vnd"]
    await _keep(hub, "remittance_vnd", waiting)


async def _keep(hub: Hub, name: str, values: dict[str, int]) -> None:
    await hub.transact(partial(put_measure, name=name, values=values, at=hub.clock()))
