"""The events feed under writers that commit late and out of order: nothing is missed, nothing comes twice."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from paygw.store.cursor import BEGINNING
from paygw.store.dsn import Dsn
from paygw.store.events import feed
from tests.db_fixtures import Database
from tests.drills.conftest import Figures
from tests.drills.kit.bank import dice

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]

WRITERS = 32
PORTALS = ("a", "b", "c")
PAGE = 500
_PORTAL = """
INSERT INTO portals (id, name, callback_url, return_origins, callback_secret, rate_post, rate_get, rate_burst)
VALUES ($1, $1, 'https://x', '{}', '', 1, 1, 1)
"""
_INSERT = """
INSERT INTO events (id, key, portal_id, order_id, type, body)
SELECT u.id, u.id::text, $2, u.id, 'order.paid', '{}' FROM unnest($1::uuid[]) AS u(id)
"""


@dataclass(slots=True)
class Plan:
    """What is still to be written, and what the database confirmed, by portal."""

    left: int
    written: dict[str, list[UUID]] = field(default_factory=lambda: {portal: [] for portal in PORTALS})
    rolled_back: int = 0
    transactions: int = 0


@dataclass(slots=True)
class Reader:
    """Follows the feed of one portal, or of all for None."""

    portal: str | None
    seen: list[UUID] = field(default_factory=list)
    pages: int = 0

    async def follow(self, dsn: Dsn, done: asyncio.Event) -> None:
        """Page after page until nothing is left once the writers are done."""
        connection = await asyncpg.connect(**dsn.connect_args())
        after = BEGINNING
        while True:
            last_look = done.is_set()
            page = await feed(connection, self.portal, after, limit=PAGE)
            self.seen += [row["id"] for row in page.rows]
            after, self.pages = page.after, self.pages + 1
            if not page.rows and last_look:
                break
            if not page.more:
                await asyncio.sleep(0.01)
        await connection.close()


async def test_a_reader_of_the_feed_misses_nothing_and_sees_nothing_twice(
    database: Database, scaled: Callable[..., int], figures: Figures
) -> None:
    """200,000 events of 32 writers with pauses between insert and commit; a reader per portal and one of all."""
    plan, done, luck = Plan(left=scaled(200_000, least=2_000)), asyncio.Event(), dice()
    connection = await asyncpg.connect(**database.runtime.connect_args())
    for portal in PORTALS:
        await connection.execute(_PORTAL, portal)
    await connection.close()
    readers = [Reader(portal) for portal in (*PORTALS, None)]
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as following:
        for reader in readers:
            following.create_task(reader.follow(database.runtime, done))
        async with asyncio.TaskGroup() as writing:
            for _ in range(WRITERS):
                writing.create_task(_write(database.runtime, plan, random.Random(luck.random())))  # noqa: S311 - pauses
        written_s = time.monotonic() - began_s
        done.set()
    written: dict[str | None, list[UUID]] = {None: [event for events in plan.written.values() for event in events]}
    written |= plan.written
    missed = {reader.portal: len(set(written[reader.portal]) - set(reader.seen)) for reader in readers}
    strangers = {reader.portal: len(set(reader.seen) - set(written[reader.portal])) for reader in readers}
    twice = {reader.portal: sum(n - 1 for n in Counter(reader.seen).values()) for reader in readers}
    figures(
        events=len(written[None]), transactions=plan.transactions, rolled_back=plan.rolled_back,
        writing_s=round(written_s, 1), total_s=round(time.monotonic() - began_s, 1),
        pages=sum(reader.pages for reader in readers), missed=missed, twice=twice, strangers=strangers,
    )  # fmt: skip
    assert not any(missed.values())
    assert not any(twice.values())
    assert not any(strangers.values())


async def _write(dsn: Dsn, plan: Plan, luck: random.Random) -> None:
    """Transactions of random length: some wait between insert and commit, some are taken back."""
    connection = await asyncpg.connect(**dsn.connect_args())
    while plan.left > 0:
        portal, statements = luck.choice(PORTALS), luck.randint(1, 3)
        ids = [UUID(str(uuid7())) for _ in range(luck.randint(1, 120))]
        takes_back = luck.random() < 0.05
        plan.left -= 0 if takes_back else len(ids)
        transaction = connection.transaction()
        await transaction.start()
        for at in range(statements):
            await connection.execute(_INSERT, ids[at::statements], portal)
            await asyncio.sleep(luck.choice((0, 0, 0.002, 0.01, 0.05, 0.2)))
        if takes_back:
            await transaction.rollback()
            plan.rolled_back += 1
            continue
        await transaction.commit()
        plan.transactions += 1
        plan.written[portal] += ids
    await connection.close()
