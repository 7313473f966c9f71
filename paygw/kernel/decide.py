"""From evidence to decision: what one more piece of evidence does to an order, its attempts and its money.

Pure and total: the caller locks and loads a `Situation`, passes what was seen, and stores what comes out. Any order and
repetition of one evidence set ends in the same states and balances (M-22); which of several receipts pays an order, and
whether a receipt was allocated before it was taken back, are decisions: recorded once, not re-made. The caller loads
the purse that holds the receipt's key wherever that receipt lives now (late money may have been adopted elsewhere).
"""

from dataclasses import replace
from datetime import timedelta, timezone

from paygw.kernel.allocation import allocate
from paygw.kernel.connector import Verdict
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AUTHORITATIVE, AttemptSeen, AttemptStatus, PaymentSeen
from paygw.kernel.news import (
    conflict_note,
    find_receipt,
    frozen,
    lines_of,
    see_dispute,
    see_refund,
    see_reversal,
    see_total,
    touched,
    void_facts,
)
from paygw.kernel.orders import (
    LIVE_ORDER,
    Attempt,
    Order,
    OrderStatus,
    Situation,
    raised,
    rest_to_pay_vnd,
)
from paygw.kernel.posting import U_FREE, Entry, Posting, post
from paygw.kernel.receipts import Mode, Receipt, holding_account
from paygw.kernel.scene import CaseNote, Decision, Fact, FactType, Landing, Scene, receipt_key

__all__ = [
    "VIETNAM", "CaseNote", "Decision", "Fact", "FactType", "Landing", "Scene",
    "adopt", "apply_waiting", "find_receipt", "identify", "lines_of", "receipt_key", "release_obligation",
    "see_attempt", "see_dispute", "see_payment", "see_refund", "see_reversal", "see_total", "thaw", "void_facts",
]  # fmt: skip

_UNTOLD = frozenset({"", "short", "unidentified"})  # with these reasons the portal has had no `money.unapplied` yet
VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")


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
    landed = _landing(receipt, scene.mode)
    taken = _taken_back_before(booked, key, scene)
    if taken is not None:
        return replace(taken, postings=(landed, *taken.postings))
    decided = _apply(booked, receipt, scene)
    verdict = _payment_verdict(situation.order, attempt, payment, decided)
    return replace(decided, verdict=verdict, postings=(landed, *decided.postings))


def _landing(receipt: Receipt, mode: Mode) -> Posting:
    """Row 3: Dr who holds it / Cr U:free."""
    entries = [
        Entry(holding_account(receipt, mode), receipt.amount_vnd, receipt_id=receipt.id),
        Entry(U_FREE, -receipt.amount_vnd, receipt_id=receipt.id),
    ]
    row = "3" if receipt.order_id else "21"
    return post(f"rcv:{receipt.id}", row, entries, bank=receipt.bank, merchant=receipt.merchant)


def _taken_back_before(booked: Situation, key: str, scene: Scene) -> Decision | None:
    """Reversals that came before this receipt: it posts and reverses at once and is never allocated."""
    held = [reversal for reversal in scene.held_reversals if receipt_key(reversal, scene) == key]
    decision: Decision | None = None
    for reversal in held:
        before = decision or Decision(situation=booked, verdict=Verdict.ACCEPTED)
        gone = see_reversal(before.situation, reversal, scene)
        decision = replace(
            gone,
            verdict=Verdict.ACCEPTED,
            postings=before.postings + gone.postings,
            facts=before.facts + gone.facts,
            cases=before.cases + gone.cases,
        )
    return decision


def _seen_again(situation: Situation, attempt: Attempt | None, known: Receipt, payment: PaymentSeen) -> Decision:
    """The same landing told again; another amount for it is a conflict and freezes the receipt."""
    after = _paid_attempt(situation, attempt)
    if payment.amount_vnd == known.amount_vnd:
        return Decision(situation=after, verdict=Verdict.DUPLICATE)
    note = conflict_note(known.id, "two amounts are reported for one payment")
    return Decision(situation=frozen(after, known.id), verdict=Verdict.WRONG_AMOUNT, cases=(note,))


def _born(key: str, attempt: Attempt | None, payment: PaymentSeen, scene: Scene, order: Order | None) -> Receipt:
    merchant = payment.merchant or scene.merchant
    fixed = attempt if scene.receipts_per_attempt == "one" else None
    wrong = merchant != scene.merchant or (fixed is not None and payment.amount_vnd != fixed.amount_vnd)
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
        holder=landing.holder if scene.mode == "routing" and landing.home == "account" else None,
        blocked="integrity" if wrong else "",
    )


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
    return _stays(situation, receipt, receipt.blocked or _stay_reason(order))


def _stay_reason(order: Order | None) -> str:
    if order is None:
        return "unidentified"
    return "duplicate" if order.status is OrderStatus.PAID else "late"


def _apply_to_live(situation: Situation, order: Order, receipt: Receipt, scene: Scene) -> Decision:
    if not situation.unpaid:
        return _stays(situation, receipt, "paid_elsewhere")
    return _pay(situation, order, receipt.id, scene) or _short(situation, order, receipt.id)


def _short(situation: Situation, order: Order, receipt_id: str) -> Decision:
    part = replace(order, status=OrderStatus.PARTIALLY_PAID, version=order.version + 1)
    reason = "short" if situation.purse[receipt_id].reason in _UNTOLD else "waiting"  # short, but told before
    waiting = _reasoned(replace(situation, order=part), receipt_id, reason)
    note = CaseNote("unapplied", f"unapplied:{receipt_id}", "short", receipt_id=receipt_id)
    fact = Fact("order.partially_paid", f"order:{order.id}:{part.version}", receipt_id=receipt_id)
    return Decision(situation=waiting, verdict=Verdict.ACCEPTED, facts=(fact,), cases=(note,))


def _pay(situation: Situation, order: Order, receipt_id: str | None, scene: Scene) -> Decision | None:
    """Pay every unpaid obligation from the waiting money, or None while it does not suffice."""
    waiting = [receipt.id for receipt in situation.purse.waiting_on(order.id)]
    allocated = allocate(situation.purse, order.id, situation.unpaid, scene.mode)
    if allocated is None:
        return None
    elsewhere = len(situation.unpaid) < len(situation.obligations)
    paid = replace(order, status=OrderStatus.PAID, version=order.version + 1)
    obligations = tuple(
        replace(item, order_id=order.id) if item.order_id is None else item for item in situation.obligations
    )
    after = replace(situation, order=paid, obligations=obligations, purse=allocated.purse)
    fact = Fact("order.paid", f"order:{order.id}:{paid.version}", receipt_id=receipt_id)
    decided = Decision(situation=after, verdict=Verdict.ACCEPTED, postings=allocated.postings, facts=(fact,))
    for used_id in waiting:
        decided = _with_rest(decided, used_id, "paid_elsewhere" if elsewhere else "over")
    return decided


def _with_rest(decided: Decision, receipt_id: str, reason: str) -> Decision:
    """What is left free on a receipt after allocation keeps a reason, is told and becomes a case."""
    situation = decided.situation
    receipt = situation.purse[receipt_id]
    if not receipt.free_vnd:
        return replace(decided, situation=_reasoned(situation, receipt_id, ""))
    stays = _stays(situation, receipt, reason)
    return replace(
        decided,
        situation=replace(stays.situation, order=situation.order),
        facts=(*decided.facts, *stays.facts),
        cases=(*decided.cases, *stays.cases),
    )


def _stays(situation: Situation, receipt: Receipt, reason: str) -> Decision:
    told = situation.order is None or receipt.reason not in _UNTOLD
    fact = Fact("money.unapplied", f"receipt:{receipt.id}", receipt_id=receipt.id)
    kind = "integrity" if reason == "integrity" else "unapplied"
    note = CaseNote(kind, f"{kind}:{receipt.id}", reason, receipt_id=receipt.id)
    kept = touched(_reasoned(situation, receipt.id, reason))
    return Decision(situation=kept, verdict=Verdict.ACCEPTED, facts=() if told else (fact,), cases=(note,))


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
    if any(item.order_id or item.attempt_id for item in situation.obligations):
        return None
    if not receipt.allocatable_vnd == receipt.amount_vnd == rest_to_pay_vnd(situation):
        return None
    moved = replace(receipt, order_id=order.id)
    return _apply_to_live(replace(situation, purse=situation.purse.put(moved)), order, moved, scene)


def identify(situation: Situation, receipt: Receipt, attempt: Attempt | None, scene: Scene) -> Decision:
    """Unidentified money (row 21) whose order is named later, by another observer or by two persons.

    `receipt` is not yet in the situation's purse. Raises Refused `receipt_identified` when it has an order already.
    """
    order = situation.order
    if order is None or receipt.order_id is not None:
        raise Refused("receipt_identified", "Only a receipt without an order can be given to one.")
    named = replace(receipt, order_id=order.id, attempt_id=attempt.id if attempt else None)
    booked = replace(_paid_attempt(situation, attempt), purse=situation.purse.put(named))
    if not named.allocatable_vnd:
        return Decision(situation=touched(booked), verdict=Verdict.ACCEPTED)
    return _apply(booked, named, scene)


def apply_waiting(situation: Situation, scene: Scene) -> Decision | None:
    """Pay a partially paid order from money that waits on it, when what is unpaid shrank (paid elsewhere) or thawed."""
    order = situation.order
    if order is None or order.status not in LIVE_ORDER:
        return None
    return _pay(situation, order, None, scene)


def thaw(situation: Situation, receipt_id: str, scene: Scene) -> Decision:
    """End a conflict or an integrity block: settlement, statement or two persons decided that the receipt is right.

    Its money is then applied as if it had just landed. Raises Refused `receipt_not_blocked`.
    """
    receipt = situation.purse[receipt_id]
    if not (receipt.conflict or receipt.blocked):
        raise Refused("receipt_not_blocked", "This receipt is neither in conflict nor blocked.")
    clear = replace(receipt, conflict=False, blocked="")
    changed = touched(replace(situation, purse=situation.purse.put(clear)))
    if receipt.blocked and clear.allocatable_vnd:
        return _apply(changed, clear, scene)
    return apply_waiting(changed, scene) or Decision(situation=changed, verdict=Verdict.ACCEPTED)


def release_obligation(situation: Situation, obligation_id: str) -> Situation:
    """Let a new order pay an obligation whose money the provider took back whole (two persons); refunds never do.

    Raises Refused `obligation_not_releasable`.
    """
    obligation = next((item for item in situation.obligations if item.id == obligation_id), None)
    order = situation.order
    if order is None or obligation is None or obligation.order_id != order.id:
        raise Refused("obligation_not_releasable", "This order did not pay that obligation.")
    numbers = {line.no for line in obligation.lines}
    payers = [
        receipt for receipt in situation.purse.receipts if any(piece.line_no in numbers for piece in receipt.slices)
    ]
    if not payers or not all(receipt.wholly_taken_back for receipt in payers):
        raise Refused("obligation_not_releasable", "The provider has not taken back all that paid this obligation.")
    kept = tuple(replace(item, order_id=None) if item.id == obligation_id else item for item in situation.obligations)
    return replace(situation, obligations=kept)


def see_attempt(situation: Situation, attempt: Attempt, seen: AttemptSeen, scene: Scene) -> Decision:
    """News without cash. A closed attempt lets go of its obligations; what it may still bring is late money.

    An answer "not paid" from a time after the cash we booked contradicts it: the receipt freezes (conflict).
    News of another sum than was asked changes nothing: an enquiry tells (VNPAY checks the sum first).
    """
    if scene.authority < AUTHORITATIVE:
        return Decision(situation=situation, verdict=Verdict.IGNORED)
    if seen.amount_vnd not in {None, attempt.amount_vnd}:
        return Decision(situation=situation, verdict=Verdict.WRONG_AMOUNT)
    after = raised(attempt, seen.status)
    changed = situation.with_attempt(after)
    if not after.in_flight:
        changed = changed.free_obligations(attempt.id)
    denied = _denied(situation, attempt, seen)
    if denied is not None:
        note = conflict_note(denied.id, "the bank denies a payment it reported before")
        return Decision(situation=frozen(changed, denied.id), verdict=Verdict.ACCEPTED, cases=(note,))
    return Decision(situation=changed, verdict=Verdict.DUPLICATE if after == attempt else Verdict.ACCEPTED)


def _denied(situation: Situation, attempt: Attempt, seen: AttemptSeen) -> Receipt | None:
    """The unsettled receipt of an attempt that is said, later, not to be paid."""
    for receipt in situation.purse.receipts:
        open_yet = not receipt.settled and not receipt.taken_back_vnd
        if receipt.attempt_id == attempt.id and seen.not_paid and open_yet and seen.occurred_at > receipt.received_at:
            return receipt
    return None
