"""Decisions that concern several orders meet each other from both ends."""

import asyncio
from dataclasses import replace

import pytest
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.kernel.connector import Verdict
from tests.hub.world import cash, ordered, redirected, right_books, told

pytestmark = pytest.mark.db

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND state = 'active'"
)
CLOSE_GATE = (
    "SELECT FROM obligations o JOIN order_lines l ON l.obligation_id = o.id WHERE l.order_id = $1 FOR UPDATE OF o"
)


async def _wait_for(connection: Connection, waiting: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    async with asyncio.timeout(30):
        while await connection.fetchval(WAITING) < waiting:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_messages_about_two_orders_in_opposite_order_do_not_deadlock(hub: Hub) -> None:
    strict = replace(hub, settings=hub.settings.model_copy(update={"transaction_retries_max": 0}))
    async with right_books(strict):
        one, other = [await redirected(hub, await ordered(hub, f"HS-{n}")) for n in range(2)]
        async with (
            hub.pool.acquire() as watch,
            asyncio.TaskGroup() as tasks,
            hub.pool.acquire() as gate,
            gate.transaction(),
        ):
            await gate.execute(CLOSE_GATE, other.order_id)
            first = tasks.create_task(told(strict, cash(hub, other), cash(hub, one), event="other, then one"))
            await _wait_for(watch, 1)
            second = tasks.create_task(told(strict, cash(hub, one), cash(hub, other), event="one, then other"))
            await _wait_for(watch, 2)

    assert {first.result(), second.result()} <= {Verdict.ACCEPTED, Verdict.DUPLICATE}
