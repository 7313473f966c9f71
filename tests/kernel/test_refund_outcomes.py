"""Rows 9c to 11: refunds are withdrawn, sent, confirmed, come back or fail; contradictory news freezes the money."""

from dataclasses import replace
from typing import TypedDict

import pytest

from paygw.kernel.decide import see_refund
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import RefundNewsStatus, RefundSeen
from paygw.kernel.orders import Situation
from paygw.kernel.receipts import Mode, Purse, Refund, RefundRoute, RefundStatus
from paygw.kernel.refunds import (
    body_pays_citizen,
    confirm_refund,
    consent_refund,
    failed_by_channel,
    fund_refund,
    prefunded,
    send_refund,
    withdraw_refund,
)
from paygw.kernel.settlement import disburse, remit
from tests.kernel.cash import (
    NOW,
    QR,
    approved,
    attempt,
    entries,
    get_refund,
    paid,
    pay,
    refund,
    route,
    scene,
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


def news(status: RefundNewsStatus, amount_vnd: int = 100) -> RefundSeen:
    return RefundSeen(refund_ref="f1", status=status, amount_vnd=amount_vnd, occurred_at=NOW)


@pytest.mark.parametrize("mode", MODES)
def test_row_9c_a_withdrawn_refund_leaves_no_trace_on_the_slices(mode: Mode) -> None:
    world = disbursed("city", mode=mode)
    moved = approved(world, refund(100))

    undone = withdraw_refund(moved.purse, "r1", "f1", order_id="ord", mode=mode)

    assert [item.key for item in undone.postings] == ["rf-wd:f1"]
    assert sorted(entries(undone.postings[0])) == sorted((name, -vnd) for name, vnd in entries(moved.postings[0]))
    assert undone.purse["r1"].slices == world.purse["r1"].slices
    assert get_refund(undone.purse).status is RefundStatus.WITHDRAWN
    assert get_refund(undone.purse).legs == ()


def test_row_9c_a_withdrawn_excess_refund_gives_back_what_was_due_and_what_was_free() -> None:
    world = over()
    due = world.purse.put(replace(world.purse["r1"], free_vnd=120, refund_due_vnd=180))
    purse = approved(with_purse(world, due), refund(200, source="excess")).purse

    undone = withdraw_refund(purse, "r1", "f1", order_id="ord", mode="custody")

    assert entries(undone.postings[0]) == [("RP", 200), ("U:refund_due", -180), ("U:free", -20)]
    assert (undone.purse["r1"].free_vnd, undone.purse["r1"].refund_due_vnd) == (120, 180)


def test_row_9c_the_holders_share_reaches_it_when_a_refund_from_before_settlement_is_withdrawn() -> None:
    purse = approved(paid("routing"), refund(100)).purse
    world = settle(with_purse(paid("routing"), purse), "routing")

    undone = withdraw_refund(world.purse, "r1", "f1", order_id="ord", mode="routing")

    own = undone.postings[1]
    assert own.key == "own:r1:rf-wd:f1:1:1.2.3.4"
    assert entries(own) == [("P:land:1.2.3.4", 65), ("RB:land:held", -65)]
    assert slice_of(undone.purse["r1"], "land").undisbursed_vnd == 0


@pytest.mark.parametrize("progress", ["partly funded", "consented", "body paid", "sending"])
def test_row_9c_a_refund_for_which_anything_moved_runs_to_its_end(progress: str) -> None:
    mode: Mode = "routing" if progress == "consented" else "custody"
    purse = approved(disbursed("city", mode=mode), refund(100)).purse
    common = City(beneficiary="city", code="5.6.7.8")
    after = {
        "partly funded": lambda: fund_refund(purse, "r1", "f1", prefunded("u1", **common, amount_vnd=1)).purse,
        "consented": lambda: consent_refund(purse, "r1", "f1").purse,
        "body paid": lambda: (
            fund_refund(purse, "r1", "f1", body_pays_citizen("u1", **common, amount_vnd=1, refund_id="f1")).purse
        ),
        "sending": lambda: sending(paid(), mode),
    }[progress]()

    with pytest.raises(Refused, match="refund_not_withdrawable"):
        withdraw_refund(after, "r1", "f1", order_id="ord", mode=mode)


@pytest.mark.parametrize("status", [RefundStatus.APPROVED, RefundStatus.SENDING, RefundStatus.WITHDRAWN])
def test_only_a_funded_refund_is_sent(status: RefundStatus) -> None:
    purse = approved(paid(), refund(100)).purse
    receipt = purse["r1"]
    waiting = purse.put(replace(receipt, refunds=(replace(receipt.refunds[0], status=status),)))

    with pytest.raises(Refused, match="refund_state"):
        send_refund(waiting, "r1", "f1", "provider")


def test_a_refund_by_transfer_waits_for_settlement() -> None:
    purse = approved(paid(), refund(100)).purse

    with pytest.raises(Refused, match="receipt_not_settled"):
        send_refund(purse, "r1", "f1", "transfer")


def test_a_refund_by_the_holder_needs_a_holder() -> None:
    purse = approved(paid(settled=True), refund(100)).purse

    with pytest.raises(Refused, match="receipt_without_holder"):
        send_refund(purse, "r1", "f1", "holder")


def test_a_refund_is_not_sent_while_its_receipt_is_frozen() -> None:
    purse = approved(paid(), refund(100)).purse
    frozen = purse.put(replace(purse["r1"], dispute_vnd=1))

    with pytest.raises(Refused, match="receipt_frozen"):
        send_refund(frozen, "r1", "f1", "provider")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["provider", "account"])
def test_row_10_a_confirmed_refund_leaves_from_where_it_was_sent(mode: Mode, way: str) -> None:
    world = paid(mode, settled=way == "account")
    purse = approved(world, refund(100)).purse
    if mode == "routing" and way == "account":
        purse = consent_refund(purse, "r1", "f1").purse
    purse = send_refund(purse, "r1", "f1", route(mode) if way == "account" else "provider").purse

    decided = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.SUCCEEDED), scene(mode))

    paid_by = {("custody", "account"): "H:bank:9704", ("routing", "account"): "RB:land:held"}.get(
        (mode, way), "H:card-a:m"
    )
    assert [(item.key, item.rule) for item in decided.postings] == [("rf-ok:f1", "10")]
    assert entries(decided.postings[0]) == [("RP", 100), (paid_by, -100)]
    assert get_refund(decided.situation.purse).status is RefundStatus.SUCCEEDED
    assert [fact.key for fact in decided.facts] == ["refund.succeeded:f1"]


def test_row_10_a_provider_without_a_pot_of_its_own_refunds_from_the_account_it_landed_on() -> None:
    world = over()
    purse = send_refund(approved(world, refund(100, source="excess")).purse, "r1", "f1", "provider").purse

    moved = confirm_refund(purse, "r1", "f1", "custody")

    assert entries(moved.postings[0]) == [("RP", 100), ("H:bank:9704", -100)]


def test_row_10_a_settled_receipt_refunded_by_the_provider_is_netted_from_its_next_settlement() -> None:
    world = paid(settled=True)
    purse = sending(world, "custody")

    moved = confirm_refund(purse, "r1", "f1", "custody")

    assert entries(moved.postings[0]) == [("RP", 100), ("H:card-a:m", -100)]


def test_row_10_only_what_the_body_did_not_pay_itself_is_sent() -> None:
    world = disbursed("city")
    given = body_pays_citizen("u1", beneficiary="city", code="5.6.7.8", amount_vnd=20, refund_id="f1")
    purse = fund_refund(approved(world, refund(100)).purse, "r1", "f1", given).purse
    purse = send_refund(purse, "r1", "f1", "transfer").purse

    moved = confirm_refund(purse, "r1", "f1", "custody")

    assert entries(moved.postings[0]) == [("RP", 80), ("H:bank:9704", -80)]


@pytest.mark.parametrize("mode", MODES)
def test_row_10b_a_refund_that_comes_back_is_due_to_the_citizen(mode: Mode) -> None:
    world = paid(mode)
    purse = confirm_refund(sending(world, mode), "r1", "f1", mode).purse

    decided = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.RETURNED), scene(mode))

    assert [(item.key, item.rule) for item in decided.postings] == [("rf-back:f1", "10b")]
    assert entries(decided.postings[0]) == [("H:card-a:m", 100), ("U:refund_due", -100)]
    assert decided.situation.purse["r1"].refund_due_vnd == 100
    assert get_refund(decided.situation.purse).status is RefundStatus.RETURNED


def test_row_10b_a_return_that_overtakes_its_success_waits_for_it() -> None:
    world = paid()
    purse = sending(world, "custody")

    early = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.RETURNED), scene())
    both = see_refund(early.situation, get_refund(early.situation.purse), news(RefundNewsStatus.SUCCEEDED), scene())

    assert early.postings == ()
    assert early.situation.order == world.order
    assert get_refund(early.situation.purse).status is RefundStatus.SENDING
    assert [item.key for item in both.postings] == ["rf-ok:f1", "rf-back:f1"]
    assert [fact.type for fact in both.facts] == ["refund.succeeded", "refund.returned"]


@pytest.mark.parametrize("mode", MODES)
def test_row_11_a_failed_refund_is_due_to_the_citizen_never_back_on_a_slice(mode: Mode) -> None:
    world = paid(mode)
    purse = sending(world, mode)

    decided = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.FAILED), scene(mode))

    assert [(item.key, item.rule) for item in decided.postings] == [("rf-fail:f1", "11")]
    assert entries(decided.postings[0]) == [("RP", 100), ("U:refund_due", -100)]
    receipt = decided.situation.purse["r1"]
    assert (receipt.live_vnd, receipt.refund_due_vnd, receipt.allocatable_vnd) == (900, 100, 0)
    assert [fact.type for fact in decided.facts] == ["refund.failed"]
    assert decided.situation.order is not None
    assert decided.situation.order.version == 3


def test_row_11_the_retry_of_a_failed_refund_is_a_new_refund_of_what_is_due() -> None:
    world = paid()
    purse = sending(world, "custody")
    failed = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.FAILED), scene()).situation

    moved = approved(failed, refund(100, source="excess", refund_id="f2"))

    assert entries(moved.postings[0]) == [("U:refund_due", 100), ("RP", -100)]


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ([], False),
        ([("provider", RefundStatus.SUCCEEDED, False)], False),
        ([("provider", RefundStatus.FAILED, True)], False),  # a reversal overtook it: the channel did not fail
        ([("transfer", RefundStatus.RETURNED, False)], False),  # a wrong account says nothing of the provider
        ([("provider", RefundStatus.FAILED, False)], True),
        ([("provider", RefundStatus.RETURNED, False)], True),
        ([("provider", RefundStatus.SUCCEEDED, False), ("provider", RefundStatus.FAILED, False)], True),
    ],
    ids=["none", "succeeded", "void", "transfer", "failed", "returned", "one of two"],
)
def test_a_channel_that_failed_once_is_not_tried_again_by_itself(
    lost: list[tuple[RefundRoute, RefundStatus, bool]], *, told: bool
) -> None:
    receipt = over().purse.receipts[0]
    refunds = tuple(
        Refund(id=f"f{at}", receipt_id=receipt.id, source="excess", amount_vnd=1, status=status, route=way, void=void)
        for at, (way, status, void) in enumerate(lost)
    )

    assert failed_by_channel(replace(receipt, refunds=refunds)) is told
