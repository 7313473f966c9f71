"""INV-4 over sockets: two API processes on one database, everybody asks for the same thing at once."""

import asyncio
from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from tests.drills.conftest import Figures
from tests.drills.kit.audit import Acknowledged
from tests.drills.kit.client import Answer, arrive_at_bank, go_to_bank, order_body
from tests.drills.kit.processes import until
from tests.drills.kit.provision import OTHER_KEY, PORTAL_KEY
from tests.drills.kit.world import World

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

_ORDERS = "SELECT count(*) FROM orders WHERE reference = ANY ($1::text[])"


async def test_a_thousand_creates_with_one_key_make_one_order(
    two_apis: World, scaled: Callable[..., int], figures: Figures
) -> None:
    """Byte-identical answers, replayed on all but one."""
    asked = scaled(1000, least=20)
    answers = await two_apis.all_at_once([(order_body("ONE", ["ONE-1"]), "one", PORTAL_KEY)] * asked)
    orders = await two_apis.value(_ORDERS, ["ONE"])
    found = await two_apis.audit([Acknowledged("one", "ONE", answers[0].body)])
    statuses = Counter(answer.status for answer in answers)
    replayed = sum(answer.replayed for answer in answers)
    figures(asked=asked, statuses=statuses, replayed=replayed, orders=orders, differences=found.differences)
    assert statuses == {201: asked}
    assert len({answer.body for answer in answers}) == 1
    assert replayed == asked - 1
    assert orders == 1
    assert not found.differences


async def test_one_reference_is_one_order_whatever_the_key(two_apis: World, figures: Figures) -> None:
    """Fifty keys with one body share the order; fifty bodies for one reference are one order and 49 conflicts."""
    same = order_body("SAME", ["SAME-1"])
    alike = await two_apis.all_at_once([(same, f"same-{at}", PORTAL_KEY) for at in range(50)])
    other = [(order_body("OTHER", [f"OTHER-{at}"]), f"other-{at}", PORTAL_KEY) for at in range(50)]
    unlike = await two_apis.all_at_once(other)
    foreign = await two_apis.all_at_once([(order_body("SAME", ["FOREIGN-1"]), "foreign", OTHER_KEY)])
    orders = await two_apis.value(_ORDERS, ["SAME", "OTHER"])
    found = await two_apis.audit()
    same_body, other_body = (Counter(answer.status for answer in group) for group in (alike, unlike))
    figures(same_body=same_body, other_body=other_body, orders=orders, differences=found.differences)
    assert same_body == {201: 1, 200: 49}
    assert len({answer.json["id"] for answer in alike}) == 1
    assert other_body == {201: 1, 409: 49}
    winner = next(answer.json["id"] for answer in unlike if answer.status == 201)
    refusals = {(answer.json["code"], answer.json["order_id"]) for answer in unlike if answer.status == 409}
    assert refusals == {("order_exists", winner)}
    assert [answer.status for answer in foreign] == [201]
    assert orders == 3
    assert not found.differences


async def test_one_obligation_is_allocated_once_however_many_pay(two_apis: World, figures: Figures) -> None:
    """Fifty orders over one obligation; five are sent to the bank one after the other; then all five are paid twice."""
    bank = two_apis.bank
    asked = [(order_body(f"R-{at}", ["R"]), f"r-{at}", (PORTAL_KEY, OTHER_KEY)[at % 2]) for at in range(50)]
    answers = await two_apis.all_at_once(asked)
    refs = [await _tried(two_apis, answer) for answer in answers[:5]]
    await asyncio.gather(*(asyncio.to_thread(bank.pay, ref) for ref in refs for _ in range(2)))
    await asyncio.to_thread(until, bank.is_quiet, lambda: "webhooks are still running")
    paid = await two_apis.value("SELECT count(*) FROM orders WHERE status = 'paid' AND reference LIKE 'R-%'")
    unapplied = await two_apis.value("SELECT count(*) FROM receipts WHERE free_vnd + refund_due_vnd > 0")
    deadlocks, found = await two_apis.deadlocks(), await two_apis.audit()
    statuses = Counter(answer.status for answer in answers)
    figures(statuses=statuses, deadlocks=deadlocks, paid=paid, unapplied=unapplied, differences=found.differences)
    assert statuses == {201: 50}
    assert found.counted["bank_payments"] == 10
    assert (paid, unapplied, deadlocks) == (1, 9, 0)
    assert not found.differences


async def _tried(two_apis: World, answer: Answer) -> str:
    """Send an order to the bank, where the try fails: the obligation is free again and money may still come."""
    bank = two_apis.bank
    async with aiohttp.ClientSession() as http:
        page = await go_to_bank(http, two_apis.apis[0].origin, answer.json["pay_url"])
        assert page is not None
        await arrive_at_bank(http, page)
    ref = bank.attempt_of(page)
    await asyncio.to_thread(bank.fail, ref)
    await asyncio.to_thread(until, bank.is_quiet, lambda: "the bank's news were not taken")
    return ref


async def test_opposite_carts_never_deadlock(two_apis: World, scaled: Callable[..., int], figures: Figures) -> None:
    """(A, B) and (B, A) at the same moment, in batches, on obligations that are new and then known."""
    pairs = scaled(60, least=5)
    answers: list[Answer] = []
    before = await two_apis.deadlocks()
    for turn in range(3):
        batch = [
            (order_body(f"C-{turn}-{at}-{way}-{copy}", cart), f"c-{turn}-{at}-{way}-{copy}", PORTAL_KEY)
            for at in range(pairs)
            for way, cart in enumerate(([f"A-{at}", f"B-{at}"], [f"B-{at}", f"A-{at}"]))
            for copy in range(2)
        ]
        answers += await two_apis.all_at_once(batch)
    deadlocks = await two_apis.deadlocks() - before
    obligations = await two_apis.value("SELECT count(*) FROM obligations WHERE dossier_code ~ '^[AB]-'")
    found = await two_apis.audit()
    statuses = Counter(answer.status for answer in answers)
    figures(carts=len(answers), statuses=statuses, deadlocks=deadlocks, differences=found.differences)
    assert statuses == {201: 12 * pairs}
    assert deadlocks == 0
    assert obligations == 2 * pairs
    assert not found.differences
