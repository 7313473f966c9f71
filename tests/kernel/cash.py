"""Small worlds for money tests: an order, its attempts, and the cash that lands on them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from paygw.kernel.decide import Decision, Landing, Scene, see_payment
from paygw.kernel.evidence import AttemptStatus, Authority, PaymentSeen, ReversalSeen
from paygw.kernel.orders import Attempt, Line, Obligation, Order, OrderStatus, Share, Situation
from paygw.kernel.posting import Posting
from paygw.kernel.receipts import Mode, Purse, Receipt, Refund, RefundRoute, RefundSource, RefundStatus, Slice
from paygw.kernel.refunds import Moved, approve_refund
from paygw.kernel.settlement import Destination, settle_receipt

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
THREE = (Share("land", "1.2.3.4", 650_000), Share("city", "5.6.7.8", 200_000), Share("fund", "9.9.9.9", None))
ALONE = (Share("land", "1.2.3.4", None),)
CARD, QR = "card-a", "qr-a"
ACCOUNT = "9704"
HOLDER = "land"


def line(no: int, amount_vnd: int, obligation_id: str = "o1", shares: tuple[Share, ...] = THREE) -> Line:
    return Line(no, f"component-{no}", obligation_id, amount_vnd, shares)


def obligation(*lines: Line) -> Obligation:
    return Obligation(lines[0].obligation_id, sum(item.amount_vnd for item in lines), lines)


def attempt(
    attempt_id: str = "a1",
    *,
    amount_vnd: int = 1000,
    bank: str = CARD,
    status: AttemptStatus = AttemptStatus.REDIRECTED,
    order_id: str = "ord",
) -> Attempt:
    return Attempt(attempt_id, order_id, bank, "m", f"ref-{attempt_id}", amount_vnd, status)


def situation(
    *obligations: Obligation,
    attempts: Iterable[Attempt] = (),
    status: OrderStatus = OrderStatus.OPEN,
    order_id: str = "ord",
) -> Situation:
    owed = obligations or (obligation(line(1, 1000)),)
    total_vnd = sum(item.amount_vnd for item in owed)
    order = Order(order_id, "portal", status, total_vnd, 1, NOW + timedelta(days=1))
    return Situation(order, owed, tuple(attempts) or (attempt(amount_vnd=total_vnd),))


def scene(
    mode: Mode = "custody",
    *,
    bank: str = CARD,
    home: Literal["provider", "account"] = "provider",
    new_id: str = "r1",
    authority: Authority = Authority.NOTICE,
    held_reversals: tuple[ReversalSeen, ...] = (),
) -> Scene:
    holder = HOLDER if home == "account" else None
    landing = Landing(home=home, account=ACCOUNT if home == "account" else "", holder=holder)
    return Scene(
        mode=mode,
        now=NOW,
        bank=bank,
        merchant="m",
        receipts_per_attempt="one" if bank == CARD else "many",
        authority=authority,
        new_id=new_id,
        landing=landing,
        held_reversals=held_reversals,
    )


def payment(
    attempt_id: str | None = "a1", amount_vnd: int = 1000, *, txn: str | None = "t1", minute: int = 0
) -> PaymentSeen:
    ref = None if attempt_id is None else f"ref-{attempt_id}"
    return PaymentSeen(
        attempt_ref=ref, bank_txn_id=txn, amount_vnd=amount_vnd, occurred_at=NOW + timedelta(minutes=minute)
    )


def pay(
    before: Situation,
    amount_vnd: int = 1000,
    *,
    attempt_id: str = "a1",
    receipt_id: str = "r1",
    mode: Mode = "custody",
    home: Literal["provider", "account"] = "provider",
    minute: int = 0,
) -> Decision:
    """Cash lands on an attempt: by card at the provider, by transfer on the account."""
    payer = next(item for item in before.attempts if item.id == attempt_id)
    here = scene(mode, bank=payer.bank, home=home, new_id=receipt_id)
    return see_payment(before, payer, payment(attempt_id, amount_vnd, txn=receipt_id, minute=minute), here)


def paid(mode: Mode = "custody", *, amount_vnd: int = 1000, settled: bool = False) -> Situation:
    """An order of one line, paid by card; settled with our account or with the body `land`."""
    owed = obligation(line(1, amount_vnd))
    after = pay(situation(owed, attempts=[attempt(amount_vnd=amount_vnd)]), amount_vnd, mode=mode).situation
    return settle(after, mode) if settled else after


def settle(before: Situation, mode: Mode, receipt_id: str = "r1") -> Situation:
    moved = settle_receipt(before.purse, receipt_id, f"b1:{receipt_id}", destination(mode), mode)
    return replace(before, purse=moved.purse)


def destination(mode: Mode) -> Destination:
    return Destination(account=ACCOUNT) if mode == "custody" else Destination(account=ACCOUNT, holder=HOLDER)


def slice_of(receipt: Receipt, beneficiary: str) -> Slice:
    return next(piece for piece in receipt.slices if piece.beneficiary == beneficiary)


def refund(
    amount_vnd: int, *, source: RefundSource = "component", refund_id: str = "f1", receipt_id: str = "r1"
) -> Refund:
    return Refund(refund_id, receipt_id, source, amount_vnd, RefundStatus.REQUESTED)


def approved(before: Situation, asked: Refund) -> Moved:
    """Approve a refund; a component refund is of line 1."""
    return approve_refund(
        before.purse, asked, order_id="ord", line=lines(before)[1] if asked.source == "component" else None
    )


def lines(world: Situation) -> dict[int, Line]:
    return {item.no: item for owed in world.obligations for item in owed.lines}


def with_purse(before: Situation, purse: Purse) -> Situation:
    return replace(before, purse=purse)


def get_refund(purse: Purse, refund_id: str = "f1") -> Refund:
    return next(item for item in purse.refunds if item.id == refund_id)


def entries(posting: Posting) -> list[tuple[str, int]]:
    """What a posting books: (account, amount), debit above zero."""
    return [(entry.account, entry.amount_vnd) for entry in posting.entries]


def route(mode: Mode) -> RefundRoute:
    return "transfer" if mode == "custody" else "holder"
