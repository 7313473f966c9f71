"""One pretend bank: its sessions and its money. Money facts are on the disk before anybody hears of them."""

import heapq
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import msgspec

from paygw.simulators.config import BEHAVED, Misbehaviour, SandboxBankConfig
from paygw.simulators.facts import (
    Closing,
    ClosingStatus,
    MoneyFact,
    News,
    OtherFact,
    Payment,
    Posted,
    Refund,
    RefundStatus,
    Reversal,
    Session,
)
from paygw.simulators.journal import Journal

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
ATTEMPTS_MISBEHAVING_MAX = 10_000
CLOSED = frozenset({"failed", "expired", "cancelled"})
_OUTCOMES_AFTER: dict[str, frozenset[RefundStatus]] = {
    "pending": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"returned"}),
}


class Impossible(Exception):
    """The bank cannot do this; `code` is the protocol's word for why."""

    def __init__(self, code: str, status: int = 422) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class Bank:
    """The memory of one bank over its two files, `truth.jsonl` (money) and `journal.jsonl` (everything else)."""

    def __init__(
        self,
        config: SandboxBankConfig,
        folder: Path,
        clock: Callable[[], datetime],
        number: Callable[[str, int, str], str],
    ) -> None:
        self.config = config
        self._number = number
        self.clock = clock
        self.announce: Callable[[News], None] = _unheard
        self.sessions: dict[str, Session] = {}
        self.closings: dict[str, Closing] = {}
        self.payments: dict[str, Payment] = {}
        self.reversals: dict[str, Reversal] = {}  # by the payment's bank_txn_id
        self.refunds: dict[str, Refund] = {}
        self.posted: set[str] = set()  # event ids that are done with
        self.faults: dict[str | None, Misbehaviour] = {}
        self._refunds_of: dict[str, set[str]] = {}  # refund_refs by the payment's bank_txn_id
        self._refund_history: list[Refund] = []
        self._by_session_id: dict[str, Session] = {}
        self._by_attempt: dict[str, list[Payment]] = {}
        self._expiries: list[tuple[datetime, str]] = []
        self.truth: Journal[MoneyFact] = Journal(folder / "truth.jsonl", msgspec.json.Decoder(MoneyFact))
        self.journal: Journal[OtherFact] = Journal(folder / "journal.jsonl", msgspec.json.Decoder(OtherFact))
        for fact in (*self.journal.facts, *self.truth.facts):
            self._remember(fact)
        self._serial = len(self.truth.facts)

    def news(self) -> list[News]:
        """Every fact a webhook tells, oldest first."""
        told: list[News] = [*self.closings.values(), *self.payments.values()]
        told += [*self.reversals.values(), *self._refund_history]
        return sorted(told, key=lambda fact: fact.occurred_at)

    def fault(self, attempt_ref: str | None) -> Misbehaviour:
        """What goes wrong for this attempt: its own misbehaviour, else the bank's."""
        return self.faults.get(attempt_ref) or self.faults.get(None) or BEHAVED

    def set_fault(self, attempt_ref: str | None, fault: Misbehaviour) -> None:
        """Misbehave from now on. Raises Impossible if too many attempts already have their own way."""
        if attempt_ref not in self.faults and len(self.faults) >= ATTEMPTS_MISBEHAVING_MAX:
            raise Impossible("too_many_misbehaviours", 429)
        self.faults[attempt_ref] = fault

    def use_fault(self, attempt_ref: str | None) -> None:
        """Count down a misbehaviour that lasts a number of times."""
        owner = attempt_ref if attempt_ref in self.faults else None
        fault = self.faults.get(owner)
        if fault is None or fault.times is None:
            return
        if fault.times == 1:
            del self.faults[owner]
        else:
            self.faults[owner] = msgspec.structs.replace(fault, times=fault.times - 1)

    async def open(self, wanted: Session) -> tuple[Session, bool]:
        """The session of an attempt and whether it is new. Raises Impossible on another content under one reference."""
        known = self.sessions.get(wanted.attempt_ref)
        if known is not None:
            same = msgspec.structs.replace(wanted, session_id=known.session_id, opened_at=known.opened_at) == known
            if not same:
                raise Impossible("session_differs", 409)
            return known, False
        self._remember(wanted)
        await self.journal.append(wanted)
        return wanted, True

    def session_of_page(self, session_id: str) -> Session | None:
        """The session behind a page."""
        return self._by_session_id.get(session_id)

    def state(self, attempt_ref: str) -> Literal["open", "pending", "paid", "failed", "expired", "cancelled"]:
        """The state of a session as the protocol words it."""
        if self._by_attempt.get(attempt_ref):
            return "paid"
        closing = self.closings.get(attempt_ref)
        return closing.status if closing else "open"

    def payments_of(self, attempt_ref: str) -> list[Payment]:
        """Every payment that names this attempt."""
        return self._by_attempt.get(attempt_ref, [])

    async def pay(
        self, attempt_ref: str | None, amount_vnd: int, *, memo: str = "", occurred_at: datetime | None = None
    ) -> Payment:
        """A person's money lands, whatever the state of the session."""
        at = occurred_at or self.clock()
        payment = Payment(
            bank_txn_id=self._next_id("FT", at),
            attempt_ref=attempt_ref,
            amount_vnd=amount_vnd,
            occurred_at=at,
            merchant=self.config.merchant,
            account=self.config.account,
            memo=memo,
        )
        await self._tell(payment)
        return payment

    async def record(self, payment: Payment) -> None:
        """Money that another bank's person moved and this one knows of: keep it and tell it, once."""
        if payment.bank_txn_id not in self.payments:
            await self._tell(payment)

    async def transfer(self, *, amount_vnd: int, memo: str, account: str, virtual_account: str) -> Payment:
        """A person's transfer lands on an account of this bank, whatever it is for."""
        at = self.clock()
        landed = Payment(
            bank_txn_id=self._next_id("FT", at),
            attempt_ref=None,
            amount_vnd=amount_vnd,
            occurred_at=at,
            merchant=self.config.merchant,
            account=account,
            memo=memo,
            virtual_account=virtual_account,
        )
        await self._tell(landed)
        return landed

    async def close(self, attempt_ref: str, status: ClosingStatus, code: str) -> Closing:
        """A session is pending or ends without cash. Raises Impossible once it has ended or was paid."""
        state = self.state(attempt_ref)
        if attempt_ref not in self.sessions or state == "paid" or state in CLOSED:
            raise Impossible("session_closed" if attempt_ref in self.sessions else "unknown_session", 409)
        closing = Closing(attempt_ref=attempt_ref, status=status, code=code, occurred_at=self.clock())
        self._remember(closing)
        await self.journal.append(closing)
        self.announce(closing)
        return closing

    async def reverse(self, bank_txn_id: str) -> Reversal:
        """Take a whole payment back. Raises Impossible if there is none, or it is gone already."""
        payment = self.payments.get(bank_txn_id)
        if payment is None or bank_txn_id in self.reversals:
            raise Impossible("payment_unknown" if payment is None else "already_reversed", 409)
        at = self.clock()
        reversal = Reversal(
            reversal_id=self._next_id("RV", at),
            bank_txn_id=bank_txn_id,
            attempt_ref=payment.attempt_ref,
            amount_vnd=payment.amount_vnd,
            occurred_at=at,
            merchant=payment.merchant,
            account=payment.account,
        )
        await self._tell(reversal)
        return reversal

    async def refund(self, *, refund_ref: str, attempt_ref: str, bank_txn_id: str, amount_vnd: int) -> Refund:
        """Refund once per `refund_ref`; what cannot be refunded is a failed refund with its code."""
        known = self.refunds.get(refund_ref)
        if known is not None:
            if (known.attempt_ref, known.bank_txn_id, known.amount_vnd) != (attempt_ref, bank_txn_id, amount_vnd):
                raise Impossible("refund_differs", 409)
            return known
        code = self._refund_obstacle(attempt_ref, bank_txn_id, amount_vnd)
        outcome = self.fault(attempt_ref).refund_outcome or self.config.refund_outcome
        status: RefundStatus = "failed" if code else outcome
        at = self.clock()
        asked = Refund(
            refund_ref=refund_ref,
            attempt_ref=attempt_ref,
            bank_txn_id=bank_txn_id,
            refund_txn_id=self._next_id("RF", at) if status == "succeeded" else None,
            amount_vnd=amount_vnd,
            status=status,
            code=code or ("refused_by_bank" if status == "failed" else ""),
            occurred_at=at,
        )
        await self._tell(asked)
        return asked

    async def settle_refund(self, refund_ref: str, status: RefundStatus) -> Refund:
        """A pending refund succeeds or fails, a successful one comes back. Raises Impossible otherwise."""
        known = self.refunds.get(refund_ref)
        if known is None or status not in _OUTCOMES_AFTER.get(known.status, frozenset()):
            raise Impossible("unknown_refund" if known is None else "refund_is_final", 409)
        at = self.clock()
        txn_id = known.refund_txn_id if status == "returned" else self._next_id("RF", at)
        after = msgspec.structs.replace(known, status=status, occurred_at=at, refund_txn_id=txn_id)
        if status == "failed":
            after = msgspec.structs.replace(after, refund_txn_id=None, code="refused_by_bank")
        await self._tell(after)
        return after

    async def expire_due(self) -> None:
        """Close the sessions whose time is over and that nobody paid."""
        while self._expiries and self._expiries[0][0] <= self.clock():
            _, attempt_ref = heapq.heappop(self._expiries)
            if self.state(attempt_ref) in {"open", "pending"}:
                await self.close(attempt_ref, "expired", "expired")

    async def done(self, posted: Posted) -> None:
        """Remember that a webhook needs no more sending."""
        self._remember(posted)
        await self.journal.append(posted)

    def shut(self) -> None:
        """Let go of the files."""
        self.truth.close()
        self.journal.close()

    async def _tell(self, fact: MoneyFact) -> None:
        self._remember(fact)
        await self.truth.append(fact)
        self.announce(fact)

    def _refund_obstacle(self, attempt_ref: str, bank_txn_id: str, amount_vnd: int) -> str:
        payment = self.payments.get(bank_txn_id)
        if payment is None or payment.attempt_ref not in {None, attempt_ref}:
            return "payment_unknown"
        if bank_txn_id in self.reversals:
            return "already_reversed"
        taken_vnd = sum(
            refund.amount_vnd
            for refund in (self.refunds[ref] for ref in self._refunds_of.get(bank_txn_id, ()))
            if refund.status in {"pending", "succeeded"}
        )
        return "amount_exceeds_payment" if taken_vnd + amount_vnd > payment.amount_vnd else ""

    def _next_id(self, prefix: str, at: datetime) -> str:
        self._serial += 1
        return self._number(prefix, self._serial, f"{at.astimezone(VIETNAM):%y%j}")

    def _remember(self, fact: MoneyFact | OtherFact) -> None:
        match fact:
            case Session():
                self.sessions[fact.attempt_ref] = self._by_session_id[fact.session_id] = fact
                heapq.heappush(self._expiries, (fact.expires_at, fact.attempt_ref))
            case Closing():
                self.closings[fact.attempt_ref] = fact
            case Payment():
                self.payments[fact.bank_txn_id] = fact
                if fact.attempt_ref is not None:
                    self._by_attempt.setdefault(fact.attempt_ref, []).append(fact)
            case Reversal():
                self.reversals[fact.bank_txn_id] = fact
            case Refund():
                self.refunds[fact.refund_ref] = fact
                self._refunds_of.setdefault(fact.bank_txn_id, set()).add(fact.refund_ref)
                self._refund_history.append(fact)
            case Posted():
                self.posted.add(fact.event_id)


def new_session_id() -> str:
    """Unguessable: whoever knows it may use the page."""
    return secrets.token_urlsafe(18)


def _unheard(_: News) -> None:
    """Nobody listens yet."""
