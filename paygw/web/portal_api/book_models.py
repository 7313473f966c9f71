"""Bodies of the finance API: position, trace, breaks."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paygw.web.body import In


class StandingView(msgspec.Struct, kw_only=True):
    """So much of `owner` stands with `holder`. `example` names one receipt, or posting without one, it is made of."""

    merchant: str
    holder: str
    owner: str
    code: str
    units: int
    vnd: int
    example: str


class DifferenceView(msgspec.Struct, kw_only=True):
    """A surplus is held for nobody, a shortage is owed and held by nobody."""

    kind: Literal["surplus", "shortage"]
    merchant: str
    account: str
    code: str
    amount_vnd: int
    unit: str


class AccountDayView(msgspec.Struct, kw_only=True):
    """A bank's day whose statement was read: receipts here against credits there."""

    bank: str
    day: str
    receipts: int
    receipts_vnd: int
    lines: int
    credits_vnd: int
    difference_vnd: int


class PositionView(msgspec.Struct, kw_only=True):
    """The proof; `ok` when there is no difference, no uneven day and no violated invariant."""

    ok: bool
    as_of: datetime
    held_vnd: int
    owed_vnd: int
    rows: list[StandingView]
    differences: list[DifferenceView]
    statements: list[AccountDayView]
    violations: list[str]


class TraceView(msgspec.Struct, kw_only=True):
    """Layers from the bank's files to the ledger; amounts in đồng."""

    name: str
    bank_lines: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    settlements: list[dict[str, Any]]
    payouts: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    breaks: list[dict[str, Any]]


class ProposalView(msgspec.Struct, kw_only=True):
    """What one person proposed; an approval is bound to `content_hash`."""

    by: str
    content: dict[str, Any]
    content_hash: str


class BreakView(msgspec.Struct, kw_only=True):
    """A difference with its age in days, its clock of working days, its owner."""

    id: str
    kind: str
    name_vi: str
    name_en: str
    bank: str
    day: str
    ref: str
    bank_txn_id: str
    book_amount_vnd: int | None
    statement_amount_vnd: int | None
    risk_vnd: int
    detail: str
    owner: str
    status: Literal["open", "proposed", "resolved"]
    resolution: str
    automatic: bool
    order_id: str | None
    receipt_id: str | None
    opened_at: datetime
    age_days: int
    due_on: str
    overdue: bool
    escalated: bool
    proposal: ProposalView | None


class BreakNoteView(msgspec.Struct, kw_only=True):
    """One line of a break's history."""

    at: datetime
    person: str
    action: str
    text: str


class BreakDetailView(BreakView, kw_only=True):
    """A break in words, what may be decided, what the rules would propose (action, parameters), its history."""

    means_vi: str
    means_en: str
    cause_vi: str
    cause_en: str
    next_vi: str
    next_en: str
    by_itself: str
    actions: list[str]
    suggested: dict[str, Any] | None
    history: list[BreakNoteView]


class BreakPage(msgspec.Struct, kw_only=True):
    """Breaks, oldest first."""

    items: list[BreakView]
    next: str | None


Person = Annotated[str, Meta(min_length=1, max_length=64, description="A member of staff.")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="The content_hash the person looked at.")]
Words = Annotated[str, Meta(min_length=1, max_length=1_000)]


class AssignIn(In, frozen=True, kw_only=True):
    """Who takes it."""

    owner: Person
    by: Person


class CommentIn(In, frozen=True, kw_only=True):
    """What was found; no personal data."""

    text: Words
    by: Person


class ProposeIn(In, frozen=True, kw_only=True):
    """What should be done, by which document; `params` as the action needs them."""

    action: Annotated[str, Meta(min_length=1, max_length=32)]
    document: Words
    by: Person
    params: Annotated[dict[str, str | int], Meta(max_length=20)] = msgspec.field(default_factory=dict)


class ApproveIn(In, frozen=True, kw_only=True):
    """The decision of a second person, with a key of its own."""

    by: Person
    content_hash: Hash


class RejectIn(In, frozen=True, kw_only=True):
    """The refusal of a second person."""

    by: Person
    reason: Annotated[str, Meta(max_length=1_000)] = ""
