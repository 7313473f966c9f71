"""Decisions that concern several orders meet each other from both ends."""

import asyncio
from dataclasses import replace

import pytest

from paygw.hub.hub import Hub
from paygw.kernel.connector import Verdict
from tests.hub.world import cash, ordered, redirected, right_books, told

pytestmark = pytest.mark.db

MEETINGS = 15


async def test_messages_about_two_orders_in_opposite_order_do_not_deadlock(hub: Hub) -> None:
    patient = replace(hub, settings=hub.settings.model_copy(update={"transaction_retries_max": 0}))
    async with right_books(patient):
        attempts = [await redirected(hub, await ordered(hub, f"HS-{n}")) for n in range(2 * MEETINGS)]
        pairs = list(zip(attempts[::2], attempts[1::2], strict=True))

        verdicts = await asyncio.gather(
            *(
                told(patient, cash(hub, one, f"T{way}"), cash(hub, other, f"T{way}"), event=f"{n}-{way}")
                for n, pair in enumerate(pairs)
                for way, (one, other) in enumerate((pair, pair[::-1]))
            )
        )

    assert verdicts.count(Verdict.ACCEPTED) >= MEETINGS
