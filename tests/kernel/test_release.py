"""Obligations released for a new order after the provider took their payment back."""

from dataclasses import replace

import pytest

from paygw.kernel.decide import release_obligation, see_dispute, see_reversal
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import (
    DisputeNewsStatus,
    DisputeSeen,
    ReversalSeen,
)
from paygw.kernel.orders import OrderStatus, Situation
from paygw.kernel.refunds import send_refund
from tests.kernel.cash import (
    NOW,
    QR,
    approved,
    attempt,
    entries,
    line,
    obligation,
    paid,
    pay,
    refund,
    scene,
    settle,
    situation,
    with_purse,
)


def reversal(amount_vnd: int = 1000, reversal_id: str = "v1") -> ReversalSeen:
    return ReversalSeen(
        reversal_id=reversal_id, attempt_ref="ref-a1", bank_txn_id="r1", amount_vnd=amount_vnd, occurred_at=NOW
    )


def dispute(status: DisputeNewsStatus, amount_vnd: int = 1000) -> DisputeSeen:
    return DisputeSeen(
        dispute_id="d1", attempt_ref="ref-a1", bank_txn_id="r1", status=status, amount_vnd=amount_vnd, occurred_at=NOW
    )


def with_sent_refund(world: Situation, amount_vnd: int = 100) -> Situation:
    purse = send_refund(approved(world, refund(amount_vnd)).purse, "r1", "f1", "provider").purse
    return with_purse(world, purse)


def test_an_obligation_whose_payment_was_taken_back_whole_may_be_released() -> None:
    gone = see_reversal(paid(), reversal(), scene()).situation

    released = release_obligation(gone, "o1")

    assert released.obligations[0].order_id is None
    assert released.order == gone.order


def test_of_a_cart_only_the_named_obligation_is_released() -> None:
    cart = pay(situation(obligation(line(1, 600, "o1")), obligation(line(2, 400, "o2")))).situation
    gone = see_reversal(cart, reversal(), scene()).situation

    released = release_obligation(gone, "o2")

    assert [owed.order_id for owed in released.obligations] == ["ord", None]


def test_of_a_cart_paid_by_two_receipts_only_what_was_taken_back_is_released() -> None:
    cart = situation(
        obligation(line(1, 600, "o1")),
        obligation(line(2, 400, "o2")),
        attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)],
    )
    first = pay(cart, 600, home="account").situation
    both = pay(first, 400, attempt_id="a2", receipt_id="r2", home="account", minute=1).situation
    gone = see_reversal(both, reversal(600), scene(bank=QR, home="account")).situation

    assert [owed.order_id for owed in release_obligation(gone, "o1").obligations] == [None, "ord"]
    with pytest.raises(Refused, match="obligation_not_releasable"):
        release_obligation(gone, "o2")


@pytest.mark.parametrize(
    "case",
    [
        "taken back elsewhere",
        "no order",
        "refunded",
        "half taken",
        "unknown",
        "never paid",
        "paid elsewhere",
        "partly lost",
    ],
)
def test_an_obligation_is_not_released_otherwise(case: str) -> None:
    halves = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    first = pay(halves, 400, home="account").situation
    both = pay(first, 600, attempt_id="a2", receipt_id="r2", home="account", minute=1).situation
    elsewhere = paid()
    partly = see_dispute(
        paid(), dispute(DisputeNewsStatus.LOST, 999), scene(), known=None, receipt=paid().purse["r1"]
    ).situation
    taken = see_reversal(paid(), reversal(), scene()).situation
    world = {
        "taken back elsewhere": replace(taken, obligations=(replace(taken.obligations[0], order_id="other"),)),
        "no order": replace(taken, order=None),
        "refunded": with_sent_refund(paid(), 1000),
        "half taken": see_reversal(both, reversal(400), scene(bank=QR, home="account")).situation,
        "unknown": paid(),
        "never paid": replace(situation(), obligations=(replace(obligation(line(1, 1000)), order_id="ord"),)),
        "paid elsewhere": replace(elsewhere, obligations=(replace(elsewhere.obligations[0], order_id="other"),)),
        "partly lost": partly,
    }[case]

    with pytest.raises(Refused, match="obligation_not_releasable"):
        release_obligation(world, "o9" if case == "unknown" else "o1")


def test_a_released_obligation_is_payable_by_a_new_order_only() -> None:
    gone = see_reversal(paid(), reversal(), scene()).situation
    released = replace(release_obligation(gone, "o1"), attempts=(*gone.attempts, attempt("a2")))

    decided = pay(released, attempt_id="a2", receipt_id="r2", minute=1)

    assert decided.situation.purse["r2"].reason == "duplicate"
    assert decided.situation.obligations[0].order_id is None


def test_a_reversed_partial_payment_leaves_the_whole_sum_to_pay() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    part = pay(world, 400, home="account").situation
    gone = see_reversal(part, reversal(400), scene(bank=QR, home="account")).situation

    decided = pay(gone, 600, attempt_id="a2", receipt_id="r2", home="account", minute=1)

    assert gone.order is not None
    assert gone.order.status is OrderStatus.PARTIALLY_PAID
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PARTIALLY_PAID
    assert [item.rule for item in decided.postings] == ["3"]


def test_a_settled_receipt_taken_back_leaves_the_provider_owed_its_next_settlement() -> None:
    settled = settle(paid(), "custody")

    decided = see_reversal(settled, reversal(), scene())

    assert entries(decided.postings[0])[-1] == ("H:card-a:m", -1000)
