"""Obligations, orders and attempts: their states and the edges between them.

An obligation is what the citizen owes, an order a portal's proposal to pay one or more of them, an attempt one try
through one bank. Money lives in `receipts`; an order's labels (refunded, reversed, settled) are computed, never stored.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.receipts import Purse
from paygw.kernel.split import ShareRule, split


class OrderStatus(StrEnum):
    """Public status of an order; the last three never leave."""

    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE_ORDER = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID})
CLOSED_ATTEMPT = frozenset({AttemptStatus.EXPIRED, AttemptStatus.CANCELLED, AttemptStatus.FAILED})
ATTEMPT_RANK = {status: rank for rank, status in enumerate(AttemptStatus)}


@dataclass(frozen=True, slots=True)
class Share:
    """One listed share of a component: who gets it, under which budget code, by which rule."""

    beneficiary: str
    code: str
    ppm: int | None  # parts per million of the component, floored; None takes the remainder


@dataclass(frozen=True, slots=True)
class Line:
    """One component of one obligation: the unit of allocation and of refunds. `no` is unique within the order."""

    no: int
    component: str
    obligation_id: str
    amount_vnd: int
    shares: tuple[Share, ...]

    def split_vnd(self, total_vnd: int) -> tuple[int, ...]:
        """Each share of a total, in order, by the split frozen with the obligation."""
        return split(total_vnd, tuple(ShareRule(share.beneficiary, share.ppm) for share in self.shares))


@dataclass(frozen=True, slots=True)
class Obligation:
    """What is owed. `order_id` is its live allocation, `attempt_id` the attempt in flight that would pay it."""

    id: str
    amount_vnd: int
    lines: tuple[Line, ...]
    order_id: str | None = None
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A portal's proposal to pay. `version` rises with every public change."""

    id: str
    portal_id: str
    status: OrderStatus
    amount_vnd: int
    version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try through one bank under a reference (`ref`) fixed before calling."""

    id: str
    order_id: str
    bank: str
    merchant: str
    ref: str
    amount_vnd: int
    status: AttemptStatus
    last_contact_failed: bool = False

    @property
    def in_flight(self) -> bool:
        """Cash may still come of it: no second way to pay (M-18)."""
        return self.status not in {*CLOSED_ATTEMPT, AttemptStatus.SUCCEEDED}


@dataclass(frozen=True, slots=True)
class Situation:
    """All that must be locked to decide about one order: its obligations, itself, its attempts and its money."""

    order: Order | None
    obligations: tuple[Obligation, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    purse: Purse = field(default_factory=Purse)

    @property
    def unpaid(self) -> tuple[Obligation, ...]:
        """Obligations that this order could still allocate."""
        return tuple(obligation for obligation in self.obligations if obligation.order_id is None)

    def with_attempt(self, changed: Attempt) -> "Situation":
        """The same with one attempt replaced."""
        kept = tuple(changed if attempt.id == changed.id else attempt for attempt in self.attempts)
        return replace(self, attempts=kept)

    def free_obligations(self, attempt_id: str) -> "Situation":
        """The same with the obligations no longer held by this attempt."""
        kept = tuple(
            replace(item, attempt_id=None) if item.attempt_id == attempt_id else item for item in self.obligations
        )
        return replace(self, obligations=kept)


def raised(attempt: Attempt, seen: AttemptStatus) -> Attempt:
    """State is the maximum of the evidence; any authoritative answer clears a failed contact."""
    status = max(attempt.status, seen, key=ATTEMPT_RANK.__getitem__)
    return replace(attempt, status=status, last_contact_failed=False)


def contact_failed(attempt: Attempt) -> Attempt:
    """A timeout, a reset or an unmapped answer is no evidence: a flag on top of the known state.

    A closed attempt is only watched: silence about it reopens nothing.
    """
    if attempt.status in {*CLOSED_ATTEMPT, AttemptStatus.SUCCEEDED}:
        return attempt
    return replace(attempt, last_contact_failed=True)


def require_payable(situation: Situation, *, set_aside: frozenset[str] = frozenset()) -> None:
    """Raise Refused unless a new attempt may start on this order.

    `set_aside` names redirected attempts that the payer gave up, each after a fresh answer "not paid"; one that is
    pending or out of contact cannot be set aside (M-18).
    """
    order = situation.order
    if order is None or order.status not in LIVE_ORDER:
        status = order.status if order else "missing"
        raise Refused("order_not_payable", f"The order is {status}; it takes no new payment.")
    if any(attempt.in_flight and not _given_up(attempt, set_aside) for attempt in situation.attempts):
        raise Refused("attempt_in_flight", "A payment of this order is still under way; wait for its result.")
    for obligation in situation.unpaid:
        if obligation.attempt_id is not None and obligation.attempt_id not in set_aside:
            raise Refused("obligation_in_payment", "Another order is being paid for the same obligation.")
    if not situation.unpaid:
        raise Refused("obligation_already_paid", "Everything in this order has been paid elsewhere.")


def _given_up(attempt: Attempt, set_aside: frozenset[str]) -> bool:
    contacted = attempt.status is AttemptStatus.REDIRECTED and not attempt.last_contact_failed
    return contacted and attempt.id in set_aside


def start_attempt(situation: Situation, attempt: Attempt, *, set_aside: frozenset[str] = frozenset()) -> Situation:
    """A new attempt takes hold of every unpaid obligation of the order."""
    require_payable(situation, set_aside=set_aside)
    held = tuple(
        replace(item, attempt_id=attempt.id) if item.order_id is None else item for item in situation.obligations
    )
    return replace(situation, obligations=held, attempts=(*situation.attempts, attempt))


def rest_to_pay_vnd(situation: Situation) -> int:
    """What a payer still has to bring: unpaid obligations less the money that already waits on the order."""
    due_vnd = sum(obligation.amount_vnd for obligation in situation.unpaid)
    waiting = situation.purse.waiting_on(situation.order.id) if situation.order else ()
    waiting_vnd = sum(receipt.allocatable_vnd for receipt in waiting)
    return max(due_vnd - waiting_vnd, 0)


def close_order(situation: Situation, status: OrderStatus) -> Situation:
    """Cancel or expire. Raises Refused from a state that never leaves or while an attempt is in flight."""
    order = situation.order
    if order is None or order.status not in LIVE_ORDER:
        state = order.status if order else "missing"
        raise Refused("order_closed", f"The order is already {state}.")
    if any(attempt.in_flight for attempt in situation.attempts):
        raise Refused("attempt_in_flight", "A payment of this order is still under way; its result comes first.")
    return replace(situation, order=replace(order, status=status, version=order.version + 1))
