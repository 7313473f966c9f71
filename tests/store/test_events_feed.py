"""The events feed: complete, in order, scoped, and blind to nothing that commits late."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from asyncpg import Connection
from hypothesis import given
from hypothesis import strategies as st

from paygw.store.cursor import BEGINNING, Cursor, read_cursor, write_cursor
from paygw.store.events import events_of_order, feed
from tests.db_fixtures import Database
from tests.jobs.outbox_kit import add_events, add_portals, portal

pytestmark = [pytest.mark.db, pytest.mark.alone]


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """The runtime role's connection to a fresh database with two portals."""
    opened = await asyncpg.connect(**database.runtime.connect_args())
    await add_portals(opened, [portal("hanoi"), portal("hue")])
    yield opened
    await opened.close()


async def _read_all(connection: Connection, portal_id: str | None, limit: int = 3) -> list[UUID]:
    seen: list[UUID] = []
    after = BEGINNING
    while (page := await feed(connection, portal_id, after, limit)).rows:
        seen += [row["id"] for row in page.rows]
        after = page.after
    return seen


@pytest.mark.db
async def test_pages_hold_every_event_of_the_portal_once_and_in_order(connection: Connection) -> None:
    first = await add_events(connection, "hanoi", 4)
    await add_events(connection, "hue", 2)
    second = await add_events(connection, "hanoi", 4)

    assert await _read_all(connection, "hanoi") == first + second


@pytest.mark.db
async def test_finance_reads_the_events_of_all_portals(connection: Connection) -> None:
    ids = await add_events(connection, "hanoi", 2) + await add_events(connection, "hue", 5)
    ids += await add_events(connection, "hanoi", 3)

    assert await _read_all(connection, None) == ids


@pytest.mark.db
async def test_event_that_commits_late_is_not_skipped(connection: Connection, database: Database) -> None:
    """The earlier transaction has the lower numbers and commits last; a reader asks in between."""
    slow = await asyncpg.connect(**database.runtime.connect_args())
    begun = slow.transaction()
    await begun.start()
    late = await add_events(slow, "hanoi")
    early = await add_events(connection, "hanoi")

    between = await feed(connection, "hanoi")
    await begun.commit()
    after = await feed(connection, "hanoi", between.after)
    await slow.close()

    assert [row["id"] for row in between.rows] == []
    assert [row["id"] for row in after.rows] == late + early


@pytest.mark.db
async def test_reader_among_many_writers_sees_every_event_exactly_once(
    connection: Connection, database: Database
) -> None:
    writers = [await asyncpg.connect(**database.runtime.connect_args()) for _ in range(6)]

    async def write(own: Connection, slowness_s: float) -> list[UUID]:
        made: list[UUID] = []
        for _ in range(15):
            async with own.transaction():
                made += await add_events(own, "hanoi", 2)
                await asyncio.sleep(slowness_s)
        return made

    async def read(done: asyncio.Event) -> list[UUID]:
        seen: list[UUID] = []
        after, last_look = BEGINNING, False
        while True:
            page = await feed(connection, "hanoi", after, 7)
            seen += [row["id"] for row in page.rows]
            after = page.after
            if not page.rows:
                if last_look:
                    return seen
                last_look = done.is_set()
                await asyncio.sleep(0)

    done = asyncio.Event()
    reading = asyncio.create_task(read(done))
    made = await asyncio.gather(*(write(own, n * 0.002) for n, own in enumerate(writers)))
    done.set()
    seen = await reading
    for own in writers:
        await own.close()

    assert len(seen) == len(set(seen)) == 180
    assert set(seen) == {event_id for part in made for event_id in part}


@pytest.mark.db
async def test_events_of_an_order_are_hidden_from_another_portal(connection: Connection) -> None:
    ids = await add_events(connection, "hanoi", 2, order_id=UUID(int=5))

    assert [row["id"] for row in await events_of_order(connection, UUID(int=5), "hanoi")] == ids
    assert [row["id"] for row in await events_of_order(connection, UUID(int=5), None)] == ids
    assert await events_of_order(connection, UUID(int=5), "hue") == []


@given(xid=st.integers(0, 10**18 - 1), seq=st.integers(0, 10**18 - 1))
def test_cursor_survives_its_text(xid: int, seq: int) -> None:
    assert read_cursor(write_cursor(Cursor(xid, seq), {}), {}) == Cursor(xid, seq)


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_or_none(text: str) -> None:
    cursor = read_cursor(text, {})

    assert cursor is None or isinstance(cursor, Cursor)


@pytest.mark.parametrize("text", ["", "x", "MTIz", "LTEuMg", "MS4y.", "99999999999999999999.1", "é"])
def test_foreign_text_is_no_cursor(text: str) -> None:
    assert read_cursor(text, {}) is None
