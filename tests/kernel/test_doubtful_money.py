"""Integrity and conflict: money that is booked and waits until somebody, or the statement, decides."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import see_attempt, see_payment, thaw
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority
from paygw.kernel.orders import OrderStatus
from paygw.kernel.receipts import Mode
from tests.kernel.cash import (
    ACCOUNT,
    NOW,
    QR,
    attempt,
    entries,
    paid,
    pay,
    payment,
    scene,
    situation,
)

MODES: tuple[Mode, ...] = ("custody", "routing")


@pytest.mark.parametrize("mode", MODES)
def test_integrity_a_card_payment_of_another_amount_is_booked_and_blocked(mode: Mode) -> None:
    decided = pay(situation(), 1001, mode=mode)

    receipt = decided.situation.purse["r1"]
    assert [item.key for item in decided.postings] == ["rcv:r1"]
    assert (receipt.blocked, receipt.allocatable_vnd, receipt.free_vnd) == ("integrity", 0, 1001)
    assert [note.kind for note in decided.cases] == ["integrity"]
    assert decided.verdict is Verdict.WRONG_AMOUNT
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.OPEN


def test_integrity_a_payment_to_another_merchant_is_blocked() -> None:
    world = situation(attempts=[attempt(bank=QR)])

    decided = see_payment(world, world.attempts[0], replace(payment(), merchant="stranger"), scene(bank=QR))

    assert decided.situation.purse["r1"].blocked == "integrity"
    assert entries(decided.postings[0])[0] == ("H:qr-a:stranger", 1000)


@pytest.mark.parametrize(("currency", "amount_vnd"), [("USD", 1000), ("VND", 0), ("VND", -5)])
def test_integrity_what_is_no_sum_of_dong_books_nothing(currency: str, amount_vnd: int) -> None:
    world = situation()

    decided = see_payment(
        world, world.attempts[0], replace(payment(), currency=currency, amount_vnd=amount_vnd), scene()
    )

    assert decided.postings == ()
    assert decided.situation == world
    assert [note.kind for note in decided.cases] == ["integrity"]
    assert decided.verdict is Verdict.WRONG_AMOUNT


def test_a_blocked_receipt_pays_its_order_when_two_persons_let_it() -> None:
    blocked = pay(situation(), 1001).situation

    decided = thaw(blocked, "r1", scene())

    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PAID
    assert decided.situation.purse["r1"].free_vnd == 1
    assert [fact.type for fact in decided.facts] == ["order.paid"]  # that it lies unapplied was told before


def test_a_blocked_receipt_of_a_closed_order_becomes_plain_late_money() -> None:
    blocked = pay(situation(status=OrderStatus.EXPIRED), 1001).situation

    decided = thaw(blocked, "r1", scene())

    assert decided.postings == ()
    assert decided.facts == ()
    assert decided.situation.purse["r1"].reason == "late"
    assert decided.situation.purse["r1"].allocatable_vnd == 1001


def test_only_blocked_or_conflicting_money_thaws() -> None:
    with pytest.raises(Refused, match="receipt_not_blocked"):
        thaw(paid(), "r1", scene())


def test_conflict_two_amounts_for_one_payment_freeze_the_receipt() -> None:
    world = paid()

    decided = see_payment(world, world.attempts[0], payment(amount_vnd=999), scene())

    assert decided.postings == ()
    assert decided.situation.purse["r1"].conflict
    assert decided.verdict is Verdict.WRONG_AMOUNT
    assert [(note.kind, note.key) for note in decided.cases] == [("conflict", "conflict:r1")]


def test_conflict_frozen_money_pays_nothing_until_it_thaws() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    short = pay(world, 400, home="account").situation
    frozen = pay(short, 401, home="account").situation  # `r1` is named again with another amount
    rest = pay(frozen, 600, attempt_id="a2", receipt_id="r2", home="account", minute=1).situation

    thawed = thaw(rest, "r1", scene(bank=QR, home="account"))

    assert frozen.purse["r1"].conflict
    assert rest.order is not None
    assert rest.order.status is OrderStatus.PARTIALLY_PAID
    assert thawed.situation.order is not None
    assert thawed.situation.order.status is OrderStatus.PAID
    assert not thawed.situation.purse["r1"].conflict


def test_conflict_that_ends_on_a_paid_order_books_nothing() -> None:
    world = paid()
    frozen = see_payment(world, world.attempts[0], payment(amount_vnd=999), scene()).situation

    decided = thaw(frozen, "r1", scene())

    assert decided.postings == ()
    assert decided.situation.purse == world.purse


def test_a_bank_that_denies_what_it_reported_freezes_the_receipt() -> None:
    world = paid()
    seen = AttemptSeen(
        attempt_ref="ref-a1", status=AttemptStatus.FAILED, occurred_at=NOW.replace(hour=9), not_paid=True
    )

    decided = see_attempt(world, world.attempts[0], seen, scene())

    assert decided.situation.purse["r1"].conflict
    assert decided.situation.attempts[0].status is AttemptStatus.SUCCEEDED
    assert [note.kind for note in decided.cases] == ["conflict"]


@pytest.mark.parametrize("innocent", ["older answer", "no denial", "settled", "another attempt", "taken back"])
def test_an_answer_that_does_not_deny_the_payment_freezes_nothing(innocent: str) -> None:
    world = paid(settled=innocent == "settled")
    if innocent == "taken back":
        gone = world.purse.put(replace(world.purse["r1"], taken_back_vnd=1000))
        world = replace(world, purse=gone)
    if innocent == "another attempt":
        world = replace(world, attempts=(*world.attempts, attempt("a2")))
    hour = 2 if innocent == "older answer" else 9
    seen = AttemptSeen(
        attempt_ref="ref",
        status=AttemptStatus.FAILED,
        occurred_at=NOW.replace(hour=hour),
        not_paid=innocent != "no denial",
    )

    decided = see_attempt(world, world.attempts[-1], seen, scene())

    assert not decided.situation.purse["r1"].conflict
    assert decided.cases == ()


def test_a_word_below_authority_books_nothing() -> None:
    world = situation()

    decided = see_payment(world, world.attempts[0], payment(), scene(authority=Authority.BEARER))

    assert decided.verdict is Verdict.IGNORED
    assert decided.situation == world


def test_a_transfer_without_any_reference_waits() -> None:
    world = situation(attempts=[attempt(bank=QR)])

    decided = see_payment(world, world.attempts[0], payment(txn=None), scene(bank=QR, home="account"))

    assert decided.verdict is Verdict.IGNORED
    assert decided.postings == ()


def test_receipts_are_told_apart_by_account_for_transfers_and_by_attempt_for_cards() -> None:
    transfer = pay(situation(attempts=[attempt(bank=QR)]), home="account").situation.purse["r1"]
    card = paid().purse["r1"]
    link_world = situation(attempts=[attempt(bank=QR)])
    link = see_payment(link_world, link_world.attempts[0], payment(), scene(bank=QR)).situation.purse["r1"]

    assert (transfer.key, card.key, link.key) == (f"{ACCOUNT}|r1", "card-a|m|ref-a1", "qr-a|m|t1")


def test_a_value_date_is_the_day_in_vietnam() -> None:
    late_evening = replace(payment(), occurred_at=NOW.replace(hour=17, minute=30))
    world = situation()

    receipt = see_payment(world, world.attempts[0], late_evening, scene()).situation.purse["r1"]

    assert receipt.value_date.isoformat() == "2026-03-03"


def test_routing_without_a_named_holder_is_an_alarm_not_a_guess() -> None:
    world = situation(attempts=[attempt(bank=QR)])
    here = scene("routing", bank=QR, home="account")

    with pytest.raises(Alarm, match="without a holder"):
        see_payment(world, world.attempts[0], payment(), replace(here, landing=replace(here.landing, holder=None)))


def test_money_told_as_blocked_is_not_told_again_when_a_rest_of_it_stays_after_it_thawed_and_waited() -> None:
    world = situation(attempts=[attempt("a1", amount_vnd=600), attempt("a2", amount_vnd=500)])
    blocked = pay(world, 601, minute=5)
    waits = thaw(blocked.situation, "r1", scene()).situation

    decided = pay(waits, 500, attempt_id="a2", receipt_id="r2")

    assert [fact.key for fact in blocked.facts] == ["receipt:r1"]
    assert waits.purse["r1"].reason == "waiting"
    assert (decided.situation.purse["r1"].free_vnd, decided.situation.purse["r1"].reason) == (101, "over")
    assert [fact.key for fact in decided.facts] == ["order:ord:5"]


def test_conflict_that_ends_on_a_short_order_tells_nothing_anew() -> None:
    world = situation(attempts=[attempt(bank=QR)])
    frozen = pay(pay(world, 400, home="account").situation, 401, home="account").situation

    decided = thaw(frozen, "r1", scene(bank=QR, home="account"))

    assert (decided.facts, decided.cases) == ((), ())
    assert decided.situation.purse["r1"].allocatable_vnd == 400


def test_a_blocked_receipt_that_went_back_whole_thaws_without_news() -> None:
    blocked = pay(situation(), 1001).situation
    empty = replace(blocked, purse=blocked.purse.put(replace(blocked.purse["r1"], free_vnd=0)))

    decided = thaw(empty, "r1", scene())

    assert (decided.facts, decided.cases) == ((), ())
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.OPEN


def test_what_a_partial_dispute_left_unallocated_pays_nothing_by_itself() -> None:
    receipt = replace(pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"], taken_back_vnd=1, free_vnd=999)

    assert receipt.allocatable_vnd == 0
    assert not receipt.wholly_taken_back
