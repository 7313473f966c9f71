"""From evidence to decision: what one more piece of evidence does to an order, its attempts and its money.

Pure and total: the caller locks and loads a `Situation`, passes what was seen, and stores what comes out. Any order and
repetition of one evidence set ends in the same states and balances (M-22).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Literal

from paygw.kernel.allocation import allocate
from paygw.kernel.connector import Verdict
from paygw.kernel.evidence import (
    AUTHORITATIVE,
    AttemptSeen,
    AttemptStatus,
    Authority,
    DisputeNewsStatus,
    DisputeSeen,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
    TotalAsserted,
)
from paygw.kernel.orders import (
    CLOSED_ATTEMPT,
    LIVE_ORDER,
    Attempt,
    Line,
    Order,
    OrderStatus,
    Situation,
    raised,
    rest_to_pay_vnd,
)
from paygw.kernel.posting import U_FREE, Entry, Posting, h_bank, h_provider, held_by, post
from paygw.kernel.receipts import Mode, Purse, Receipt, Refund, RefundStatus
from paygw.kernel.refunds import Moved, confirm_refund, fail_refund, return_refund
from paygw.kernel.reversals import lose_dispute, open_dispute, reverse, win_dispute

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
FactType = Literal[
    "order.paid",
    "order.partially_paid",
    "order.cancelled",
    "order.expired",
    "order.reversed",
    "money.unapplied",
    "refund.succeeded",
    "refund.failed",
    "refund.returned",
    "refund.rejected",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """A business fact to tell the portal; `key` makes it one event for ever."""

    type: FactType
    key: str
    receipt_id: str | None = None
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseNote:
    """Something a person must look at; `key` makes it one case."""

    kind: str
    key: str
    detail: str
    receipt_id: str | None = None
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The situation afterwards and everything to write with it."""

    situation: Situation
    verdict: Verdict
    postings: tuple[Posting, ...] = ()
    facts: tuple[Fact, ...] = ()
    cases: tuple[CaseNote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where cash of a bank lands: with the provider, or at once on an account (whose holder, in routing, is named)."""

    home: Literal["provider", "account"] = "provider"
    account: str = ""
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the kernel may not look up itself. `new_id` is used if a receipt is born."""

    mode: Mode
    now: datetime
    bank: str
    merchant: str
    receipts_per_attempt: Literal["one", "many"]
    authority: Authority
    new_id: str
    landing: Landing = field(default_factory=Landing)
    held_reversals: tuple[ReversalSeen, ...] = ()  # reversals that came before their receipt


def receipt_key(payment: PaymentSeen | ReversalSeen | DisputeSeen, scene: Scene) -> str | None:
    """Identity of a landing of cash: where it landed, never who told us. None without a usable reference."""
    if scene.receipts_per_attempt == "one":
        return f"{scene.bank}|{scene.merchant}|{payment.attempt_ref}" if payment.attempt_ref else None
    account = scene.landing.account or f"{scene.bank}|{scene.merchant}"
    return f"{account}|{payment.bank_txn_id}" if payment.bank_txn_id else None


def see_payment(situation: Situation, attempt: Attempt | None, payment: PaymentSeen, scene: Scene) -> Decision:
    """Rows 3, 3a, 5 to 8, 18, 21: book cash once, allocate it if the order still wants it."""
    key = receipt_key(payment, scene)
    if scene.authority < AUTHORITATIVE or key is None:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    if payment.currency != "VND" or payment.amount_vnd <= 0:
        note = CaseNote("integrity", f"integrity:{key}", "a payment that is not a positive sum of đồng")
        return Decision(situation=situation, verdict=Verdict.WRONG_AMOUNT, cases=(note,))
    known = next((receipt for receipt in situation.purse.receipts if receipt.key == key), None)
    if known is not None:
        return _seen_again(situation, attempt, known, payment)
    receipt = _born(key, attempt, payment, scene, situation.order)
    booked = replace(_paid_attempt(situation, attempt), purse=situation.purse.put(receipt))
    posting = post(
        f"rcv:{receipt.id}",
        "3" if situation.order else "21",
        [
            Entry(_landing_account(receipt, scene), receipt.amount_vnd, receipt_id=receipt.id),
            Entry(U_FREE, -receipt.amount_vnd, receipt_id=receipt.id),
        ],
        bank=receipt.bank,
        merchant=receipt.merchant,
    )
    reversal = next((held for held in scene.held_reversals if receipt_key(held, scene) == key), None)
    if reversal is not None:
        gone = see_reversal(booked, reversal, scene)
        return replace(gone, postings=(posting, *gone.postings))
    decided = _apply(booked, receipt, scene)
    verdict = _payment_verdict(situation.order, attempt, payment, decided)
    return replace(decided, verdict=verdict, postings=(posting, *decided.postings))


def _seen_again(situation: Situation, attempt: Attempt | None, known: Receipt, payment: PaymentSeen) -> Decision:
    """The same landing told again; another amount for it is a conflict and freezes the receipt."""
    after = _paid_attempt(situation, attempt)
    if payment.amount_vnd == known.amount_vnd:
        return Decision(situation=after, verdict=Verdict.DUPLICATE)
    frozen = replace(after, purse=after.purse.put(replace(known, conflict=True)))
    note = CaseNote("conflict", f"conflict:{known.id}", "two amounts are reported for one payment", receipt_id=known.id)
    return Decision(situation=frozen, verdict=Verdict.WRONG_AMOUNT, cases=(note,))


def _born(key: str, attempt: Attempt | None, payment: PaymentSeen, scene: Scene, order: Order | None) -> Receipt:
    merchant = payment.merchant or scene.merchant
    fixed_amount = scene.receipts_per_attempt == "one" and attempt is not None
    wrong = merchant != scene.merchant or (fixed_amount and attempt and payment.amount_vnd != attempt.amount_vnd)
    landing = scene.landing
    return Receipt(
        id=scene.new_id,
        bank=scene.bank,
        merchant=merchant,
        key=key,
        amount_vnd=payment.amount_vnd,
        home=landing.home,
        account=landing.account,
        order_id=order.id if order else None,
        attempt_id=attempt.id if attempt else None,
        received_at=payment.occurred_at,
        value_date=payment.occurred_at.astimezone(VIETNAM).date(),
        free_vnd=payment.amount_vnd,
        settled=landing.home == "account",
        holder=landing.holder,
        blocked="integrity" if wrong else "",
    )


def _landing_account(receipt: Receipt, scene: Scene) -> str:
    if receipt.home == "provider":
        return h_provider(receipt.bank, receipt.merchant)
    if scene.mode == "routing" and receipt.holder is not None:
        return held_by(receipt.holder)
    return h_bank(receipt.account)


def _paid_attempt(situation: Situation, attempt: Attempt | None) -> Situation:
    if attempt is None:
        return situation
    paid = raised(attempt, AttemptStatus.SUCCEEDED)
    return situation.with_attempt(paid).free_obligations(attempt.id)


def _apply(situation: Situation, receipt: Receipt, scene: Scene) -> Decision:
    """Allocate to the order if it is live; otherwise the money stays unapplied, with its reason and a case."""
    order = situation.order
    if order is not None and order.status in LIVE_ORDER and not receipt.blocked:
        return _apply_to_live(situation, order, receipt, scene)
    reason = receipt.blocked or _stay_reason(order)
    return _stays(situation, receipt, reason, verdict=Verdict.ACCEPTED)


def _stay_reason(order: Order | None) -> str:
    if order is None:
        return "unidentified"
    return "duplicate" if order.status is OrderStatus.PAID else "late"


def _apply_to_live(situation: Situation, order: Order, receipt: Receipt, scene: Scene) -> Decision:
    if not situation.unpaid:
        return _stays(situation, receipt, "paid_elsewhere", verdict=Verdict.ACCEPTED)
    allocated = allocate(situation.purse, order.id, situation.unpaid, scene.mode)
    if allocated is None:
        part = replace(order, status=OrderStatus.PARTIALLY_PAID, version=order.version + 1)
        waiting = _reasoned(replace(situation, order=part), receipt.id, "short")
        note = CaseNote("unapplied", f"unapplied:{receipt.id}", "short", receipt_id=receipt.id)
        fact = Fact("order.partially_paid", f"order:{order.id}:{part.version}", receipt_id=receipt.id)
        return Decision(situation=waiting, verdict=Verdict.ACCEPTED, facts=(fact,), cases=(note,))
    paid = replace(order, status=OrderStatus.PAID, version=order.version + 1)
    obligations = tuple(
        replace(item, order_id=order.id) if item.order_id is None else item for item in situation.obligations
    )
    after = replace(situation, order=paid, obligations=obligations, purse=allocated.purse)
    fact = Fact("order.paid", f"order:{order.id}:{paid.version}", receipt_id=receipt.id)
    decided = Decision(situation=after, verdict=Verdict.ACCEPTED, postings=allocated.postings, facts=(fact,))
    return _with_excess(decided, receipt.id)


def _with_excess(decided: Decision, last_receipt_id: str) -> Decision:
    """What is left free after allocation is over-payment (of the last receipt) or was blocked before."""
    situation = decided.situation
    left = situation.purse[last_receipt_id]
    if not left.free_vnd:
        return decided
    stays = _stays(situation, left, "over", verdict=decided.verdict)
    return replace(
        decided, situation=stays.situation, facts=(*decided.facts, *stays.facts), cases=(*decided.cases, *stays.cases)
    )


def _stays(situation: Situation, receipt: Receipt, reason: str, *, verdict: Verdict) -> Decision:
    kept = _reasoned(situation, receipt.id, reason)
    facts: tuple[Fact, ...] = ()
    if situation.order is not None:
        facts = (Fact("money.unapplied", f"receipt:{receipt.id}", receipt_id=receipt.id),)
    note = CaseNote("unapplied", f"unapplied:{receipt.id}", reason, receipt_id=receipt.id)
    return Decision(situation=kept, verdict=verdict, facts=facts, cases=(note,))


def _reasoned(situation: Situation, receipt_id: str, reason: str) -> Situation:
    receipt = situation.purse[receipt_id]
    return replace(situation, purse=situation.purse.put(replace(receipt, reason=reason)))


def _payment_verdict(order: Order | None, attempt: Attempt | None, payment: PaymentSeen, decided: Decision) -> Verdict:
    if order is None or attempt is None:
        return Verdict.UNKNOWN_ORDER
    if payment.amount_vnd != attempt.amount_vnd:
        return Verdict.WRONG_AMOUNT
    if order.status not in LIVE_ORDER:
        return Verdict.ALREADY_FINAL
    return decided.verdict


def adopt(situation: Situation, receipt: Receipt, scene: Scene) -> Decision | None:
    """Row 5: late money pays the live order of the same obligations, if it is exact and nothing is in flight there."""
    order = situation.order
    if order is None or order.status not in LIVE_ORDER or any(a.in_flight for a in situation.attempts):
        return None
    exact = receipt.allocatable_vnd == receipt.amount_vnd == rest_to_pay_vnd(situation)
    if not exact or len(situation.unpaid) != len(situation.obligations):
        return None
    moved = replace(receipt, order_id=order.id, reason="")
    return _apply_to_live(replace(situation, purse=situation.purse.put(moved)), order, moved, scene)


def see_attempt(situation: Situation, attempt: Attempt, seen: AttemptSeen, scene: Scene) -> Decision:
    """News without cash. A closed attempt lets go of its obligations; what it may still bring is late money."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    after = raised(attempt, seen.status)
    changed = situation.with_attempt(after)
    if after.status in CLOSED_ATTEMPT:
        changed = changed.free_obligations(attempt.id)
    known = attempt.status is AttemptStatus.SUCCEEDED or after == attempt
    return Decision(situation=changed, verdict=Verdict.DUPLICATE if known else Verdict.ACCEPTED)


def see_reversal(situation: Situation, reversal: ReversalSeen, scene: Scene) -> Decision:
    """Row 12a. A reversal that comes before its receipt is kept by the caller (verdict accepted, nothing moves)."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    receipt = find_receipt(situation.purse, reversal, scene)
    if receipt is None:
        return Decision(situation=situation, verdict=Verdict.ACCEPTED)
    if receipt.taken_back_vnd == receipt.amount_vnd == reversal.amount_vnd:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    if receipt.taken_back_vnd or receipt.dispute_vnd or reversal.amount_vnd != receipt.amount_vnd:
        return _conflict(situation, receipt, "a reversal that does not fit what is known of this payment")
    moved = reverse(situation.purse, receipt.id, scene.mode, lines_of(situation))
    after = _touched(replace(situation, purse=moved.purse))
    facts = _reversal_facts(after, receipt, f"reversal:{scene.bank}:{reversal.reversal_id}")
    return Decision(
        situation=after, verdict=Verdict.ACCEPTED, postings=moved.postings, facts=facts + void_facts(situation, after)
    )


def see_dispute(
    situation: Situation, seen: DisputeSeen, scene: Scene, *, known: DisputeNewsStatus | None, receipt: Receipt
) -> Decision:
    """Rows 12 to 14, as a set: news that comes before the opening opens first. `known` is the latest booked."""
    done = known in {DisputeNewsStatus.WON, DisputeNewsStatus.LOST}
    if scene.authority < AUTHORITATIVE or done or known is seen.status:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    purse, postings = situation.purse, list[Posting]()

    def book(moved: Moved) -> Purse:
        postings.extend(moved.postings)
        return moved.purse

    if known is None:
        purse = book(open_dispute(purse, receipt.id, seen.dispute_id, seen.amount_vnd))
    if seen.status is DisputeNewsStatus.WON:
        purse = book(win_dispute(purse, receipt.id, seen.dispute_id))
    if seen.status is DisputeNewsStatus.LOST:
        lines = lines_of(situation)
        purse = book(lose_dispute(purse, receipt.id, seen.dispute_id, party=scene.bank, lines=lines))
    after = _touched(replace(situation, purse=purse))
    facts: tuple[Fact, ...] = ()
    if seen.status is DisputeNewsStatus.LOST:
        facts = _reversal_facts(after, receipt, f"reversal:{scene.bank}:{seen.dispute_id}") + void_facts(
            situation, after
        )
    return Decision(situation=after, verdict=Verdict.ACCEPTED, postings=tuple(postings), facts=facts)


def see_refund(situation: Situation, refund: Refund, news: RefundSeen, scene: Scene) -> Decision:
    """Rows 10 to 11 from the set of what was seen; a return that overtakes its success waits for it."""
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    receipt = situation.purse[refund.receipt_id]
    if news.status is RefundNewsStatus.PENDING or news.status in refund.seen:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    seen = refund.seen | {news.status.value}
    if news.amount_vnd != refund.sendable_vnd or {"succeeded", "failed"} <= seen:
        return _conflict(situation, receipt, "the bank's news of a refund contradict each other or our order")
    marked = _mark(situation, receipt, replace(refund, seen=seen, unknown=False))
    if refund.status not in {RefundStatus.SENDING, RefundStatus.SUCCEEDED}:
        return _conflict(marked, receipt, f"the bank reports a refund that is {refund.status} here")
    return _run_refund(marked, receipt.id, refund.id, scene.mode, seen)


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
    after = _touched(replace(situation, purse=purse)) if postings else situation
    return Decision(situation=after, verdict=Verdict.ACCEPTED, postings=tuple(postings), facts=tuple(facts))


def see_total(situation: Situation, attempt: Attempt, seen: TotalAsserted) -> Decision:
    """A cumulative figure is compared, never booked."""
    known_vnd = sum(r.amount_vnd for r in situation.purse.receipts if r.attempt_id == attempt.id)
    if seen.total_vnd <= known_vnd:
        return Decision(situation=situation, verdict=Verdict.DUPLICATE)
    note = CaseNote(
        "assertion", f"assertion:{attempt.id}:{seen.total_vnd}", "the provider claims more than the receipts",
        attempt_id=attempt.id,
    )  # fmt: skip
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
        if refund.void and not was.get(refund.id, False)
    )


def _reversal_facts(situation: Situation, receipt: Receipt, key: str) -> tuple[Fact, ...]:
    return (Fact("order.reversed", key, receipt_id=receipt.id),) if situation.order else ()


def _conflict(situation: Situation, receipt: Receipt, why: str) -> Decision:
    frozen = replace(situation, purse=situation.purse.put(replace(receipt, conflict=True)))
    note = CaseNote("conflict", f"conflict:{receipt.id}", why, receipt_id=receipt.id)
    return Decision(situation=frozen, verdict=Verdict.ACCEPTED, cases=(note,))


def _mark(situation: Situation, receipt: Receipt, refund: Refund) -> Situation:
    others = tuple(known for known in receipt.refunds if known.id != refund.id)
    return replace(situation, purse=situation.purse.put(replace(receipt, refunds=(*others, refund))))


def _touched(situation: Situation) -> Situation:
    """A public change of the order that is no change of status."""
    if situation.order is None:
        return situation
    return replace(situation, order=replace(situation.order, version=situation.order.version + 1))
