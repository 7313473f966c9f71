"""Callbacks end to end: rows in a real database, receivers on real sockets, the schedule compressed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from paygw.hub.hub import Hub
from paygw.hub.registry import Portal, Registry
from paygw.jobs.callbacks import dispatch
from paygw.kernel.refs import public_id
from tests.db_fixtures import Database
from tests.jobs.outbox_kit import QUICK, SECRET, Receiver, add_events, open_hub, open_receiver, portal, until

pytestmark = [pytest.mark.db, pytest.mark.net]


@asynccontextmanager
async def _running(
    database: Database, receiver: Receiver, portals: Sequence[Portal] | None = None, **settings: object
) -> AsyncIterator[Hub]:
    """A hub that sends to the receiver while the block runs."""
    portals = portals or [portal("hanoi", receiver.url())]
    allow = (f"127.0.0.1:{receiver.port}",)
    async with open_hub(database.runtime, portals, callback_allow=allow, **QUICK, **settings) as hub, _sending(hub):
        yield hub


@asynccontextmanager
async def _sending(hub: Hub) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatch(hub, stop))
        try:
            yield
        finally:
            stop.set()


async def _add(hub: Hub, portal_id: str = "hanoi", count: int = 1) -> list[UUID]:
    async with hub.pool.acquire() as connection:
        return await add_events(connection, portal_id, count)


async def _statuses(hub: Hub, portal_id: str = "hanoi") -> Counter[str]:
    rows = await hub.pool.fetch("SELECT status, attempts FROM deliveries WHERE portal_id = $1", portal_id)
    return Counter(row["status"] for row in rows)


async def _settled(hub: Hub, status: str, count: int, portal_id: str = "hanoi") -> None:
    async with asyncio.timeout(20):
        while (await _statuses(hub, portal_id))[status] < count:  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.02)


async def _told(hub: Hub, question: str) -> None:
    """Wait until the database answers yes."""
    async with asyncio.timeout(20):
        while not await hub.pool.fetchval(question):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.02)


def _switch(hub: Hub, *portals: Portal) -> None:
    hub.registry_holder.now = Registry(portals={item.id: item for item in portals})


async def test_every_event_arrives_once_and_verifies(database: Database) -> None:
    async with open_receiver() as receiver, _running(database, receiver) as hub:
        ids = await _add(hub, count=120)
        await _settled(hub, "delivered", 120)

    assert Counter(receiver.ids) == Counter(public_id("evt", str(item)) for item in ids)
    for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
        assert Webhook(SECRET).verify(body, headers)["type"] == "order.paid"


async def test_failed_callback_comes_again_with_the_same_id_and_bytes(database: Database) -> None:
    sick = Receiver(status_for=lambda _path, n: 500 if n < 3 else 200)
    async with open_receiver(sick) as receiver, _running(database, receiver) as hub:
        await _add(hub)
        await _settled(hub, "delivered", 1)
        log = await hub.pool.fetch("SELECT attempt, outcome, http_status FROM delivery_log ORDER BY id")

    assert len(set(receiver.ids)) == len(set(receiver.bodies)) == 1
    assert [tuple(row) for row in log] == [(1, "refused", 500), (2, "refused", 500), (3, "accepted", 200)]


async def test_last_failure_is_a_dead_letter_with_a_case(database: Database) -> None:
    sick = Receiver(status_for=lambda _path, _n: 302)
    async with open_receiver(sick) as receiver, _running(database, receiver) as hub:
        await _add(hub)
        await _settled(hub, "dead", 1)
        await _told(hub, "SELECT count(*) = 1 FROM cases WHERE kind = 'callback_dead'")

    assert len(receiver.ids) == 3


async def test_gone_endpoint_is_disabled_and_loses_nothing(database: Database) -> None:
    async with open_receiver(Receiver(status_for=lambda _path, n: 410 if n == 1 else 200)) as receiver:
        mine = portal("hanoi", receiver.url())
        async with _running(database, receiver, [mine], callback_concurrency=1) as hub:
            await _add(hub, count=5)
            await until(lambda: receiver.ids)
            _switch(hub, replace(mine, callback_state="gone"))
            await asyncio.sleep(0.3)
            silent = len(receiver.ids)
            await _told(hub, "SELECT callback_state = 'gone' FROM portals")
            _switch(hub, mine)
            await _settled(hub, "delivered", 5)

    assert silent == 1


async def test_paused_portal_waits_and_then_gets_everything(database: Database) -> None:
    async with open_receiver() as receiver:
        mine = portal("hanoi", receiver.url(), state="paused")
        async with _running(database, receiver, [mine]) as hub:
            await _add(hub, count=10)
            await asyncio.sleep(0.2)
            while_paused = list(receiver.ids)
            _switch(hub, replace(mine, callback_state="active"))
            await _settled(hub, "delivered", 10)

    assert while_paused == []
    assert len(receiver.ids) == 10


async def test_an_endpoint_never_gets_more_than_four_at_once(database: Database) -> None:
    async with open_receiver(Receiver(delay_s=0.02)) as receiver, _running(database, receiver) as hub:
        await _add(hub, count=60)
        await _settled(hub, "delivered", 60)

    assert receiver.most_at_once["/cb"] == 4


async def test_dead_receiver_does_not_hold_up_the_others(database: Database) -> None:
    """One endpoint hangs with a thousand events waiting; the other gets all of its own meanwhile."""
    async with open_receiver(Receiver(delay_s=30)) as dead, open_receiver() as healthy:
        portals = [portal("dead", dead.url()), portal("hue", healthy.url())]
        allow = (f"127.0.0.1:{dead.port}", f"127.0.0.1:{healthy.port}")
        async with open_hub(database.runtime, portals, callback_allow=allow, **QUICK) as hub:
            await _add(hub, "dead", 1_000)
            await _add(hub, "hue", 200)
            async with _sending(hub):
                await _settled(hub, "delivered", 200, "hue")
                tried = len(dead.ids)

    assert tried <= 4 * 5


async def test_breaker_holds_back_from_a_failing_endpoint_and_a_probe_finds_it_well(database: Database) -> None:
    sick = True
    async with open_receiver(Receiver(status_for=lambda _path, _n: 500 if sick else 200)) as receiver:
        delays = (0.0, *[0.3] * 40)
        settings = QUICK | {"callback_delays_s": delays, "callback_allow": (f"127.0.0.1:{receiver.port}",)}
        async with open_hub(database.runtime, [portal("hanoi", receiver.url())], **settings) as hub:
            await _add(hub, count=100)
            async with _sending(hub):
                await until(lambda: len(receiver.ids) >= 5)
                await asyncio.sleep(0.1)
                while_open = len(receiver.ids)
                sick = False
                await _settled(hub, "delivered", 100)

    assert while_open <= 5 + 4


async def test_callback_under_way_at_the_end_is_finished_and_the_rest_given_back(database: Database) -> None:
    async with open_receiver(Receiver(delay_s=0.2)) as receiver:
        allow = (f"127.0.0.1:{receiver.port}",)
        async with open_hub(database.runtime, [portal("hanoi", receiver.url())], callback_allow=allow, **QUICK) as hub:
            await _add(hub, count=40)
            async with _sending(hub):
                await until(lambda: receiver.ids)
            held = await hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE lease_until IS NOT NULL")
            delivered = (await _statuses(hub))["delivered"]

    assert held == 0
    assert delivered == len(receiver.ids) < 40


async def test_two_workers_side_by_side_send_each_event_once(database: Database) -> None:
    async with open_receiver() as receiver, _running(database, receiver) as hub, _sending(hub):
        await _add(hub, count=300)
        await _settled(hub, "delivered", 300)

    assert len(receiver.ids) == len(set(receiver.ids)) == 300


async def test_worker_that_died_is_replaced_after_its_lease(database: Database) -> None:
    """Its task is torn away in the middle of an attempt: nothing is written, the lease ends, another one sends."""
    async with open_receiver(Receiver(delay_s=60)) as receiver:
        settings = QUICK | {"callback_lease_s": 1.2, "callback_allow": (f"127.0.0.1:{receiver.port}",)}
        async with open_hub(database.runtime, [portal("hanoi", receiver.url())], **settings) as hub:
            await _add(hub)
            dying = asyncio.create_task(dispatch(hub, asyncio.Event()))
            await until(lambda: receiver.ids)
            dying.cancel()
            await asyncio.wait([dying])
            receiver.delay_s = 0
            async with _sending(hub):
                await _settled(hub, "delivered", 1)

    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


async def test_rotation_signs_with_both_secrets(database: Database) -> None:
    new = "whsec_bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="
    async with open_receiver() as receiver:
        rotating = replace(portal("hanoi", receiver.url()), secrets=(new, SECRET))
        async with _running(database, receiver, [rotating]) as hub:
            await _add(hub)
            await _settled(hub, "delivered", 1)

    for secret in (new, SECRET):
        assert Webhook(secret).verify(receiver.bodies[0], receiver.headers[0])["type"] == "order.paid"
