"""Rows 9 to 9b: a refund is approved from its own source and funded by those who have the money."""

from dataclasses import replace
from typing import TypedDict

import pytest

from paygw.kernel.errors import Refused
from paygw.kernel.orders import Situation
from paygw.kernel.receipts import Leg, Mode, Purse, RefundRoute, RefundStatus
from paygw.kernel.refunds import (
    Funding,
    approve_refund,
    body_pays_citizen,
    consent_refund,
    fund_refund,
    netted,
    paid_in,
    prefunded,
    refundable_vnd,
    returned_disbursement,
    send_refund,
)
from paygw.kernel.settlement import disburse, net_slice, remit
from tests.kernel.cash import (
    QR,
    approved,
    attempt,
    entries,
    get_refund,
    line,
    lines,
    obligation,
    paid,
    pay,
    refund,
    settle,
    situation,
    slice_of,
    with_purse,
)

MODES: tuple[Mode, ...] = ("custody", "routing")


class City(TypedDict):
    """The beneficiary whose need is met, as keyword arguments."""

    beneficiary: str
    code: str


def over(mode: Mode = "custody") -> Situation:
    """An order of 1000 paid by a transfer of 1300."""
    world = situation(attempts=[attempt(bank=QR)])
    return pay(world, 1300, mode=mode, home="account").situation


def disbursed(*beneficiaries: str, mode: Mode = "custody", amount_vnd: int = 1000) -> Situation:
    """A paid and settled order some of whose slices have reached their owners."""
    world = paid(mode, amount_vnd=amount_vnd, settled=True)
    purse = world.purse
    for beneficiary in beneficiaries:
        piece = slice_of(purse["r1"], beneficiary)
        moved = disburse(purse, "r1", piece, "d1") if mode == "custody" else remit(purse, "r1", piece)
        purse = moved.purse
    return with_purse(world, purse)


def sending(world: Situation, mode: Mode, amount_vnd: int = 100, by: RefundRoute | None = None) -> Purse:
    """A component refund that needs nothing from anybody, on its way."""
    return send_refund(approved(world, refund(amount_vnd)).purse, "r1", "f1", by or "provider").purse


@pytest.mark.parametrize("mode", MODES)
def test_row_9_an_excess_refund_takes_from_the_payers_own_money(mode: Mode) -> None:
    moved = approved(over(mode), refund(200, source="excess"))

    posting = moved.postings[0]
    assert (posting.key, posting.rule) == ("rf-appr:f1", "9")
    assert entries(posting) == [("U:free", 200), ("RP", -200)]
    assert moved.purse["r1"].free_vnd == 100
    assert get_refund(moved.purse).status is RefundStatus.FUNDED


def test_row_9_an_excess_refund_takes_what_is_due_before_what_is_free() -> None:
    world = over()
    due = world.purse.put(replace(world.purse["r1"], free_vnd=120, refund_due_vnd=180))

    moved = approved(with_purse(world, due), refund(200, source="excess"))

    assert entries(moved.postings[0]) == [("U:refund_due", 180), ("U:free", 20), ("RP", -200)]
    assert (moved.purse["r1"].refund_due_vnd, moved.purse["r1"].free_vnd) == (0, 100)
    assert get_refund(moved.purse).due_vnd == 180


@pytest.mark.parametrize("amount_vnd", [0, -1, 301])
def test_row_9_a_refund_never_takes_more_than_its_own_source_holds(amount_vnd: int) -> None:
    with pytest.raises(Refused, match="refund_exceeds_source") as refusal:
        approved(over(), refund(amount_vnd, source="excess"))

    assert refusal.value.facts == {"available_vnd": 300}


@pytest.mark.parametrize("mode", MODES)
def test_row_9a_a_component_refund_of_undisbursed_money_is_funded_at_once(mode: Mode) -> None:
    moved = approved(paid(mode), refund(100))

    assert (moved.postings[0].key, moved.postings[0].rule) == ("rf-appr:f1", "9a")
    assert entries(moved.postings[0]) == [
        ("P:land:1.2.3.4", 65),
        ("P:city:5.6.7.8", 20),
        ("P:fund:9.9.9.9", 15),
        ("RP", -100),
    ]
    assert get_refund(moved.purse).status is RefundStatus.FUNDED
    assert get_refund(moved.purse).line_no == 1
    assert moved.purse["r1"].live_vnd == 900


def test_row_9a_what_was_disbursed_in_custody_becomes_a_need_of_its_owner() -> None:
    moved = approved(disbursed("city"), refund(100))

    assert entries(moved.postings[0]) == [
        ("P:land:1.2.3.4", 65),
        ("RB:city:5.6.7.8", 20),
        ("P:fund:9.9.9.9", 15),
        ("RP", -100),
    ]
    assert get_refund(moved.purse).status is RefundStatus.APPROVED
    assert [leg.need_vnd for leg in get_refund(moved.purse).legs] == [0, 20, 0]
    city = slice_of(moved.purse["r1"], "city")
    assert (city.live_vnd, city.disbursed_vnd) == (180, 180)


def test_row_9a_what_the_holder_has_is_taken_from_what_it_holds_and_needs_its_consent() -> None:
    moved = approved(disbursed("city", mode="routing"), refund(100))

    assert entries(moved.postings[0]) == [
        ("RB:land:held", 65),
        ("RB:city:5.6.7.8", 20),
        ("P:fund:9.9.9.9", 15),
        ("RP", -100),
    ]
    assert [leg.need_vnd for leg in get_refund(moved.purse).legs] == [0, 20, 0]


def test_row_9a_undisbursed_money_goes_first() -> None:
    world = disbursed("city", "fund")
    purse = approved(world, refund(400)).purse  # lowers land to 390, city to 120/120, fund to 90/90
    land = slice_of(purse["r1"], "land")
    half = purse.put(
        replace(
            purse["r1"],
            slices=tuple(replace(piece, disbursed_vnd=300) if piece == land else piece for piece in purse["r1"].slices),
        )
    )

    moved = approved(with_purse(world, half), refund(200, refund_id="f2"))

    assert get_refund(moved.purse, "f2").legs[0] == Leg(1, "land", "1.2.3.4", 90, 40)


def test_row_9a_a_component_refund_touches_its_own_line_only() -> None:
    cart = situation(obligation(line(1, 600, "o1")), obligation(line(2, 400, "o2")))
    world = pay(cart).situation

    moved = approved(world, refund(600))

    assert [piece.live_vnd for piece in moved.purse["r1"].slices if piece.line_no == 1] == [0, 0, 0]
    assert [piece.live_vnd for piece in moved.purse["r1"].slices if piece.line_no == 2] == [260, 80, 60]
    with pytest.raises(Refused, match="refund_exceeds_source"):
        approved(with_purse(world, moved.purse), refund(1, refund_id="f2"))


def test_a_component_refund_names_its_line() -> None:
    with pytest.raises(Refused, match="refund_line_missing"):
        approve_refund(paid().purse, refund(10), order_id="ord", line=None)
    with pytest.raises(Refused, match="refund_line_missing"):
        approve_refund(paid().purse, refund(10), order_id=None, line=line(1, 1000))


def test_money_the_bank_took_back_is_not_refunded() -> None:
    world = over()
    gone = world.purse.put(replace(world.purse["r1"], taken_back_vnd=1300))

    with pytest.raises(Refused, match="receipt_taken_back"):
        approved(with_purse(world, gone), refund(10))


def test_refundable_is_what_a_source_still_holds() -> None:
    world = over()
    receipt = world.purse["r1"]
    gone = replace(receipt, taken_back_vnd=1300)

    assert refundable_vnd(receipt, order_id=None, line=None) == 300
    assert refundable_vnd(receipt, order_id="ord", line=lines(world)[1]) == 1000
    assert refundable_vnd(receipt, order_id="other", line=lines(world)[1]) == 0
    assert refundable_vnd(replace(receipt, conflict=True), order_id=None, line=None) == 0
    assert refundable_vnd(gone, order_id=None, line=None) == 0


@pytest.mark.parametrize("source", ["excess", "component"])
def test_frozen_money_is_not_refunded(source: str) -> None:
    world = over()
    frozen = with_purse(world, world.purse.put(replace(world.purse["r1"], conflict=True)))

    with pytest.raises(Refused, match="receipt_frozen"):
        approved(frozen, refund(10, source="excess" if source == "excess" else "component"))


def fundings(world: Situation) -> dict[str, Funding]:
    """Every way to meet the need of `city`, 20 đồng, with the entry it debits."""
    common = City(beneficiary="city", code="5.6.7.8")
    return {
        "H:bank:9704": paid_in("u1", **common, amount_vnd=20, account="H:bank:9704"),
        "RB:land:held": paid_in("u1", **common, amount_vnd=20, account="RB:land:held"),
        "PF:city": prefunded("u1", **common, amount_vnd=20),
        "PRET:city:5.6.7.8": returned_disbursement("u1", **common, amount_vnd=20),
        "RP": body_pays_citizen("u1", **common, amount_vnd=20, refund_id="f1"),
    }


@pytest.mark.parametrize("debit", ["H:bank:9704", "RB:land:held", "PF:city", "PRET:city:5.6.7.8", "RP"])
@pytest.mark.parametrize("mode", MODES)
def test_row_9b_a_need_is_met_from_its_owner_and_the_refund_is_funded(mode: Mode, debit: str) -> None:
    world = disbursed("city", mode=mode)
    purse = approved(world, refund(100)).purse
    if mode == "routing":
        purse = consent_refund(purse, "r1", "f1").purse
        assert get_refund(purse).status is RefundStatus.APPROVED

    moved = fund_refund(purse, "r1", "f1", fundings(world)[debit])

    posting = moved.postings[0]
    assert (posting.key, posting.rule) == ("fund:u1", "9b")
    assert entries(posting) == [(debit, 20), ("RB:city:5.6.7.8", -20)]
    assert {entry.receipt_id for entry in posting.entries} == {"r1"}
    assert get_refund(moved.purse).status is RefundStatus.FUNDED
    assert get_refund(moved.purse).sendable_vnd == (80 if debit == "RP" else 100)


def test_row_9b_a_need_met_in_part_leaves_the_refund_waiting() -> None:
    purse = approved(disbursed("city"), refund(100)).purse
    half = paid_in("u1", beneficiary="city", code="5.6.7.8", amount_vnd=19, account="H:bank:9704")

    moved = fund_refund(purse, "r1", "f1", half)

    assert get_refund(moved.purse).status is RefundStatus.APPROVED
    assert [leg.need_vnd for leg in get_refund(moved.purse).legs] == [0, 1, 0]


@pytest.mark.parametrize(
    ("beneficiary", "amount_vnd"), [("city", 21), ("city", 0), ("city", -1), ("land", 1), ("fund", 1)]
)
def test_row_9b_nobody_funds_more_than_its_own_need(beneficiary: str, amount_vnd: int) -> None:
    purse = approved(disbursed("city"), refund(100)).purse
    code = {"city": "5.6.7.8", "land": "1.2.3.4", "fund": "9.9.9.9"}[beneficiary]

    with pytest.raises(Refused, match="funding_exceeds_need"):
        fund_refund(purse, "r1", "f1", prefunded("u1", beneficiary=beneficiary, code=code, amount_vnd=amount_vnd))


def test_row_9b_a_need_is_met_under_its_own_budget_code_only() -> None:
    purse = approved(disbursed("city"), refund(100)).purse

    with pytest.raises(Refused, match="funding_exceeds_need"):
        fund_refund(purse, "r1", "f1", prefunded("u1", beneficiary="city", code="1.2.3.4", amount_vnd=20))


def test_row_9b_netting_uses_another_whole_slice_of_the_same_body_and_code() -> None:
    world = disbursed("city")
    other = pay(situation(obligation(line(1, 100)), attempts=[attempt(amount_vnd=100)]), 100, receipt_id="r2").situation
    other = settle(other, "custody", "r2")
    piece = slice_of(other.purse["r2"], "city")
    purse = approved(world, refund(100)).purse

    moved = fund_refund(purse, "r1", "f1", netted("u1", other.purse["r2"], piece))
    marked = net_slice(other.purse, "r2", piece)

    assert entries(moved.postings[0]) == [("P:city:5.6.7.8", 20), ("RB:city:5.6.7.8", -20)]
    assert moved.postings[0].entries[0].receipt_id == "r2"
    assert moved.postings[0].entries[1].receipt_id == "r1"
    assert slice_of(marked["r2"], "city").undisbursed_vnd == 0


def test_row_9b_a_refund_the_bodies_paid_themselves_has_succeeded_without_being_sent() -> None:
    purse = approved(disbursed("land", "city", "fund"), refund(100)).purse
    for beneficiary, code, amount_vnd in (("land", "1.2.3.4", 65), ("city", "5.6.7.8", 20), ("fund", "9.9.9.9", 15)):
        given = body_pays_citizen(
            beneficiary, beneficiary=beneficiary, code=code, amount_vnd=amount_vnd, refund_id="f1"
        )
        purse = fund_refund(purse, "r1", "f1", given).purse

    assert get_refund(purse).status is RefundStatus.SUCCEEDED
    assert get_refund(purse).sendable_vnd == 0


def test_row_9b_no_body_pays_the_citizen_out_of_frozen_money() -> None:
    purse = approved(disbursed("city"), refund(100)).purse
    frozen = purse.put(replace(purse["r1"], conflict=True))
    given = body_pays_citizen("u1", beneficiary="city", code="5.6.7.8", amount_vnd=20, refund_id="f1")

    with pytest.raises(Refused, match="receipt_frozen"):
        fund_refund(frozen, "r1", "f1", given)
    own = prefunded("u2", beneficiary="city", code="5.6.7.8", amount_vnd=20)
    assert get_refund(fund_refund(frozen, "r1", "f1", own).purse).status is RefundStatus.FUNDED


def test_row_9b_only_an_approved_refund_is_funded() -> None:
    purse = sending(paid(), "custody")

    with pytest.raises(Refused, match="refund_not_fundable"):
        fund_refund(purse, "r1", "f1", prefunded("u1", beneficiary="city", code="5.6.7.8", amount_vnd=1))


def test_row_9b_the_holder_funds_by_agreeing() -> None:
    purse = approved(paid("routing", settled=True), refund(100)).purse
    assert get_refund(purse).status is RefundStatus.APPROVED

    moved = consent_refund(purse, "r1", "f1")

    assert moved.postings == ()
    assert get_refund(moved.purse).status is RefundStatus.FUNDED
