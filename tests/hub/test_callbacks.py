"""Callbacks in people's hands: sending again, pausing, seeing what is stuck; each change leaves its name."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from paygw.hub.callbacks import list_backlog, list_troubled, replay, selection, set_state
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store import outbox
from paygw.store.outbox import Acknowledgement, Status
from tests.db_fixtures import Database
from tests.jobs.outbox_kit import add_events, open_hub, portal

pytestmark = pytest.mark.db

_ORDER = UUID(int=9)


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[Hub]:
    """A hub with two portals: one has delivered three events of an order, the other given up two."""
    async with open_hub(database.runtime, [portal("hanoi"), portal("hue")]) as made, made.pool.acquire() as connection:
        await add_events(connection, "hanoi", 3, order_id=_ORDER)
        await add_events(connection, "hue", 2)
        claims = await outbox.claim(connection, {"hanoi": 9, "hue": 9}, limit=9, lease_s=30)
        ends: dict[str, Status] = {"hanoi": "delivered", "hue": "dead"}
        await outbox.acknowledge(
            connection, [Acknowledgement(claim, ends[claim.portal_id], 0, "refused", 500, 3) for claim in claims]
        )
        yield made


async def _pending(hub: Hub) -> dict[str, int]:
    return {row["portal"]: row["pending"] for row in await list_backlog(hub)}


async def test_order_is_sent_again_and_the_trail_names_who_asked(hub: Hub) -> None:
    order = public_id("ord", str(_ORDER))

    count = await replay(hub, selection(order=order), principal="anna")

    assert count == 3
    assert await _pending(hub) == {"hanoi": 3, "hue": 0}
    assert await hub.pool.fetchval("SELECT principal FROM audit WHERE action = 'callback.replay'") == "anna"


async def test_dead_letters_of_a_portal_are_sent_again(hub: Hub) -> None:
    assert await replay(hub, selection(portal="hue", dead_only=True), principal="anna") == 2
    assert await _pending(hub) == {"hanoi": 0, "hue": 2}


async def test_everything_since_a_time_is_sent_again(hub: Hub) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)

    assert await replay(hub, selection(since=since), principal="anna") == 5
    assert await replay(hub, selection(since=datetime.now(UTC) + timedelta(minutes=5)), principal="anna") == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "nothing_selected"),
        ({"dead_only": True}, "nothing_selected"),
        ({"since": datetime(2026, 1, 1)}, "bad_time"),  # noqa: DTZ001 - a time without its offset is the case
        ({"order": "ord_x"}, "not_found"),
        ({"event": public_id("ord", str(_ORDER))}, "not_found"),
    ],
)
def test_vague_or_malformed_selection_is_refused(given: dict, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        selection(**given)

    assert refusal.value.code == code


async def test_endpoint_is_paused_once_and_the_trail_knows(hub: Hub) -> None:
    changed = [await set_state(hub, "hanoi", "paused", principal="anna") for _ in range(2)]

    assert changed == [True, False]
    assert [row["state"] for row in await list_backlog(hub)] == ["paused", "active"]
    assert await hub.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'callback.state'") == 1


async def test_unknown_portal_is_not_paused(hub: Hub) -> None:
    with pytest.raises(Refused, match="not_found"):
        await set_state(hub, "nowhere", "paused", principal="anna")


async def test_troubled_deliveries_are_listed_page_by_page_with_their_last_attempt(hub: Hub) -> None:
    first = await list_troubled(hub, portal_id=None, limit=1)
    second = await list_troubled(hub, portal_id="hue", after=first["next"], limit=1)

    assert [item["portal"] for item in first["items"] + second["items"]] == ["hue", "hue"]
    assert first["items"][0]["http_status"] == 500
    assert (second["next"], (await list_troubled(hub, portal_id="hanoi"))["items"]) == (None, [])
