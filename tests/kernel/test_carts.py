"""Carts, money that waits on an order, and what a purse knows."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import apply_waiting, see_payment
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.orders import OrderStatus
from paygw.kernel.receipts import find_refund
from tests.kernel.cash import (
    NOW,
    QR,
    attempt,
    line,
    obligation,
    paid,
    pay,
    payment,
    scene,
    situation,
    with_purse,
)


def test_a_cart_is_allocated_whole_or_not_at_all() -> None:
    cart = situation(
        obligation(line(1, 600, "o1")),
        obligation(line(2, 400, "o2")),
        attempts=[attempt(bank=QR), attempt("a2", bank=QR)],
    )

    short = pay(cart, 999, home="account")
    whole = pay(short.situation, 1, attempt_id="a2", receipt_id="r2", home="account", minute=1)

    assert [item.rule for item in short.postings] == ["3"]
    assert [owed.order_id for owed in whole.situation.obligations] == ["ord", "ord"]
    assert sum(piece.live_vnd for receipt in whole.situation.purse.receipts for piece in receipt.slices) == 1000


def test_a_cart_pays_the_others_and_keeps_what_was_paid_elsewhere() -> None:
    elsewhere = replace(obligation(line(1, 600, "o1")), order_id="other")
    cart = situation(elsewhere, obligation(line(2, 400, "o2")), attempts=[attempt()])

    decided = pay(cart)

    receipt = decided.situation.purse["r1"]
    assert (receipt.live_vnd, receipt.free_vnd, receipt.reason) == (400, 600, "paid_elsewhere")
    assert [owed.order_id for owed in decided.situation.obligations] == ["other", "ord"]


def test_an_order_paid_elsewhere_altogether_keeps_its_money_unapplied() -> None:
    elsewhere = replace(obligation(line(1, 1000)), order_id="other")

    decided = pay(situation(elsewhere))

    assert [item.key for item in decided.postings] == ["rcv:r1"]
    assert decided.situation.purse["r1"].reason == "paid_elsewhere"
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.OPEN


def test_waiting_money_pays_a_cart_once_its_other_half_was_paid_elsewhere() -> None:
    cart = situation(obligation(line(1, 600, "o1")), obligation(line(2, 400, "o2")), attempts=[attempt(bank=QR)])
    short = pay(cart, 500, home="account").situation
    shrunk = replace(short, obligations=(replace(short.obligations[0], order_id="other"), short.obligations[1]))

    decided = apply_waiting(shrunk, scene(bank=QR, home="account"))

    assert decided is not None
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PAID
    assert decided.situation.purse["r1"].free_vnd == 100
    assert [fact.type for fact in decided.facts] == ["order.paid", "money.unapplied"]


def test_waiting_money_pays_nothing_on_an_order_that_closed_meanwhile() -> None:
    short = pay(situation(attempts=[attempt(bank=QR)]), 500, home="account").situation
    assert short.order is not None
    closed = replace(short, order=replace(short.order, status=OrderStatus.EXPIRED))
    shrunk = replace(closed, obligations=(obligation(line(1, 400)),))

    assert apply_waiting(shrunk, scene()) is None


def test_waiting_money_pays_nothing_while_it_is_short_or_the_order_closed() -> None:
    short = pay(situation(attempts=[attempt(bank=QR)]), 500, home="account").situation

    elsewhere = situation(replace(obligation(line(1, 1000)), order_id="other"))

    assert apply_waiting(short, scene()) is None
    assert apply_waiting(paid(), scene()) is None
    assert apply_waiting(elsewhere, scene()) is None


def test_money_of_another_order_in_sight_never_pays_this_one() -> None:
    foreign = pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"]
    world = with_purse(situation(order_id="new"), situation().purse.put(foreign))

    assert apply_waiting(world, scene()) is None


@pytest.mark.parametrize(("hour", "day"), [(16, 2), (17, 3)])
def test_the_day_in_vietnam_begins_at_17_utc(hour: int, day: int) -> None:
    world = situation()

    decided = see_payment(world, world.attempts[0], replace(payment(), occurred_at=NOW.replace(hour=hour)), scene())

    assert decided.situation.purse["r1"].value_date.day == day


@pytest.mark.parametrize("missing", ["order", "attempt"])
def test_a_payment_whose_order_or_attempt_is_missing_is_of_an_unknown_order(missing: str) -> None:
    world = situation(attempts=[attempt(bank=QR)])
    payer = world.attempts[0] if missing == "order" else None
    world = replace(world, order=None, obligations=()) if missing == "order" else world

    assert see_payment(world, payer, payment(), scene(bank=QR)).verdict is Verdict.UNKNOWN_ORDER


def test_a_purse_counts_what_was_received_and_not_taken_back_and_knows_its_own_only() -> None:
    world = paid()
    partly = world.purse.put(replace(world.purse["r1"], taken_back_vnd=300))
    blocked = replace(world.purse["r1"], free_vnd=5, blocked="integrity")

    assert partly.receipts_vnd == 700
    assert world.purse.put(blocked).waiting_on("ord") == ()
    with pytest.raises(Alarm, match="not in this purse"):
        world.purse["r9"]
    with pytest.raises(Refused, match="refund_unknown"):
        find_refund(world.purse["r1"], "f9")
