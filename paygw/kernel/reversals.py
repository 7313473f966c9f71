"""Money taken back by a provider (rows 12 to 14 and 19): reversals, disputes, disproved payments, claims."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from paygw.kernel.errors import Refused
from paygw.kernel.orders import Line
from paygw.kernel.posting import CH, RP, U_FREE, U_REFUND_DUE, Entry, claim, h_provider, post
from paygw.kernel.receipts import (
    UNSENT,
    Leg,
    Mode,
    Purse,
    Receipt,
    RefundStatus,
    find_refund,
    holding_account,
    with_refund,
)
from paygw.kernel.refunds import Funding, Moved, funding_posting, meet_need
from paygw.kernel.takeback import UNCLAIMED_LINE, leg_entries, reversal_vector, take_legs


def reverse(purse: Purse, receipt_id: str, mode: Mode, lines: Mapping[int, Line], *, by: str) -> Moved:
    """Row 12a: the provider took the whole receipt back, `by` the reversal of that id.

    Raises Refused `receipt_disputed`, `receipt_taken_back`.
    """
    receipt = purse[receipt_id]
    if receipt.dispute_vnd:
        raise Refused("receipt_disputed", "A dispute of this payment is open; a second reversal is a conflict.")
    if receipt.taken_back_vnd:
        raise Refused("receipt_taken_back", "This payment was taken back before.")
    return _take_back(
        purse,
        receipt,
        receipt.amount_vnd,
        credit=_outlet(receipt, mode),
        label=("rev", "12a", receipt.id),
        by=by,
        lines=lines,
    )


def disprove(purse: Purse, receipt_id: str, case_id: str, mode: Mode, lines: Mapping[int, Line]) -> Moved:
    """Row 19: the provider proves there was no payment. Before settlement, without a live refund or dispute."""
    receipt = purse[receipt_id]
    busy = any(refund.status not in _ENDED for refund in receipt.refunds)
    if receipt.settled or receipt.dispute_vnd or receipt.taken_back_vnd or busy:
        raise Refused(
            "receipt_not_disprovable", "Only an unsettled receipt without refund or dispute can be disproved."
        )
    return _take_back(
        purse,
        receipt,
        receipt.amount_vnd,
        credit=_outlet(receipt, mode),
        label=("corr", "19", case_id),
        by=case_id,
        lines=lines,
    )


_ENDED = frozenset({RefundStatus.REJECTED, RefundStatus.WITHDRAWN, RefundStatus.FAILED, RefundStatus.RETURNED})


def open_dispute(purse: Purse, receipt_id: str, dispute_id: str, amount_vnd: int) -> Moved:
    """Row 12: the provider sets the disputed amount aside; the receipt is frozen."""
    receipt = purse[receipt_id]
    if receipt.home != "provider":
        raise Refused("receipt_not_disputable", "Only money that a provider collected can be disputed.")
    if receipt.dispute_vnd or receipt.taken_back_vnd:
        raise Refused("receipt_disputed", "This payment is disputed or taken back already.")
    if not 0 < amount_vnd <= receipt.amount_vnd:
        raise Refused("dispute_amount", "A dispute is about at most what was paid.", available_vnd=receipt.amount_vnd)
    entries = [
        Entry(CH, amount_vnd, receipt_id=receipt.id),
        Entry(h_provider(receipt.bank, receipt.merchant), -amount_vnd, receipt_id=receipt.id),
    ]
    posting = post(f"cb:{receipt.bank}:{dispute_id}:open", "12", entries, bank=receipt.bank, merchant=receipt.merchant)
    return Moved(purse.put(replace(receipt, dispute_vnd=amount_vnd)), (posting,))


def win_dispute(purse: Purse, receipt_id: str, dispute_id: str) -> Moved:
    """Row 13: the disputed amount comes back, the receipt thaws."""
    receipt = _disputed(purse, receipt_id)
    entries = [
        Entry(h_provider(receipt.bank, receipt.merchant), receipt.dispute_vnd, receipt_id=receipt.id),
        Entry(CH, -receipt.dispute_vnd, receipt_id=receipt.id),
    ]
    posting = post(f"cb:{receipt.bank}:{dispute_id}:won", "13", entries, bank=receipt.bank, merchant=receipt.merchant)
    return Moved(purse.put(replace(receipt, dispute_vnd=0)), (posting,))


def lose_dispute(purse: Purse, receipt_id: str, dispute_id: str, *, lines: Mapping[int, Line]) -> Moved:
    """Row 14: as a reversal for the disputed amount, out of what was set aside; a shortfall is a claim on the bank."""
    receipt = _disputed(purse, receipt_id)
    lost_vnd = receipt.dispute_vnd
    label = ("cb", "14", f"{receipt.bank}:{dispute_id}:lost")
    thawed = replace(receipt, dispute_vnd=0)
    return _take_back(purse, thawed, lost_vnd, credit=CH, label=label, by=dispute_id, lines=lines)


def recover(purse: Purse, receipt_id: str, funding: Funding, *, refund_id: str | None = None) -> Moved:
    """Row 25: a beneficiary gives back what a reversal or lost dispute left it owing."""
    receipt = purse[receipt_id]
    if funding.to_citizen:
        raise Refused("recovery_not_to_citizen", "A recovery is owed to the hub's accounts, not to the citizen.")
    if refund_id is None:
        changed = replace(receipt, recoveries=meet_need(receipt.recoveries, funding))
    else:
        refund = find_refund(receipt, refund_id)
        if not refund.void:
            raise Refused("refund_not_void", "This refund lives; what meets its needs is funding, not recovery.")
        changed = with_refund(receipt, replace(refund, legs=meet_need(refund.legs, funding)))
    posting = replace(funding_posting(receipt, funding, refund_id), rule="25")
    return Moved(purse.put(changed), (posting,))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A receipt on its way down: what was debited so far, what is still to be found."""

    receipt: Receipt
    entries: tuple[Entry, ...]
    rest_vnd: int


def _take_back(
    purse: Purse,
    receipt: Receipt,
    amount_vnd: int,
    *,
    credit: str,
    label: tuple[str, str, str],
    by: str,
    lines: Mapping[int, Line],
) -> Moved:
    """Unsent refunds, refund_due, free, slices, and only then a claim on the bank."""
    taken = _void_unsent(_Taken(receipt, (), amount_vnd))
    taken = _from_unapplied(taken)
    taken = _from_slices(purse, taken, lines)
    short_vnd = taken.rest_vnd
    changed = replace(
        taken.receipt,
        taken_back_vnd=receipt.taken_back_vnd + amount_vnd,
        taken_back_by=by,
        claim_vnd=receipt.claim_vnd + short_vnd,
    )
    entries = [
        *taken.entries,
        Entry(claim(receipt.bank), short_vnd, receipt_id=receipt.id),
        Entry(credit, -amount_vnd, receipt_id=receipt.id),
    ]
    kind, row, name = label
    posting = post(f"{kind}:{name}", row, entries, bank=receipt.bank, merchant=receipt.merchant)
    return Moved(purse.put(changed), (posting,))


def _void_unsent(taken: _Taken) -> _Taken:
    """Refunds not yet sent become void; needs already laid on beneficiaries stay with them."""
    receipt, entries, rest_vnd = taken.receipt, list(taken.entries), taken.rest_vnd
    for refund in sorted(receipt.refunds, key=lambda item: item.id):
        if refund.status not in UNSENT:
            continue
        used_vnd = min(refund.sendable_vnd, rest_vnd)
        over_vnd = refund.sendable_vnd - used_vnd
        rest_vnd -= used_vnd
        entries += [
            Entry(RP, refund.sendable_vnd, receipt_id=receipt.id, refund_id=refund.id),
            Entry(U_REFUND_DUE, -over_vnd, receipt_id=receipt.id, refund_id=refund.id),
        ]
        void = replace(refund, status=RefundStatus.FAILED, void=True)
        receipt = replace(with_refund(receipt, void), refund_due_vnd=receipt.refund_due_vnd + over_vnd)
    return _Taken(receipt, tuple(entries), rest_vnd)


def _from_unapplied(taken: _Taken) -> _Taken:
    receipt = taken.receipt
    due_vnd = min(taken.rest_vnd, receipt.refund_due_vnd)
    free_vnd = min(taken.rest_vnd - due_vnd, receipt.free_vnd)
    changed = replace(receipt, refund_due_vnd=receipt.refund_due_vnd - due_vnd, free_vnd=receipt.free_vnd - free_vnd)
    entries = (
        *taken.entries,
        Entry(U_REFUND_DUE, due_vnd, receipt_id=receipt.id),
        Entry(U_FREE, free_vnd, receipt_id=receipt.id),
    )
    return _Taken(changed, entries, taken.rest_vnd - due_vnd - free_vnd)


def _from_slices(purse: Purse, taken: _Taken, lines: Mapping[int, Line]) -> _Taken:
    """Line by line in order; the last one only in part, by the reversal vector."""
    receipt, entries, rest_vnd = taken.receipt, list(taken.entries), taken.rest_vnd
    for order_id, line_no in sorted({(piece.order_id, piece.line_no) for piece in receipt.slices}):
        line = lines[line_no] if line_no else UNCLAIMED_LINE
        mine = [p for p in receipt.slices if (p.order_id, p.line_no) == (order_id, line_no)]
        take_vnd = min(rest_vnd, sum(piece.live_vnd for piece in mine))
        vector = reversal_vector(purse.put(receipt), receipt, order_id, line, take_vnd)
        receipt, legs = take_legs(receipt, order_id, line, vector)
        entries += leg_entries(receipt, order_id, legs)
        rest_vnd -= take_vnd
        receipt = replace(receipt, recoveries=(*receipt.recoveries, *_owing(legs)))
    return _Taken(receipt, tuple(entries), rest_vnd)


def _owing(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    return tuple(leg for leg in legs if leg.disbursed_vnd)


def _outlet(receipt: Receipt, mode: Mode) -> str:
    """Where the provider takes the money from: its own unsettled pot, or the account the transfer landed on."""
    if receipt.home == "provider":
        return h_provider(receipt.bank, receipt.merchant)
    return holding_account(receipt, mode)


def _disputed(purse: Purse, receipt_id: str) -> Receipt:
    receipt = purse[receipt_id]
    if not receipt.dispute_vnd:
        raise Refused("no_open_dispute", "This payment has no open dispute.")
    return receipt
