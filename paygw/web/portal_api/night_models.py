"""Bodies of the finance API: nights, minutes, payouts."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paygw.hub.payout_refunds import Payee as RefundPayee
from paygw.web.body import In
from paygw.web.portal_api.book_models import Hash, Person, Words

PayoutKind = Literal["slices", "again", "refunds"]
PayoutStatus = Literal["proposed", "approved", "rejected", "exported"]
LocalDay = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class NightView(msgspec.Struct, kw_only=True):
    """One reconciliation of a bank's day and how often it was run."""

    bank: str
    day: str
    status: Literal["running", "waiting", "done"]
    tries: int
    started_at: datetime
    ended_at: datetime | None


class NightList(msgspec.Struct, kw_only=True):
    """The latest nights."""

    items: list[NightView]


class NightDetailView(NightView, kw_only=True):
    """A night with the steps of its last run (or of `run`), and the position as it was known when that ended.

    `runs` are all that ended, each with the number of the minutes it came to.
    """

    run: int | None
    known_at: datetime | None
    runs: list[dict[str, Any]]
    steps: dict[str, dict[str, Any]]
    minutes: dict[str, Any] | None
    position: list[dict[str, Any]]
    balanced: bool


class MinutesFaceView(msgspec.Struct, kw_only=True):
    """Minutes in a list; a signature is `role:person`."""

    bank: str
    day: str
    no: int
    content_hash: str
    made_at: datetime
    signatures: list[str]


class MinutesList(msgspec.Struct, kw_only=True):
    """The latest minutes."""

    items: list[MinutesFaceView]


class MinutesView(msgspec.Struct, kw_only=True):
    """Minutes of a bank's day; `content_hash` is of the canonical JSON of `content`."""

    bank: str
    day: str
    no: int
    content_hash: str
    made_at: datetime
    content: dict[str, Any]
    signatures: list[dict[str, str]]


class SignIn(In, frozen=True, kw_only=True):
    """Whose hand, and what was seen."""

    by: Person
    content_hash: Hash


class PayoutProposeIn(In, frozen=True, kw_only=True):
    """Everything that can leave an account, or only one owner's, up to a day."""

    account: Annotated[str, Meta(min_length=1, max_length=64)]
    by: Person
    beneficiary: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    until: LocalDay | None = None


class PayoutApproveIn(In, frozen=True, kw_only=True):
    """The decision of a second person, with a key of its own."""

    by: Person
    content_hash: Hash
    document: Words


class PersonIn(In, frozen=True, kw_only=True):
    """Who does this."""

    by: Person


class PayoutOrderIn(In, frozen=True, kw_only=True):
    """Which payment order of the batch."""

    by: Person
    group: Annotated[int, Meta(ge=1, le=10_000)]


class RefundTransferIn(In, frozen=True, kw_only=True):
    """A funded refund, and the account its payer named in writing."""

    refund_id: Annotated[str, Meta(pattern=r"^rfd_[0-9a-f]{32}$")]
    to: RefundPayee


class RefundTransfersIn(In, frozen=True, kw_only=True):
    """Refunds that leave one account together."""

    by: Person
    refunds: Annotated[list[RefundTransferIn], Meta(min_length=1, max_length=500)]


class PayoutFaceView(msgspec.Struct, kw_only=True):
    """A batch in a list, with how many of its entries are sent, confirmed, returned."""

    batch_id: str
    kind: PayoutKind
    account: str
    total_vnd: int
    status: PayoutStatus
    content_hash: str
    proposed_by: str
    decided_by: str | None
    sent: int
    confirmed: int
    returned: int


class PayoutList(msgspec.Struct, kw_only=True):
    """The latest batches."""

    items: list[PayoutFaceView]


class PayoutView(msgspec.Struct, kw_only=True):
    """A batch: one payment order per payee and budget code, or per refund; `again` is what came back of another."""

    batch: str
    kind: PayoutKind
    account: str
    status: PayoutStatus
    total_vnd: int
    content_hash: str
    proposed_by: str
    decided_by: str | None
    orders: list[dict[str, Any]]


class PayeeView(msgspec.Struct, kw_only=True):
    """Where a beneficiary's money goes, by when the law wants it there, and who said so."""

    beneficiary: str
    name: str
    account: str
    bank_code: str
    treasury_unit: str
    collecting_office: str
    remit_every: Literal["day", "week", "month"]
    remit_by: int
    basis: str
    set_by: str
    checked_by: str
    set_at: datetime


class PayeeList(msgspec.Struct, kw_only=True):
    """All payees."""

    items: list[PayeeView]


class RemittanceView(msgspec.Struct, kw_only=True):
    """Settled money that waits for its owner, by collecting body; `payee` and `due_on` where its account is known.

    Of `amount_vnd`, `came_back_vnd` was sent before and returned: it is sent again.
    """

    beneficiary: str
    collecting_body: str
    payee: str | None
    stands_with: str
    oldest: str
    slices: int
    amount_vnd: int
    came_back_vnd: int
    due_on: str | None
    overdue: bool
    basis: str | None


class RemittanceList(msgspec.Struct, kw_only=True):
    """The remittance clock."""

    items: list[RemittanceView]
