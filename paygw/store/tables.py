"""The tables as SQLAlchemy Core sees them, for queries. The migrations make them; a test proves that both agree.

Tables that only the hand-written statements of the hot paths touch are not here.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType


class Xid8(UserDefinedType[int]):
    """A transaction id of 64 bits: orders rows by when their transaction began."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "xid8"


metadata = MetaData()
Instant = DateTime(timezone=True)
Texts = ARRAY(Text)


@dataclass(frozen=True, slots=True)
class Maybe:
    """A column that may be null."""

    kind: type[TypeEngine[Any]] | TypeEngine[Any]


def _table(name: str, /, **columns: type[TypeEngine[Any]] | TypeEngine[Any] | Maybe) -> Table:
    made = [
        Column(column, kind.kind, nullable=True) if isinstance(kind, Maybe) else Column(column, kind, nullable=False)
        for column, kind in columns.items()
    ]
    return Table(name, metadata, *made)


portals = _table(
    "portals",
    id=Text,
    name=Text,
    callback_url=Text,
    return_origins=Texts,
    callback_secret=LargeBinary,
    callback_secret_previous=Maybe(LargeBinary),
    rate_post=Integer,
    rate_get=Integer,
    rate_burst=Integer,
    callback_state=Text,
    created_at=Instant,
)
api_keys = _table(
    "api_keys",
    prefix=Text,
    digest=LargeBinary,
    portal_id=Maybe(Text),
    scopes=Texts,
    created_at=Instant,
    expires_at=Maybe(Instant),
    revoked_at=Maybe(Instant),
)
persons = _table(
    "persons",
    id=Text,
    name=Text,
    role=Text,
    created_at=Instant,
)
banks = _table(
    "banks",
    id=Text,
    connector=Text,
    title=Text,
    base_url=Text,
    merchant=Text,
    credentials=LargeBinary,
    credentials_previous=Maybe(LargeBinary),
    options=JSONB,
    home=Text,
    account=Text,
    holder=Maybe(Text),
    enabled=Boolean,
    created_at=Instant,
)
collecting_bodies = _table(
    "collecting_bodies",
    id=Text,
    name=Text,
    chapter=Text,
    area=Text,
    budget_unit=Text,
    created_at=Instant,
)
proposals = _table(
    "proposals",
    id=Uuid,
    kind=Text,
    content=JSONB,
    content_hash=LargeBinary,
    proposed_by=Text,
    proposed_at=Instant,
    decided_by=Maybe(Text),
    decided_at=Maybe(Instant),
    status=Text,
)
obligations = _table(
    "obligations",
    id=Uuid,
    collecting_body=Text,
    dossier_code=Text,
    assessment_no=Text,
    component_set=Text,
    order_id=Maybe(Uuid),
    attempt_id=Maybe(Uuid),
    created_at=Instant,
)
orders = _table(
    "orders",
    id=Uuid,
    portal_id=Text,
    reference=Text,
    status=Text,
    amount_vnd=BigInteger,
    version=Integer,
    receipt_count=Integer,
    expires_at=Instant,
    created_at=Instant,
    applied_at=Maybe(Instant),
    lines=JSONB,
    face=JSONB,
    quote=JSONB,
    private=LargeBinary,
    return_url=Text,
)
order_lines = _table(
    "order_lines",
    order_id=Uuid,
    obligation_id=Uuid,
)
attempts = _table(
    "attempts",
    id=Uuid,
    order_id=Uuid,
    bank=Text,
    merchant=Text,
    ref=Text,
    method=Text,
    amount_vnd=BigInteger,
    status=Text,
    last_contact_failed=Boolean,
    held_reversals=Integer,
    session=JSONB,
    intent=Maybe(LargeBinary),
    created_at=Instant,
    expires_at=Instant,
    enquiries=Integer,
    next_enquiry_at=Maybe(Instant),
    lease_until=Maybe(Instant),
    fence=Integer,
)
receipts = _table(
    "receipts",
    id=Uuid,
    key=Text,
    bank=Text,
    merchant=Text,
    bank_txn_id=Maybe(Text),
    home=Text,
    account=Text,
    order_id=Maybe(Uuid),
    attempt_id=Maybe(Uuid),
    amount_vnd=BigInteger,
    free_vnd=BigInteger,
    refund_due_vnd=BigInteger,
    taken_back_vnd=BigInteger,
    taken_back_by=Text,
    claim_vnd=BigInteger,
    dispute_vnd=BigInteger,
    settled=Boolean,
    holder=Maybe(Text),
    blocked=Text,
    reason=Text,
    conflict=Boolean,
    received_at=Instant,
    value_date=Date,
    recoveries=JSONB,
    booked_at=Instant,
)
refunds = _table(
    "refunds",
    id=Uuid,
    receipt_id=Uuid,
    order_id=Maybe(Uuid),
    portal_id=Maybe(Text),
    source=Text,
    line_no=Maybe(Integer),
    amount_vnd=BigInteger,
    due_vnd=BigInteger,
    status=Text,
    legs=JSONB,
    body_paid_vnd=BigInteger,
    consented=Boolean,
    route=Maybe(Text),
    void=Boolean,
    unknown=Boolean,
    seen=JSONB,
    reason=Text,
    requested_by=Text,
    decided_by=Maybe(Text),
    content_hash=LargeBinary,
    ref=Text,
    created_at=Instant,
    decided_at=Maybe(Instant),
    enquiries=Integer,
    next_enquiry_at=Maybe(Instant),
    lease_until=Maybe(Instant),
    fence=Integer,
    by_channel=Boolean,
)
disputes = _table(
    "disputes",
    bank=Text,
    dispute_id=Text,
    receipt_id=Uuid,
    status=Text,
    amount_vnd=BigInteger,
)
disbursements = _table(
    "disbursements",
    batch_id=Uuid,
    no=Integer,
    account=Text,
    receipt_id=Uuid,
    order_id=Uuid,
    line_no=Integer,
    beneficiary=Text,
    code=Text,
    amount_vnd=BigInteger,
    status=Text,
    created_at=Instant,
    reused_vnd=BigInteger,
    made_by=Text,
    checked_by=Text,
)
settlements = _table(
    "settlements",
    bank=Text,
    batch=Text,
    holding=Text,
    lines_vnd=BigInteger,
    fee_vnd=BigInteger,
    net_vnd=BigInteger,
    status=Text,
    closed_at=Instant,
)
settlement_lines = _table(
    "settlement_lines",
    bank=Text,
    batch=Text,
    line=Text,
    kind=Text,
    subject=Text,
    receipt_id=Uuid,
    holding=Text,
    amount_vnd=BigInteger,
    booked_at=Instant,
    fee_vnd=BigInteger,
    settled_on=Maybe(Date),
)
movements = _table(
    "movements",
    key=Text,
    event=Text,
    holding=Text,
    party=Text,
    amount_vnd=BigInteger,
    booked_at=Instant,
)
fundings = _table(
    "fundings",
    id=Text,
    kind=Text,
    receipt_id=Uuid,
    refund_id=Maybe(Uuid),
    beneficiary=Text,
    code=Text,
    amount_vnd=BigInteger,
    account=Text,
    from_receipt_id=Maybe(Uuid),
    booked_at=Instant,
)
ledger = _table(
    "ledger",
    seq=BigInteger,
    xid=Xid8,
    key=Text,
    n=SmallInteger,
    rule=Text,
    account=Text,
    amount_vnd=BigInteger,
    receipt_id=Maybe(Uuid),
    refund_id=Maybe(Uuid),
    batch_id=Maybe(Text),
    order_id=Maybe(Uuid),
    line_no=Maybe(Integer),
    beneficiary=Maybe(Text),
    code=Maybe(Text),
    holder=Maybe(Text),
    bank=Text,
    merchant=Text,
    value_date=Date,
    budget_year=SmallInteger,
    booked_at=Instant,
)
cases = _table(
    "cases",
    key=Text,
    kind=Text,
    detail=Text,
    receipt_id=Maybe(Uuid),
    attempt_id=Maybe(Uuid),
    order_id=Maybe(Uuid),
    owner=Text,
    status=Text,
    opened_at=Instant,
    closed_at=Maybe(Instant),
)
audit = _table(
    "audit",
    seq=BigInteger,
    xid=Xid8,
    at=Instant,
    principal=Text,
    action=Text,
    subject=Text,
    detail=JSONB,
)
