"""Orders written together: everybody gets what he would have got alone, and one's trouble is nobody else's."""

import asyncio
from dataclasses import replace
from itertools import product

import msgspec
import pytest

from paygw.hub.gathering import Gathering
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.ordering import Answered, create_order
from paygw.hub.registry import Registry
from paygw.kernel.errors import Refused, Unavailable
from tests.hub.test_payment import asked, ordered, redirected
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db


async def at_once(hub: Hub, *requests: tuple[str, str, str]) -> list[Answered | BaseException]:
    """Create orders by (reference, dossier, key), all in the same moment."""
    return await asyncio.gather(
        *(create_order(hub, PORTAL, asked(reference, dossier), key=key) for reference, dossier, key in requests),
        return_exceptions=True,
    )


async def orders_made(hub: Hub) -> int:
    """How many orders there are."""
    return int(await hub.pool.fetchval("SELECT count(*) FROM orders"))


async def statements(hub: Hub, requests: int) -> int:
    """SQL statements that so many different orders take when they come in the same moment."""
    seen: list[str] = []

    def note(record: object) -> None:
        seen.append(str(getattr(record, "query", "")))

    connections = [await hub.pool.acquire() for _ in range(12)]
    for connection in connections:
        connection._con.add_query_logger(note)
        await hub.pool.release(connection)
    await at_once(hub, *((f"S-{n}", f"D-{n}", f"K-{n}") for n in range(requests)))
    return len(seen)


async def test_many_orders_of_one_moment_take_few_statements(hub: Hub) -> None:
    await ordered(hub)

    assert await statements(hub, 60) < 15
    assert await orders_made(hub) == 61
    assert await hub.pool.fetchval("SELECT count(*) FROM order_lines") == 61


async def test_each_order_of_a_moment_is_its_own(hub: Hub) -> None:
    answers = await at_once(hub, *((f"R-{n}", f"D-{n}", f"K-{n}") for n in range(40)))

    told = [msgspec.json.decode(answer.body) for answer in answers if isinstance(answer, Answered)]
    assert [one["reference"] for one in told] == [f"R-{n}" for n in range(40)]
    stored = {row["reference"]: row for row in await hub.pool.fetch("SELECT * FROM orders")}
    assert [f"ord_{stored[one['reference']]['id'].hex}" for one in told] == [one["id"] for one in told]
    kept = await hub.pool.fetch("SELECT key, answer FROM idempotency")
    assert {row["key"]: row["answer"] for row in kept} == {
        f"K-{n}": answer.body for n, answer in enumerate(answers) if isinstance(answer, Answered)
    }


async def test_conflicts_in_a_statement_touch_only_their_own_orders(hub: Hub) -> None:
    await ordered(hub, "TAKEN")
    await redirected(hub, await ordered(hub, "HELD"))
    before = await create_order(hub, PORTAL, asked("SEEN", "D-seen"), key="K-seen")

    fresh = [(f"R-{n}", f"D-{n}", f"K-{n}") for n in range(8)]
    answers = await at_once(
        hub,
        *fresh[:4],
        ("TAKEN", "D-other", "K-taken"),
        ("R-held", "H26-1", "K-held"),
        ("SEEN", "D-seen", "K-seen"),
        ("R-mismatch", "D-mismatch", "K-seen"),
        *fresh[4:],
    )

    assert [answer.status for answer in answers if isinstance(answer, Answered)] == [201] * 9
    codes = [error.code for error in answers if isinstance(error, Refused)]
    assert codes == ["order_exists", "obligation_in_payment", "idempotency_mismatch"]
    assert isinstance(answers[6], Answered)
    assert answers[6].replayed
    assert answers[6].body == before.body
    assert await orders_made(hub) == 11


async def test_any_mixture_of_collisions_keeps_one_order_per_key_and_per_reference(hub: Hub) -> None:
    wanted = [(f"R-{r}", f"D-{d}", f"K-{k}") for r, d, k in product(range(4), range(3), range(4))]

    answers = await at_once(hub, *wanted, *reversed(wanted))

    made = {answer.body for answer in answers if isinstance(answer, Answered) and answer.status == 201}
    refused = {error.code for error in answers if isinstance(error, Refused)}
    assert refused <= {"order_exists", "idempotency_mismatch"}
    assert [error for error in answers if isinstance(error, BaseException) and not isinstance(error, Refused)] == []
    assert await orders_made(hub) == len(made)
    assert 1 <= len(made) <= 4  # the keys may be used up before every reference had its turn
    assert await hub.pool.fetchval("SELECT max(n) FROM (SELECT count(*) n FROM order_lines GROUP BY order_id) x") == 1


async def test_a_portal_that_waits_for_a_lock_holds_up_no_other(hub: Hub) -> None:
    other = replace(PORTAL, id="other")
    both = {portal.id: portal for portal in (PORTAL, other)}
    hub = replace(hub, registry_holder=RegistryHolder(Registry(portals=both)))
    async with hub.pool.acquire() as connection:
        held = connection.transaction()
        await held.start()
        await connection.execute(
            "INSERT INTO idempotency (principal, route, key, fingerprint, status, answer)"
            " VALUES ($1, 'POST /v1/orders', 'K-0', '', 201, '')",
            PORTAL.id,
        )
        waiting = asyncio.create_task(at_once(hub, *((f"R-{n}", f"D-{n}", f"K-{n}") for n in range(3))))
        await asyncio.sleep(0)

        answer = await create_order(hub, other, asked("R-0", "D-other"), key="K-0")

        assert answer.status == 201
        assert not waiting.done()
        await held.rollback()
    assert [one.status for one in await waiting if isinstance(one, Answered)] == [201, 201, 201]


async def test_a_caller_that_leaves_takes_nobody_with_him(hub: Hub) -> None:
    calls = [asyncio.create_task(create_order(hub, PORTAL, asked(f"R-{n}", f"D-{n}"), key=f"K-{n}")) for n in range(10)]
    await asyncio.sleep(0)
    calls[5].cancel()

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [answer.status for answer in answers if isinstance(answer, Answered)] == [201] * 9


async def test_a_lost_database_is_told_to_all_who_wait(hub: Hub) -> None:
    await hub.pool.close()

    answers = await at_once(hub, *((f"R-{n}", f"D-{n}", f"K-{n}") for n in range(9)))

    assert [type(answer) for answer in answers] == [Unavailable] * 9


async def test_queues_are_empty_when_all_is_written(hub: Hub) -> None:
    await at_once(hub, *((f"R-{n}", f"D-{n}", f"K-{n}") for n in range(20)))
    await asyncio.sleep(0)

    gathering: Gathering = hub.gathering
    assert [(queue.waiting, queue.writers) for queue in gathering._queues.values()] == [([], set())]
