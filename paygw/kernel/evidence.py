"""What a bank, a file or a person tells us about money: values, each with the authority of its source.

Evidence is a grow-only set. Connectors build these values, the kernel decides what they mean, the store keeps them.
Amounts are whole đồng, times aware UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Authority(IntEnum):
    """How far a source is believed; `NONE` and `BEARER` only trigger a pull or wait for the statement."""

    NONE = 0
    BEARER = 1
    NOTICE = 2  # a verified notification
    QUERY = 3  # a signed answer to our own enquiry
    SETTLEMENT = 4
    STATEMENT = 5


AUTHORITATIVE = Authority.NOTICE


class AttemptStatus(StrEnum):
    """In the order of evidence: the state of an attempt is the maximum of what was seen."""

    CREATED = "created"
    REDIRECTED = "redirected"
    PENDING = "pending"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class RefundNewsStatus(StrEnum):
    """What a bank says of a refund we asked for."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETURNED = "returned"


class DisputeNewsStatus(StrEnum):
    """What a bank says of a dispute."""

    OPENED = "opened"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeen:
    """Cash landed.

    `attempt_ref` is our own reference where the message names one. `bank_txn_id` is the bank's reference of the
    movement, normalised by the connector; for a bank with many receipts per attempt it is the receipt's identity
    together with `account`, otherwise an alias. `observed_id` is the message's own id where a service only reports
    what happened on an account; `virtual_account` the number the payer sent to, where the bank lends one per order.
    """

    attempt_ref: str | None
    bank_txn_id: str | None
    amount_vnd: int
    occurred_at: datetime
    currency: str = "VND"
    merchant: str = ""
    account: str = ""
    memo: str = ""
    virtual_account: str = ""
    observed_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitSeen:
    """Money left an account. One that nobody instructed is a case at once (row 21b)."""

    observed_id: str
    bank_txn_id: str | None
    amount_vnd: int
    occurred_at: datetime
    account: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSeen:
    """The bank speaks of an attempt without cash: pending, expired, cancelled or failed (session-final codes only).

    `not_paid` marks an authoritative answer that no cash has landed so far (status then says pending or a closed one).
    `amount_vnd` is the sum the message names, if it names one: another one than was asked is not about our attempt.
    """

    attempt_ref: str
    status: AttemptStatus
    occurred_at: datetime
    not_paid: bool = False
    bank_code: str = ""
    amount_vnd: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalSeen:
    """The provider took a payment back."""

    reversal_id: str
    attempt_ref: str | None
    bank_txn_id: str | None
    amount_vnd: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSeen:
    """News of a refund, named by the reference we gave it."""

    refund_ref: str
    status: RefundNewsStatus
    amount_vnd: int
    occurred_at: datetime
    bank_txn_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSeen:
    """News of a card dispute about one payment."""

    dispute_id: str
    attempt_ref: str | None
    bank_txn_id: str | None
    status: DisputeNewsStatus
    amount_vnd: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalAsserted:
    """A cumulative figure (a link's amount paid): compared with the receipts, never booked."""

    attempt_ref: str
    total_vnd: int
    occurred_at: datetime


Evidence = PaymentSeen | AttemptSeen | ReversalSeen | RefundSeen | DisputeSeen | TotalAsserted | DebitSeen
