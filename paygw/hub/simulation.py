"""What if, over orders: the dossiers of a span of legal dates, one by one, with their facts opened for a moment."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from uuid import UUID

import msgspec

from paygw.hub.frozen import open_private
from paygw.hub.hub import Hub
from paygw.kernel.fees.dates import LAST_DAY, Window, iso_day
from paygw.kernel.fees.simulate import Dossier, Outcome, Proposal, Standing, propose
from paygw.kernel.fees.versions import Version
from paygw.store import fees as store

_PAGE = 500
_FIRST = UUID(int=0)


async def standing_now(hub: Hub) -> list[Standing]:
    """What is in force, version by version."""
    async with hub.pool.acquire() as connection:
        rows = await store.read_in_force(connection)
    windows: dict[str, list[Window]] = {}
    for row in rows:
        windows.setdefault(row["digest"], []).append(Window(row["first"], row["last"] or LAST_DAY))
    units = hub.tariff_holder.units
    return [Standing(units[digest], tuple(found)) for digest, found in windows.items() if digest in units]


async def simulate_orders(
    hub: Hub,
    versions: tuple[Version, ...],
    over: Window,
    *,
    as_of: date | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Proposal, Outcome]:
    """Price every line of the orders of a span both ways, on its own legal date or on one day for all."""
    proposal, outcome = propose(await standing_now(hub), versions), Outcome()
    async for dossiers in _pages(hub, over, as_of):
        for dossier in dossiers:
            outcome.add(proposal, dossier)
        advance(_PAGE)
    return proposal, outcome


async def order_count(hub: Hub) -> int:
    """About how many orders there are to look at."""
    async with hub.pool.acquire() as connection:
        return await store.count_orders(connection)


async def _pages(hub: Hub, over: Window, as_of: date | None) -> AsyncIterator[list[Dossier]]:
    after = _FIRST
    while True:
        async with hub.pool.acquire() as connection:
            rows = await store.read_priced(connection, after=after, limit=_PAGE)
        if not rows:
            return
        after = rows[-1]["id"]
        found: list[Dossier] = []
        for row in rows:
            frozen = msgspec.json.decode(row["quote"])["lines"]
            faces = msgspec.json.decode(row["lines"])
            facts = open_private(hub, str(row["id"]), row["private"]).facts
            for line, shown, told in zip(frozen, faces, facts, strict=True):
                day = iso_day(line["as_of"])
                if day is not None and over.first <= day <= over.last:
                    found.append(
                        Dossier(
                            procedure=line["procedure"],
                            province=line["province"],
                            as_of=as_of or day,
                            facts=dict(told),
                            collector=shown["collecting_body"],
                        )
                    )
        yield found
