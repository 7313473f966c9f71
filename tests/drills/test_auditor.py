"""The outside auditor itself: each kind of difference is seen when it is there."""

import json
from uuid import UUID

import asyncpg
import pytest

from tests.db_fixtures import Database
from tests.drills.kit.audit import Acknowledged, audit
from tests.drills.kit.portal import Delivery

pytestmark = pytest.mark.db

ORDER = UUID(int=7)
_PAID_BY_NOBODY = """
INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, expires_at, created_at, lines, face, quote,
    private, return_url)
VALUES ($1, 'p', 'R', 'paid', 100, 1, now(), now(), '[]', '{"id": "ord_7"}', '{}', '', 'https://x')
"""
_EVENT = """
INSERT INTO events (id, key, portal_id, order_id, type, body)
VALUES ($1, 'k', 'p', $1, 'order.paid', convert_to('{"data":{"event_id":"evt_7"}}', 'UTF8'))
"""
_DELIVERED = "INSERT INTO deliveries (event_id, portal_id, status) VALUES ($1, 'p', 'delivered')"


async def test_an_empty_hub_agrees_with_an_empty_world(database: Database) -> None:
    """Nothing anywhere is no difference."""
    assert (await audit(database.runtime)).differences == []


async def test_money_only_the_bank_knows_is_seen(database: Database) -> None:
    """A payment in the truth file without a receipt."""
    fact = {"kind": "payment", "bank_txn_id": "FT1", "amount_vnd": 5}
    found = await audit(database.runtime, truth={"b": [fact]})
    assert found.differences == ["the bank moved money the hub does not know: ('b', 'FT1', 5)"]


async def test_a_confirmed_create_that_is_gone_is_seen(database: Database) -> None:
    """Neither its key nor its order is there."""
    lost = Acknowledged("key", "R-1", json.dumps({"id": "ord_1"}).encode())
    found = await audit(database.runtime, acknowledged=[lost])
    assert len(found.differences) == 2
    assert all("R-1" in told for told in found.differences)


async def test_a_paid_order_without_money_key_and_event_is_seen(database: Database) -> None:
    """Each of the three is told."""
    await _run(database, _PAID_BY_NOBODY)
    found = await audit(database.runtime)
    kinds = sorted(told.partition(":")[0] for told in found.differences)
    assert kinds == [
        "a paid order has not exactly one event that says so",
        "an order has no key, or a key no order",
        "an order's status is not what its money says",
    ]


async def test_a_callback_the_portal_has_not_is_seen(database: Database) -> None:
    """Delivered, says the hub; the portal refused it, and heard of another that is no event."""
    await _run(database, _EVENT, _DELIVERED)
    refused = Delivery("evt_7", b'{"data":{"event_id":"evt_7"}}', accepted=False)
    stranger = Delivery("evt_8", b"{}", accepted=True)
    found = await audit(database.runtime, heard=[refused, stranger])
    assert found.differences == [
        "a callback tells what is no event: evt_8",
        "delivered, says the hub, and the portal has it not: evt_7",
    ]


async def _run(database: Database, *statements: str) -> None:
    connection = await asyncpg.connect(**database.runtime.connect_args())
    try:
        for statement in statements:
            await connection.execute(statement, ORDER)
    finally:
        await connection.close()
