"""The connector SPI: one module speaks one bank protocol, sans I/O.

A connector is a frozen value of functions; an ability exists if its function is there. Messages are built and read
here, sockets belong to the hub. A *dialogue* is a generator that yields `HttpRequest`s, receives `HttpReply`s and
returns its result, so that a protocol of several steps reads top to bottom and tests without a network.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from paygw.kernel.evidence import Authority, Evidence, PaymentSeen, ReversalSeen

ASKED_MAX_VND = 10**12
Method = Literal["card", "wallet", "transfer", "bill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One HTTP message, ours to a bank or a bank's to us. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    repeatable: bool = False  # safe to send again under the same reference


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """An HTTP answer, a bank's to us or ours to a bank."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Contact(StrEnum):
    """The five outcomes of talking to a bank. Only `DECLINED` and `NOT_SENT` may fail over to another one."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    DECLINED = "declined"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The configuration of one bank (instance): base URL, merchant and credentials, with the previous ones in rotation.

    Values never appear in a repr, a log or a URL.
    """

    base_url: str
    merchant: str
    values: Mapping[str, str] = field(repr=False)
    previous: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAsk:
    """What the hub wants of a bank: one attempt to pay."""

    attempt_ref: str
    amount_vnd: int
    description: str  # ASCII, no personal data
    return_url: str
    webhook_url: str
    payer_ip: str
    locale: Literal["vi", "en"]
    created_at: datetime
    expires_at: datetime

    @property
    def is_payable(self) -> bool:
        """Whether the sum is one that can be asked for: whole đồng, 1 to 10^12."""
        return type(self.amount_vnd) is int and 0 < self.amount_vnd <= ASKED_MAX_VND


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where the payer goes: a URL to be redirected to, or the text of a QR code."""

    contact: Contact
    redirect_url: str = ""
    qr_text: str = ""
    bank_session_id: str = ""
    bank_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAsk:
    """Which attempt we ask about."""

    attempt_ref: str
    amount_vnd: int
    created_at: datetime
    now: datetime
    request_id: str
    bank_session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """A refund through the provider, under a reference we fixed before calling."""

    refund_ref: str
    attempt_ref: str
    bank_txn_id: str
    original_vnd: int
    amount_vnd: int
    reason: str
    paid_at: datetime
    now: datetime
    asked_at: datetime | None = None  # when it was decided: the same at every call about this refund
    created_at: datetime | None = None  # of the attempt, as its session was asked for; unknown: paid_at stands in
    has_twin: bool = False  # this payment has another refund of the same amount: an amount alone names neither

    @property
    def is_possible(self) -> bool:
        """Whether the sum is one that can be given back: whole đồng, at most what was paid."""
        return type(self.amount_vnd) is int and 0 < self.amount_vnd <= self.original_vnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a browser brought back from the bank, its signature checked: for display, never evidence."""

    attempt_ref: str
    contact: Contact
    bank_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of a query or refund dialogue: an outcome and the evidence it carries (empty unless authentic)."""

    contact: Contact
    evidence: tuple[Evidence, ...] = ()
    bank_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A webhook that was read: evidence in the order stated, the authority of the message."""

    evidence: tuple[Evidence, ...]
    authority: Authority
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An authentic message that says nothing about money (a ping, another kind of event)."""

    reason: str


class BadSignature(Exception):
    """The message is not authentic: answer 401, change nothing."""


class Malformed(Exception):
    """The message is authentic or unsigned but cannot be read: answer 400, change nothing."""


class Verdict(StrEnum):
    """What became of a webhook; every connector's `acknowledge` is total over it."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNKNOWN_ORDER = "unknown_order"
    WRONG_AMOUNT = "wrong_amount"
    ALREADY_FINAL = "already_final"
    IGNORED = "ignored"
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One setting of a bank: the console form and the vault schema come from it."""

    name: str
    secret: bool
    pattern: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the protocol allows. A factor between đồng and the wire lives inside the connector and nowhere else."""

    amount_min_vnd: int
    amount_max_vnd: int
    reference_max_chars: int
    session_max_s: int
    # digits: a number of at most 53 bits; memo and payment_code: as kernel/codes.py makes them
    reference_alphabet: Literal["alnum", "digits", "memo", "payment_code"] = "alnum"
    on_paper: bool = False  # what the payer takes along stays good as long as the order


SettledKind = Literal["payment", "refund", "reversal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """One movement in a provider's file. `amount_vnd` is above zero whatever the kind; `fee_vnd` may be 0.

    `ref` is our attempt reference, of a refund our refund reference.
    """

    ref: str
    bank_txn_id: str
    kind: SettledKind
    amount_vnd: int
    fee_vnd: int
    status: str
    occurred_at: datetime
    settled_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementFile:
    """A provider's file of one day; `count` and `total_vnd` are what the file itself says, and agree with the lines."""

    lines: tuple[SettlementLine, ...]
    count: int
    total_vnd: int


BillOperation = Literal["inquiry", "payment", "reversal", "status"]


class BillResult(StrEnum):
    """What a collecting bank is told; the connector turns it into that bank's code."""

    OK = "ok"
    NOT_FOUND = "not_found"
    ALREADY_PAID = "already_paid"
    WRONG_AMOUNT = "wrong_amount"
    EXPIRED = "expired"
    DIFFERS = "differs"  # the same bank transaction told with other content
    TOO_LATE = "too_late"  # a reversal after its window
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillCall:
    """One authentic call of a collecting bank. `content` is what must be the same when it calls again."""

    operation: BillOperation
    request_id: str
    bill_code: str = ""
    bank_txn_id: str = ""
    payment: PaymentSeen | None = None
    reason: str = ""
    content: str = ""

    def as_reversal(self, amount_vnd: int, at: datetime) -> ReversalSeen:
        """A reversal as evidence: there is at most one of a bank transaction, so its id is that transaction's."""
        return ReversalSeen(
            reversal_id=f"reversal:{self.bank_txn_id}",
            attempt_ref=None,
            bank_txn_id=self.bank_txn_id,
            amount_vnd=amount_vnd,
            occurred_at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a teller sees: amount in đồng, the payer's name masked."""

    code: str
    amount_vnd: int
    payer_name: str
    description: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BillAnswer:
    """What we answer. `state` is for a status call: what became of the payment."""

    result: BillResult
    bill: Bill | None = None
    receipt_no: str = ""
    state: Literal["", "paid", "reversed"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillDesk:
    """Bill collection: the bank calls us. `read` raises BadSignature or Malformed and nothing else.

    `reversal_window` is how long after a payment was booked this bank may take it back by itself.
    """

    read: Callable[[HttpRequest, Secrets], BillCall]
    answer: Callable[[BillCall | None, BillAnswer, Secrets], HttpReply]
    reversal_window: Callable[[Secrets], timedelta]


FileKind = Literal["settlement", "statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAsk:
    """The provider's settlement, or the statement of our account, of one local day."""

    kind: FileKind
    day: date
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file as it came, byte for byte. Pending: the bank has not made it yet. Unknown: silent or not authentic."""

    contact: Contact
    body: bytes = b""


FileDialogue = Generator[HttpRequest, HttpReply, FetchedFile]
SessionDialogue = Generator[HttpRequest, HttpReply, Session]
AnswerDialogue = Generator[HttpRequest, HttpReply, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One protocol. Exactly one of `build_redirect` (pure) and `open_session` (calls the bank first) is present.

    A connector without methods has neither: it is an observer, which only tells what happened on the accounts its
    option `accounts` names (hub/transfers.py). `refs_in` reads our own references out of a transfer, best first.

    `parse_return` raises BadSignature or Malformed; `cancel` closes a session nobody shall pay any more. `page_option`
    names the option that holds the origin of the bank's pay pages where that is not the origin of its API.

    `grade` says how sure the protocol is: A an independent client was run against it, B the provider's own document,
    C third parties or inference. `source` names that document. `parse_settlement` raises Malformed and nothing else.

    `disputes` is true where cards are taken: their payments may be disputed for months (rows 12 to 14 of money.md).

    `test_hosts` and `live_hosts` serve one mode only, each with all below it that is not listed itself: a hub of the
    other mode takes no configuration for them (kernel/hosts.py).
    """

    name: str
    title: str
    grade: Literal["A", "B", "C"]
    source: str
    methods: tuple[Method, ...]
    receipts_per_attempt: Literal["one", "many"]
    credentials: tuple[Credential, ...]
    limits: Limits
    parse_webhook: Callable[[HttpRequest, Secrets, datetime], Notice | Ignored]
    acknowledge: Callable[[Verdict], HttpReply]
    build_redirect: Callable[[SessionAsk, Secrets], Session] | None = None
    open_session: Callable[[SessionAsk, Secrets], SessionDialogue] | None = None
    query: Callable[[QueryAsk, Secrets], AnswerDialogue] | None = None
    refund: Callable[[RefundAsk, Secrets], AnswerDialogue] | None = None
    query_refund: Callable[[RefundAsk, Secrets], AnswerDialogue] | None = None
    parse_return: Callable[[HttpRequest, Secrets], Returned] | None = None
    cancel: Callable[[QueryAsk, Secrets], AnswerDialogue] | None = None
    parse_settlement: Callable[[bytes, Mapping[str, str]], SettlementFile] | None = None
    refs_in: Callable[[PaymentSeen, Secrets], tuple[str, ...]] | None = None
    inquiry: BillDesk | None = None

    fetch_file: Callable[[FileAsk, Secrets], FileDialogue] | None = None
    page_option: str = ""
    test_hosts: tuple[str, ...] = ()
    live_hosts: tuple[str, ...] = ()
    disputes: bool = False
