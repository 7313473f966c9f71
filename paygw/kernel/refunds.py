"""Refunds (rows 9 to 11): approved, funded, sent, confirmed, failed, returned, withdrawn.

Each function takes a purse and answers with the purse after it and the postings that say why. Who may approve, and
over which content hash, is decided before: here only money is.
"""

from dataclasses import dataclass, replace

from paygw.kernel.allocation import pass_to_holder
from paygw.kernel.errors import Refused
from paygw.kernel.orders import Line
from paygw.kernel.posting import (
    RP,
    U_FREE,
    U_REFUND_DUE,
    Entry,
    Posting,
    claim,
    disbursement_returned,
    give_back,
    payable,
    post,
    prefund,
)
from paygw.kernel.receipts import (
    UNSENT,
    Leg,
    Mode,
    Purse,
    Receipt,
    Refund,
    RefundRoute,
    RefundStatus,
    Slice,
    find_refund,
    holding_account,
    slice_entry,
    with_refund,
)
from paygw.kernel.takeback import leg_entries, restore_legs, reversal_vector, take_legs


@dataclass(frozen=True, slots=True)
class Moved:
    """A purse after a row of money.md, and the postings of that row."""

    purse: Purse
    postings: tuple[Posting, ...] = ()


def approve_refund(purse: Purse, refund: Refund, *, order_id: str | None, line: Line | None) -> Moved:
    """Rows 9 and 9a: take the amount from its own source, and owe it to the citizen.

    Raises Refused: `receipt_frozen`, `receipt_taken_back`, `refund_exceeds_source`.
    """
    receipt = purse[refund.receipt_id]
    if receipt.frozen:
        raise Refused("receipt_frozen", "This money is in dispute or in conflict; settle that first.")
    if receipt.wholly_taken_back:
        raise Refused("receipt_taken_back", "The bank has taken this payment back.")
    if refund.source == "excess":
        return _approve_excess(purse, receipt, refund)
    if line is None or order_id is None:
        raise Refused("refund_line_missing", "A component refund names one line of the order.")
    return _approve_component(purse, receipt, refund, order_id, line)


def refundable_vnd(receipt: Receipt, *, order_id: str | None, line: Line | None) -> int:
    """What a refund may still take from one source of a receipt; unclaimed money (line 0) stands under no order."""
    if receipt.frozen or receipt.wholly_taken_back:
        return 0
    if line is None:
        return receipt.unapplied_vnd
    order_id = order_id if line.no else receipt.id
    return sum(p.live_vnd for p in receipt.slices if (p.order_id, p.line_no) == (order_id, line.no))


def _approve_excess(purse: Purse, receipt: Receipt, refund: Refund) -> Moved:
    _require_room(refund, receipt.unapplied_vnd)
    due_vnd = min(refund.amount_vnd, receipt.refund_due_vnd)
    free_vnd = refund.amount_vnd - due_vnd
    approved = replace(refund, status=RefundStatus.FUNDED, due_vnd=due_vnd)
    changed = replace(receipt, free_vnd=receipt.free_vnd - free_vnd, refund_due_vnd=receipt.refund_due_vnd - due_vnd)
    entries = [
        Entry(U_REFUND_DUE, due_vnd, receipt_id=receipt.id, refund_id=refund.id),
        Entry(U_FREE, free_vnd, receipt_id=receipt.id, refund_id=refund.id),
        _rp(-refund.amount_vnd, receipt, refund),
    ]
    return _moved(purse, with_refund(changed, approved), _posting("rf-appr", "9", refund, entries, receipt))


def _approve_component(purse: Purse, receipt: Receipt, refund: Refund, order_id: str, line: Line) -> Moved:
    order_id = order_id if line.no else receipt.id
    _require_room(refund, refundable_vnd(receipt, order_id=order_id, line=line))
    vector = reversal_vector(purse, receipt, order_id, line, refund.amount_vnd)
    changed, legs = take_legs(receipt, order_id, line, vector)
    approved = _ready(replace(refund, legs=legs, line_no=line.no, status=RefundStatus.APPROVED))
    entries = [*leg_entries(receipt, order_id, legs), _rp(-refund.amount_vnd, receipt, refund)]
    return _moved(purse, with_refund(changed, approved), _posting("rf-appr", "9a", refund, entries, receipt))


def withdraw_refund(purse: Purse, receipt_id: str, refund_id: str, *, order_id: str | None, mode: Mode) -> Moved:
    """Row 9c: undo an approval exactly, while nothing was funded or sent."""
    receipt = purse[receipt_id]
    refund = find_refund(receipt, refund_id)
    funded = refund.consented or any(leg.funded_vnd for leg in refund.legs)
    if refund.status not in UNSENT or funded:
        raise Refused("refund_not_withdrawable", "Money of this refund has moved already; it must run to its end.")
    free_vnd = refund.amount_vnd - refund.due_vnd if refund.source == "excess" else 0
    entries = [
        _rp(refund.amount_vnd, receipt, refund),
        Entry(U_REFUND_DUE, -refund.due_vnd, receipt_id=receipt.id, refund_id=refund.id),
        Entry(U_FREE, -free_vnd, receipt_id=receipt.id, refund_id=refund.id),
        *leg_entries(receipt, order_id, refund.legs, sign=-1),
    ]
    changed = replace(
        receipt, free_vnd=receipt.free_vnd + free_vnd, refund_due_vnd=receipt.refund_due_vnd + refund.due_vnd
    )
    if refund.legs:
        changed = restore_legs(changed, refund.legs)
    withdrawn = replace(refund, status=RefundStatus.WITHDRAWN, legs=())
    changed, passed_on = pass_to_holder(with_refund(changed, withdrawn), mode, cause=f"rf-wd:{refund.id}")
    posting = _posting("rf-wd", "9c", refund, entries, receipt)
    return Moved(purse.put(changed), (posting, *passed_on))


def consent_refund(purse: Purse, receipt_id: str, refund_id: str) -> Moved:
    """Row 9b for the receipt's holder: it agrees to give the money back; no posting."""
    receipt = purse[receipt_id]
    refund = _require(receipt, refund_id, RefundStatus.APPROVED)
    return Moved(purse.put(with_refund(receipt, _ready(replace(refund, consented=True)))))


def _ready(refund: Refund) -> Refund:
    """An approved refund with every need met is funded, or done where the bodies paid the citizen all of it."""
    if refund.status is not RefundStatus.APPROVED or not refund.funded:
        return refund
    return replace(refund, status=RefundStatus.FUNDED if refund.sendable_vnd else RefundStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Funding:
    """Row 9b: how one beneficiary meets a need; `debit` says from where, `to_citizen` lowers the sum still to send."""

    id: str
    beneficiary: str
    code: str
    amount_vnd: int
    debit: Entry
    to_citizen: bool = False


def paid_in(fund_id: str, *, beneficiary: str, code: str, amount_vnd: int, account: str) -> Funding:
    """The body paid the need into an account (`H:bank:…`), or to the holder (`RB:h:held`)."""
    return Funding(fund_id, beneficiary, code, amount_vnd, Entry(account, amount_vnd, beneficiary=beneficiary))


def prefunded(fund_id: str, *, beneficiary: str, code: str, amount_vnd: int) -> Funding:
    """The need is met from the body's prefunding."""
    debit = Entry(prefund(beneficiary), amount_vnd, beneficiary=beneficiary)
    return Funding(fund_id, beneficiary, code, amount_vnd, debit)


def returned_disbursement(fund_id: str, *, beneficiary: str, code: str, amount_vnd: int) -> Funding:
    """The need is met from a disbursement that came back."""
    debit = Entry(disbursement_returned(beneficiary, code), amount_vnd, beneficiary=beneficiary, code=code)
    return Funding(fund_id, beneficiary, code, amount_vnd, debit)


def body_pays_citizen(fund_id: str, *, beneficiary: str, code: str, amount_vnd: int, refund_id: str) -> Funding:
    """The body pays the citizen itself: the refund owes less."""
    debit = Entry(RP, amount_vnd, refund_id=refund_id, beneficiary=beneficiary)
    return Funding(fund_id, beneficiary, code, amount_vnd, debit, to_citizen=True)


def netted(fund_id: str, receipt: Receipt, piece: Slice) -> Funding:
    """The need is met by another whole undisbursed slice of the same beneficiary and code (the caller marks it)."""
    debit = slice_entry(payable(piece.beneficiary, piece.code), piece.undisbursed_vnd, receipt, piece, piece.order_id)
    return Funding(fund_id, piece.beneficiary, piece.code, piece.undisbursed_vnd, debit)


def fund_refund(purse: Purse, receipt_id: str, refund_id: str, funding: Funding) -> Moved:
    """Row 9b: meet (part of) a beneficiary's need. Raises Refused `funding_exceeds_need`.

    When the bodies paid the citizen the whole amount themselves, the refund has succeeded and nothing is sent.
    """
    receipt = purse[receipt_id]
    refund = find_refund(receipt, refund_id)
    if refund.status is not RefundStatus.APPROVED and not refund.void:
        raise Refused("refund_not_fundable", f"The refund is {refund.status}.")
    if refund.void and funding.to_citizen:
        raise Refused("refund_void", "The bank took the payment back; nothing is owed to the citizen any more.")
    if receipt.frozen and funding.to_citizen:
        raise Refused("receipt_frozen", "This money is in dispute or in conflict; settle that first.")
    legs = meet_need(refund.legs, funding)
    body_vnd = funding.amount_vnd if funding.to_citizen else 0
    changed = _ready(replace(refund, legs=legs, body_paid_vnd=refund.body_paid_vnd + body_vnd))
    return _moved(purse, with_refund(receipt, changed), funding_posting(receipt, funding, refund.id))


def funding_posting(receipt: Receipt, funding: Funding, refund_id: str | None) -> Posting:
    """Dr the source of a funding / Cr RB:b:code."""
    credit = Entry(
        give_back(funding.beneficiary, funding.code),
        -funding.amount_vnd,
        receipt_id=receipt.id,
        refund_id=refund_id,
        beneficiary=funding.beneficiary,
        code=funding.code,
    )
    debit = funding.debit
    entries = [debit if debit.receipt_id else replace(debit, receipt_id=receipt.id), credit]
    return post(f"fund:{funding.id}", "9b", entries, bank=receipt.bank, merchant=receipt.merchant)


def meet_need(legs: tuple[Leg, ...], funding: Funding) -> tuple[Leg, ...]:
    """Spread a funding over the legs of its beneficiary and code."""
    left_vnd = funding.amount_vnd
    met: list[Leg] = []
    for leg in legs:
        mine = (leg.beneficiary, leg.code) == (funding.beneficiary, funding.code)
        part_vnd = min(left_vnd, leg.need_vnd) if mine else 0
        left_vnd -= part_vnd
        met.append(replace(leg, funded_vnd=leg.funded_vnd + part_vnd))
    if left_vnd or funding.amount_vnd <= 0:
        raise Refused("funding_exceeds_need", "The amount is more than this beneficiary has to give back.")
    return tuple(met)


def send_refund(purse: Purse, receipt_id: str, refund_id: str, route: RefundRoute) -> Moved:
    """Intent to send, before anybody is called (M-16). The store checks the spendable balance for transfers."""
    receipt = purse[receipt_id]
    refund = _require(receipt, refund_id, RefundStatus.FUNDED)
    if receipt.frozen:
        raise Refused("receipt_frozen", "This money is in dispute or in conflict; settle that first.")
    if route == "transfer" and not receipt.settled:
        raise Refused("receipt_not_settled", "A refund by transfer waits until the provider has settled the receipt.")
    if route == "holder" and receipt.holder is None:
        raise Refused("receipt_without_holder", "No body holds the money of this receipt.")
    return Moved(purse.put(with_refund(receipt, replace(refund, status=RefundStatus.SENDING, route=route))))


def confirm_refund(purse: Purse, receipt_id: str, refund_id: str, mode: Mode) -> Moved:
    """Row 10: the money has reached the citizen."""
    receipt = purse[receipt_id]
    refund = _require(receipt, refund_id, RefundStatus.SENDING)
    account = refund_account(receipt, refund, mode)
    entries = [
        _rp(refund.sendable_vnd, receipt, refund),
        Entry(account, -refund.sendable_vnd, receipt_id=receipt.id, refund_id=refund.id),
    ]
    done = with_refund(receipt, replace(refund, status=RefundStatus.SUCCEEDED))
    return _moved(purse, done, _posting("rf-ok", "10", refund, entries, receipt))


def failed_by_channel(receipt: Receipt) -> bool:
    """Whether the provider could not carry a refund of this receipt: the next one waits for people to choose a way."""
    lost = {RefundStatus.FAILED, RefundStatus.RETURNED}
    return any(one.route == "provider" and one.status in lost and not one.void for one in receipt.refunds)


def refund_account(receipt: Receipt, refund: Refund, mode: Mode) -> str:
    """Whose money goes out: the provider's by its own refund, ours or the holder's otherwise."""
    if refund.route == "provider" and receipt.home == "provider":
        return f"H:{receipt.bank}:{receipt.merchant}"
    return holding_account(receipt, mode)


def fail_refund(purse: Purse, receipt_id: str, refund_id: str) -> Moved:
    """Row 11: the bank says it did not go; the money is due to the citizen, never back on a slice."""
    receipt = purse[receipt_id]
    refund = _require(receipt, refund_id, RefundStatus.SENDING)
    changed, owed = _back_to_citizen(receipt, refund)
    entries = [_rp(refund.sendable_vnd, receipt, refund), *owed]
    changed = with_refund(changed, replace(refund, status=RefundStatus.FAILED))
    return _moved(purse, changed, _posting("rf-fail", "11", refund, entries, receipt))


def return_refund(purse: Purse, receipt_id: str, refund_id: str, mode: Mode) -> Moved:
    """Row 10b: a confirmed refund came back."""
    receipt = purse[receipt_id]
    refund = _require(receipt, refund_id, RefundStatus.SUCCEEDED)
    changed, owed = _back_to_citizen(receipt, refund)
    account = refund_account(receipt, refund, mode)
    entries = [Entry(account, refund.sendable_vnd, receipt_id=receipt.id, refund_id=refund.id), *owed]
    changed = with_refund(changed, replace(refund, status=RefundStatus.RETURNED))
    return _moved(purse, changed, _posting("rf-back", "10b", refund, entries, receipt))


def _back_to_citizen(receipt: Receipt, refund: Refund) -> tuple[Receipt, list[Entry]]:
    """Cr U:refund_due, or the provider's claim as far as one stands because the receipt was taken back meanwhile."""
    settled_vnd = min(refund.sendable_vnd, receipt.claim_vnd)
    due_vnd = refund.sendable_vnd - settled_vnd
    changed = replace(
        receipt, claim_vnd=receipt.claim_vnd - settled_vnd, refund_due_vnd=receipt.refund_due_vnd + due_vnd
    )
    return changed, [
        Entry(claim(receipt.bank), -settled_vnd, receipt_id=receipt.id, refund_id=refund.id),
        Entry(U_REFUND_DUE, -due_vnd, receipt_id=receipt.id, refund_id=refund.id),
    ]


def _require(receipt: Receipt, refund_id: str, status: RefundStatus) -> Refund:
    refund = find_refund(receipt, refund_id)
    if refund.status is not status:
        raise Refused("refund_state", f"The refund is {refund.status}, not {status}.")
    return refund


def _require_room(refund: Refund, room_vnd: int) -> None:
    if refund.amount_vnd <= 0 or refund.amount_vnd > room_vnd:
        raise Refused(
            "refund_exceeds_source", "The amount is more than this source still holds.", available_vnd=room_vnd
        )


def _rp(amount_vnd: int, receipt: Receipt, refund: Refund) -> Entry:
    return Entry(RP, amount_vnd, receipt_id=receipt.id, refund_id=refund.id)


def _posting(kind: str, row: str, refund: Refund, entries: list[Entry], receipt: Receipt) -> Posting:
    return post(f"{kind}:{refund.id}", row, entries, bank=receipt.bank, merchant=receipt.merchant)


def _moved(purse: Purse, receipt: Receipt, posting: Posting) -> Moved:
    return Moved(purse.put(receipt), (posting,))
