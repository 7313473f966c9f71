"""News of refunds told twice, too early, against each other or against what we know."""

from dataclasses import replace

import pytest

from paygw.kernel.connector import Verdict
from paygw.kernel.decide import see_dispute, see_refund
from paygw.kernel.evidence import Authority, DisputeNewsStatus, DisputeSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.orders import Situation
from paygw.kernel.receipts import Mode, Purse, RefundRoute, RefundStatus
from paygw.kernel.refunds import (
    fail_refund,
    send_refund,
)
from tests.kernel.cash import (
    NOW,
    approved,
    get_refund,
    paid,
    refund,
    scene,
    with_purse,
)


def sending(world: Situation, mode: Mode, amount_vnd: int = 100, by: RefundRoute | None = None) -> Purse:
    """A component refund that needs nothing from anybody, on its way."""
    return send_refund(approved(world, refund(amount_vnd)).purse, "r1", "f1", by or "provider").purse


def news(status: RefundNewsStatus, amount_vnd: int = 100) -> RefundSeen:
    return RefundSeen(refund_ref="f1", status=status, amount_vnd=amount_vnd, occurred_at=NOW)


def test_news_of_a_refund_told_twice_changes_nothing() -> None:
    world = paid()
    purse = sending(world, "custody")
    once = see_refund(with_purse(world, purse), get_refund(purse), news(RefundNewsStatus.FAILED), scene()).situation

    again = see_refund(once, get_refund(once.purse), news(RefundNewsStatus.FAILED), scene())

    assert again.situation == once
    assert again.postings == ()
    assert again.verdict is Verdict.DUPLICATE


def test_a_pending_answer_ends_the_silence_of_a_bank() -> None:
    world = paid()
    purse = sending(world, "custody")
    receipt = purse["r1"]
    silent = purse.put(replace(receipt, refunds=(replace(receipt.refunds[0], unknown=True),)))

    decided = see_refund(with_purse(world, silent), get_refund(silent), news(RefundNewsStatus.PENDING), scene())

    assert not get_refund(decided.situation.purse).unknown
    assert get_refund(decided.situation.purse).status is RefundStatus.SENDING
    assert get_refund(decided.situation.purse).seen == frozenset()
    assert decided.postings == ()
    assert decided.verdict is Verdict.DUPLICATE
    told = see_refund(with_purse(world, silent), get_refund(silent), news(RefundNewsStatus.SUCCEEDED), scene())
    assert not get_refund(told.situation.purse).unknown


@pytest.mark.parametrize("order", [("failed", "returned"), ("returned", "failed")])
def test_that_a_failed_refund_also_came_back_is_no_contradiction(order: tuple[str, str]) -> None:
    world = paid()
    here = with_purse(world, sending(world, "custody"))

    for status in order:
        here = see_refund(here, get_refund(here.purse), news(RefundNewsStatus(status)), scene()).situation

    assert get_refund(here.purse).status is RefundStatus.FAILED
    assert here.purse["r1"].refund_due_vnd == 100
    assert not here.purse["r1"].conflict


@pytest.mark.parametrize("order", [("succeeded", "failed"), ("failed", "succeeded")])
def test_conflict_a_refund_that_succeeded_and_failed_freezes_the_receipt(order: tuple[str, str]) -> None:
    world = paid()
    here = with_purse(world, sending(world, "custody"))

    for status in order:
        here = see_refund(here, get_refund(here.purse), news(RefundNewsStatus(status)), scene()).situation

    assert here.purse["r1"].conflict
    assert get_refund(here.purse).seen == {"succeeded", "failed"}
    assert get_refund(here.purse).status == order[0]


def test_conflict_a_refund_of_another_amount_freezes_the_receipt() -> None:
    world = paid()
    here = with_purse(world, sending(world, "custody"))

    decided = see_refund(here, get_refund(here.purse), news(RefundNewsStatus.SUCCEEDED, 99), scene())

    assert decided.situation.purse["r1"].conflict
    assert decided.postings == ()


def test_conflict_news_of_a_refund_that_was_never_sent_is_kept_and_freezes_the_receipt() -> None:
    world = paid()
    here = with_purse(world, approved(world, refund(100)).purse)

    decided = see_refund(here, get_refund(here.purse), news(RefundNewsStatus.SUCCEEDED), scene())

    assert decided.situation.purse["r1"].conflict
    assert get_refund(decided.situation.purse).seen == {"succeeded"}
    assert [note.kind for note in decided.cases] == ["conflict"]
    assert decided.postings == ()


def test_a_word_about_a_refund_below_authority_is_ignored() -> None:
    world = paid()
    here = with_purse(world, sending(world, "custody"))

    decided = see_refund(
        here, get_refund(here.purse), news(RefundNewsStatus.SUCCEEDED), scene(authority=Authority.BEARER)
    )

    assert decided.situation == here


def test_a_refund_may_be_taken_from_what_a_partial_dispute_left() -> None:
    card = paid()
    lost = DisputeSeen(
        dispute_id="d1",
        attempt_ref="ref-a1",
        bank_txn_id=None,
        status=DisputeNewsStatus.LOST,
        amount_vnd=300,
        occurred_at=NOW,
    )
    partly = see_dispute(card, lost, scene(), known=None, receipt=card.purse["r1"]).situation

    moved = approved(partly, refund(100))

    assert moved.purse["r1"].live_vnd == 600


def test_a_success_told_twice_is_no_news() -> None:
    world = paid()
    here = with_purse(world, sending(world, "custody"))
    once = see_refund(here, get_refund(here.purse), news(RefundNewsStatus.SUCCEEDED), scene()).situation

    again = see_refund(once, get_refund(once.purse), news(RefundNewsStatus.SUCCEEDED), scene())

    assert (again.situation, again.verdict) == (once, Verdict.DUPLICATE)
    assert not get_refund(approved(world, refund(100)).purse).unknown


def test_conflict_a_refund_we_counted_as_failed_by_ourselves_and_that_came_back_was_sent() -> None:
    world = paid()
    failed = fail_refund(sending(world, "custody"), "r1", "f1").purse

    decided = see_refund(with_purse(world, failed), get_refund(failed), news(RefundNewsStatus.RETURNED), scene())

    assert decided.situation.purse["r1"].conflict


def test_conflict_every_news_of_a_void_refund_is_one() -> None:
    world = paid()
    asked = with_purse(world, approved(world, refund(100)).purse)
    void = asked.purse.put(
        replace(
            asked.purse["r1"],
            refunds=(replace(get_refund(asked.purse), status=RefundStatus.FAILED, void=True),),
        )
    )
    here = with_purse(world, void)

    for status in (RefundNewsStatus.SUCCEEDED, RefundNewsStatus.RETURNED):
        decided = see_refund(here, get_refund(here.purse), news(status), scene())
        here = decided.situation
        assert [note.kind for note in decided.cases] == ["conflict"]
