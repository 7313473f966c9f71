"""The events feed under writers that commit late and out of order: nothing is missed, nothing comes twice."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from uuid_utils.compat import uuid7

from paygw.store.cursor import BEGINNING, Cursor
from paygw.store.dsn import Dsn
from paygw.store.events import feed
from tests.drills.conftest import Figures
from tests.drills.kit.bank import dice
from tests.drills.kit.client import get
from tests.drills.kit.provision import PORTAL, PORTAL_KEY
from tests.drills.kit.world import World, world

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]

WRITERS = 32
PORTALS = (PORTAL, "other")
PAGE = 500
_INSERT = """
INSERT INTO events (id, key, portal_id, order_id, type, body)
SELECT u.id, u.id::text, $2, u.id, 'order.paid', convert_to('{"type":"order.paid"}', 'UTF8')
FROM unnest($1::uuid[]) AS u(id)
"""

# One look: takes the cursor of the look before, gives ids in order, the next cursor, and whether there may be more.
Look = Callable[[object], Awaitable[tuple[list[UUID], object, bool]]]


@dataclass(slots=True)
class Plan:
    """What is still to be written, and what the database confirmed, by portal."""

    left: int
    written: dict[str, list[UUID]] = field(default_factory=lambda: {portal: [] for portal in PORTALS})
    rolled_back: int = 0
    transactions: int = 0


@dataclass(slots=True)
class Reader:
    """Follows the feed of some portals in its own way."""

    name: str
    portals: tuple[str, ...]
    look: Look
    seen: list[UUID] = field(default_factory=list)

    async def follow(self, done: asyncio.Event) -> None:
        """Page after page until nothing is left once the writers are done."""
        after: object = None
        while True:
            last_look = done.is_set()
            ids, after, more = await self.look(after)
            self.seen += ids
            if not ids and last_look:
                return
            if not more:
                await asyncio.sleep(0.01)

    def judged(self, plan: Plan) -> dict[str, int]:
        """How it compares with what was written."""
        written = {event for portal in self.portals for event in plan.written[portal]}
        twice = sum(n - 1 for n in Counter(self.seen).values())
        seen = set(self.seen)
        return {"seen": len(seen), "missed": len(written - seen), "strangers": len(seen - written), "twice": twice}


async def test_a_reader_of_the_feed_misses_nothing_and_sees_nothing_twice(
    folder: Path, scaled: Callable[..., int], figures: Figures
) -> None:
    """200,000 events of 32 writers with pauses between insert and commit; readers over SQL and over HTTP."""
    plan = Plan(left=scaled(200_000, least=2_000))
    with world(folder, apis=1) as hub:
        dsn = hub.cluster.runtime_dsn()
        async with (
            aiohttp.ClientSession() as http,
            asyncpg.create_pool(**dsn.connect_args(), min_size=1, max_size=3) as pool,
        ):
            readers = [
                *(Reader(f"sql {name}", (name,), _sql(pool, name)) for name in PORTALS),
                Reader("sql all", PORTALS, _sql(pool, None)),
                Reader("http", (PORTAL,), _over_http(hub, http)),
            ]
            writing_s, total_s = await _write_and_read(dsn, plan, readers)
    judged = {reader.name: reader.judged(plan) for reader in readers}
    figures(
        events=sum(map(len, plan.written.values())), transactions=plan.transactions, rolled_back=plan.rolled_back,
        writing_s=writing_s, total_s=total_s, readers=judged,
    )  # fmt: skip
    for reader in judged.values():
        assert (reader["missed"], reader["twice"], reader["strangers"]) == (0, 0, 0)


async def _write_and_read(dsn: Dsn, plan: Plan, readers: list[Reader]) -> tuple[float, float]:
    """Everybody at once; seconds until the last event was written and until the last was read."""
    done, luck, began_s = asyncio.Event(), dice(), time.monotonic()
    async with asyncio.TaskGroup() as following:
        for reader in readers:
            following.create_task(reader.follow(done))
        async with asyncio.TaskGroup() as writing:
            for _ in range(WRITERS):
                writing.create_task(_write(dsn, plan, random.Random(luck.random())))  # noqa: S311 - pauses
        writing_s = time.monotonic() - began_s
        done.set()
    return round(writing_s, 1), round(time.monotonic() - began_s, 1)


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


def _sql(pool: asyncpg.Pool, portal: str | None) -> Look:
    async def look(after: object) -> tuple[list[UUID], object, bool]:
        async with pool.acquire() as connection:
            page = await feed(connection, portal, after if isinstance(after, Cursor) else BEGINNING, limit=PAGE)
        return [UUID(str(row["id"])) for row in page.rows], page.after, page.more

    return look


def _over_http(hub: World, http: aiohttp.ClientSession) -> Look:
    async def look(after: object) -> tuple[list[UUID], object, bool]:
        answer = await get(
            http, hub.apis[0].origin, f"/v1/events?limit=100{f'&after={after}' if after else ''}", api_key=PORTAL_KEY
        )
        assert answer.status == 200, answer.body
        ids = [UUID(item["id"].removeprefix("evt_")) for item in answer.json["items"]]
        return ids, answer.json["next"] or after, len(ids) == 100

    return look
