"""Rows 3 to 8, 18 and 21: cash lands once, is allocated exactly or stays the payer's, in both modes."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import adopt, identify, see_attempt, see_payment
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority
from paygw.kernel.orders import OrderStatus
from paygw.kernel.receipts import Mode
from tests.kernel.cash import (
    NOW,
    QR,
    attempt,
    entries,
    line,
    obligation,
    paid,
    pay,
    payment,
    scene,
    situation,
)

MODES: tuple[Mode, ...] = ("custody", "routing")


@pytest.mark.parametrize("mode", MODES)
def test_row_3_card_money_is_held_by_the_provider_and_belongs_to_the_payer(mode: Mode) -> None:
    landed = pay(situation(), mode=mode).postings[0]

    assert (landed.key, landed.rule) == ("rcv:r1", "3")
    assert entries(landed) == [("H:card-a:m", 1000), ("U:free", -1000)]


def test_row_3_a_transfer_in_custody_lands_on_our_account() -> None:
    world = situation(attempts=[attempt(bank=QR)])

    decided = pay(world, home="account")

    assert entries(decided.postings[0]) == [("H:bank:9704", 1000), ("U:free", -1000)]
    assert decided.situation.purse["r1"].settled
    assert decided.situation.purse["r1"].holder is None


def test_row_3_a_transfer_in_routing_lands_with_the_collecting_body_which_keeps_its_own_share_at_once() -> None:
    world = situation(attempts=[attempt(bank=QR)])

    decided = pay(world, mode="routing", home="account")

    assert entries(decided.postings[0]) == [("RB:land:held", 1000), ("U:free", -1000)]
    assert entries(decided.postings[2]) == [("P:land:1.2.3.4", 650), ("RB:land:held", -650)]
    assert decided.postings[2].key == "own:r1:alloc:ord:1:1.2.3.4"


@pytest.mark.parametrize("mode", MODES)
def test_row_3a_allocation_gives_every_beneficiary_its_exact_share(mode: Mode) -> None:
    decided = pay(situation(), mode=mode)
    allocated = decided.postings[1]

    assert (allocated.key, allocated.rule) == ("alloc:r1:ord", "3a")
    assert entries(allocated) == [
        ("U:free", 1000),
        ("P:land:1.2.3.4", -650),
        ("P:city:5.6.7.8", -200),
        ("P:fund:9.9.9.9", -150),
    ]
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PAID
    assert decided.situation.order.version == 2
    assert [fact.key for fact in decided.facts] == ["order:ord:2"]
    assert decided.situation.obligations[0].order_id == "ord"
    assert decided.situation.attempts[0].status is AttemptStatus.SUCCEEDED
    assert decided.verdict is Verdict.ACCEPTED


def test_row_3a_a_line_paid_by_two_receipts_has_exact_column_sums() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    first = pay(world, 777, home="account").situation

    decided = pay(first, 223, attempt_id="a2", receipt_id="r2", home="account", minute=1)

    allocated = [item for item in decided.postings if item.rule == "3a"]
    assert [item.key for item in allocated] == ["alloc:r1:ord", "alloc:r2:ord"]
    assert entries(allocated[0]) == [("U:free", 777), ("P:land:1.2.3.4", -650), ("P:city:5.6.7.8", -127)]
    assert entries(allocated[1]) == [("U:free", 223), ("P:city:5.6.7.8", -73), ("P:fund:9.9.9.9", -150)]


def test_row_3a_receipts_are_used_oldest_first_whatever_their_number() -> None:
    world = situation(attempts=[attempt(f"a{n}", bank=QR) for n in range(1, 4)])
    for n, amount_vnd in ((1, 300), (2, 300)):
        world = pay(world, amount_vnd, attempt_id=f"a{n}", receipt_id=f"r{n}", home="account", minute=n).situation

    decided = pay(world, 500, attempt_id="a3", receipt_id="r3", home="account", minute=3)

    assert [entries(item)[1:] for item in decided.postings if item.rule == "3a"] == [
        [("P:land:1.2.3.4", -300)],
        [("P:land:1.2.3.4", -300)],
        [("P:land:1.2.3.4", -50), ("P:city:5.6.7.8", -200), ("P:fund:9.9.9.9", -150)],
    ]
    assert [receipt.free_vnd for receipt in decided.situation.purse.receipts] == [0, 0, 100]


@pytest.mark.parametrize("status", [AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED])
def test_row_4_an_attempt_that_closed_without_cash_books_nothing(status: AttemptStatus) -> None:
    world = situation(attempts=[attempt(status=AttemptStatus.PENDING)])
    seen = AttemptSeen(attempt_ref="ref-a1", status=status, occurred_at=NOW, not_paid=True)

    decided = see_attempt(world, world.attempts[0], seen, scene())

    assert decided.postings == ()
    assert decided.verdict is Verdict.ACCEPTED
    assert decided.situation.attempts[0].status is status
    assert decided.cases == ()


@pytest.mark.parametrize("mode", MODES)
def test_row_5_late_money_of_a_closed_order_stays_unapplied_with_a_case(mode: Mode) -> None:
    world = situation(status=OrderStatus.EXPIRED)

    decided = pay(world, mode=mode)

    assert [item.key for item in decided.postings] == ["rcv:r1"]
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.EXPIRED
    assert decided.situation.order.version == 2
    assert decided.situation.purse["r1"].reason == "late"
    assert [(note.kind, note.key) for note in decided.cases] == [("unapplied", "unapplied:r1")]
    assert [fact.type for fact in decided.facts] == ["money.unapplied"]
    assert decided.verdict is Verdict.ALREADY_FINAL


def test_row_5_late_money_pays_the_live_order_of_the_same_obligations() -> None:
    late = pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"]
    heir = situation(attempts=[attempt("a2", status=AttemptStatus.EXPIRED, order_id="new")], order_id="new")

    decided = adopt(heir, late, scene())

    assert decided is not None
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PAID
    assert [item.key for item in decided.postings] == ["alloc:r1:new"]
    adopted = decided.situation.purse["r1"]
    assert (adopted.order_id, adopted.reason, adopted.free_vnd) == ("new", "", 0)
    assert [fact.key for fact in decided.facts] == ["order:new:2"]


def test_row_5_late_money_completes_what_already_waits_on_the_live_order() -> None:
    late = pay(situation(attempts=[attempt(amount_vnd=600)], status=OrderStatus.EXPIRED), 600).situation.purse["r1"]
    heir = pay(
        situation(attempts=[attempt("a2", bank=QR, order_id="new")], order_id="new"),
        400,
        attempt_id="a2",
        receipt_id="r2",
        home="account",
    ).situation

    decided = adopt(heir, late, scene())

    assert decided is not None
    assert sorted(item.key for item in decided.postings) == ["alloc:r1:new", "alloc:r2:new"]


@pytest.mark.parametrize(
    "flaw",
    [
        "one of two in flight",
        "no order",
        "inexact",
        "in flight",
        "held elsewhere",
        "paid elsewhere",
        "closed",
        "in conflict",
    ],
)
def test_row_5_late_money_is_not_adopted_when_anything_is_in_doubt(flaw: str) -> None:
    late = pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"]
    closed = attempt("a2", status=AttemptStatus.EXPIRED, order_id="new")
    heir = situation(attempts=[closed], order_id="new")
    owed = heir.obligations[0]
    closed_too = attempt("a3", status=AttemptStatus.EXPIRED, order_id="new")
    worlds = {
        "one of two in flight": situation(attempts=[attempt("a2", order_id="new"), closed_too], order_id="new"),
        "no order": replace(heir, order=None),
        "inexact": situation(obligation(line(1, 999)), attempts=[closed], order_id="new"),
        "in flight": situation(attempts=[attempt("a2", order_id="new")], order_id="new"),
        "held elsewhere": replace(heir, obligations=(replace(owed, attempt_id="other"),)),
        "paid elsewhere": situation(
            replace(owed, order_id="other"), obligation(line(2, 1000, "o2")), attempts=[closed], order_id="new"
        ),
        "closed": situation(attempts=[closed], order_id="new", status=OrderStatus.CANCELLED),
        "in conflict": heir,
    }
    receipt = replace(late, conflict=flaw == "in conflict")

    assert adopt(worlds[flaw], receipt, scene()) is None


def test_row_5_late_money_of_which_a_part_was_refunded_is_not_adopted() -> None:
    late = pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"]
    heir = situation(
        obligation(line(1, 900)), attempts=[attempt("a2", status=AttemptStatus.EXPIRED, order_id="new")], order_id="new"
    )

    assert adopt(heir, replace(late, free_vnd=900, refund_due_vnd=100), scene()) is None


@pytest.mark.parametrize("mode", MODES)
def test_row_6_the_second_payment_stays_unapplied(mode: Mode) -> None:
    world = situation(attempts=[attempt("a1"), attempt("a2")])
    first = pay(world, mode=mode).situation

    decided = pay(first, attempt_id="a2", receipt_id="r2", mode=mode, minute=1)

    assert [item.key for item in decided.postings] == ["rcv:r2"]
    assert decided.situation.purse["r2"].free_vnd == 1000
    assert decided.situation.purse["r2"].reason == "duplicate"
    assert decided.verdict is Verdict.ALREADY_FINAL
    assert [fact.key for fact in decided.facts] == ["receipt:r2"]


@pytest.mark.parametrize("mode", MODES)
def test_row_7_a_short_payment_waits_until_the_rest_arrives(mode: Mode) -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])

    short = pay(world, 400, mode=mode, home="account")
    whole = pay(short.situation, 600, attempt_id="a2", receipt_id="r2", mode=mode, home="account", minute=1)

    assert short.situation.order is not None
    assert whole.situation.order is not None
    assert short.situation.order.status is OrderStatus.PARTIALLY_PAID
    assert short.situation.purse["r1"].reason == "short"
    assert [fact.type for fact in short.facts] == ["order.partially_paid"]
    assert [note.detail for note in short.cases] == ["short"]
    assert short.verdict is Verdict.WRONG_AMOUNT
    assert whole.situation.order.status is OrderStatus.PAID
    assert whole.situation.purse["r1"].reason == ""
    assert whole.situation.purse["r2"].reason == ""


@pytest.mark.parametrize("mode", MODES)
def test_row_8_what_exceeds_the_order_to_the_dong_stays_the_payers(mode: Mode) -> None:
    world = situation(attempts=[attempt(bank=QR)])

    decided = pay(world, 1001, mode=mode, home="account")

    receipt = decided.situation.purse["r1"]
    assert (receipt.free_vnd, receipt.live_vnd, receipt.reason) == (1, 1000, "over")
    assert [fact.type for fact in decided.facts] == ["order.paid", "money.unapplied"]
    assert [note.detail for note in decided.cases] == ["over"]
    assert decided.situation.order is not None
    assert decided.situation.order.version == 2


def test_row_8_the_rest_is_told_of_the_receipt_it_lies_on_even_when_an_older_one_came_last() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    newer = pay(world, 600, receipt_id="r2", home="account", minute=5).situation

    decided = pay(newer, 600, attempt_id="a2", receipt_id="r1", home="account")

    assert decided.situation.purse["r1"].free_vnd == 0
    assert decided.situation.purse["r2"].free_vnd == 200
    assert [fact.key for fact in decided.facts] == ["order:ord:3", "receipt:r2"]


def test_row_18_money_the_provider_has_and_we_closed_books_once_however_often_the_file_runs() -> None:
    world = situation(attempts=[attempt(status=AttemptStatus.FAILED)])
    here = scene(authority=Authority.SETTLEMENT)

    first = see_payment(world, world.attempts[0], payment(), here)
    again = see_payment(first.situation, first.situation.attempts[0], payment(), here)

    assert first.situation.attempts[0].status is AttemptStatus.SUCCEEDED
    assert first.situation.order is not None
    assert first.situation.order.status is OrderStatus.PAID
    assert again.postings == ()
    assert again.verdict is Verdict.DUPLICATE
    assert again.situation == first.situation


@pytest.mark.parametrize(("mode", "held"), [("custody", "H:bank:9704"), ("routing", "RB:land:held")])
def test_row_21_a_credit_without_order_is_unidentified(mode: Mode, held: str) -> None:
    nothing = replace(situation(), order=None, obligations=(), attempts=())
    here = scene(mode, bank=QR, home="account", authority=Authority.STATEMENT)

    decided = see_payment(nothing, None, payment(None), here)

    assert decided.postings[0].rule == "21"
    assert entries(decided.postings[0]) == [(held, 1000), ("U:free", -1000)]
    assert decided.situation.purse["r1"].reason == "unidentified"
    assert decided.verdict is Verdict.UNKNOWN_ORDER
    assert decided.facts == ()
    assert [note.detail for note in decided.cases] == ["unidentified"]


def test_row_21_a_later_observation_that_names_the_order_allocates_the_money() -> None:
    nothing = replace(situation(), order=None, obligations=(), attempts=())
    here = scene(bank=QR, home="account", authority=Authority.STATEMENT)
    loose = see_payment(nothing, None, payment(None), here).situation.purse["r1"]
    world = situation(attempts=[attempt(bank=QR)])

    decided = identify(world, loose, world.attempts[0], here)

    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.PAID
    assert [item.key for item in decided.postings] == ["alloc:r1:ord"]
    named = decided.situation.purse["r1"]
    assert (named.order_id, named.attempt_id, named.reason) == ("ord", "a1", "")
    assert decided.situation.attempts[0].status is AttemptStatus.SUCCEEDED


def test_money_that_has_an_order_is_not_given_to_another() -> None:
    owned = paid().purse["r1"]

    with pytest.raises(Refused, match="receipt_identified"):
        identify(situation(order_id="new"), owned, None, scene())
    with pytest.raises(Refused, match="receipt_identified"):
        identify(replace(situation(), order=None), replace(owned, order_id=None), None, scene())


def test_money_identified_after_it_went_back_moves_nothing() -> None:
    loose = replace(
        pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"], order_id=None, free_vnd=0, attempt_id=None
    )

    decided = identify(situation(order_id="new"), loose, None, scene())

    assert decided.postings == ()
    assert decided.situation.purse["r1"].order_id == "new"
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.OPEN
