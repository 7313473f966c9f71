"""Money on its way to its owners (rows 15 to 17a and 21b to 25): settlement, fees, disbursement, account movements.

The functions on receipts take a purse; those on accounts return a posting alone. Spendable balances, read under lock,
are checked by the caller through `require_spendable`.
"""

from dataclasses import dataclass, replace
from typing import Literal

from paygw.kernel.allocation import pass_to_holder
from paygw.kernel.errors import Refused
from paygw.kernel.posting import (
    DT,
    DUE_OPERATOR,
    TREASURY,
    U_FREE,
    U_REFUND_DUE,
    UBD,
    UNCLAIMED,
    Entry,
    Posting,
    claim,
    disbursement_returned,
    h_bank,
    h_provider,
    held_by,
    interest,
    payable,
    post,
    prefund,
)
from paygw.kernel.receipts import Leg, Mode, Purse, Receipt, RefundStatus, Slice, slice_entry
from paygw.kernel.refunds import Moved


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a settled line landed: our account (custody) or the account of a holder (routing)."""

    account: str = ""
    holder: str | None = None

    def ledger_account(self, mode: Mode) -> str:
        """The account that holds the money now. Raises Refused when it is not named."""
        if mode == "custody":
            if not self.account:
                raise Refused("settlement_account_missing", "In custody mode a settlement names our account.")
            return h_bank(self.account)
        if self.holder is None:
            raise Refused("settlement_holder_missing", "In routing mode a settlement names the body that received it.")
        return held_by(self.holder)


def settle_receipt(purse: Purse, receipt_id: str, line_key: str, to: Destination, mode: Mode) -> Moved:
    """Rows 15 and 17: the provider passed a receipt on. `line_key` is batch:line."""
    receipt = purse[receipt_id]
    if receipt.settled:
        raise Refused("receipt_settled", "This receipt has been settled before.")
    posting = _settlement(receipt, receipt.amount_vnd, line_key, to, mode)
    settled = replace(receipt, settled=True, account=to.account)
    if mode == "routing":
        settled = replace(settled, holder=to.holder)
    settled, passed_on = pass_to_holder(settled, mode, cause="stl")
    return Moved(purse.put(settled), (posting, *passed_on))


def settle_outgoing(receipt: Receipt, amount_vnd: int, line_key: str, to: Destination, mode: Mode) -> Posting:
    """A refund, reversal or dispute line that the provider netted from what it paid us (amount above zero)."""
    return _settlement(receipt, -amount_vnd, line_key, to, mode)


def _settlement(receipt: Receipt, amount_vnd: int, line_key: str, to: Destination, mode: Mode) -> Posting:
    entries = [
        Entry(to.ledger_account(mode), amount_vnd, receipt_id=receipt.id),
        Entry(h_provider(receipt.bank, receipt.merchant), -amount_vnd, receipt_id=receipt.id),
    ]
    row = "15" if mode == "custody" else "17"
    return post(f"stl:{line_key}", row, entries, bank=receipt.bank, merchant=receipt.merchant)


def remit(purse: Purse, receipt_id: str, piece: Slice) -> Moved:
    """Row 17a: the holder proved that it passed a slice on to its owner."""
    receipt = purse[receipt_id]
    _require_movable(receipt, piece)
    if receipt.holder is None:
        raise Refused("receipt_without_holder", "Only a holder in routing mode remits slices.")
    entries = [
        slice_entry(payable(piece.beneficiary, piece.code), piece.undisbursed_vnd, receipt, piece, piece.order_id),
        slice_entry(held_by(receipt.holder), -piece.undisbursed_vnd, receipt, piece, piece.order_id),
    ]
    posting = post(_slice_key("remit", receipt, piece), "17a", entries, bank=receipt.bank, merchant=receipt.merchant)
    return Moved(purse.put(_passed_on(receipt, piece)), (posting,))


def disburse(purse: Purse, receipt_id: str, piece: Slice, batch_id: str) -> Moved:
    """Row 22: a whole undisbursed slice joins a disbursement batch (custody)."""
    receipt = purse[receipt_id]
    _require_movable(receipt, piece)
    if receipt.holder is not None:
        raise Refused("receipt_held", "The hub does not hold this money; its holder passes it on.")
    entries = [
        slice_entry(payable(piece.beneficiary, piece.code), piece.undisbursed_vnd, receipt, piece, piece.order_id),
        replace(slice_entry(DT, -piece.undisbursed_vnd, receipt, piece, piece.order_id), batch_id=batch_id),
    ]
    key = _slice_key(f"dsb:{batch_id}", receipt, piece)
    posting = post(key, "22", entries, bank=receipt.bank, merchant=receipt.merchant)
    return Moved(purse.put(_passed_on(receipt, piece)), (posting,))


def net_slice(purse: Purse, receipt_id: str, piece: Slice) -> Purse:
    """Row 9b, netting: mark the whole slice as disbursed; the posting is the funding's."""
    receipt = purse[receipt_id]
    _require_movable(receipt, piece)
    if piece.beneficiary == TREASURY:
        raise Refused("netting_not_allowed", "Money of the treasury is never netted.")
    return purse.put(_passed_on(receipt, piece))


def require_spendable(*, balance_vnd: int, in_flight_vnd: int, amount_vnd: int, due_vnd: int) -> None:
    """M-2 and M-17: nothing leaves an account that owes a fee back or does not hold the sum."""
    if due_vnd != 0:
        raise Refused("account_owes_fee", "A fee was taken from this account and not yet topped up.")
    if balance_vnd - in_flight_vnd < amount_vnd:
        raise Refused("account_short", "The account does not hold this sum.", available_vnd=balance_vnd - in_flight_vnd)


def confirm_disbursement(batch_id: str, amount_vnd: int, account: str, *, instruction: str) -> Posting:
    """Row 23: the disbursement reached the beneficiary."""
    entries = [
        Entry(DT, amount_vnd, batch_id=batch_id),
        Entry(h_bank(account), -amount_vnd, batch_id=batch_id),
    ]
    return post(f"dsb-ok:{batch_id}:{instruction}", "23", entries)


def return_disbursement(batch_id: str, amount_vnd: int, piece: Slice, *, instruction: str) -> Posting:
    """Row 23: the disbursement came back; it waits for the beneficiary's right account."""
    owed = disbursement_returned(piece.beneficiary, piece.code)
    entries = [
        Entry(DT, amount_vnd, batch_id=batch_id),
        Entry(owed, -amount_vnd, batch_id=batch_id, beneficiary=piece.beneficiary, code=piece.code),
    ]
    return post(f"dsb-ret:{batch_id}:{instruction}", "23", entries)


def return_confirmed(batch_id: str, amount_vnd: int, account: str, piece: Slice, *, instruction: str) -> Posting:
    """Row 23: a disbursement that had left our account came back to it."""
    owed = disbursement_returned(piece.beneficiary, piece.code)
    entries = [
        Entry(h_bank(account), amount_vnd, batch_id=batch_id),
        Entry(owed, -amount_vnd, batch_id=batch_id, beneficiary=piece.beneficiary, code=piece.code),
    ]
    return post(f"dsb-back:{batch_id}:{instruction}", "23", entries)


def reinstruct_disbursement(batch_id: str, amount_vnd: int, piece: Slice, *, instruction: str) -> Posting:
    """Row 23: a returned disbursement is sent again."""
    owed = disbursement_returned(piece.beneficiary, piece.code)
    entries = [
        Entry(owed, amount_vnd, batch_id=batch_id, beneficiary=piece.beneficiary, code=piece.code),
        Entry(DT, -amount_vnd, batch_id=batch_id),
    ]
    return post(f"dsb-again:{batch_id}:{instruction}", "23", entries)


def claim_unclaimed(purse: Purse, receipt_id: str) -> Moved:
    """Row 24: unapplied money nobody claimed after the statutory notice goes to the treasury, as a slice.

    The slice stands under line 0 of the receipt's own id, for the money may have no order; a later claim of the
    citizen is a component refund of `UNCLAIMED_LINE`.
    """
    receipt = purse[receipt_id]
    if receipt.frozen or not receipt.unapplied_vnd:
        raise Refused("nothing_unclaimed", "This receipt has no free money that could be unclaimed.")
    piece = Slice(receipt.id, 0, TREASURY, UNCLAIMED, live_vnd=receipt.unapplied_vnd)
    entries = [
        Entry(U_FREE, receipt.free_vnd, receipt_id=receipt.id),
        Entry(U_REFUND_DUE, receipt.refund_due_vnd, receipt_id=receipt.id),
        slice_entry(payable(TREASURY, UNCLAIMED), -piece.live_vnd, receipt, piece, receipt.order_id),
    ]
    slices = _with_unclaimed(receipt, piece)
    again = len(slices) == len(receipt.slices)
    key = f"unc:{receipt.id}:{_times_back(receipt)}" if again else f"unc:{receipt.id}"
    posting = post(key, "24", entries, bank=receipt.bank, merchant=receipt.merchant)
    changed = replace(receipt, free_vnd=0, refund_due_vnd=0, slices=slices)
    changed, passed_on = pass_to_holder(changed, "routing", cause=key)
    return Moved(purse.put(changed), (posting, *passed_on))


def _with_unclaimed(receipt: Receipt, piece: Slice) -> tuple[Slice, ...]:
    """The slices with one more unclaimed sum: a later one joins the first."""
    kept = [item for item in receipt.slices if item.line_no != 0]
    before = [item for item in receipt.slices if item.line_no == 0]
    joined = replace(before[0], live_vnd=before[0].live_vnd + piece.live_vnd) if before else piece
    return (*kept, joined)


def _times_back(receipt: Receipt) -> int:
    """Refunds whose money came back to the payer: only they let a receipt become unclaimed once more."""
    back = {RefundStatus.FAILED, RefundStatus.RETURNED, RefundStatus.WITHDRAWN}
    return sum(refund.status in back for refund in receipt.refunds)


AccountEvent = Literal[
    "fee_kept", "fee_topped_up", "bank_charge", "interest", "unidentified_debit", "debit_returned", "debit_known",
    "prefunded", "claim_paid", "claim_opened",
]  # fmt: skip
_ACCOUNT_ROWS: dict[AccountEvent, tuple[str, str, int]] = {
    # event: (key prefix, row, sign on the holding account)
    "fee_kept": ("fee", "16", -1),
    "fee_topped_up": ("fee-top", "16", +1),
    "bank_charge": ("bank", "21c", -1),
    "interest": ("bank", "21d", +1),
    "unidentified_debit": ("bank", "21b", -1),
    "debit_returned": ("bank-ret", "21b", +1),
    "debit_known": ("bank-known", "21b", +1),
    "prefunded": ("pf", "9b", +1),
    "claim_paid": ("claim", "25", +1),
    "claim_opened": ("claim-open", "21b", -1),
}


def account_event(event: AccountEvent, key: str, amount_vnd: int, *, holding: str, party: str = "") -> Posting:
    """A movement on a holding account (`H:bank:…` or `RB:h:held`) that belongs to no receipt.

    `party` names the beneficiary who prefunds, the party who pays or owes a claim, or the account that bears interest.
    A debit that turned out to be something (`debit_known`) comes off UBD, and is booked as what it is beside it.
    """
    if amount_vnd <= 0:
        raise Refused("amount_not_positive", "A movement has an amount above zero; its kind gives the direction.")
    other = {
        "fee_kept": DUE_OPERATOR,
        "fee_topped_up": DUE_OPERATOR,
        "bank_charge": DUE_OPERATOR,
        "interest": interest(party),
        "unidentified_debit": UBD,
        "debit_returned": UBD,
        "debit_known": UBD,
        "prefunded": prefund(party),
        "claim_paid": claim(party),
        "claim_opened": claim(party),
    }[event]
    prefix, row, sign = _ACCOUNT_ROWS[event]
    entries = [Entry(holding, sign * amount_vnd), Entry(other, -sign * amount_vnd)]
    return post(f"{prefix}:{key}", row, entries)


def _require_movable(receipt: Receipt, piece: Slice) -> None:
    if receipt.frozen:
        raise Refused("receipt_frozen", "This money is in dispute or in conflict; settle that first.")
    if not receipt.settled:
        raise Refused("receipt_not_settled", "The provider has not settled this receipt yet.")
    if piece not in receipt.slices or piece.undisbursed_vnd == 0:
        raise Refused("slice_not_payable", "This slice has nothing left to pass on.")


def _passed_on(receipt: Receipt, piece: Slice) -> Receipt:
    slices = tuple(replace(item, disbursed_vnd=item.live_vnd) if item == piece else item for item in receipt.slices)
    return replace(receipt, slices=slices)


def _slice_key(kind: str, receipt: Receipt, piece: Slice) -> str:
    """A slice moves again after a refund took back what had moved; all it ever moved tells the times apart."""
    taken = [*receipt.recoveries, *(leg for refund in receipt.refunds for leg in refund.legs)]
    moved_vnd = piece.disbursed_vnd + sum(leg.disbursed_vnd for leg in taken if _same_owner(leg, piece))
    return f"{kind}:{receipt.id}:{piece.order_id}:{piece.line_no}:{piece.beneficiary}:{piece.code}:{moved_vnd}"


def _same_owner(leg: Leg, piece: Slice) -> bool:
    return (leg.line_no, leg.beneficiary, leg.code) == (piece.line_no, piece.beneficiary, piece.code)
