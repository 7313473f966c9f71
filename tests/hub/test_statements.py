"""How many SQL statements the hot paths take: round trips under load are what a country pays for."""

from collections.abc import Awaitable, Callable

import pytest

from paygw.hub.hub import Hub
from paygw.hub.ordering import create_order
from paygw.hub.orders import get_order
from tests.hub.test_payment import asked, ordered, paid, redirected, told
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db


async def counted(hub: Hub, work: Callable[[], Awaitable[object]]) -> int:
    """Statements of one use case, BEGIN and COMMIT apart."""
    seen: list[str] = []

    def note(record: object) -> None:
        seen.append(str(getattr(record, "query", "")))

    connections = [holder._con for holder in hub.pool._holders if holder._con is not None]
    for connection in connections:
        connection.add_query_logger(note)
    await work()
    for connection in connections:
        connection.remove_query_logger(note)
    return sum(not query.startswith(("BEGIN", "COMMIT")) for query in seen)


async def test_create_takes_one_statement_and_status_one(hub: Hub) -> None:
    order_id = await ordered(hub, "HS-0")  # the driver learns the types it has not met

    creating = await counted(hub, lambda: create_order(hub, PORTAL, asked("HS-1", "H26-other"), key="k"))
    reading = await counted(hub, lambda: get_order(hub, order_id, portal_id=PORTAL.id))

    assert (creating, reading) == (1, 1)


async def test_webhook_takes_two_statements_and_its_copy_one(hub: Hub) -> None:
    attempt = await redirected(hub, await ordered(hub))
    notice = paid(hub, attempt)

    first = await counted(hub, lambda: told(hub, notice))
    again = await counted(hub, lambda: told(hub, notice))

    assert (first, again) == (2, 1)
