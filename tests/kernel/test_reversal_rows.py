"""Row 12a: a provider takes a payment back."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import see_dispute, see_payment, see_refund, see_reversal
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import (
    Authority,
    DisputeNewsStatus,
    DisputeSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.kernel.orders import OrderStatus, Situation
from paygw.kernel.receipts import Leg, Mode, RefundStatus
from paygw.kernel.refunds import body_pays_citizen, fund_refund, paid_in, send_refund
from paygw.kernel.reversals import recover, reverse
from paygw.kernel.settlement import disburse, remit
from tests.kernel.cash import (
    NOW,
    QR,
    approved,
    attempt,
    entries,
    get_refund,
    lines,
    paid,
    pay,
    payment,
    refund,
    scene,
    situation,
    slice_of,
    with_purse,
)

MODES: tuple[Mode, ...] = ("custody", "routing")


def reversal(amount_vnd: int = 1000, reversal_id: str = "v1") -> ReversalSeen:
    return ReversalSeen(
        reversal_id=reversal_id, attempt_ref="ref-a1", bank_txn_id="r1", amount_vnd=amount_vnd, occurred_at=NOW
    )


def dispute(status: DisputeNewsStatus, amount_vnd: int = 1000) -> DisputeSeen:
    return DisputeSeen(
        dispute_id="d1", attempt_ref="ref-a1", bank_txn_id="r1", status=status, amount_vnd=amount_vnd, occurred_at=NOW
    )


def disputed(world: Situation, amount_vnd: int = 1000) -> Situation:
    opened = dispute(DisputeNewsStatus.OPENED, amount_vnd)
    return see_dispute(world, opened, scene(), known=None, receipt=world.purse["r1"]).situation


def passed_on(world: Situation, mode: Mode, *beneficiaries: str) -> Situation:
    purse = world.purse
    for beneficiary in beneficiaries:
        piece = slice_of(purse["r1"], beneficiary)
        purse = (disburse(purse, "r1", piece, "d1") if mode == "custody" else remit(purse, "r1", piece)).purse
    return with_purse(world, purse)


def with_sent_refund(world: Situation, amount_vnd: int = 100) -> Situation:
    purse = send_refund(approved(world, refund(amount_vnd)).purse, "r1", "f1", "provider").purse
    return with_purse(world, purse)


@pytest.mark.parametrize("mode", MODES)
def test_row_12a_a_reversal_takes_the_slices_back_and_leaves_the_order_paid(mode: Mode) -> None:
    decided = see_reversal(paid(mode), reversal(), scene(mode))

    assert [(item.key, item.rule) for item in decided.postings] == [("rev:r1", "12a")]
    assert entries(decided.postings[0]) == [
        ("P:land:1.2.3.4", 650),
        ("P:city:5.6.7.8", 200),
        ("P:fund:9.9.9.9", 150),
        ("H:card-a:m", -1000),
    ]
    receipt = decided.situation.purse["r1"]
    assert (receipt.taken_back_vnd, receipt.taken_back_by, receipt.claim_vnd, receipt.live_vnd) == (1000, "v1", 0, 0)
    assert decided.situation.order is not None
    assert (decided.situation.order.status, decided.situation.order.version) == (OrderStatus.PAID, 3)
    assert [fact.key for fact in decided.facts] == ["reversal:card-a:v1"]


def test_row_12a_in_custody_disbursed_slices_are_owed_by_their_owners() -> None:
    decided = see_reversal(passed_on(paid(settled=True), "custody", "city"), reversal(), scene())

    assert entries(decided.postings[0]) == [
        ("P:land:1.2.3.4", 650),
        ("RB:city:5.6.7.8", 200),
        ("P:fund:9.9.9.9", 150),
        ("H:card-a:m", -1000),
    ]
    assert decided.situation.purse["r1"].recoveries == (Leg(1, "city", "5.6.7.8", 0, 200),)


def test_row_12a_in_routing_the_holder_owes_from_what_it_holds_and_others_what_was_remitted() -> None:
    decided = see_reversal(passed_on(paid("routing", settled=True), "routing", "city"), reversal(), scene("routing"))

    assert entries(decided.postings[0]) == [
        ("RB:land:held", 650),
        ("RB:city:5.6.7.8", 200),
        ("P:fund:9.9.9.9", 150),
        ("H:card-a:m", -1000),
    ]
    assert [leg.need_vnd for leg in decided.situation.purse["r1"].recoveries] == [0, 200]


@pytest.mark.parametrize(("mode", "held"), [("custody", "H:bank:9704"), ("routing", "RB:land:held")])
def test_row_12a_a_transfer_is_taken_back_from_the_account_it_landed_on(mode: Mode, held: str) -> None:
    world = pay(situation(attempts=[attempt(bank=QR)]), 1300, mode=mode, home="account").situation

    decided = see_reversal(world, reversal(1300), scene(mode, bank=QR, home="account"))

    assert entries(decided.postings[0])[0] == ("U:free", 300)
    assert entries(decided.postings[0])[-1] == (held, -1300)


def test_row_12a_takes_money_due_to_the_citizen_first() -> None:
    world = with_sent_refund(paid())
    failed = see_refund(world, get_refund(world.purse), _news(RefundNewsStatus.FAILED), scene()).situation

    decided = see_reversal(failed, reversal(), scene())

    assert entries(decided.postings[0])[0] == ("U:refund_due", 100)
    assert sum(vnd for _, vnd in entries(decided.postings[0])[:-1]) == 1000
    assert decided.situation.purse["r1"].unapplied_vnd == 0


@pytest.mark.parametrize("mode", MODES)
def test_row_12a_a_refund_not_yet_sent_becomes_void(mode: Mode) -> None:
    world = with_purse(paid(mode), approved(paid(mode), refund(100)).purse)

    decided = see_reversal(world, reversal(), scene(mode))

    assert entries(decided.postings[0])[0] == ("RP", 100)
    void = get_refund(decided.situation.purse)
    assert (void.status, void.void) == (RefundStatus.FAILED, True)
    assert [fact.key for fact in decided.facts] == ["reversal:card-a:v1", "refund.failed:f1"]


def test_row_12a_the_needs_of_a_void_refund_stay_on_their_owner_until_recovered() -> None:
    world = passed_on(paid(settled=True), "custody", "city")
    asked = with_purse(world, approved(world, refund(100)).purse)
    gone = see_reversal(asked, reversal(), scene()).situation
    given = paid_in("u1", beneficiary="city", code="5.6.7.8", amount_vnd=20, account="H:bank:9704")

    moved = recover(gone.purse, "r1", given, refund_id="f1")

    assert [leg.need_vnd for leg in get_refund(gone.purse).legs] == [0, 20, 0]
    assert (moved.postings[0].key, moved.postings[0].rule) == ("fund:u1", "25")
    assert entries(moved.postings[0]) == [("H:bank:9704", 20), ("RB:city:5.6.7.8", -20)]
    assert [leg.need_vnd for leg in get_refund(moved.purse).legs] == [0, 0, 0]
    assert get_refund(fund_refund(gone.purse, "r1", "f1", given).purse).status is RefundStatus.FAILED


def test_row_12a_what_a_body_paid_of_a_void_refund_is_a_claim_on_the_provider() -> None:
    world = passed_on(paid(settled=True), "custody", "city")
    purse = approved(world, refund(100)).purse
    given = body_pays_citizen("u1", beneficiary="city", code="5.6.7.8", amount_vnd=15, refund_id="f1")
    half_paid = with_purse(world, fund_refund(purse, "r1", "f1", given).purse)

    decided = see_reversal(half_paid, reversal(), scene())

    assert entries(decided.postings[0])[0] == ("RP", 85)
    assert entries(decided.postings[0])[-2:] == [("CLAIM:card-a", 15), ("H:card-a:m", -1000)]
    with pytest.raises(Refused, match="refund_void"):
        fund_refund(decided.situation.purse, "r1", "f1", replace(given, id="u2", amount_vnd=5))


@pytest.mark.parametrize("outcome", [None, RefundNewsStatus.SUCCEEDED])
def test_row_12a_what_was_refunded_or_is_being_sent_is_a_claim_on_the_provider(
    outcome: RefundNewsStatus | None,
) -> None:
    world = with_sent_refund(paid())
    if outcome:
        world = see_refund(world, get_refund(world.purse), _news(outcome), scene()).situation

    decided = see_reversal(world, reversal(), scene())

    assert entries(decided.postings[0])[-2:] == [("CLAIM:card-a", 100), ("H:card-a:m", -1000)]
    assert decided.situation.purse["r1"].claim_vnd == 100


@pytest.mark.parametrize("outcome", [RefundNewsStatus.FAILED, RefundNewsStatus.RETURNED])
def test_row_11_and_10b_after_a_reversal_settle_the_claim_and_owe_the_citizen_nothing(
    outcome: RefundNewsStatus,
) -> None:
    world = with_sent_refund(paid())
    if outcome is RefundNewsStatus.RETURNED:
        world = see_refund(world, get_refund(world.purse), _news(RefundNewsStatus.SUCCEEDED), scene()).situation
    gone = see_reversal(world, reversal(), scene()).situation

    decided = see_refund(gone, get_refund(gone.purse), _news(outcome), scene())

    assert entries(decided.postings[0])[-1] == ("CLAIM:card-a", -100)
    receipt = decided.situation.purse["r1"]
    assert (receipt.claim_vnd, receipt.refund_due_vnd) == (0, 0)


def test_row_12a_a_reversal_known_by_its_id_changes_nothing_a_second_time() -> None:
    once = see_reversal(paid(), reversal(), scene()).situation

    again = see_reversal(once, reversal(), scene())

    assert again.verdict is Verdict.DUPLICATE
    assert again.situation == once


@pytest.mark.parametrize("odd", ["other id", "other amount", "same id other amount", "disputed", "lost dispute"])
def test_conflict_a_reversal_that_does_not_fit_freezes_the_receipt(odd: str) -> None:
    world = {
        "other id": see_reversal(paid(), reversal(reversal_id="v0"), scene()).situation,
        "other amount": paid(),
        "same id other amount": see_reversal(paid(), reversal(), scene()).situation,
        "disputed": disputed(paid()),
        "lost dispute": see_dispute(
            paid(), dispute(DisputeNewsStatus.LOST), scene(), known=None, receipt=paid().purse["r1"]
        ).situation,
    }[odd]

    decided = see_reversal(world, reversal(999 if "amount" in odd else 1000), scene())

    assert decided.postings == ()
    assert decided.situation.purse["r1"].conflict
    assert [note.kind for note in decided.cases] == ["conflict"]


def test_a_reversal_below_authority_is_ignored() -> None:
    decided = see_reversal(paid(), reversal(), scene(authority=Authority.BEARER))

    assert decided.verdict is Verdict.IGNORED
    assert decided.postings == ()


def test_a_reversal_before_its_receipt_moves_nothing_yet() -> None:
    world = situation()

    decided = see_reversal(world, reversal(), scene())

    assert decided.verdict is Verdict.ACCEPTED
    assert decided.situation == world


@pytest.mark.parametrize("mode", MODES)
def test_a_receipt_whose_reversal_came_first_posts_and_reverses_at_once(mode: Mode) -> None:
    world = situation()
    here = replace(scene(mode), held_reversals=(reversal(), replace(reversal(), attempt_ref="ref-other")))

    decided = see_payment(world, world.attempts[0], payment(), here)

    assert [item.key for item in decided.postings] == ["rcv:r1", "rev:r1"]
    assert entries(decided.postings[1]) == [("U:free", 1000), ("H:card-a:m", -1000)]
    assert decided.situation.order is not None
    assert decided.situation.order.status is OrderStatus.OPEN
    assert decided.situation.purse["r1"].slices == ()
    assert [fact.type for fact in decided.facts] == ["order.reversed"]
    assert decided.verdict is Verdict.ACCEPTED


def test_conflict_a_held_reversal_of_another_amount_keeps_the_money_out_of_the_order() -> None:
    world = situation()

    decided = see_payment(world, world.attempts[0], payment(), replace(scene(), held_reversals=(reversal(999),)))

    assert [item.key for item in decided.postings] == ["rcv:r1"]
    assert decided.situation.purse["r1"].conflict
    assert [note.kind for note in decided.cases] == ["conflict"]


def test_conflict_two_held_reversals_take_the_money_back_once() -> None:
    world = situation()
    here = replace(scene(), held_reversals=(reversal(), reversal(reversal_id="v2")))

    decided = see_payment(world, world.attempts[0], payment(), here)

    assert [item.key for item in decided.postings] == ["rcv:r1", "rev:r1"]
    assert decided.situation.purse["r1"].conflict
    assert len(decided.cases) == 1


def _news(status: RefundNewsStatus) -> RefundSeen:
    return RefundSeen(refund_ref="f1", status=status, amount_vnd=100, occurred_at=NOW)


def test_a_held_reversal_kept_twice_takes_the_money_back_once_and_is_told_once() -> None:
    world = situation()

    decided = see_payment(
        world, world.attempts[0], payment(), replace(scene(), held_reversals=(reversal(), reversal()))
    )

    assert decided.verdict is Verdict.ACCEPTED
    assert [item.key for item in decided.postings] == ["rcv:r1", "rev:r1"]
    assert [fact.type for fact in decided.facts] == ["order.reversed"]
    assert decided.cases == ()


def test_conflict_of_held_reversals_is_kept_as_a_case_when_a_fitting_one_follows() -> None:
    world = situation()
    held = (reversal(999, reversal_id="v0"), reversal())

    decided = see_payment(world, world.attempts[0], payment(), replace(scene(), held_reversals=held))

    assert [item.key for item in decided.postings] == ["rcv:r1", "rev:r1"]
    assert [note.kind for note in decided.cases] == ["conflict"]


@pytest.mark.parametrize(
    ("field", "code"), [("dispute_vnd", "receipt_disputed"), ("taken_back_vnd", "receipt_taken_back")]
)
def test_money_in_dispute_or_taken_back_is_not_reversed_again(field: str, code: str) -> None:
    world = paid()
    receipt = world.purse["r1"]
    odd = replace(receipt, dispute_vnd=5) if field == "dispute_vnd" else replace(receipt, taken_back_vnd=5)

    with pytest.raises(Refused, match=code):
        reverse(world.purse.put(odd), "r1", "custody", lines(world), by="v1")
