"""Portals that are down, drip, hang, redirect or are gone, beside one that is well; and addresses nobody may reach."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle

import pytest

from paygw.hub.callbacks import list_backlog, replay, selection, set_state
from paygw.hub.hub import Hub
from paygw.hub.registry import Portal, Registry
from paygw.jobs.callbacks import Dispatcher, limits_of
from paygw.outside.callbacks import Sender
from paygw.outside.ports import free_port
from tests.db_fixtures import Database
from tests.drills.conftest import Figures
from tests.drills.kit.endpoints import SICK, Endpoints, canary, forbidden_urls, listening_endpoints
from tests.jobs.outbox_kit import add_events, open_hub, portal

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

EVENTS = 300
_WAIT_S = 240.0
_QUICK = {
    "callback_delays_s": (0.0, 0.2, 0.3, 0.5), "callback_poll_s": 0.05, "callback_deadline_s": 0.5,
    "callback_lease_s": 2.0, "breaker_open_s": 0.3,
}  # fmt: skip
_DELAYS = """
SELECT extract(epoch FROM d.delivered_at - e.created_at)::float8 * 1000 FROM deliveries d
JOIN events e ON e.id = d.event_id WHERE d.portal_id = $1 AND d.status = 'delivered' ORDER BY 1
"""


async def test_sick_portals_hold_up_no_other_and_lose_nothing(
    database: Database, scaled: Callable[..., int], figures: Figures
) -> None:
    """Well alone, then beside five sick ones; then those are healed, and what was given up is sent again."""
    events, down = scaled(EVENTS, least=40), free_port()
    async with canary() as bird, listening_endpoints(f"http://127.0.0.1:{bird.port}/cb") as ends:
        portals = [portal(name, ends.url(name)) for name in ("alone", "well", *SICK)]
        portals.append(portal("down", f"http://127.0.0.1:{down}/cb"))
        allow = tuple(f"127.0.0.1:{port}" for port in (ends.port, down, bird.port))
        async with open_hub(database.runtime, portals, callback_allow=allow, **_QUICK) as hub:
            async with _sending(hub):
                await _steadily(hub, ["alone"], events)
                await _until(hub, "alone", delivered=events)
                sick = {name: max(10, events // 10) for name in (*SICK, "down")}
                await _steadily(hub, ["well", *sick], events, sick)
                await _until(hub, "well", delivered=events)
                beside = {name: await _statuses(hub, name) for name in sick}
                for name in sick.keys() - {"gone"}:
                    await _until(hub, name, dead=sick[name])
                backlog = {row["portal"]: row for row in await list_backlog(hub)}
                gone = await hub.pool.fetchval("SELECT callback_state FROM portals WHERE id = 'gone'")
                replayed = await _heal(hub, ends, sick)
                for name, count in sick.items():
                    await _until(hub, name, delivered=count)
            p95_ms = {name: await _p95_ms(hub, name) for name in ("alone", "well")}
    figures(
        events=events, p95_ms=p95_ms, ratio=round(p95_ms["well"] / p95_ms["alone"], 2), beside=beside,
        tried=ends.tried, replayed=replayed, canary_contacts=bird.contacts,
    )  # fmt: skip
    assert bird.contacts == 0
    assert all(statuses["delivered"] == 0 for statuses in beside.values())
    assert {name: backlog[name]["dead"] for name in sick if name != "gone"} == {
        name: count for name, count in sick.items() if name != "gone"
    }
    assert (gone, backlog["gone"]["pending"]) == ("gone", sick["gone"])
    heard = {name: ends.accepted[name] for name in ("alone", "well", *SICK)}
    assert {name: len(ids) for name, ids in heard.items()} == {"alone": events, "well": events} | {
        name: sick[name] for name in SICK
    }
    assert {name: max(heard[name].values()) for name in ("alone", "well")} == {"alone": 1, "well": 1}


async def test_forbidden_addresses_are_never_contacted(database: Database, figures: Figures) -> None:
    """27 addresses written past all checks, and a name that resolves now to one place, now to another."""
    async with canary() as bird:
        urls = forbidden_urls(bird.port)
        portals = [portal(f"p{at}", url) for at, url in enumerate(urls.values())]
        portals.append(portal("rebinding", f"https://portal.example.vn:{bird.port}/cb"))
        answers = cycle([("8.8.8.8", "127.0.0.1"), ("127.0.0.1",), ("::1",), ("::ffff:127.0.0.1", "8.8.8.8")])

        async def lying(host: str, port: int) -> Sequence[str]:
            del host, port
            return next(answers)

        async with open_hub(database.runtime, portals, **_QUICK) as hub:
            async with hub.pool.acquire() as connection:
                for one in portals:
                    await add_events(connection, one.id, 2)
            async with _sending(hub, lying):
                for one in portals:
                    await _until(hub, one.id, dead=2)
            outcomes = Counter(row["outcome"] for row in await hub.pool.fetch("SELECT outcome FROM delivery_log"))
    figures(addresses=len(urls), outcomes=outcomes, canary_contacts=bird.contacts)
    assert len(urls) == 27
    assert bird.contacts == 0
    assert set(outcomes) <= {"forbidden", "unreachable"}


async def _heal(hub: Hub, ends: Endpoints, sick: dict[str, int]) -> int:
    """Every endpoint works again; an operator sends what was given up, and sets the gone one going."""
    ends.well = True
    portals = {one.id: one for one in hub.registry.portals.values()}
    portals["down"] = replace(portals["down"], callback_url=ends.url("down"))
    hub.registry_holder.now = Registry(portals=portals)
    replayed = 0
    for name in sick:
        replayed += await replay(hub, selection(portal=name, dead_only=True), principal="drill")
    await set_state(hub, "gone", "active", principal="drill")
    return replayed


@asynccontextmanager
async def _sending(hub: Hub, lookup: "Callable[[str, int], object] | None" = None) -> AsyncIterator[None]:
    """The dispatcher at work; registry changes of endpoints are followed as a worker does."""
    stop = asyncio.Event()
    more = {} if lookup is None else {"lookup": lookup}
    async with asyncio.TaskGroup() as tasks, Sender(limits_of(hub.settings), clock=hub.clock, **more) as sender:  # type: ignore[arg-type]  # a look-up of its own
        sends = tasks.create_task(Dispatcher(hub, sender).run(stop))
        follows = tasks.create_task(_follow_states(hub))
        try:
            yield
        finally:
            stop.set()
            await sends
            follows.cancel()


async def _follow_states(hub: Hub) -> None:
    """What the registry watch does in a process: endpoints that are gone are seen as gone."""
    while True:
        rows = await hub.pool.fetch("SELECT id, callback_state FROM portals")
        known = hub.registry.portals
        portals: dict[str, Portal] = {
            row["id"]: replace(known[row["id"]], callback_state=row["callback_state"]) for row in rows
        }
        hub.registry_holder.now = Registry(portals=portals)
        await asyncio.sleep(0.1)


async def _steadily(hub: Hub, portals: Sequence[str], each: int, at_most: dict[str, int] | None = None) -> None:
    """Events one by one for all of these."""
    for at in range(each):
        async with hub.pool.acquire() as connection:
            for name in portals:
                if at < (at_most or {}).get(name, each):
                    await add_events(connection, name)
        await asyncio.sleep(0.005)


async def _statuses(hub: Hub, name: str) -> Counter[str]:
    rows = await hub.pool.fetch("SELECT status, count(*) AS n FROM deliveries WHERE portal_id = $1 GROUP BY 1", name)
    return Counter({row["status"]: row["n"] for row in rows})


async def _until(hub: Hub, name: str, **wanted: int) -> None:
    """Wait until so many deliveries of a portal stand so."""
    async with asyncio.timeout(_WAIT_S):
        while Counter(wanted) - await _statuses(hub, name):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.05)


async def _p95_ms(hub: Hub, name: str) -> float:
    delays = [row[0] for row in await hub.pool.fetch(_DELAYS, name)]
    return round(float(delays[int(len(delays) * 0.95)]), 1)
