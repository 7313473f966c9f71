"""What two persons may decide about money that no file, bank or break asks for: one value per action, one row each."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paygw.hub.funding import FundingKind

Vnd = Annotated[int, Meta(ge=1, le=10**15)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
ReceiptId = Annotated[str, Meta(pattern=r"^rcp_[0-9a-f]{32}$")]
RefundId = Annotated[str, Meta(pattern=r"^rfd_[0-9a-f]{32}$")]
OrderId = Annotated[str, Meta(pattern=r"^ord_[0-9a-f]{32}$")]
ObligationId = Annotated[str, Meta(pattern=r"^obl_[0-9a-f]{32}$")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"):
    """Base of every action."""


class Remit(Asked, frozen=True, kw_only=True, tag="remit"):
    """Row 17a: the holder proved that it passed on what it kept for a beneficiary, up to a day."""

    holder: Name
    beneficiary: Name
    until: date


class ReportDispute(Asked, frozen=True, kw_only=True, tag="report_dispute"):
    """Rows 12 to 14: a dispute as the bank's letter tells it. Name the payment by our attempt or the bank's id."""

    bank: Name
    dispute_id: Name
    status: Literal["opened", "won", "lost"]
    amount_vnd: Vnd
    occurred_at: Annotated[datetime, Meta(tz=True)]
    attempt_ref: Name | None = None
    bank_txn_id: Name | None = None


class WithdrawRefund(Asked, frozen=True, kw_only=True, tag="withdraw_refund"):
    """Row 9c: undo the approval of a refund while nothing of it was funded or sent."""

    refund_id: RefundId


class ConsentRefund(Asked, frozen=True, kw_only=True, tag="consent_refund"):
    """Row 9b: the holder of the receipt agrees to give the money back."""

    refund_id: RefundId


class Fund(Asked, frozen=True, kw_only=True, tag="fund"):
    """Rows 9b and 25: a beneficiary met what it has to give back. `id` makes it happen once.

    `netted` names the slice that is used up; a recovery after a reversal names no refund.
    """

    id: Name
    kind: FundingKind
    receipt_id: ReceiptId
    beneficiary: Name
    code: Name
    amount_vnd: Annotated[int, Meta(ge=0, le=10**15)] = 0
    refund_id: RefundId | None = None
    from_receipt_id: ReceiptId | None = None
    from_line_no: Annotated[int, Meta(ge=0)] = 0


class PayByHolder(Asked, frozen=True, kw_only=True, tag="pay_by_holder"):
    """Row 10 in routing mode: a funded refund that its holder is asked to pay."""

    refund_id: RefundId


class RefundByChannel(Asked, frozen=True, kw_only=True, tag="refund_by_channel"):
    """Row 10: the provider tries once more, although a refund of the same receipt failed or came back."""

    refund_id: RefundId


class ReportRefund(Asked, frozen=True, kw_only=True, tag="report_refund"):
    """Rows 10, 10b and 11: what became of a refund that no bank answers for."""

    refund_id: RefundId
    status: Literal["succeeded", "failed", "returned"]


class Movement(Asked, frozen=True, kw_only=True, tag="movement"):
    """Rows 9b, 16, 21b to 21d and 25: a movement on a holding account. `key` is the bank's reference of the line."""

    event: Literal["fee_topped_up", "debit_returned", "bank_charge", "interest", "prefunded", "claim_paid"]
    key: Name
    holding: Name
    amount_vnd: Vnd
    party: Annotated[str, Meta(max_length=100)] = ""


class Unclaimed(Asked, frozen=True, kw_only=True, tag="unclaimed"):
    """Row 24: unapplied money goes to the treasury after the statutory notice."""

    receipt_id: ReceiptId


class Disprove(Asked, frozen=True, kw_only=True, tag="disprove"):
    """Row 19: the provider proved that there was no payment. `case` names the paper for ever."""

    receipt_id: ReceiptId
    case: Name


class Identify(Asked, frozen=True, kw_only=True, tag="identify"):
    """Row 21: unidentified money belongs to an order."""

    receipt_id: ReceiptId
    order_id: OrderId


class Thaw(Asked, frozen=True, kw_only=True, tag="thaw"):
    """The end of a conflict: what is booked is right."""

    receipt_id: ReceiptId


class Release(Asked, frozen=True, kw_only=True, tag="release"):
    """An obligation whose money was taken back whole may be paid by a new order."""

    order_id: OrderId
    obligation_id: ObligationId


class CloseCase(Asked, frozen=True, kw_only=True, tag="close_case"):
    """A case is solved; nothing moves."""

    case: Name


class SetPayee(Asked, frozen=True, kw_only=True, tag="set_payee"):
    """Where a beneficiary's money goes, and by when the law wants it there."""

    beneficiary: Name
    name: Name
    account: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{4,34}$")]
    bank_code: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{4,35}$")]
    treasury_unit: Annotated[str, Meta(max_length=10)] = ""
    collecting_office: Annotated[str, Meta(max_length=20)] = ""
    remit_every: Literal["day", "week", "month"] = "day"
    remit_by: Annotated[int, Meta(ge=1, le=31)] = 1
    basis: Annotated[str, Meta(max_length=200)] = ""


MoneyAction = (
    Remit | ReportDispute | WithdrawRefund | ConsentRefund | Fund | PayByHolder | RefundByChannel | ReportRefund
    | Movement | Unclaimed | Disprove | Identify | Thaw | Release | CloseCase | SetPayee
)  # fmt: skip
