"""The outbox on a real database: leases, fences, fair batches, replay."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from asyncpg import Connection

from paygw.store import outbox
from paygw.store.outbox import Acknowledgement, Claim, Selection, Status
from tests.db_fixtures import Database
from tests.jobs.outbox_kit import add_events, add_portals, portal

pytestmark = pytest.mark.db


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """The runtime role's connection to a fresh database with two portals."""
    opened = await asyncpg.connect(**database.runtime.connect_args())
    await add_portals(opened, [portal("hanoi"), portal("hue")])
    yield opened
    await opened.close()


async def _claim(connection: Connection, limit: int = 100, lease_s: float = 30, **rooms: int) -> list[Claim]:
    return await outbox.claim(connection, rooms or {"hanoi": 50, "hue": 50}, limit=limit, lease_s=lease_s)


def _told(claim: Claim, status: Status = "delivered", wait_s: float = 0.0) -> Acknowledgement:
    return Acknowledgement(claim, status, wait_s, "accepted" if status == "delivered" else "refused", 200, 5)


async def test_claimed_delivery_is_not_claimed_again_under_its_lease(connection: Connection) -> None:
    [event_id] = await add_events(connection, "hanoi")

    first, second = await _claim(connection), await _claim(connection)

    assert [item.event_id for item in first] == [event_id]
    assert second == []


async def test_lost_lease_is_claimed_again_with_a_higher_fence(connection: Connection) -> None:
    await add_events(connection, "hanoi")
    [lost] = await _claim(connection, lease_s=0)

    [found] = await _claim(connection)

    assert (found.event_id, found.fence, found.attempts) == (lost.event_id, lost.fence + 1, 0)


async def test_word_of_a_worker_that_lost_its_lease_changes_nothing_but_is_logged(connection: Connection) -> None:
    await add_events(connection, "hanoi")
    [stale] = await _claim(connection, lease_s=0)
    [fresh] = await _claim(connection)

    late = await outbox.acknowledge(connection, [_told(stale, "dead")])
    kept = await outbox.acknowledge(connection, [_told(fresh)])

    assert (late, kept) == (set(), {fresh.event_id})
    assert await connection.fetchval("SELECT status FROM deliveries") == "delivered"
    assert await connection.fetchval("SELECT count(*) FROM delivery_log") == 2


async def test_many_workers_never_hold_one_delivery_twice(connection: Connection, database: Database) -> None:
    await add_events(connection, "hanoi", 300)
    await add_events(connection, "hue", 300)
    others = [await asyncpg.connect(**database.runtime.connect_args()) for _ in range(6)]

    async def take(own: Connection) -> list[UUID]:
        taken: list[UUID] = []
        while await own.fetchval("SELECT count(*) FROM deliveries WHERE lease_until IS NULL"):
            taken += [item.event_id for item in await _claim(own, limit=20)]
        return taken

    taken = await asyncio.gather(*(take(own) for own in others))
    for own in others:
        await own.close()

    counted = Counter(event_id for part in taken for event_id in part)
    assert len(counted) == 600
    assert set(counted.values()) == {1}


async def test_backlog_of_one_portal_does_not_fill_the_batch(connection: Connection) -> None:
    await add_events(connection, "hanoi", 500)
    await add_events(connection, "hue", 3)

    taken = Counter(item.portal_id for item in await _claim(connection, limit=10, hanoi=500, hue=500))

    assert taken == {"hanoi": 7, "hue": 3}


async def test_room_of_a_portal_is_its_most(connection: Connection) -> None:
    await add_events(connection, "hanoi", 9)
    await add_events(connection, "hue", 9)

    assert Counter(item.portal_id for item in await _claim(connection, hanoi=2)) == {"hanoi": 2}


async def test_failed_attempt_is_due_again_after_its_wait(connection: Connection) -> None:
    await add_events(connection, "hanoi")
    [claim] = await _claim(connection)
    await outbox.acknowledge(connection, [_told(claim, "pending", wait_s=60)])

    row = await connection.fetchrow("SELECT status, attempts, lease_until, next_at - now() AS wait FROM deliveries")

    assert (row["status"], row["attempts"], row["lease_until"]) == ("pending", 1, None)
    assert timedelta(seconds=55) < row["wait"] <= timedelta(seconds=60)
    assert await _claim(connection) == []


async def test_given_back_delivery_is_due_at_once_and_counts_no_attempt(connection: Connection) -> None:
    await add_events(connection, "hanoi", 2)
    claims = await _claim(connection)

    await outbox.release(connection, claims)

    assert [item.attempts for item in await _claim(connection)] == [0, 0]


async def test_endpoint_that_is_gone_is_disabled_once_and_opens_a_case(connection: Connection) -> None:
    url = portal("hanoi").callback_url

    answers = [await outbox.disable_endpoint(connection, "hanoi", url) for _ in range(2)]

    assert answers == [True, False]
    assert await connection.fetchval("SELECT callback_state FROM portals WHERE id = 'hanoi'") == "gone"
    assert await connection.fetchval("SELECT count(*) FROM cases WHERE status = 'open'") == 1


async def test_endpoint_whose_url_changed_meanwhile_is_not_disabled(connection: Connection) -> None:
    assert not await outbox.disable_endpoint(connection, "hanoi", "https://old.example.vn/cb")


async def test_replay_of_an_order_sends_its_events_again_under_their_ids(connection: Connection) -> None:
    order_id = UUID(int=7)
    wanted = await add_events(connection, "hanoi", 2, order_id=order_id)
    await add_events(connection, "hanoi", 2)
    await outbox.acknowledge(connection, [_told(item) for item in await _claim(connection)])

    replayed = await outbox.replay(connection, Selection(portal_id="hanoi", order_id=order_id))

    assert (replayed.count, replayed.after) == (2, None)
    assert {item.event_id for item in await _claim(connection)} == set(wanted)


async def test_replay_is_scoped_to_its_portal(connection: Connection) -> None:
    [event_id] = await add_events(connection, "hanoi")

    replayed = await outbox.replay(connection, Selection(portal_id="hue", event_id=event_id))

    assert replayed.count == 0


async def test_replay_since_a_time_walks_all_pages_and_leaves_older_ones(connection: Connection) -> None:
    old = await add_events(connection, "hanoi", 2)
    await connection.execute("SELECT pg_sleep(0.01)")
    since = datetime.now(UTC)
    await connection.execute("SELECT pg_sleep(0.01)")
    await add_events(connection, "hanoi", 5)
    await outbox.acknowledge(connection, [_told(item) for item in await _claim(connection)])
    pages: list[int] = []
    after: UUID | None = None
    while not pages or after:
        page = await outbox.replay(connection, Selection(portal_id="hanoi", since=since), after=after, limit=2)
        pages.append(page.count)
        after = page.after

    assert sum(pages) == 5
    assert not {item.event_id for item in await _claim(connection)} & set(old)


async def test_replay_of_dead_letters_leaves_delivered_ones(connection: Connection) -> None:
    await add_events(connection, "hanoi", 3)
    first, *others = await _claim(connection)
    await outbox.acknowledge(connection, [_told(first, "dead"), *(_told(item) for item in others)])

    replayed = await outbox.replay(connection, Selection(portal_id="hanoi", dead_only=True))

    assert replayed.count == 1
    assert [item.event_id for item in await _claim(connection)] == [first.event_id]


async def test_word_from_before_a_replay_does_not_end_it(connection: Connection) -> None:
    await add_events(connection, "hanoi")
    [under_way] = await _claim(connection)
    await outbox.replay(connection, Selection(portal_id="hanoi"))

    await outbox.acknowledge(connection, [_told(under_way)])

    assert len(await _claim(connection)) == 1


async def test_backlog_tells_pending_dead_and_age_per_portal(connection: Connection) -> None:
    await add_events(connection, "hanoi", 3)
    [claim] = await _claim(connection, limit=1)
    await outbox.acknowledge(connection, [_told(claim, "dead")])

    rows = {row["portal_id"]: row for row in await outbox.backlog(connection)}

    assert (rows["hanoi"]["pending"], rows["hanoi"]["dead"], rows["hue"]["pending"]) == (2, 1, 0)
    assert rows["hanoi"]["oldest_s"] > 0 == rows["hue"]["oldest_s"]


async def test_dead_letters_of_a_portal_share_one_open_case(connection: Connection) -> None:
    for _ in range(3):
        await outbox.report_dead(connection, "hanoi")

    assert await connection.fetchval("SELECT count(*) FROM cases WHERE kind = 'callback_dead'") == 1


async def test_paused_portal_keeps_its_deliveries(connection: Connection) -> None:
    await add_events(connection, "hanoi", 2)

    changed = [await outbox.set_callback_state(connection, "hanoi", state) for state in ("paused", "paused", "active")]

    assert changed == [True, False, True]
    assert len(await _claim(connection)) == 2
