"""What providers and banks do with money that landed: take it back, dispute it, settle it, charge for it."""

from collections.abc import Callable

from paygw.kernel.decide import release_obligation, see_dispute, see_reversal
from paygw.kernel.evidence import DisputeNewsStatus, DisputeSeen, ReversalSeen
from paygw.kernel.news import lines_of
from paygw.kernel.posting import h_bank, h_provider, held_by
from paygw.kernel.receipts import Receipt
from paygw.kernel.reversals import disprove
from paygw.kernel.settlement import AccountEvent, account_event, settle_outgoing, settle_receipt
from tests.properties.town import ACCOUNTS, BODIES, HOLDERS, KINDS, Dispute, Town, pick


def reverse(town: Town, a: int, b: int, c: int) -> None:
    """A provider takes a payment back whole; it may say so twice, or of another amount."""
    if not town.receipts():
        return
    receipt = pick(town.receipts(), a)
    amount_vnd = receipt.amount_vnd if b % 9 else receipt.amount_vnd + 1
    fits = amount_vnd == receipt.amount_vnd and not receipt.taken_back_vnd and not receipt.dispute_vnd
    if fits and receipt.home == "account" and not town.can_pay(receipt.account, amount_vnd):
        return
    ref, _, _ = receipt.key.partition("|")
    seen = ReversalSeen(
        reversal_id=f"rev-{receipt.id}" if c % 7 else f"rev-{c}",
        attempt_ref=receipt.key.rsplit("|", 1)[1],
        bank_txn_id=receipt.key.rsplit("|", 1)[1],
        amount_vnd=amount_vnd,
        occurred_at=town.now(),
    )
    assert ref
    town.decide(see_reversal(town.home(receipt.id), seen, town.scene(receipt.bank)))
    if fits:
        town.told_back.add(receipt.key)
        _provider_line(town, receipt, -amount_vnd)


def reverse_early(town: Town, a: int, b: int, c: int) -> None:
    """A reversal arrives before the payment it takes back."""
    del b, c
    cards = [item for item in town.attempts() if KINDS[item.bank].receipts_per_attempt == "one"]
    if not cards:
        return
    known = pick(cards, a)
    key = f"{known.bank}|m|{known.ref}"
    if key in town.landed or key in town.held:
        return
    town.held[key] = ReversalSeen(
        reversal_id=f"early-{known.id}",
        attempt_ref=known.ref,
        bank_txn_id=None,
        amount_vnd=known.amount_vnd,
        occurred_at=town.now(),
    )


def dispute(town: Town, a: int, b: int, c: int) -> None:
    """A card payment is disputed in full or in part; later the dispute is won or lost."""
    live = [name for name, item in town.disputes.items() if item.open]
    if live and c % 2:
        name = pick(live, a)
        _dispute_news(town, name, pick((DisputeNewsStatus.WON, DisputeNewsStatus.LOST), b))
        return
    cards = [r for r in town.receipts() if KINDS[r.bank].disputes and not r.dispute_vnd and not r.taken_back_vnd]
    if cards:
        receipt = pick(cards, a)
        name = town.new("d")
        parts = (receipt.amount_vnd, max(receipt.amount_vnd // 3, 1), max(receipt.amount_vnd - 1, 1))
        town.disputes[name] = Dispute(receipt.id, pick(parts, b))
        at_once = (DisputeNewsStatus.OPENED, DisputeNewsStatus.OPENED, DisputeNewsStatus.LOST, DisputeNewsStatus.WON)
        _dispute_news(town, name, pick(at_once, c // 2), new=True)


def _dispute_news(town: Town, name: str, status: DisputeNewsStatus, *, new: bool = False) -> None:
    item = town.disputes[name]
    receipt = next(r for r in town.receipts() if r.id == item.receipt_id)
    seen = DisputeSeen(
        dispute_id=name,
        attempt_ref=None,
        bank_txn_id=None,
        status=status,
        amount_vnd=item.amount_vnd,
        occurred_at=town.now(),
    )
    known = None if new else DisputeNewsStatus.OPENED
    town.decide(see_dispute(town.home(receipt.id), seen, town.scene(receipt.bank), known=known, receipt=receipt))
    item.open = status is DisputeNewsStatus.OPENED
    if new:
        town.outgoing.append((receipt.id, -item.amount_vnd))
    if status is DisputeNewsStatus.WON:
        town.outgoing.append((receipt.id, item.amount_vnd))


def deny(town: Town, a: int, b: int, c: int) -> None:
    """Row 19: the provider proves there was no payment; two persons agree. It never comes in a settlement."""
    del b, c
    cards = [receipt for receipt in town.receipts() if receipt.home == "provider"]
    if cards:
        receipt = pick(cards, a)
        world = town.home(receipt.id)
        town.move(receipt.id, disprove(world.purse, receipt.id, town.new("case"), town.mode, lines_of(world)))


def release(town: Town, a: int, b: int, c: int) -> None:
    """Two persons let a new order pay what a provider took back."""
    del c
    if town.worlds:
        world = town.load(pick(list(town.worlds), a))
        town.save(release_obligation(world, pick(world.obligations, b).id))


def settle(town: Town, a: int, b: int, c: int) -> None:
    """A provider pays one receipt out, or nets one line it paid or took back."""
    if c % 2 and town.outgoing:
        _net_line(town, a, b)
        return
    due = [r for r in town.receipts() if r.home == "provider" and not r.settled and "case" not in r.taken_back_by]
    if due:
        receipt = pick(due, a)
        line_key = f"{town.new('s')}:1"
        town.move(
            receipt.id,
            settle_receipt(town.home(receipt.id).purse, receipt.id, line_key, town.destination(b), town.mode),
        )


def _net_line(town: Town, a: int, b: int) -> None:
    """A line of the provider's pot that is no receipt; the rest of the settlement is large enough to net it."""
    line = pick(town.outgoing, a)
    receipt_id, amount_vnd = line
    receipt = next(r for r in town.receipts() if r.id == receipt_id)
    to = town.destination(b)
    if amount_vnd < 0 and not (town.mode == "routing" or town.can_pay(to.account, -amount_vnd)):
        return
    town.outgoing.remove(line)
    town.book([settle_outgoing(receipt, -amount_vnd, f"{town.new('s')}:1", to, town.mode)])
    town.memo[to.ledger_account(town.mode)] += amount_vnd
    town.memo[h_provider(receipt.bank, receipt.merchant)] -= amount_vnd


def _provider_line(town: Town, receipt: Receipt, amount_vnd: int) -> None:
    """A line that the provider will put into a settlement."""
    if receipt.home == "provider":
        town.outgoing.append((receipt.id, amount_vnd))


_MOVEMENTS: tuple[tuple[AccountEvent, str, int], ...] = (
    ("fee_kept", "DUE:operator", -1),
    ("fee_topped_up", "DUE:operator", 1),
    ("bank_charge", "DUE:operator", -1),
    ("interest", "INT:{party}", 1),
    ("unidentified_debit", "UBD", -1),
    ("debit_returned", "UBD", 1),
    ("debit_known", "UBD", 1),
    ("prefunded", "PF:{party}", 1),
    ("claim_paid", "CLAIM:{party}", 1),
    ("claim_opened", "CLAIM:{party}", -1),
)


def account(town: Town, a: int, b: int, c: int) -> None:
    """A movement on an account that is no receipt: fees, charges, interest, debits, prefunding, claims."""
    event, other, sign = pick(_MOVEMENTS, a)
    where = pick(ACCOUNTS, b)
    holding = h_bank(where) if town.mode == "custody" else held_by(pick(HOLDERS, b))
    amount_vnd = 1 + c % 50
    if other == "DUE:operator":
        amount_vnd = min(amount_vnd, town.due[where]) if sign > 0 else amount_vnd
    if event in {"debit_returned", "debit_known"}:
        amount_vnd = min(amount_vnd, town.stands["UBD"])
    if amount_vnd <= 0 or (sign < 0 and not town.can_pay(where, amount_vnd)):
        return
    party = "card" if event in {"claim_paid", "claim_opened"} else pick(BODIES, c)
    town.book([account_event(event, town.new("m"), amount_vnd, holding=holding, party=party)])
    town.memo[holding] += sign * amount_vnd
    town.memo[other.format(party=party)] -= sign * amount_vnd
    if other == "DUE:operator":
        town.due[where] -= sign * amount_vnd


PROVIDER_DEEDS: tuple[Callable[[Town, int, int, int], None], ...] = (
    reverse, reverse_early, dispute, dispute, deny, release, settle, settle, settle, account,
)  # fmt: skip
