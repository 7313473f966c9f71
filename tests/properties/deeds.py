"""What payers, providers, banks, bodies and staff do in the town; each deed takes three integers to choose by.

A deed that the kernel refuses (`Refused`) leaves the town as it was; anything else that goes wrong is a finding.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from paygw.kernel.decide import identify, see_attempt, see_payment, thaw
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, PaymentSeen
from paygw.kernel.orders import (
    LIVE_ORDER,
    Attempt,
    Line,
    Obligation,
    Order,
    OrderStatus,
    Situation,
    close_order,
    contact_failed,
    rest_to_pay_vnd,
    start_attempt,
)
from tests.properties.provider_deeds import PROVIDER_DEEDS, settle
from tests.properties.refund_deeds import REFUND_DEEDS, pass_on
from tests.properties.town import BANKS, KINDS, Town, pick, shares_for

Deed = Callable[[Town, int, int, int], None]
AMOUNTS_VND = (1, 7, 20, 100, 999, 1000, 2500, 50_000)
ORDERS_MAX = 5


def order(town: Town, a: int, b: int, c: int) -> None:
    """A portal asks for money: new obligations, or a second order for the same ones (all, or one in a cart)."""
    if len(town.worlds) >= ORDERS_MAX:
        return
    owed = _again(town, b) if c % 3 == 0 else []
    if not owed or c % 2:
        for n in range(1 + a % 2):
            name = town.new("o")
            numbers = range(1, 2 + (b + n) % 2)
            lines = tuple(
                Line(no, f"k{no}", name, pick(AMOUNTS_VND, a + b * no + n), shares_for(a + no, b + n)) for no in numbers
            )
            owed.append(Obligation(name, sum(line.amount_vnd for line in lines), lines))
    order_id = town.new("ord")
    total_vnd = sum(item.amount_vnd for item in owed)
    expires_at = town.now() + timedelta(days=1)
    order = Order(order_id, "portal", OrderStatus.OPEN, total_vnd, 1, expires_at)
    town.save(Situation(order, _numbered(owed)))


def _again(town: Town, choice: int) -> list[Obligation]:
    """The obligations of an earlier order, where a portal may ask for them once more."""
    if not town.worlds:
        return []
    earlier = town.load(pick(list(town.worlds), choice)).obligations
    busy = any(item.order_id or item.attempt_id for item in earlier)
    return [] if busy else list(earlier)


def _numbered(owed: list[Obligation]) -> tuple[Obligation, ...]:
    """Lines numbered anew within the order."""
    number = 0
    numbered: list[Obligation] = []
    for item in owed:
        lines = tuple(replace(line, no=number + n) for n, line in enumerate(item.lines, start=1))
        number += len(lines)
        numbered.append(replace(item, lines=lines))
    return tuple(numbered)


def attempt(town: Town, a: int, b: int, c: int) -> None:
    """A payer starts to pay, perhaps after giving up a redirected attempt."""
    live = [key for key, world in town.worlds.items() if world.order and world.order.status in LIVE_ORDER]
    if not live:
        return
    world = town.load(pick(live, a))
    assert world.order is not None
    given_up = frozenset(item.id for item in world.attempts) if c % 2 else frozenset[str]()
    name = town.new("a")
    amount_vnd = rest_to_pay_vnd(world)
    started = Attempt(name, world.order.id, pick(BANKS, b).id, "m", f"ref-{name}", amount_vnd, AttemptStatus.REDIRECTED)
    if amount_vnd:
        town.save(start_attempt(world, started, set_aside=given_up))


def attempt_news(town: Town, a: int, b: int, c: int) -> None:
    """The bank speaks of an attempt without cash, at some authority."""
    if not town.attempts():
        return
    known = pick(town.attempts(), a)
    statuses = (AttemptStatus.EXPIRED, AttemptStatus.PENDING, AttemptStatus.CANCELLED, AttemptStatus.FAILED)
    authority = Authority.BEARER if c % 7 == 0 else Authority.QUERY
    world = town.load(known.order_id)
    news = AttemptSeen(attempt_ref=known.ref, status=pick(statuses, b), occurred_at=town.now(), not_paid=c % 11 == 0)
    town.decide(see_attempt(world, known, news, town.scene(known.bank, authority=authority)))


def silence(town: Town, a: int, b: int, c: int) -> None:
    """A bank does not answer."""
    del b, c
    if town.attempts():
        silent = contact_failed(pick(town.attempts(), a))
        town.save(town.load(silent.order_id).with_attempt(silent))


def pay(town: Town, a: int, b: int, c: int) -> None:
    """Cash lands on an attempt: whole, short, over or told again."""
    if not town.attempts():
        return
    payer = pick(town.attempts(), a)
    kind = KINDS[payer.bank]
    amounts = (payer.amount_vnd, payer.amount_vnd, payer.amount_vnd // 2, payer.amount_vnd + 3, payer.amount_vnd - 1)
    amount_vnd = pick(amounts, b)
    if kind.receipts_per_attempt == "one" and c % 9:
        amount_vnd = payer.amount_vnd
    txn = f"{payer.ref}-{c % 3}"
    payment = PaymentSeen(attempt_ref=payer.ref, bank_txn_id=txn, amount_vnd=amount_vnd, occurred_at=town.now())
    _land(town, payer, payment, KINDS[payer.bank].id)


def _land(town: Town, payer: Attempt | None, payment: PaymentSeen, bank: str) -> None:
    scene = town.scene(bank)
    known = next((r for r in town.receipts() if r.bank == bank and r.key.endswith(_tail(payment, bank))), None)
    if known is not None:
        world = town.home(known.id)
        here = payer if payer and world.order and payer.order_id == world.order.id else None
    else:
        world = town.load(payer.order_id) if payer else Situation(order=None)
        here = payer
    fresh = next((item for item in world.attempts if here and item.id == here.id), None)
    decision = see_payment(world, fresh, payment, scene)
    town.decide(decision)
    for receipt in decision.situation.purse.receipts:
        if receipt.id == scene.new_id:
            town.landed[receipt.key] = receipt.amount_vnd
            early = town.held.get(receipt.key)
            if early is not None and early.amount_vnd == receipt.amount_vnd:
                town.told_back.add(receipt.key)
            town.adopt_late(receipt)


def _tail(payment: PaymentSeen, bank: str) -> str:
    one = KINDS[bank].receipts_per_attempt == "one"
    return f"|{payment.attempt_ref}" if one else f"|{payment.bank_txn_id}"


def stray(town: Town, a: int, b: int, c: int) -> None:
    """A transfer that names no order, perhaps seen twice."""
    txn = f"stray-{a % 4}"
    amount_vnd = pick(AMOUNTS_VND, b)
    known = next((r for r in town.receipts() if r.key.endswith(f"|{txn}")), None)
    if known is not None and c % 9:
        amount_vnd = known.amount_vnd
    payment = PaymentSeen(attempt_ref=None, bank_txn_id=txn, amount_vnd=amount_vnd, occurred_at=town.now())
    _land(town, None, payment, "qr")


def name_stray(town: Town, a: int, b: int, c: int) -> None:
    """A later observation, or two persons, name the order of a stray transfer."""
    del c
    if not town.loose or not town.worlds:
        return
    receipt = pick(list(town.loose.values()), a)
    world = town.load(pick(list(town.worlds), b))
    payer = next((item for item in world.attempts if item.bank == receipt.bank), None)
    town.decide(identify(world, receipt, payer, town.scene(receipt.bank)))


def unfreeze(town: Town, a: int, b: int, c: int) -> None:
    """Settlement or two persons decide a conflict or a block."""
    del b, c
    odd = [receipt for receipt in town.receipts() if receipt.conflict or receipt.blocked]
    if odd:
        receipt = pick(odd, a)
        town.decide(thaw(town.home(receipt.id), receipt.id, town.scene(receipt.bank)))


def close(town: Town, a: int, b: int, c: int) -> None:
    """An order expires or is cancelled."""
    del c
    if town.worlds:
        world = town.load(pick(list(town.worlds), a))
        town.save(close_order(world, pick((OrderStatus.EXPIRED, OrderStatus.CANCELLED), b)))


PAYER_DEEDS: tuple[Deed, ...] = (
    order, order, attempt, attempt, attempt, attempt_news, attempt_news, silence, pay, pay, pay, pay, pay, stray,
    name_stray, unfreeze, close,
)  # fmt: skip


def open_town(town: Town, a: int, b: int, c: int) -> None:
    """A first day: an order that is paid, settled where it must be, and a slice of it passed on."""
    order(town, a, b, 1)
    attempt(town, 0, c, 0)
    first = town.attempts()[0]
    payment = PaymentSeen(
        attempt_ref=first.ref, bank_txn_id="first", amount_vnd=first.amount_vnd, occurred_at=town.now()
    )
    _land(town, first, payment, first.bank)
    settle(town, 0, a, 0)
    if b % 3:
        pass_on(town, c, 0, 0)


DEEDS: dict[str, Deed] = {deed.__name__: deed for deed in (*PAYER_DEEDS, *PROVIDER_DEEDS, *REFUND_DEEDS)}
NAMES: tuple[str, ...] = tuple(deed.__name__ for deed in (*PAYER_DEEDS, *PROVIDER_DEEDS, *REFUND_DEEDS))
