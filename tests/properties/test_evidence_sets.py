"""M-22: evidence is a set. Any order and repetition of one set ends in one ledger and one state.

The decisions are fixed beforehand: which orders and attempts there are, which refunds were approved and sent. One
attempt per order brings money, so that no evidence competes for an allocation. Whether a receipt was allocated before
it was taken back is such a decision too: of a reversed receipt only the money is compared, not its order's status.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paygw.kernel.decide import see_attempt, see_dispute, see_payment, see_refund, see_reversal
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    DisputeNewsStatus,
    DisputeSeen,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.kernel.orders import Attempt, Situation
from paygw.kernel.receipts import Mode, Purse, Receipt, Refund, RefundStatus
from paygw.kernel.refunds import approve_refund, send_refund
from tests.properties.deeds import order
from tests.properties.town import BANKS, DAWN, KINDS, Town

MODES: tuple[Mode, ...] = ("custody", "routing")


class Post:
    """Delivers evidence to a town, keeping what comes too early as the hub does."""

    def __init__(self, mode: Mode, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a seed must give the same town again
        self.town = Town(mode)
        self.disputed: dict[str, DisputeNewsStatus] = {}
        self.early: list[DisputeSeen] = []
        for _ in range(3):
            order(self.town, self.dice.randrange(99), self.dice.randrange(99), 1)
        for n, order_id in enumerate(list(self.town.worlds)):
            bank = BANKS[self.dice.randrange(len(BANKS))].id
            world = self.town.load(order_id)
            assert world.order is not None
            attempts = [
                Attempt(f"a{n}{m}", order_id, bank, "m", f"ref{n}{m}", world.order.amount_vnd, AttemptStatus.REDIRECTED)
                for m in range(2)
            ]
            self.town.save(replace(world, attempts=tuple(attempts)))
        if self.dice.randrange(2):
            self._refund_one()

    def _refund_one(self) -> None:
        """The first order is paid and refunds of it are on their way before anything else is seen."""
        world = self.town.load(next(iter(self.town.worlds)))
        self.deliver(self._cash(world.attempts[0]))
        receipt = self.town.receipts()[0]
        line = world.obligations[0].lines[0]
        parts = [line.amount_vnd // 2, line.amount_vnd - line.amount_vnd // 2]
        for n, amount_vnd in enumerate(part for part in parts if part):
            here = self.town.home(receipt.id)
            asked = _asked(f"f{n}", receipt.id, amount_vnd)
            self.town.move(receipt.id, approve_refund(here.purse, asked, order_id=receipt.order_id, line=line))
            purse = self.town.home(receipt.id).purse
            if next(r for r in purse.refunds if r.id == asked.id).funded:
                self.town.move(receipt.id, send_refund(purse, receipt.id, asked.id, "provider"))

    def evidence(self) -> list[Evidence]:
        """One set: payments, strays, reversals, disputes, outcomes of refunds, other news."""
        found: list[Evidence] = []
        for world in self.town.worlds.values():
            payer, idle = world.attempts
            found.append(self._cash(payer))
            found += [
                AttemptSeen(attempt_ref=item.ref, status=self._status(), occurred_at=DAWN)
                for item in (payer, idle, idle)
            ]
            fate = self.dice.randrange(4)
            if fate == 0:
                found.append(self._reversal(payer))
            elif fate == 1 and KINDS[payer.bank].disputes:
                found += self._dispute(payer)
        for refund in (item for receipt in self.town.receipts() for item in receipt.refunds):
            outcomes = self.dice.choice([["succeeded"], ["failed"], ["succeeded", "returned"], ["failed", "returned"]])
            found += [
                RefundSeen(
                    refund_ref=refund.id,
                    status=RefundNewsStatus(status),
                    amount_vnd=refund.amount_vnd,
                    occurred_at=DAWN,
                )
                for status in outcomes
            ]
        found.append(PaymentSeen(attempt_ref=None, bank_txn_id="stray", amount_vnd=77, occurred_at=DAWN))
        return found

    def _cash(self, payer: Attempt) -> PaymentSeen:
        occurred_at = DAWN + timedelta(hours=1)
        return PaymentSeen(
            attempt_ref=payer.ref, bank_txn_id=f"t{payer.ref}", amount_vnd=payer.amount_vnd, occurred_at=occurred_at
        )

    def _status(self) -> AttemptStatus:
        return self.dice.choice([AttemptStatus.PENDING, AttemptStatus.EXPIRED, AttemptStatus.FAILED])

    def _reversal(self, payer: Attempt) -> ReversalSeen:
        return ReversalSeen(
            reversal_id=f"v{payer.ref}",
            attempt_ref=payer.ref,
            bank_txn_id=f"t{payer.ref}",
            amount_vnd=payer.amount_vnd,
            occurred_at=DAWN,
        )

    def _dispute(self, payer: Attempt) -> list[DisputeSeen]:
        end = self.dice.choice([DisputeNewsStatus.WON, DisputeNewsStatus.LOST])
        return [
            DisputeSeen(
                dispute_id=f"d{payer.ref}",
                attempt_ref=payer.ref,
                bank_txn_id=None,
                status=status,
                amount_vnd=payer.amount_vnd,
                occurred_at=DAWN,
            )
            for status in (DisputeNewsStatus.OPENED, end)
        ]

    def deliver(self, item: Evidence) -> None:
        """One message arrives."""
        match item:
            case PaymentSeen():
                self._deliver_cash(item)
            case AttemptSeen():
                payer = self._attempt(item.attempt_ref)
                scene = self.town.scene(payer.bank)
                self.town.decide(see_attempt(self.town.load(payer.order_id), payer, item, scene))
            case ReversalSeen():
                self._deliver_reversal(item)
            case DisputeSeen():
                self._deliver_dispute(item)
            case RefundSeen():
                receipt = next(r for r in self.town.receipts() for f in r.refunds if f.id == item.refund_ref)
                refund = next(f for f in receipt.refunds if f.id == item.refund_ref)
                here = self.town.home(receipt.id)
                self.town.decide(see_refund(here, refund, item, self.town.scene(receipt.bank)))

    def _deliver_cash(self, item: PaymentSeen) -> None:
        payer = self._attempt(item.attempt_ref) if item.attempt_ref else None
        scene = self.town.scene(payer.bank if payer else "qr")
        known = [receipt for receipt in self.town.loose.values() if payer is None]
        world = self.town.load(payer.order_id) if payer else Situation(order=None, purse=Purse(tuple(known)))
        self.town.decide(see_payment(world, payer, item, scene))
        waiting, self.early = self.early, []
        for news in waiting:
            self.deliver(news)

    def _deliver_reversal(self, item: ReversalSeen) -> None:
        payer = self._attempt(item.attempt_ref or "")
        scene = self.town.scene(payer.bank)
        before = self.town.load(payer.order_id)
        decision = see_reversal(before, item, scene)
        if self._receipt(payer) is None:
            one = KINDS[payer.bank].receipts_per_attempt == "one"
            self.town.held[payer.ref if one else str(item.bank_txn_id)] = item
        self.town.decide(decision)

    def _deliver_dispute(self, item: DisputeSeen) -> None:
        payer = self._attempt(item.attempt_ref or "")
        receipt = self._receipt(payer)
        if receipt is None:
            self.early.append(item)
            return
        known = self.disputed.get(item.dispute_id)
        scene = self.town.scene(payer.bank)
        self.town.decide(see_dispute(self.town.home(receipt.id), item, scene, known=known, receipt=receipt))
        if known is None or known is DisputeNewsStatus.OPENED:
            self.disputed[item.dispute_id] = item.status

    def _attempt(self, ref: str) -> Attempt:
        return next(item for item in self.town.attempts() if item.ref == ref)

    def _receipt(self, payer: Attempt) -> Receipt | None:
        return next((r for r in self.town.receipts() if r.attempt_id == payer.id), None)

    def outcome(self) -> tuple[object, ...]:
        """Everything that must not depend on the order of arrival."""
        reversed_orders = {receipt.order_id for receipt in self.town.receipts() if receipt.taken_back_vnd}
        statuses = {
            world.order.id: world.order.status
            for world in self.town.worlds.values()
            if world.order and world.order.id not in reversed_orders
        }
        receipts = {
            r.key: (
                r.amount_vnd,
                r.free_vnd,
                r.refund_due_vnd,
                r.taken_back_vnd,
                r.claim_vnd,
                r.dispute_vnd,
                r.live_vnd,
            )
            for r in self.town.receipts()
        }
        return (
            {account: vnd for account, vnd in self.town.stands.items() if vnd},
            {attempt.id: attempt.status for attempt in self.town.attempts()},
            {refund.id: refund.status for receipt in self.town.receipts() for refund in receipt.refunds},
            {receipt.key: receipt.conflict for receipt in self.town.receipts()},
            statuses,
            receipts,
        )


def _asked(refund_id: str, receipt_id: str, amount_vnd: int) -> Refund:
    return Refund(refund_id, receipt_id, "component", amount_vnd, RefundStatus.REQUESTED)


def _arrive(mode: Mode, seed: int, order_of: Callable[[list[Evidence]], list[Evidence]]) -> tuple[object, ...]:
    post = Post(mode, seed)
    for item in order_of(post.evidence()):
        post.deliver(item)
    return post.outcome()


@settings(max_examples=120, derandomize=True)
@given(mode=st.sampled_from(MODES), seed=st.integers(0, 10_000), data=st.data())
def test_any_order_and_repetition_of_one_evidence_set_ends_alike(mode: Mode, seed: int, data: st.DataObject) -> None:
    def shuffled(items: list[Evidence]) -> list[Evidence]:
        repeated = data.draw(st.lists(st.sampled_from(items), max_size=5))
        return data.draw(st.permutations([*items, *repeated]))

    assert _arrive(mode, seed, shuffled) == _arrive(mode, seed, list)


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
def test_thousands_of_arrival_orders_end_alike(mode: Mode) -> None:
    for seed in range(1000):
        wanted = _arrive(mode, seed, list)
        for arrival in range(10):
            dice = random.Random(seed * 10 + arrival)  # noqa: S311 - the same arrival again

            def shuffled(items: list[Evidence], dice: random.Random = dice) -> list[Evidence]:
                repeated = [*items, *dice.choices(items, k=4)]
                dice.shuffle(repeated)
                return repeated

            assert _arrive(mode, seed, shuffled) == wanted, f"seed {seed}, arrival {arrival}"
