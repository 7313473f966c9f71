"""Rows 12 to 14, 19, 24 and 25: disputes, disproved payments, recoveries, and obligations released for a new order."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import see_dispute, see_refund, see_reversal
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
from paygw.kernel.receipts import Mode
from paygw.kernel.refunds import body_pays_citizen, prefunded, send_refund
from paygw.kernel.reversals import disprove, open_dispute, recover, win_dispute
from paygw.kernel.settlement import account_event, claim_unclaimed, disburse, remit
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


def _news(status: RefundNewsStatus) -> RefundSeen:
    return RefundSeen(refund_ref="f1", status=status, amount_vnd=100, occurred_at=NOW)


@pytest.mark.parametrize("mode", MODES)
def test_row_12_an_open_dispute_sets_the_money_aside_and_freezes_the_receipt(mode: Mode) -> None:
    world = paid(mode)

    decided = see_dispute(
        world, dispute(DisputeNewsStatus.OPENED, 400), scene(mode), known=None, receipt=world.purse["r1"]
    )

    assert [(item.key, item.rule) for item in decided.postings] == [("cb:card-a:d1:open", "12")]
    assert entries(decided.postings[0]) == [("CH", 400), ("H:card-a:m", -400)]
    assert decided.situation.purse["r1"].frozen
    assert decided.facts == ()
    assert decided.situation.order is not None
    assert decided.situation.order.version == 3


@pytest.mark.parametrize("mode", MODES)
def test_row_13_a_won_dispute_thaws_the_receipt(mode: Mode) -> None:
    world = disputed(paid(mode), 400)

    decided = see_dispute(
        world,
        dispute(DisputeNewsStatus.WON, 400),
        scene(mode),
        known=DisputeNewsStatus.OPENED,
        receipt=world.purse["r1"],
    )

    assert [(item.key, item.rule) for item in decided.postings] == [("cb:card-a:d1:won", "13")]
    assert entries(decided.postings[0]) == [("H:card-a:m", 400), ("CH", -400)]
    assert decided.situation.purse == paid(mode).purse
    assert decided.facts == ()


@pytest.mark.parametrize("mode", MODES)
def test_row_14_a_lost_dispute_takes_back_what_was_set_aside(mode: Mode) -> None:
    world = disputed(paid(mode), 400)

    decided = see_dispute(
        world,
        dispute(DisputeNewsStatus.LOST, 400),
        scene(mode),
        known=DisputeNewsStatus.OPENED,
        receipt=world.purse["r1"],
    )

    assert [(item.key, item.rule) for item in decided.postings] == [("cb:card-a:d1:lost", "14")]
    assert entries(decided.postings[0]) == [
        ("P:land:1.2.3.4", 260),
        ("P:city:5.6.7.8", 80),
        ("P:fund:9.9.9.9", 60),
        ("CH", -400),
    ]
    receipt = decided.situation.purse["r1"]
    assert (receipt.dispute_vnd, receipt.taken_back_vnd, receipt.taken_back_by) == (0, 400, "d1")
    assert [fact.key for fact in decided.facts] == ["dispute:card-a:d1"]


def test_row_14_a_partial_loss_beyond_what_is_left_is_a_claim_on_the_provider() -> None:
    world = disputed(with_sent_refund(paid()), 950)

    decided = see_dispute(
        world, dispute(DisputeNewsStatus.LOST, 950), scene(), known=DisputeNewsStatus.OPENED, receipt=world.purse["r1"]
    )

    assert entries(decided.postings[0])[-2:] == [("CLAIM:card-a", 50), ("CH", -950)]


def test_row_14_a_refund_that_fails_after_a_partial_loss_settles_the_claim_before_the_citizen_is_due() -> None:
    world = disputed(with_sent_refund(paid()), 950)
    lost = see_dispute(
        world, dispute(DisputeNewsStatus.LOST, 950), scene(), known=DisputeNewsStatus.OPENED, receipt=world.purse["r1"]
    ).situation

    decided = see_refund(lost, get_refund(lost.purse), _news(RefundNewsStatus.FAILED), scene())

    assert entries(decided.postings[0]) == [("RP", 100), ("CLAIM:card-a", -50), ("U:refund_due", -50)]
    assert approved(decided.situation, refund(50, source="excess", refund_id="f2")).purse["r1"].refund_due_vnd == 0


def test_row_14_a_partial_loss_voids_unsent_refunds_and_what_it_did_not_need_is_due_to_the_citizen() -> None:
    world = paid()
    for refund_id in ("f1", "f2"):
        world = with_purse(world, approved(world, refund(100, refund_id=refund_id)).purse)

    decided = see_dispute(world, dispute(DisputeNewsStatus.LOST, 130), scene(), known=None, receipt=world.purse["r1"])

    assert entries(decided.postings[1]) == [("RP", 100), ("RP", 100), ("U:refund_due", -70), ("CH", -130)]
    assert [(item.id, item.void) for item in decided.situation.purse.refunds] == [("f1", True), ("f2", True)]
    assert decided.situation.purse["r1"].refund_due_vnd == 70
    assert [fact.key for fact in decided.facts] == ["dispute:card-a:d1", "refund.failed:f1", "refund.failed:f2"]


def test_a_dispute_whose_end_comes_before_its_opening_opens_first() -> None:
    world = paid()

    decided = see_dispute(world, dispute(DisputeNewsStatus.WON), scene(), known=None, receipt=world.purse["r1"])

    assert [item.key for item in decided.postings] == ["cb:card-a:d1:open", "cb:card-a:d1:won"]
    assert decided.situation.purse == world.purse


@pytest.mark.parametrize("status", [DisputeNewsStatus.WON, DisputeNewsStatus.LOST])
def test_the_end_of_a_dispute_told_twice_is_no_news(status: DisputeNewsStatus) -> None:
    world = paid()

    decided = see_dispute(world, dispute(status), scene(), known=status, receipt=world.purse["r1"])

    assert (decided.situation, decided.verdict) == (world, Verdict.DUPLICATE)


def test_a_dispute_may_be_about_one_dong() -> None:
    assert disputed(paid(), 1).purse["r1"].dispute_vnd == 1


@pytest.mark.parametrize(
    ("odd", "amount_vnd", "code"),
    [
        ("transfer", 5, "receipt_not_disputable"),
        ("disputed", 5, "receipt_disputed"),
        ("taken back", 5, "receipt_disputed"),
        ("sound", 0, "dispute_amount"),
        ("sound", 1001, "dispute_amount"),
    ],
)
def test_what_cannot_be_disputed_is_refused(odd: str, amount_vnd: int, code: str) -> None:
    receipt = paid().purse["r1"]
    receipt = {
        "transfer": replace(receipt, home="account"),
        "disputed": replace(receipt, dispute_vnd=1),
        "taken back": replace(receipt, taken_back_vnd=1),
        "sound": receipt,
    }[odd]

    with pytest.raises(Refused, match=code):
        open_dispute(paid().purse.put(receipt), "r1", "d1", amount_vnd)
    assert open_dispute(paid().purse, "r1", "d1", 1).purse["r1"].dispute_vnd == 1


def test_row_14_a_partial_loss_takes_what_is_due_then_only_what_it_still_needs_of_what_is_free() -> None:
    late = pay(situation(status=OrderStatus.EXPIRED)).situation
    mixed = late.purse.put(replace(late.purse["r1"], free_vnd=900, refund_due_vnd=100))
    world = with_purse(late, mixed)

    decided = see_dispute(world, dispute(DisputeNewsStatus.LOST, 150), scene(), known=None, receipt=world.purse["r1"])

    assert entries(decided.postings[1]) == [("U:refund_due", 100), ("U:free", 50), ("CH", -150)]


@pytest.mark.parametrize("known", [DisputeNewsStatus.OPENED, DisputeNewsStatus.WON, DisputeNewsStatus.LOST])
def test_the_opening_of_a_known_dispute_is_no_news(known: DisputeNewsStatus) -> None:
    world = paid()

    decided = see_dispute(world, dispute(DisputeNewsStatus.OPENED), scene(), known=known, receipt=world.purse["r1"])

    assert decided.verdict is Verdict.DUPLICATE
    assert decided.situation == world


@pytest.mark.parametrize(
    "odd", ["lost after won", "other amount", "too much", "nothing", "taken back", "second", "transfer"]
)
def test_conflict_news_of_a_dispute_that_do_not_fit_freeze_the_receipt(odd: str) -> None:
    opened = dispute(DisputeNewsStatus.OPENED)
    transfer = pay(situation(attempts=[attempt(bank=QR)]), home="account").situation
    world, seen, known = {
        "lost after won": (paid(), dispute(DisputeNewsStatus.LOST), DisputeNewsStatus.WON),
        "other amount": (disputed(paid(), 400), dispute(DisputeNewsStatus.LOST, 399), DisputeNewsStatus.OPENED),
        "too much": (paid(), dispute(DisputeNewsStatus.OPENED, 1001), None),
        "nothing": (paid(), dispute(DisputeNewsStatus.OPENED, 0), None),
        "taken back": (see_reversal(paid(), reversal(), scene()).situation, opened, None),
        "second": (disputed(paid(), 400), replace(opened, dispute_id="d2"), None),
        "transfer": (transfer, opened, None),
    }[odd]

    decided = see_dispute(world, seen, scene(), known=known, receipt=world.purse["r1"])

    assert decided.postings == ()
    assert decided.situation.purse["r1"].conflict


def test_a_word_about_a_dispute_below_authority_is_ignored() -> None:
    world = paid()

    decided = see_dispute(
        world,
        dispute(DisputeNewsStatus.OPENED),
        scene(authority=Authority.BEARER),
        known=None,
        receipt=world.purse["r1"],
    )

    assert decided.verdict is Verdict.IGNORED
    assert decided.situation == world


def test_a_dispute_that_is_not_open_cannot_be_won() -> None:
    with pytest.raises(Refused, match="no_open_dispute"):
        win_dispute(paid().purse, "r1", "d1")


@pytest.mark.parametrize("mode", MODES)
def test_row_19_a_payment_the_provider_disproves_is_taken_back(mode: Mode) -> None:
    world = paid(mode)

    moved = disprove(world.purse, "r1", "case-7", mode, lines(world))

    assert (moved.postings[0].key, moved.postings[0].rule) == ("corr:case-7", "19")
    assert entries(moved.postings[0])[-1] == ("H:card-a:m", -1000)
    assert moved.purse["r1"].wholly_taken_back
    assert moved.purse["r1"].taken_back_by == "case-7"


@pytest.mark.parametrize("busy", ["settled", "disputed", "taken back", "refund"])
def test_row_19_only_an_unsettled_undisturbed_receipt_can_be_disproved(busy: str) -> None:
    world = {
        "settled": paid(settled=True),
        "disputed": disputed(paid()),
        "taken back": see_reversal(paid(), reversal(), scene()).situation,
        "refund": with_sent_refund(paid()),
    }[busy]

    with pytest.raises(Refused, match="receipt_not_disprovable"):
        disprove(world.purse, "r1", "case-7", "custody", lines(world))


@pytest.mark.parametrize("ended", [RefundNewsStatus.FAILED, RefundNewsStatus.RETURNED])
def test_row_19_ended_refunds_do_not_stand_in_the_way(ended: RefundNewsStatus) -> None:
    world = with_sent_refund(paid())
    if ended is RefundNewsStatus.RETURNED:
        world = see_refund(world, get_refund(world.purse), _news(RefundNewsStatus.SUCCEEDED), scene()).situation
    world = see_refund(world, get_refund(world.purse), _news(ended), scene()).situation

    moved = disprove(world.purse, "r1", "case-7", "custody", lines(world))

    assert entries(moved.postings[0])[0] == ("U:refund_due", 100)


def test_row_24_unclaimed_money_is_taken_back_like_any_slice() -> None:
    world = situation(status=OrderStatus.EXPIRED)
    late = pay(world).situation
    unclaimed = with_purse(late, claim_unclaimed(late.purse, "r1").purse)

    decided = see_reversal(unclaimed, reversal(), scene())

    assert entries(decided.postings[0]) == [("P:treasury:unclaimed", 1000), ("H:card-a:m", -1000)]


def test_row_25_a_beneficiary_gives_back_what_a_reversal_left_it_owing() -> None:
    gone = see_reversal(passed_on(paid(settled=True), "custody", "city"), reversal(), scene()).situation

    moved = recover(gone.purse, "r1", prefunded("u1", beneficiary="city", code="5.6.7.8", amount_vnd=150))

    assert (moved.postings[0].key, moved.postings[0].rule) == ("fund:u1", "25")
    assert entries(moved.postings[0]) == [("PF:city", 150), ("RB:city:5.6.7.8", -150)]
    assert [leg.need_vnd for leg in moved.purse["r1"].recoveries] == [50]
    with pytest.raises(Refused, match="funding_exceeds_need"):
        recover(moved.purse, "r1", prefunded("u2", beneficiary="city", code="5.6.7.8", amount_vnd=51))


def test_row_25_a_recovery_is_never_paid_to_the_citizen() -> None:
    gone = see_reversal(passed_on(paid(settled=True), "custody", "city"), reversal(), scene()).situation
    given = body_pays_citizen("u1", beneficiary="city", code="5.6.7.8", amount_vnd=1, refund_id="f1")

    with pytest.raises(Refused, match="recovery_not_to_citizen"):
        recover(gone.purse, "r1", given)


def test_row_25_a_living_refund_is_funded_not_recovered() -> None:
    world = passed_on(paid(settled=True), "custody", "city")
    purse = approved(world, refund(100)).purse

    with pytest.raises(Refused, match="refund_not_void"):
        recover(purse, "r1", prefunded("u1", beneficiary="city", code="5.6.7.8", amount_vnd=1), refund_id="f1")


def test_row_25_a_paid_claim_is_cash_against_the_party() -> None:
    posting = account_event("claim_paid", "k1", 100, holding="H:bank:9704", party="card-a")

    assert (posting.key, posting.rule) == ("claim:k1", "25")
    assert entries(posting) == [("H:bank:9704", 100), ("CLAIM:card-a", -100)]
