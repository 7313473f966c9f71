"""Bodies of the portal API: what callers send (strict) and what they get (documented)."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paygw.web.body import AmountVnd, In

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
Reference = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._/-]+$", description="The portal's own id of an order."),
]
Province = Annotated[str, Meta(pattern=r"^[0-9]{2}$", description="Two-digit province code.")]
Day = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="Legal date: when the obligation arises.")
]
Url = Annotated[str, Meta(min_length=8, max_length=2048, pattern=r"^https?://[^\s\\]+$")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
FactValue = str | int | bool
Facts = Annotated[dict[str, FactValue], Meta(max_length=100)]
OrderStatus = Literal["open", "partially_paid", "paid", "cancelled", "expired"]


class QuoteItemIn(In, frozen=True, kw_only=True):
    """A procedure, a place, the legal date and the facts the tariff asks for."""

    procedure: Annotated[str, Meta(min_length=1, max_length=32, examples=["2.000488"])]
    as_of: Day
    facts: Facts = msgspec.field(default_factory=dict)
    province: Province | None = None


class QuoteIn(In, frozen=True, kw_only=True):
    """One question, or up to 1,000 in `items`."""

    procedure: Annotated[str, Meta(min_length=1, max_length=32, examples=["2.000488"])] | None = None
    as_of: Day | None = None
    facts: Facts = msgspec.field(default_factory=dict)
    province: Province | None = None
    items: Annotated[list[QuoteItemIn], Meta(min_length=1, max_length=1000)] | None = None


class OrderLineIn(In, frozen=True, kw_only=True):
    """One obligation of a dossier, by quote token or by the question itself."""

    dossier_code: Code
    collecting_body: Code
    assessment_no: Annotated[str, Meta(max_length=64)] = ""
    quote_token: Annotated[str, Meta(min_length=40, max_length=16_384)] | None = None
    procedure: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    province: Province | None = None
    as_of: Day | None = None
    facts: Facts | None = None
    assessed_vnd: AmountVnd | None = None


class PayerIn(In, frozen=True, kw_only=True):
    """Who pays; kept encrypted, never logged, never sent to a bank."""

    name: Text
    identity_no: Annotated[str, Meta(max_length=32)] | None = None
    phone: Annotated[str, Meta(max_length=20)] | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None


class OrderIn(In, frozen=True, kw_only=True):
    """A proposal to pay one or more obligations."""

    reference: Reference
    lines: Annotated[list[OrderLineIn], Meta(min_length=1, max_length=50)]
    return_url: Url
    payer: PayerIn | None = None
    expires_at: datetime | None = None
    metadata: Annotated[dict[str, Annotated[str, Meta(max_length=500)]], Meta(max_length=20)] = msgspec.field(
        default_factory=dict
    )


class ComponentView(msgspec.Struct, kw_only=True):
    """One phí or lệ phí of a line."""

    id: str
    name: str
    type: Literal["phi", "le_phi", "an_phi"]
    amount_vnd: int
    before_relief_vnd: int
    status: Literal["charged", "exempt"]


class LineView(msgspec.Struct, kw_only=True):
    """One obligation of an order."""

    dossier_code: str
    collecting_body: str
    assessment_no: str | None
    procedure: str
    name: str
    amount_vnd: int
    legal: list[str]
    components: list[ComponentView]


class OrderView(msgspec.Struct, kw_only=True):
    """An order. Amounts are whole đồng: paid is allocated and not refunded, unapplied is still the payer's."""

    id: str
    reference: str
    status: OrderStatus
    amount_vnd: int
    paid_vnd: int
    unapplied_vnd: int
    refunded_vnd: int
    labels: list[Literal["refunded", "partly_refunded", "reversed", "disputed", "settled", "disbursed"]]
    lines: list[LineView]
    pay_url: str
    return_url: str
    expires_at: datetime
    version: int
    created_at: datetime
    applied_at: datetime | None
    metadata: dict[str, str]


class OrderPage(msgspec.Struct, kw_only=True):
    """Orders, newest first. `next` goes into `after`."""

    items: list[OrderView]
    next: str | None


class RefundIn(In, frozen=True, kw_only=True):
    """Give money back: of one component of one line, or unapplied excess."""

    source: Literal["component", "excess"]
    amount_vnd: AmountVnd
    reason: Text
    line: Annotated[int, Meta(ge=1, le=50, description="Position of the line in the order, from 1.")] | None = None
    component: Annotated[str, Meta(max_length=64)] | None = None


class RefundView(msgspec.Struct, kw_only=True):
    """A refund. `unknown` while the bank is silent about it."""

    id: str
    source: Literal["component", "excess"]
    amount_vnd: int
    status: Literal[
        "requested", "approved", "rejected", "withdrawn", "funded", "sending", "succeeded", "failed", "returned"
    ]
    unknown: bool
    reason: str
    order_id: str | None
    line: int | None
    component: str | None
    line_no: int | None
    created_at: datetime
    decided_at: datetime | None


class EventView(msgspec.Struct, kw_only=True):
    """A business fact as it was sent to the callback address: `body` is the callback's body."""

    id: str
    type: str
    created_at: datetime
    body: Any


class EventPage(msgspec.Struct, kw_only=True):
    """Events in order. `next` goes into `after`, now or later, and never skips a late one."""

    items: list[EventView]
    next: str


class QuoteView(msgspec.Struct, kw_only=True):
    """What a procedure costs, why, who gets it, and a token that becomes an order."""

    procedure: str
    schedule: str
    schedule_hash: str
    as_of: str
    province: str | None
    outcome: Literal["charged", "free", "exempt", "not_applicable"]
    components: list[Any]
    total_vnd: int
    shares: dict[str, int]
    explain: list[str]
    legal: list[str]
    explanation: dict[Literal["vi", "en"], list[str]]
    quote_token: str
    expires_at: datetime


# An item of a batch is a quote or says why there is none; msgspec cannot tell two structs apart, JSON Schema can.
_QUOTE_OR_ERROR = {
    "anyOf": [
        {"$ref": "#/components/schemas/QuoteView"},
        {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "detail"],
                    "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
                }
            },
        },
    ]
}


class QuoteBatchView(msgspec.Struct, kw_only=True):
    """Answers in the order of the questions."""

    items: Annotated[list[Any], Meta(extra_json_schema={"items": _QUOTE_OR_ERROR})]


class AccountView(msgspec.Struct, kw_only=True):
    """One account of the ledger."""

    account: str
    debit_vnd: int
    credit_vnd: int


class TrialBalanceView(msgspec.Struct, kw_only=True):
    """All accounts in one snapshot; debits equal credits."""

    as_of: datetime
    accounts: list[AccountView]


class UnappliedView(msgspec.Struct, kw_only=True):
    """Money received and not allocated."""

    id: str
    bank: str
    bank_txn_id: str | None
    amount_vnd: int
    reason: str
    order_id: str | None
    reference: str | None
    received_at: datetime


class UnappliedPage(msgspec.Struct, kw_only=True):
    """Unapplied money, oldest first."""

    items: list[UnappliedView]
    next: str | None


class UnappliedRefundIn(In, frozen=True, kw_only=True):
    """Give unapplied money back to its payer."""

    amount_vnd: AmountVnd
    reason: Text
    of: Literal["unapplied", "unclaimed"] = "unapplied"


class DeliveryView(msgspec.Struct, kw_only=True):
    """How far the callback of an event got."""

    status: Literal["pending", "delivered", "dead"]
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None


class OrderEventView(EventView, kw_only=True):
    """An event of an order and its delivery."""

    delivery: DeliveryView


class OrderEventPage(msgspec.Struct, kw_only=True):
    """All events of an order, oldest first."""

    items: list[OrderEventView]
    next: None = None


class EntryView(msgspec.Struct, kw_only=True):
    """One entry of the ledger: debit above zero, credit below. `code` is chapter.sub_item.area.budget_unit."""

    key: str
    n: int
    rule: str
    account: str
    amount_vnd: int
    receipt_id: str | None
    refund_id: str | None
    order_id: str | None
    batch_id: str | None
    line_no: int | None
    beneficiary: str | None
    code: str | None
    holder: str | None
    bank: str
    merchant: str
    value_date: str
    budget_year: int
    booked_at: datetime


class EntryPage(msgspec.Struct, kw_only=True):
    """Entries in the order of their transactions. `next` goes into `after` and never skips a late one."""

    items: list[EntryView]
    next: str


class FileErrorView(msgspec.Struct, kw_only=True):
    """Where a file is wrong: `/lines/12` is its twelfth line or row."""

    pointer: str
    code: str


class FileProblemView(msgspec.Struct, kw_only=True):
    """Why a file was refused or put aside (RFC 9457), in Vietnamese and in English."""

    type: str
    title: str
    detail: str
    detail_en: str
    code: str
    errors: list[FileErrorView]


class FileView(msgspec.Struct, kw_only=True):
    """A file that came in. Sums are those of its lines once it is staged; of the account its last digits are shown."""

    id: str
    bank: str
    profile: str
    name: str
    digest: Annotated[str, Meta(description="SHA-256 of its bytes, hexadecimal.")]
    size_bytes: int
    source: str
    brought_by: str
    account: str
    day: str | None
    sequence: int
    state: Literal["received", "staged", "refused", "superseded"]
    statements: int
    lines: int
    credit_vnd: int
    debit_vnd: int
    received_at: datetime
    decided_at: datetime | None
    problem: FileProblemView | None


class FilePage(msgspec.Struct, kw_only=True):
    """Files, newest first."""

    items: list[FileView]
    next: str | None
