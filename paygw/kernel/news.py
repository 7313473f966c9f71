"""News of money that landed before: reversals (12a), disputes (12 to 14), refund outcomes (10 to 11), totals.

Evidence is never refused: news that does not fit what is known freezes the receipt and becomes a case (`conflict`).
Which source a *partial* dispute takes from is decided when its loss is booked; a refund that fails later does not
re-make that decision, so only the totals of such a receipt are independent of arrival order.
"""

from collections.abc import Mapping
from dataclasses import replace

from paygw.kernel.connector import Verdict
from paygw.kernel.evidence import (
    AUTHORITATIVE,
    DisputeNewsStatus,
    DisputeSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
    TotalAsserted,
)
from paygw.kernel.orders import Attempt, Line, Situation
from paygw.kernel.posting import Posting
from paygw.kernel.receipts import Mode, Purse, Receipt, Refund, RefundStatus, with_refund
from paygw.kernel.refunds import Moved, confirm_refund, fail_refund, return_refund
from paygw.kernel.reversals import lose_dispute, open_dispute, reverse, win_dispute
from paygw.kernel.scene import CaseNote, Decision, Fact, FactType, Scene, receipt_key

_DISPUTE_ENDED = frozenset({DisputeNewsStatus.WON, DisputeNewsStatus.LOST})
_HEARD_OF = frozenset({RefundStatus.SENDING, RefundStatus.SUCCEEDED})


def see_reversal(situation: Situation, reversal: ReversalSeen, scene: Scene) -> Decision:
    """Row 12a. A reversal that comes before its receipt is kept by the caller (verdict accepted, nothing moves)."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    receipt = find_receipt(situation.purse, reversal, scene)
    if receipt is None:
        return Decision(situation=situation, verdict=Verdict.ACCEPTED)
    same = receipt.taken_back_by == reversal.reversal_id
    if same and receipt.taken_back_vnd == reversal.amount_vnd:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    if receipt.taken_back_vnd or receipt.dispute_vnd or reversal.amount_vnd != receipt.amount_vnd:
        return _conflict(situation, receipt.id, "a reversal that does not fit what is known of this payment")
    moved = reverse(situation.purse, receipt.id, scene.mode, lines_of(situation), by=reversal.reversal_id)
    after = touched(replace(situation, purse=moved.purse))
    facts = _reversal_facts(after, receipt, f"reversal:{scene.bank}:{reversal.reversal_id}")
    return Decision(
        situation=after, verdict=Verdict.ACCEPTED, postings=moved.postings, facts=facts + void_facts(situation, after)
    )


def see_dispute(
    situation: Situation, seen: DisputeSeen, scene: Scene, *, known: DisputeNewsStatus | None, receipt: Receipt
) -> Decision:
    """Rows 12 to 14, as a set: news that comes before the opening opens first. `known` is the latest booked."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    if known is seen.status or (known and seen.status is DisputeNewsStatus.OPENED):
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    if not _dispute_fits(seen, known, receipt):
        return _conflict(situation, receipt.id, "news of a dispute that do not fit what is known of this payment")
    purse, postings = situation.purse, list[Posting]()

    def book(moved: Moved) -> Purse:
        postings.extend(moved.postings)
        return moved.purse

    if known is None:
        purse = book(open_dispute(purse, receipt.id, seen.dispute_id, seen.amount_vnd))
    if seen.status is DisputeNewsStatus.WON:
        purse = book(win_dispute(purse, receipt.id, seen.dispute_id))
    if seen.status is DisputeNewsStatus.LOST:
        purse = book(lose_dispute(purse, receipt.id, seen.dispute_id, lines=lines_of(situation)))
    after = touched(replace(situation, purse=purse))
    facts: tuple[Fact, ...] = ()
    if seen.status is DisputeNewsStatus.LOST:
        told = _reversal_facts(after, receipt, f"dispute:{scene.bank}:{seen.dispute_id}")
        facts = told + void_facts(situation, after)
    return Decision(situation=after, verdict=Verdict.ACCEPTED, postings=tuple(postings), facts=facts)


def _dispute_fits(seen: DisputeSeen, known: DisputeNewsStatus | None, receipt: Receipt) -> bool:
    if known in _DISPUTE_ENDED:
        return False
    if known is not None:
        return seen.amount_vnd == receipt.dispute_vnd
    disputable = receipt.home == "provider" and not receipt.dispute_vnd and not receipt.taken_back_vnd
    return disputable and 0 < seen.amount_vnd <= receipt.amount_vnd


def see_refund(situation: Situation, refund: Refund, news: RefundSeen, scene: Scene) -> Decision:
    """Rows 10 to 11 from the set of what was seen; a return that overtakes its success waits for it."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    if news.status is RefundNewsStatus.PENDING or news.status.value in refund.seen:
        heard = _mark(situation, replace(refund, unknown=False))
        return Decision(situation=heard, verdict=Verdict.DUPLICATE)
    seen = refund.seen | {news.status.value}
    marked = _mark(situation, replace(refund, seen=seen, unknown=False))
    if news.amount_vnd != refund.sendable_vnd or {"succeeded", "failed"} <= seen:
        return _conflict(marked, refund.receipt_id, "the bank's news of a refund contradict each other or our order")
    if refund.status is RefundStatus.FAILED and refund.seen and not refund.void:
        return Decision(situation=marked, verdict=Verdict.DUPLICATE)  # it failed, so that it came back is no news
    if refund.status not in _HEARD_OF:
        return _conflict(marked, refund.receipt_id, f"the bank reports a refund that is {refund.status} here")
    return _run_refund(marked, refund.receipt_id, refund.id, scene.mode, seen)


def _run_refund(situation: Situation, receipt_id: str, refund_id: str, mode: Mode, seen: frozenset[str]) -> Decision:
    purse, postings, facts = situation.purse, list[Posting](), list[Fact]()
    status = next(r.status for r in purse.refunds if r.id == refund_id)

    def book(moved: Moved, fact: FactType) -> Purse:
        postings.extend(moved.postings)
        facts.append(Fact(fact, f"{fact}:{refund_id}", receipt_id=receipt_id, refund_id=refund_id))
        return moved.purse

    if status is RefundStatus.SENDING and "succeeded" in seen:
        purse = book(confirm_refund(purse, receipt_id, refund_id, mode), "refund.succeeded")
        status = RefundStatus.SUCCEEDED
    if status is RefundStatus.SENDING and "failed" in seen:
        purse = book(fail_refund(purse, receipt_id, refund_id), "refund.failed")
    if status is RefundStatus.SUCCEEDED and "returned" in seen:
        purse = book(return_refund(purse, receipt_id, refund_id, mode), "refund.returned")
    after = touched(replace(situation, purse=purse)) if postings else situation
    return Decision(situation=after, verdict=Verdict.ACCEPTED, postings=tuple(postings), facts=tuple(facts))


def see_total(situation: Situation, attempt: Attempt, seen: TotalAsserted) -> Decision:
    """A cumulative figure is compared, never booked."""
    known_vnd = sum(r.amount_vnd for r in situation.purse.receipts if r.attempt_id == attempt.id)
    if seen.total_vnd <= known_vnd:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    detail = "the provider claims more than the receipts"
    note = CaseNote("assertion", f"assertion:{attempt.id}:{seen.total_vnd}", detail, attempt_id=attempt.id)
    return Decision(situation=situation, verdict=Verdict.ACCEPTED, cases=(note,))


def find_receipt(purse: Purse, seen: ReversalSeen | DisputeSeen, scene: Scene) -> Receipt | None:
    """The receipt a reversal or dispute speaks of."""
    key = receipt_key(seen, scene)
    return next((receipt for receipt in purse.receipts if receipt.key == key), None)


def lines_of(situation: Situation) -> Mapping[int, Line]:
    """The lines of an order by number."""
    return {line.no: line for obligation in situation.obligations for line in obligation.lines}


def void_facts(before: Situation, after: Situation) -> tuple[Fact, ...]:
    """Refunds that a reversal overtook have failed, and the portal hears of it."""
    was = {refund.id: refund.void for refund in before.purse.refunds}
    return tuple(
        Fact("refund.failed", f"refund.failed:{refund.id}", receipt_id=refund.receipt_id, refund_id=refund.id)
        for refund in after.purse.refunds
        if refund.void and not was[refund.id]
    )


def conflict_note(receipt_id: str, why: str) -> CaseNote:
    """The case of a receipt about which the evidence contradicts itself."""
    return CaseNote("conflict", f"conflict:{receipt_id}", why, receipt_id=receipt_id)


def frozen(situation: Situation, receipt_id: str) -> Situation:
    """The same with one receipt in conflict."""
    receipt = situation.purse[receipt_id]
    return replace(situation, purse=situation.purse.put(replace(receipt, conflict=True)))


def touched(situation: Situation) -> Situation:
    """A public change of the order that is no change of status."""
    if situation.order is None:
        return situation
    return replace(situation, order=replace(situation.order, version=situation.order.version + 1))


def _reversal_facts(situation: Situation, receipt: Receipt, key: str) -> tuple[Fact, ...]:
    return (Fact("order.reversed", key, receipt_id=receipt.id),) if situation.order else ()


def _conflict(situation: Situation, receipt_id: str, why: str) -> Decision:
    return Decision(
        situation=frozen(situation, receipt_id), verdict=Verdict.ACCEPTED, cases=(conflict_note(receipt_id, why),)
    )


def _mark(situation: Situation, refund: Refund) -> Situation:
    receipt = situation.purse[refund.receipt_id]
    return replace(situation, purse=situation.purse.put(with_refund(receipt, refund)))
