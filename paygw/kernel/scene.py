"""The values that go into and come out of a decision: the scene it is made in, its facts, its cases, its result."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from paygw.kernel.connector import Verdict
from paygw.kernel.evidence import Authority, DisputeSeen, PaymentSeen, ReversalSeen
from paygw.kernel.orders import Situation
from paygw.kernel.posting import Posting
from paygw.kernel.receipts import Mode

FactType = Literal[
    "order.paid",
    "order.partially_paid",
    "order.cancelled",
    "order.expired",
    "order.reversed",
    "money.unapplied",
    "refund.succeeded",
    "refund.failed",
    "refund.returned",
    "refund.rejected",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """A business fact to tell the portal; `key` makes it one event for ever."""

    type: FactType
    key: str
    receipt_id: str | None = None
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseNote:
    """Something a person must look at; `key` makes it one case."""

    kind: str
    key: str
    detail: str
    receipt_id: str | None = None
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The situation afterwards and everything to write with it."""

    situation: Situation
    verdict: Verdict
    postings: tuple[Posting, ...] = ()
    facts: tuple[Fact, ...] = ()
    cases: tuple[CaseNote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where cash of a bank lands: with the provider, or at once on an account (whose holder, in routing, is named)."""

    home: Literal["provider", "account"] = "provider"
    account: str = ""
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the kernel may not look up itself. `new_id` is used if a receipt is born."""

    mode: Mode
    now: datetime
    bank: str
    merchant: str
    receipts_per_attempt: Literal["one", "many"]
    authority: Authority
    new_id: str
    landing: Landing = field(default_factory=Landing)
    held_reversals: tuple[ReversalSeen, ...] = ()  # reversals that came before their receipt


def receipt_key(payment: PaymentSeen | ReversalSeen | DisputeSeen, scene: Scene) -> str | None:
    """Identity of a landing of cash: where it landed, never who told us. None without a usable reference."""
    if scene.receipts_per_attempt == "one":
        return f"{scene.bank}|{scene.merchant}|{payment.attempt_ref}" if payment.attempt_ref else None
    account = scene.landing.account or f"{scene.bank}|{scene.merchant}"
    return f"{account}|{payment.bank_txn_id}" if payment.bank_txn_id else None
