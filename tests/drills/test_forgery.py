"""Thirteen kinds of forgery at the banks' door: nothing changes, answers are as documented, the log is bounded."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.drills.conftest import Figures
from tests.drills.kit.audit import Acknowledged
from tests.drills.kit.books import trial_balance
from tests.drills.kit.client import create, go_to_bank, order_body
from tests.drills.kit.forger import FORGERIES, Message, Truth
from tests.drills.kit.provision import BANK
from tests.drills.kit.world import World, world
from tests.sandbox_fixtures import KEY

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

TIMES = 300
LOGGED_PER_MIN = 120
_AT_ONCE = 30
_TRACES = """
SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM receipts), (SELECT count(*) FROM ledger),
    (SELECT count(*) FROM events), (SELECT count(*) FROM evidence), (SELECT sum(version) FROM orders),
    (SELECT string_agg(status, ',' ORDER BY id) FROM attempts)
"""


async def test_forged_webhooks_change_nothing(folder: Path, scaled: Callable[..., int], figures: Figures) -> None:
    """Each kind hundreds of times, for an order that waits for its money; then the true message pays it."""
    with world(folder, apis=1, more={"PAYGW_REFUSED_WEBHOOKS_PER_MIN": str(LOGGED_PER_MIN)}) as hub:
        answer, truth = await _waiting_order(hub)
        before = await hub.rows(_TRACES)
        told = {name: await _forge(hub, make(truth), scaled(TIMES, least=10)) for name, (make, _) in FORGERIES.items()}
        after, logged = await hub.rows(_TRACES), await hub.value("SELECT count(*) FROM refused_messages")
        cut = await _answers(hub, replace(truth.message(), claimed_bytes=10_000), half_close=True)
        paid = await _answers(hub, replace(truth, now_s=int(time.time())).message())
        status = await hub.value("SELECT status FROM orders WHERE reference = 'FORGED'")
        held_vnd = (await trial_balance(hub.apis[0].origin)).held_at(BANK)
        found = await hub.audit([answer])
    sent = sum(sum(statuses.values()) for statuses in told.values())
    figures(kinds=len(told), sent=sent, told=told, cut=cut, logged=logged, differences=found.differences)
    assert {name: set(statuses) for name, statuses in told.items()} == {
        name: set(expected) for name, (_, expected) in FORGERIES.items()
    }
    assert after == before
    assert cut in {0, 400}
    assert logged is not None
    assert 0 < int(str(logged)) <= 5 * LOGGED_PER_MIN  # a few minutes at the cap
    assert (paid, status, held_vnd) == (200, "paid", truth.data["amount_vnd"])
    told_by_no_bank = [found.differences[0]] if found.differences else []
    assert told_by_no_bank == [f"the hub booked money the bank did not move: ('{BANK}', 'FT-TRUE', {held_vnd})"]
    assert len(found.differences) == 1


async def _waiting_order(hub: World) -> tuple[Acknowledged, Truth]:
    """A citizen stands at the bank; what the bank would say if he paid."""
    async with aiohttp.ClientSession() as http:
        answer = await create(http, hub.apis[0].origin, order_body("FORGED", ["FORGED"]), key="forged")
        assert answer.status == 201, answer.body
        assert await go_to_bank(http, hub.apis[0].origin, answer.json["pay_url"])
    ((ref, amount_vnd),) = await hub.rows("SELECT ref, amount_vnd FROM attempts")
    data = {
        "attempt_ref": ref, "bank_txn_id": "FT-TRUE", "amount_vnd": amount_vnd, "currency": "VND",
        "merchant": "PAYGW", "account": "1020304050", "memo": "",
    }  # fmt: skip
    return Acknowledged("forged", "FORGED", answer.body), Truth(BANK, KEY, f"{KEY}-of-another", data)


async def _forge(hub: World, message: Message, times: int) -> Counter[int]:
    seats = asyncio.Semaphore(_AT_ONCE)

    async def one() -> int:
        async with seats:
            return await _answers(hub, message)

    return Counter(await asyncio.gather(*(one() for _ in range(times))))


async def _answers(hub: World, message: Message, *, half_close: bool = False) -> int:
    """The status of the answer; 0 if the connection ended without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.apis[0].port)
    writer.write(message.on_the_wire())
    if half_close:
        writer.write_eof()
    head = await reader.read()
    writer.close()
    return int(head.split(b" ", 2)[1]) if head else 0
