"""What a pretend bank remembers: sessions, money that moved, and which webhooks have left. One JSON line each."""

from datetime import datetime
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from paygw.simulators.config import Amount, Ref, Text

ClosingStatus = Literal["pending", "failed", "expired", "cancelled"]
RefundStatus = Literal["pending", "succeeded", "failed", "returned"]


class Session(Struct, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """A payer's way to pay one attempt."""

    attempt_ref: Ref
    session_id: str
    amount_vnd: Amount
    description: Text
    return_url: str
    webhook_url: str
    locale: Literal["vi", "en"]
    opened_at: datetime
    expires_at: datetime


class Closing(Struct, frozen=True, kw_only=True, tag_field="kind", tag="closing"):
    """The state of a session without cash."""

    attempt_ref: Ref
    status: ClosingStatus
    code: Text
    occurred_at: datetime

    @property
    def key(self) -> str:
        """Identity of the fact."""
        return f"closing:{self.attempt_ref}:{self.status}"


class Payment(Struct, frozen=True, kw_only=True, tag_field="kind", tag="payment"):
    """Cash landed on the account."""

    bank_txn_id: str
    attempt_ref: Ref | None
    amount_vnd: Amount
    occurred_at: datetime
    merchant: Text
    account: Text
    memo: Text = ""
    currency: str = "VND"
    virtual_account: str = ""

    @property
    def key(self) -> str:
        """Identity of the fact."""
        return f"payment:{self.bank_txn_id}"


class Reversal(Struct, frozen=True, kw_only=True, tag_field="kind", tag="reversal"):
    """A payment taken back."""

    reversal_id: str
    bank_txn_id: str
    attempt_ref: Ref | None
    amount_vnd: Amount
    occurred_at: datetime
    merchant: Text
    account: Text

    @property
    def key(self) -> str:
        """Identity of the fact."""
        return f"reversal:{self.reversal_id}"


class Refund(Struct, frozen=True, kw_only=True, tag_field="kind", tag="refund"):
    """A refund in one of its states; the latest line of a `refund_ref` counts. Cash moves at succeeded and returned."""

    refund_ref: Ref
    attempt_ref: Ref
    bank_txn_id: str  # of the payment
    refund_txn_id: str | None
    amount_vnd: Amount
    status: RefundStatus
    code: Text
    occurred_at: datetime

    @property
    def key(self) -> str:
        """Identity of the fact."""
        return f"refund:{self.refund_ref}:{self.status}"


class Posted(Struct, frozen=True, kw_only=True, tag_field="kind", tag="webhook"):
    """The end of one webhook: it is not sent again after a restart."""

    key: str
    event_id: str
    result: Literal["delivered", "lost", "dead"]
    occurred_at: datetime


MoneyFact = Payment | Reversal | Refund
OtherFact = Session | Closing | Posted
News = Payment | Reversal | Refund | Closing

_TYPES = {Payment: "payment.succeeded", Reversal: "payment.reversed"}


def event_type(news: News) -> str:
    """The type of the webhook that tells this."""
    if isinstance(news, Closing):
        return f"payment.{news.status}"
    return f"refund.{news.status}" if isinstance(news, Refund) else _TYPES[type(news)]


def event_id(bank: str, news: News, copy: int) -> str:
    """The same for the same fact and copy, also after a restart."""
    return "evt-" + sha256(f"{bank}|{news.key}|{copy}".encode()).hexdigest()[:24]


def is_told(news: News) -> bool:
    """A pending refund is not announced: the answer to the request said so."""
    return not (isinstance(news, Refund) and news.status == "pending")
