"""Bodies of the finance API: decisions of two persons about money, refunds as those who decide see them."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from paygw.hub.actions import MoneyAction
from paygw.web.body import In
from paygw.web.portal_api.book_models import Person, Words
from paygw.web.portal_api.models import RefundView


class DecisionIn(In, frozen=True, kw_only=True):
    """What one person would do, and the document both look at."""

    by: Person
    document: Words
    asked: MoneyAction


class DecisionView(msgspec.Struct, kw_only=True):
    """A decision: what is asked, what it was found to mean, the hash that an approval is bound to."""

    id: str
    action: str
    status: Literal["open", "approved", "rejected"]
    document: str
    asked: dict[str, Any]
    found: dict[str, Any]
    content_hash: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class DecisionList(msgspec.Struct, kw_only=True):
    """The latest decisions."""

    items: list[DecisionView]


class CaseView(msgspec.Struct, kw_only=True):
    """What a person must look at; the decision `close_case` names it by `key`."""

    key: str
    kind: str
    detail: str
    receipt_id: str | None
    owner: str
    status: Literal["open", "closed"]
    age_days: int
    opened_at: datetime
    closed_at: datetime | None


class CaseList(msgspec.Struct, kw_only=True):
    """Cases, the oldest first."""

    items: list[CaseView]


class RefundFaceView(RefundView, kw_only=True):
    """A refund for people: who asked and decided, how it goes, the hash that an approval is bound to."""

    reference: str | None
    requested_by: str
    decided_by: str | None
    bank: str
    bank_txn_id: str | None
    route: Literal["provider", "transfer", "holder"] | None
    content_hash: str


class RefundList(msgspec.Struct, kw_only=True):
    """Refunds, newest first."""

    items: list[RefundFaceView]
