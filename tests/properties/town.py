"""A town in memory: orders, banks, holders and citizens, driven only through the kernel.

It keeps what a store would keep, plus its own memo of what happens outside the receipts, so that every invariant can
be recomputed after every deed. Deeds are in `deeds.py`; they choose by plain integers, drawn or random.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from paygw.kernel.decide import Decision, Fact, Landing, Scene, adopt, apply_waiting
from paygw.kernel.evidence import Authority, ReversalSeen
from paygw.kernel.invariants import Books, recorded_elsewhere, violations
from paygw.kernel.orders import LIVE_ORDER, Attempt, Obligation, OrderStatus, Share, Situation
from paygw.kernel.posting import Posting, h_bank
from paygw.kernel.receipts import Mode, Purse, Receipt, Refund, RefundStatus
from paygw.kernel.refunds import Moved
from paygw.kernel.settlement import Destination

T = TypeVar("T")
BODIES = tuple(f"b{n}" for n in range(24))
CODES = ("c1", "c2")
HOLDERS = ("b0", "b1")
ACCOUNTS = ("acc1", "acc2")
DAWN = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BankKind:
    """How one bank delivers money."""

    id: str
    receipts_per_attempt: Literal["one", "many"]
    home: Literal["provider", "account"] = "provider"
    disputes: bool = False


BANKS = (
    BankKind("card", "one", disputes=True),
    BankKind("wallet", "one"),
    BankKind("bill", "one"),
    BankKind("qr", "many", home="account"),
    BankKind("link", "many"),
)
KINDS = {bank.id: bank for bank in BANKS}


@dataclass(slots=True)
class Instruction:
    """One disbursement order to the bank."""

    batch_id: str
    no: int
    receipt_id: str
    beneficiary: str
    code: str
    amount_vnd: int
    account: str
    status: Literal["sent", "confirmed", "returned", "used"] = "sent"


@dataclass(slots=True)
class Dispute:
    """What the provider says of one dispute."""

    receipt_id: str
    amount_vnd: int
    open: bool = True


@dataclass(slots=True)
class Town:
    """Everything there is. `memo` is kept by the deeds, apart from the ledger."""

    mode: Mode
    worlds: dict[str, Situation] = field(default_factory=dict)
    owed: dict[str, Obligation] = field(default_factory=dict)
    loose: dict[str, Receipt] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    memo: Counter[str] = field(default_factory=Counter)
    stands: Counter[str] = field(default_factory=Counter)
    landed: dict[str, int] = field(default_factory=dict)  # receipt key -> đồng that really came
    held: dict[str, ReversalSeen] = field(default_factory=dict)  # reversals before their receipt, by key
    told_back: set[str] = field(default_factory=set)  # receipts the bank said it took back
    disputes: dict[str, Dispute] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    outgoing: list[tuple[str, int]] = field(default_factory=list)  # provider lines not yet in a settlement
    due: Counter[str] = field(default_factory=Counter)  # fees kept, by account
    serial: int = 0
    before: "Snapshot | None" = None

    def new(self, prefix: str) -> str:
        """A fresh id."""
        self.serial += 1
        return f"{prefix}{self.serial}"

    def load(self, order_id: str) -> Situation:
        """An order with its obligations as they stand now, whoever changed them."""
        world = self.worlds[order_id]
        fresh = tuple(
            replace(item, order_id=self.owed[item.id].order_id, attempt_id=self.owed[item.id].attempt_id)
            for item in world.obligations
        )
        return replace(world, obligations=fresh)

    def save(self, world: Situation, postings: Iterable[Posting] = (), facts: Iterable[Fact] = ()) -> None:
        """Keep what a decision left, and book it."""
        if world.order is None:
            self.loose.update({receipt.id: receipt for receipt in world.purse.receipts})
        else:
            self.worlds[world.order.id] = world
            for item in world.obligations:
                self.owed[item.id] = item
            for receipt in world.purse.receipts:
                self.loose.pop(receipt.id, None)
        self.book(postings)
        for fact in facts:
            assert fact.key not in self.facts, f"M-19: {fact.key} is told twice"
            self.facts[fact.key] = fact

    def decide(self, decision: Decision) -> None:
        """Keep a decision, then let other live orders look again at money that waits on them."""
        self.save(decision.situation, decision.postings, decision.facts)
        order = decision.situation.order
        if order is None or order.status is not OrderStatus.PAID:
            return
        for other_id in list(self.worlds):
            world = self.load(other_id)
            waiting = apply_waiting(world, self.scene("card")) if other_id != order.id else None
            if waiting is not None:
                self.save(waiting.situation, waiting.postings, waiting.facts)

    def move(self, receipt_id: str, moved: Moved) -> None:
        """Keep a purse after a person's deed."""
        self.save(replace(self.home(receipt_id), purse=moved.purse), moved.postings)

    def book(self, postings: Iterable[Posting]) -> None:
        """Add to the ledger."""
        for posting in postings:
            self.postings.append(posting)
            for entry in posting.entries:
                self.stands[entry.account] += entry.amount_vnd

    def home(self, receipt_id: str) -> Situation:
        """The situation a receipt lives in; without an order, itself alone."""
        if receipt_id in self.loose:
            return Situation(order=None, purse=Purse((self.loose[receipt_id],)))
        for order_id, world in self.worlds.items():
            if any(receipt.id == receipt_id for receipt in world.purse.receipts):
                return self.load(order_id)
        raise KeyError(receipt_id)

    def receipts(self) -> list[Receipt]:
        """All receipts, oldest order first."""
        owned = [receipt for world in self.worlds.values() for receipt in world.purse.receipts]
        return [*owned, *self.loose.values()]

    def refunds(self, *statuses: RefundStatus, void: bool = False) -> list[tuple[Receipt, Refund]]:
        """Refunds in some states, with their receipts."""
        return [
            (receipt, refund)
            for receipt in self.receipts()
            for refund in receipt.refunds
            if refund.status in statuses and refund.void is void
        ]

    def attempts(self) -> list[Attempt]:
        """All attempts of all orders."""
        return [attempt for world in self.worlds.values() for attempt in world.attempts]

    def scene(self, bank: str, *, authority: Authority = Authority.NOTICE, holder: str = HOLDERS[0]) -> Scene:
        """A scene for one bank; transfers land on `acc1`, held in routing by the collecting body."""
        kind = KINDS[bank]
        on_account = kind.home == "account"
        return Scene(
            mode=self.mode,
            now=self.now(),
            bank=bank,
            merchant="m",
            receipts_per_attempt=kind.receipts_per_attempt,
            authority=authority,
            new_id=self.new("r"),
            landing=Landing(home=kind.home, account=ACCOUNTS[0] if on_account else "", holder=holder),
            held_reversals=tuple(self.held.values()),
        )

    def now(self) -> datetime:
        """Time passes with every new thing."""
        return DAWN + timedelta(minutes=self.serial)

    def destination(self, choice: int) -> Destination:
        """Where a settlement lands."""
        if self.mode == "custody":
            return Destination(account=pick(ACCOUNTS, choice))
        return Destination(holder=pick(HOLDERS, choice))

    def spendable_vnd(self, account: str) -> tuple[int, int]:
        """Balance of one of our accounts, and what is on its way out of it."""
        sent_vnd = sum(
            item.amount_vnd for item in self.instructions if item.account == account and item.status == "sent"
        )
        for receipt, refund in self.refunds(RefundStatus.SENDING):
            from_account = receipt.home == "account" or refund.route != "provider"
            sent_vnd += refund.sendable_vnd if from_account and receipt.account == account else 0
        return self.stands[h_bank(account)], sent_vnd

    def can_pay(self, account: str, amount_vnd: int) -> bool:
        """Whether a bank could take this much from the account (in routing the hub does not hold it)."""
        balance_vnd, sent_vnd = self.spendable_vnd(account)
        return self.mode == "routing" or balance_vnd - sent_vnd >= amount_vnd

    def adopt_late(self, receipt: Receipt) -> None:
        """Row 5: late money may pay the live order of the same obligations."""
        closed = self.home(receipt.id)
        if closed.order is None or receipt.reason != "late" or not receipt.allocatable_vnd:
            return
        names = {item.id for item in closed.obligations}
        for other_id, other in list(self.worlds.items()):
            if other_id == closed.order.id or other.order is None or other.order.status not in LIVE_ORDER:
                continue
            if {item.id for item in other.obligations} != names:
                continue
            heir = adopt(self.load(other_id), receipt, self.scene(receipt.bank))
            if heir is not None:
                left = tuple(item for item in closed.purse.receipts if item.id != receipt.id)
                self.worlds[closed.order.id] = replace(self.worlds[closed.order.id], purse=Purse(left))
                self.decide(heir)
                return

    def books(self) -> Books:
        """All there is, for the invariants."""
        worlds = tuple(self.load(order_id) for order_id in self.worlds)
        return Books(
            mode=self.mode,
            situations=worlds,
            postings=tuple(self.postings),
            memo=self.memo,
            loose=Purse(tuple(self.loose.values())),
        )

    def check(self) -> None:
        """Every invariant, from the records; then what only a look back can tell."""
        broken = violations(self.books())
        elsewhere = recorded_elsewhere(self.postings, self.receipts())
        for account in elsewhere.keys() | self.memo.keys():
            if elsewhere.get(account, 0) != self.memo[account]:
                broken.append(f"memo: {account} {elsewhere.get(account, 0)} {self.memo[account]}")
        booked = {receipt.key: receipt.amount_vnd for receipt in self.receipts()}
        if booked != self.landed or len(booked) != len(self.receipts()):
            broken.append(f"M-13: {booked} booked, {self.landed} came")
        for receipt in self.receipts():
            back = receipt.wholly_taken_back or receipt.conflict or receipt.dispute_vnd or receipt.taken_back_vnd
            if receipt.key in self.told_back and not back:
                broken.append(f"M-21: the reversal of {receipt.id} is not booked")
        after = Snapshot.of(self)
        if self.before is not None:
            broken += self.before.broken_by(after)
        self.before = after
        assert not broken, "\n".join(broken)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What may never move backwards, and what may not move while it is frozen."""

    orders: dict[str, OrderStatus]
    receipts: dict[str, Receipt]
    attempts: dict[str, Attempt]

    @staticmethod
    def of(town: Town) -> "Snapshot":
        """The present."""
        return Snapshot(
            {order_id: world.order.status for order_id, world in town.worlds.items() if world.order},
            {receipt.id: receipt for receipt in town.receipts()},
            {attempt.id: attempt for attempt in town.attempts()},
        )

    def broken_by(self, after: "Snapshot") -> list[str]:
        """What the last deed broke."""
        ended = {OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
        broken = [
            f"M-12: {order_id} left {status}"
            for order_id, status in self.orders.items()
            if status in ended and after.orders[order_id] is not status
        ]
        for receipt_id, was in self.receipts.items():
            now = after.receipts[receipt_id]
            if was.frozen and now.frozen and _moved_out(was, now):
                broken.append(f"M-15: {receipt_id} moved while frozen")
        for attempt in after.attempts.values():
            rivals = [item for item in self.attempts.values() if item.order_id == attempt.order_id]
            stuck = any(item.in_flight and (item.status == "pending" or item.last_contact_failed) for item in rivals)
            if attempt.id not in self.attempts and stuck:
                broken.append(f"M-18: {attempt.id} is a second way to pay")
        return broken


def _moved_out(was: Receipt, now: Receipt) -> bool:
    known = {refund.id: refund for refund in was.refunds}
    for refund in now.refunds:
        old = known.get(refund.id)
        sent = refund.status is RefundStatus.SENDING and (old is None or old.status is not RefundStatus.SENDING)
        if old is None or sent or refund.body_paid_vnd > old.body_paid_vnd:
            return True
    others = [piece for piece in now.slices if piece.beneficiary != now.holder]
    before = {(p.order_id, p.line_no, p.beneficiary, p.code): p.disbursed_vnd for p in was.slices}
    live = now.taken_back_vnd == was.taken_back_vnd
    return (
        live
        and any(p.disbursed_vnd > before.get((p.order_id, p.line_no, p.beneficiary, p.code), 0) for p in others)
        and not any(refund.status is RefundStatus.WITHDRAWN for refund in now.refunds)
    )


def pick(choices: Sequence[T], choice: int) -> T:
    """One of several, by any integer."""
    return choices[choice % len(choices)]


def shares_for(a: int, b: int) -> tuple[Share, ...]:
    """A split between one and four of the town's bodies, the rest share anywhere."""
    patterns: tuple[tuple[int | None, ...], ...] = (
        (None,), (650_000, 200_000, None), (None, 500_000), (333_333, None, 333_333), (100_000, 100_000, None, 799_999),
    )  # fmt: skip
    pattern = pick(patterns, a)
    return tuple(Share(BODIES[(b + 5 * n) % len(BODIES)], pick(CODES, a + n), ppm) for n, ppm in enumerate(pattern))
