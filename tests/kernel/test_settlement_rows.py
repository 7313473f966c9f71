"""Rows 15 to 17a and 21b to 24: settlement, account movements, disbursement, unclaimed money."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.orders import OrderStatus
from paygw.kernel.posting import Entry, post
from paygw.kernel.receipts import Mode, Purse, RefundStatus, Slice
from paygw.kernel.refunds import approve_refund, fail_refund, send_refund, withdraw_refund
from paygw.kernel.settlement import (
    AccountEvent,
    Destination,
    account_event,
    claim_unclaimed,
    confirm_disbursement,
    disburse,
    net_slice,
    reinstruct_disbursement,
    remit,
    require_spendable,
    return_confirmed,
    return_disbursement,
    settle_outgoing,
    settle_receipt,
)
from paygw.kernel.takeback import UNCLAIMED_LINE
from tests.kernel.cash import (
    QR,
    approved,
    attempt,
    destination,
    entries,
    get_refund,
    paid,
    pay,
    refund,
    settle,
    situation,
    slice_of,
    with_purse,
)

MODES: tuple[Mode, ...] = ("custody", "routing")


def test_row_15_in_custody_a_settled_receipt_moves_to_our_account() -> None:
    moved = settle_receipt(paid().purse, "r1", "b1:7", destination("custody"), "custody")

    assert [(item.key, item.rule) for item in moved.postings] == [("stl:b1:7", "15")]
    assert entries(moved.postings[0]) == [("H:bank:9704", 1000), ("H:card-a:m", -1000)]
    receipt = moved.purse["r1"]
    assert (receipt.settled, receipt.account, receipt.holder) == (True, "9704", None)


def test_row_15_outgoing_lines_are_negative() -> None:
    posting = settle_outgoing(paid().purse["r1"], 100, "b1:8", destination("custody"), "custody")

    assert (posting.key, posting.rule) == ("stl:b1:8", "15")
    assert entries(posting) == [("H:bank:9704", -100), ("H:card-a:m", 100)]


def test_row_17_in_routing_the_holder_gets_the_money_and_keeps_its_own_slice() -> None:
    moved = settle_receipt(paid("routing").purse, "r1", "b1:7", destination("routing"), "routing")

    assert [(item.key, item.rule) for item in moved.postings] == [
        ("stl:b1:7", "17"),
        ("own:r1:stl:1:1.2.3.4", "17"),
    ]
    assert entries(moved.postings[0]) == [("RB:land:held", 1000), ("H:card-a:m", -1000)]
    assert entries(moved.postings[1]) == [("P:land:1.2.3.4", 650), ("RB:land:held", -650)]
    assert [piece.disbursed_vnd for piece in moved.purse["r1"].slices] == [650, 0, 0]


def test_row_17_a_refund_line_is_netted_from_what_the_holder_holds() -> None:
    posting = settle_outgoing(paid("routing").purse["r1"], 100, "b1:8", destination("routing"), "routing")

    assert entries(posting) == [("RB:land:held", -100), ("H:card-a:m", 100)]


def test_row_17_money_settled_before_it_is_allocated_reaches_its_holder_at_allocation() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    short = pay(world, 400, mode="routing").situation
    settled = settle(short, "routing")

    decided = pay(settled, 600, attempt_id="a2", receipt_id="r2", mode="routing", minute=1)

    own = [item for item in decided.postings if item.rule == "17"]
    assert [item.key for item in own] == ["own:r1:alloc:ord:1:1.2.3.4"]
    assert entries(own[0]) == [("P:land:1.2.3.4", 400), ("RB:land:held", -400)]


def test_a_receipt_is_settled_once() -> None:
    with pytest.raises(Refused, match="receipt_settled"):
        settle_receipt(paid(settled=True).purse, "r1", "b2:1", destination("custody"), "custody")


def test_settlement_in_custody_keeps_no_holder() -> None:
    to = Destination(account="9704", holder="land")

    moved = settle_receipt(paid().purse, "r1", "b1:7", to, "custody")

    assert moved.purse["r1"].holder is None


@pytest.mark.parametrize(
    ("mode", "to", "code"),
    [
        ("custody", Destination(holder="land"), "settlement_account_missing"),
        ("routing", Destination(account="9704"), "settlement_holder_missing"),
    ],
)
def test_a_settlement_says_where_the_money_landed(mode: Mode, to: Destination, code: str) -> None:
    with pytest.raises(Refused, match=code):
        settle_receipt(paid(mode).purse, "r1", "b1:7", to, mode)


def test_a_settlement_in_routing_needs_no_account_of_ours() -> None:
    moved = settle_receipt(paid("routing").purse, "r1", "b1:7", Destination(holder="land"), "routing")

    assert moved.purse["r1"].account == ""
    assert moved.purse["r1"].holder == "land"


def test_row_17a_the_holder_passes_a_slice_on() -> None:
    world = paid("routing", settled=True)

    moved = remit(world.purse, "r1", slice_of(world.purse["r1"], "city"))

    assert [(item.key, item.rule) for item in moved.postings] == [("remit:r1:ord:1:city:5.6.7.8:0", "17a")]
    assert entries(moved.postings[0]) == [("P:city:5.6.7.8", 200), ("RB:land:held", -200)]
    assert slice_of(moved.purse["r1"], "city").disbursed_vnd == 200


def test_row_17a_nobody_remits_without_being_a_holder() -> None:
    world = paid(settled=True)

    with pytest.raises(Refused, match="receipt_without_holder"):
        remit(world.purse, "r1", slice_of(world.purse["r1"], "city"))


def test_a_slice_that_moves_a_second_time_has_a_key_of_its_own() -> None:
    world = paid("routing", settled=True)
    purse = approved(world, refund(500)).purse  # takes 100 from the city before it is remitted
    first = remit(purse, "r1", slice_of(purse["r1"], "city"))
    taken = approved(with_purse(world, first.purse), refund(500, refund_id="f2")).purse  # and the 100 it got
    restored = withdraw_refund(taken, "r1", "f1", order_id="ord", mode="routing").purse

    second = remit(restored, "r1", slice_of(restored["r1"], "city"))

    assert first.postings[0].key == "remit:r1:ord:1:city:5.6.7.8:0"
    assert second.postings[0].key == "remit:r1:ord:1:city:5.6.7.8:100"
    assert entries(second.postings[0]) == [("P:city:5.6.7.8", 100), ("RB:land:held", -100)]


def test_row_22_a_whole_slice_joins_a_disbursement() -> None:
    world = paid(settled=True)

    moved = disburse(world.purse, "r1", slice_of(world.purse["r1"], "city"), "d1")

    posting = moved.postings[0]
    assert (posting.key, posting.rule) == ("dsb:d1:r1:ord:1:city:5.6.7.8:0", "22")
    assert entries(posting) == [("P:city:5.6.7.8", 200), ("DT", -200)]
    assert [entry.batch_id for entry in posting.entries] == [None, "d1"]
    assert slice_of(moved.purse["r1"], "city").disbursed_vnd == 200


def test_row_22_the_hub_disburses_nothing_that_a_body_holds() -> None:
    world = paid("routing", settled=True)

    with pytest.raises(Refused, match="receipt_held"):
        disburse(world.purse, "r1", slice_of(world.purse["r1"], "city"), "d1")


@pytest.mark.parametrize("obstacle", ["conflict", "dispute", "unsettled", "moved", "stale"])
@pytest.mark.parametrize("way", ["disburse", "remit", "net"])
def test_nothing_moves_that_is_frozen_unsettled_or_gone(obstacle: str, way: str) -> None:
    world = paid("routing", settled=obstacle != "unsettled")
    receipt = world.purse["r1"]
    piece = slice_of(receipt, "city")
    receipt = replace(receipt, conflict=obstacle == "conflict", dispute_vnd=1 if obstacle == "dispute" else 0)
    if obstacle == "moved":
        done = replace(piece, disbursed_vnd=piece.live_vnd)
        receipt = replace(receipt, slices=tuple(done if item == piece else item for item in receipt.slices))
        piece = done
    if obstacle == "stale":
        piece = replace(piece, live_vnd=199)
    purse = world.purse.put(receipt)

    with pytest.raises(Refused, match=r"receipt_frozen|receipt_not_settled|slice_not_payable"):
        _MOVES[way](purse, piece)


_MOVES: dict[str, Callable[[Purse, Slice], object]] = {
    "disburse": lambda purse, piece: disburse(purse, "r1", piece, "d1"),
    "remit": lambda purse, piece: remit(purse, "r1", piece),
    "net": lambda purse, piece: net_slice(purse, "r1", piece),
}


def test_money_of_the_treasury_is_never_netted() -> None:
    world = pay(situation(status=OrderStatus.EXPIRED)).situation
    purse = settle(with_purse(world, claim_unclaimed(world.purse, "r1").purse), "custody").purse

    with pytest.raises(Refused, match="netting_not_allowed"):
        net_slice(purse, "r1", slice_of(purse["r1"], "treasury"))


def test_row_22_nothing_leaves_an_account_that_owes_a_fee_or_is_short() -> None:
    require_spendable(balance_vnd=100, in_flight_vnd=40, amount_vnd=60, due_vnd=0)

    with pytest.raises(Refused, match="account_owes_fee"):
        require_spendable(balance_vnd=100, in_flight_vnd=0, amount_vnd=1, due_vnd=5)
    with pytest.raises(Refused, match="account_short") as short:
        require_spendable(balance_vnd=100, in_flight_vnd=40, amount_vnd=61, due_vnd=0)
    assert short.value.facts == {"available_vnd": 60}


def test_row_23_a_disbursement_is_confirmed_or_comes_back_and_is_sent_again() -> None:
    piece = slice_of(paid(settled=True).purse["r1"], "city")

    confirmed = confirm_disbursement("d1", 200, "9704", instruction="i1")
    returned = return_disbursement("d1", 200, piece, instruction="i1")
    again = reinstruct_disbursement("d1", 200, piece, instruction="i2")

    assert (confirmed.key, confirmed.rule) == ("dsb-ok:d1:i1", "23")
    assert entries(confirmed) == [("DT", 200), ("H:bank:9704", -200)]
    assert (returned.key, returned.rule) == ("dsb-ret:d1:i1", "23")
    assert entries(returned) == [("DT", 200), ("PRET:city:5.6.7.8", -200)]
    assert (again.key, again.rule) == ("dsb-again:d1:i2", "23")
    assert entries(again) == [("PRET:city:5.6.7.8", 200), ("DT", -200)]
    assert {entry.batch_id for posting in (confirmed, returned, again) for entry in posting.entries} == {"d1"}


def test_row_23_what_had_left_comes_back_to_our_account() -> None:
    piece = slice_of(paid(settled=True).purse["r1"], "city")

    back = return_confirmed("d1", 200, "9704", piece, instruction="i1")

    assert (back.key, back.rule) == ("dsb-back:d1:i1", "23")
    assert entries(back) == [("H:bank:9704", 200), ("PRET:city:5.6.7.8", -200)]


@pytest.mark.parametrize("mode", MODES)
def test_row_24_unclaimed_money_goes_to_the_treasury_as_a_slice(mode: Mode) -> None:
    world = pay(situation(status=OrderStatus.EXPIRED), mode=mode).situation
    mixed = world.purse.put(replace(world.purse["r1"], free_vnd=900, refund_due_vnd=100))

    moved = claim_unclaimed(mixed, "r1")

    assert [(item.key, item.rule) for item in moved.postings] == [("unc:r1", "24")]
    assert entries(moved.postings[0]) == [
        ("U:free", 900),
        ("U:refund_due", 100),
        ("P:treasury:unclaimed", -1000),
    ]
    receipt = moved.purse["r1"]
    assert receipt.unapplied_vnd == 0
    assert (receipt.slices[0].order_id, receipt.slices[0].line_no, receipt.slices[0].live_vnd) == ("r1", 0, 1000)


def test_row_24_a_later_claim_is_a_component_refund_of_it_and_may_be_unclaimed_again_when_it_fails() -> None:
    world = pay(situation(status=OrderStatus.EXPIRED)).situation
    purse = claim_unclaimed(world.purse, "r1").purse
    claimed = approve_refund(purse, refund(300), order_id="ord", line=UNCLAIMED_LINE)
    failed = fail_refund(send_refund(claimed.purse, "r1", "f1", "provider").purse, "r1", "f1").purse

    moved = claim_unclaimed(failed, "r1")

    assert entries(claimed.postings[0]) == [("P:treasury:unclaimed", 300), ("RP", -300)]
    assert get_refund(failed).status is RefundStatus.FAILED
    assert moved.postings[0].key == "unc:r1:1"
    assert [piece.live_vnd for piece in moved.purse["r1"].slices] == [1000]


def test_row_24_unidentified_money_becomes_unclaimed_under_the_receipts_own_id() -> None:
    loose = replace(pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"], order_id=None)

    moved = claim_unclaimed(situation().purse.put(loose), "r1")

    assert moved.purse["r1"].slices[0].order_id == "r1"
    assert {entry.order_id for entry in moved.postings[0].entries} == {None}


def test_row_24_unclaimed_money_the_treasury_itself_holds_is_its_own_at_once() -> None:
    late = pay(situation(status=OrderStatus.EXPIRED), mode="routing").situation
    held = late.purse.put(replace(late.purse["r1"], settled=True, holder="treasury"))

    moved = claim_unclaimed(held, "r1")

    assert entries(moved.postings[1]) == [("P:treasury:unclaimed", 1000), ("RB:treasury:held", -1000)]


@pytest.mark.parametrize("obstacle", ["nothing", "frozen"])
def test_row_24_only_free_money_is_unclaimed(obstacle: str) -> None:
    receipt = pay(situation(status=OrderStatus.EXPIRED)).situation.purse["r1"]
    receipt = replace(receipt, conflict=True) if obstacle == "frozen" else replace(receipt, free_vnd=0)

    with pytest.raises(Refused, match="nothing_unclaimed"):
        claim_unclaimed(situation().purse.put(receipt), "r1")


_MOVEMENTS: dict[AccountEvent, tuple[str, str, list[tuple[str, int]]]] = {
    "fee_kept": ("fee:k", "16", [("H:bank:9704", -70), ("DUE:operator", 70)]),
    "fee_topped_up": ("fee-top:k", "16", [("H:bank:9704", 70), ("DUE:operator", -70)]),
    "bank_charge": ("bank:k", "21c", [("H:bank:9704", -70), ("DUE:operator", 70)]),
    "interest": ("bank:k", "21d", [("H:bank:9704", 70), ("INT:city", -70)]),
    "unidentified_debit": ("bank:k", "21b", [("H:bank:9704", -70), ("UBD", 70)]),
    "debit_returned": ("bank-ret:k", "21b", [("H:bank:9704", 70), ("UBD", -70)]),
    "debit_known": ("bank-known:k", "21b", [("H:bank:9704", 70), ("UBD", -70)]),
    "claim_opened": ("claim-open:k", "21b", [("H:bank:9704", -70), ("CLAIM:city", 70)]),
    "prefunded": ("pf:k", "9b", [("H:bank:9704", 70), ("PF:city", -70)]),
    "claim_paid": ("claim:k", "25", [("H:bank:9704", 70), ("CLAIM:city", -70)]),
}


@pytest.mark.parametrize("event", get_args(AccountEvent))
def test_rows_16_and_21_movements_on_an_account(event: AccountEvent) -> None:
    posting = account_event(event, "k", 70, holding="H:bank:9704", party="city")

    assert (posting.key, posting.rule, entries(posting)) == _MOVEMENTS[event]


def test_a_movement_of_one_dong_is_a_movement() -> None:
    assert entries(account_event("interest", "k", 1, holding="A", party="b")) == [("A", 1), ("INT:b", -1)]


@pytest.mark.parametrize("amount_vnd", [0, -1])
def test_a_movement_has_a_positive_amount(amount_vnd: int) -> None:
    with pytest.raises(Refused, match="amount_not_positive"):
        account_event("fee_kept", "k", amount_vnd, holding="H:bank:9704")


def test_m_1_a_posting_that_does_not_balance_is_an_alarm() -> None:
    with pytest.raises(Alarm, match="off balance by 1"):
        post("k", "3", [Entry("A", 2), Entry("B", -1)])


def test_m_1_entries_of_nothing_are_left_out() -> None:
    assert entries(post("k", "3", [Entry("A", 2), Entry("C", 0), Entry("B", -2)])) == [("A", 2), ("B", -2)]


def test_every_posting_of_a_receipt_names_its_bank_and_merchant() -> None:
    world = paid("routing")
    moved = settle_receipt(world.purse, "r1", "b1:7", destination("routing"), "routing")

    assert {(item.bank, item.merchant) for item in moved.postings} == {("card-a", "m")}
    assert {entry.receipt_id for item in moved.postings for entry in item.entries} == {"r1"}
    own = moved.postings[1].entries[0]
    assert (own.order_id, own.line_no, own.beneficiary, own.code) == ("ord", 1, "land", "1.2.3.4")
