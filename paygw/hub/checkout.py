"""The payer's side: what an order asks for, where its payment stands, which banks may take it, and one try to pay.

Nothing here believes a browser. A page shows what is stored; coming back from a bank only makes us ask the bank.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.enquiries import enquire_now, found_unpaid
from paygw.hub.frozen import explanation, open_private
from paygw.hub.hub import Hub
from paygw.hub.offers import CLOSED, Hindrance, Place, hindrance_of, require_offered, window_at
from paygw.hub.opening import call_for_session, is_theirs
from paygw.hub.registry import Bank, Portal, Window
from paygw.hub.resuming import resume_now
from paygw.hub.views import labels, paid_vnd, refunded_vnd, unapplied_vnd
from paygw.kernel.connector import Method
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.orders import Order, OrderStatus, Situation, rest_to_pay_vnd
from paygw.store.checkout import CheckoutRead, TryRead, read_checkout

Locale = Literal["vi", "en"]


class Stage(StrEnum):
    """What the payer can do now; one page each."""

    CHOOSE = "choose"  # pick a way to pay
    STARTED = "started"  # sent to a bank, which has said nothing yet
    WAITING = "waiting"  # a bank works on it, or is silent: nothing may be paid a second time
    ELSEWHERE = "elsewhere"  # another order pays, or has paid, the same obligations
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_CLOSED = {
    OrderStatus.PAID: Stage.PAID,
    OrderStatus.CANCELLED: Stage.CANCELLED,
    OrderStatus.EXPIRED: Stage.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One obligation on the page: its components as frozen, the legal basis, and how the amount came about."""

    face: dict[str, Any]
    body_name: str
    explained: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that arrived for this order. `bank_txn_id` is the bank's reference, where it gave one."""

    bank_title: str
    bank_txn_id: str
    amount_vnd: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Everything a payer's page shows, as stored. Amounts are whole đồng."""

    order_id: str
    stage: Stage
    reference: str
    return_url: str
    portal: Portal | None
    payer_name: str
    lines: tuple[Line, ...]
    amount_vnd: int
    rest_vnd: int
    paid_vnd: int
    unapplied_vnd: int
    refunded_vnd: int
    labels: tuple[str, ...]
    expires_at: datetime
    is_partial: bool
    tries: tuple[TryRead, ...]
    payments: tuple[Payment, ...]
    place: Place

    @property
    def newest(self) -> TryRead | None:
        """The latest try to pay."""
        return self.tries[0] if self.tries else None

    @property
    def under_way(self) -> tuple[TryRead, ...]:
        """The tries whose result is still open, newest first."""
        return tuple(item for item in self.tries if item.attempt.in_flight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to pay. `hindrance` says why it is offered last, or not at all (`is_open` False)."""

    bank: Bank
    method: Method
    hindrance: Hindrance = ""
    window: Window | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may be chosen: a sick bank may, one under maintenance or a sum it does not take may not."""
        return self.hindrance not in CLOSED

    @property
    def until(self) -> str:
        """When the bank's maintenance ends, in Vietnam's time."""
        return f"{self.window.ends_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}" if self.window else ""

    def note(self, locale: Locale) -> str:
        """What was announced about it."""
        if self.window is None:
            return ""
        return self.window.note_vi if locale == "vi" else self.window.note_en or self.window.note_vi


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the payer sent: a way to pay, and the tries given up for it."""

    bank_id: str
    method: str
    payer_ip: str
    locale: Locale
    return_url: str
    given_up: frozenset[str] = frozenset()


async def look(hub: Hub, order_id: str, locale: Locale) -> Checkout | None:
    """The order as its payer sees it now."""
    async with hub.pool.acquire() as connection:
        read = await read_checkout(connection, order_id)
    return await _shown(hub, order_id, read, locale) if read is not None else None


def choices(hub: Hub, amount_vnd: int, place: Place) -> tuple[Choice, ...]:
    """Every way to pay this amount that is offered here: the healthy first, those that cannot be taken last."""
    found = [
        Choice(bank=bank, method=method, hindrance=hindrance, window=window_at(bank, hub.clock()))
        for bank in hub.registry.banks.values()
        if bank.enabled and (hindrance := hindrance_of(hub, bank, place, amount_vnd)) != "not_offered"
        for method in bank.connector.methods
    ]
    return tuple(sorted(found, key=lambda item: (not item.is_open, bool(item.hindrance))))


async def pay(hub: Hub, order_id: str, wish: Wish) -> None:
    """One try: intent, commit, talk to the bank, keep its answer. What came of it is read by the next page.

    Raises Refused when the order takes no new try now, or the bank or method is not one of ours.
    """
    bank = hub.registry.banks.get(wish.bank_id)
    if bank is None:
        raise Refused("bank_unknown", "There is no such bank here.")
    method = next((item for item in bank.connector.methods if item == wish.method), None)
    if method is None:
        raise Refused("method_unknown", "This bank has no such method.")
    read = await _in_time(hub, order_id)
    require_offered(hub, bank, _place(read), rest_to_pay_vnd(read.situation))
    aside = await _set_aside(hub, read, wish.given_up)
    begun = await begin_attempt(
        hub,
        PayAsk(
            order_id=order_id,
            bank=bank,
            method=method,
            payer_ip=wish.payer_ip,
            locale=wish.locale,
            return_url=wish.return_url,
            set_aside=aside,
        ),
    )
    if begun.ask is not None:
        await record_session(hub, begun.attempt, await call_for_session(hub, bank, begun.ask))


async def ask_banks(hub: Hub, order_id: str) -> None:
    """The payer came back, or wants to know: ask about every try that is still open."""
    async with hub.pool.acquire() as connection:
        read = await read_checkout(connection, order_id)
    for item in read.tries if read is not None else ():
        if item.attempt.in_flight and not await resume_now(hub, item.attempt.id):
            await enquire_now(hub, item.attempt.id)


def page_of_bank(hub: Hub, item: TryRead) -> str:
    """The address to send the payer on to, while the session there still lives; else nothing."""
    bank = hub.registry.banks.get(item.attempt.bank)
    lives = item.attempt.in_flight and hub.clock() < item.expires_at
    return item.session.redirect_url if lives and bank and is_theirs(hub, bank, item.session.redirect_url) else ""


def masked(name: str) -> str:
    """`Nguyễn Văn An` as `N*** V*** An`: known to who knows it, of little use to others."""
    *family, given = name.split() or [""]
    return " ".join([*(f"{word[0]}***" for word in family), given])


async def _shown(hub: Hub, order_id: str, read: CheckoutRead, locale: Locale) -> Checkout:
    situation, order = read.situation, read.order
    private = open_private(hub, order_id, read.private)
    receipts = situation.purse.receipts
    frozen = zip(read.face["lines"], read.quote["lines"], private.facts, strict=True)
    lines = [_line(hub, face, await explanation(hub, quote, facts), locale) for face, quote, facts in frozen]
    return Checkout(
        order_id=order_id,
        stage=_stage(order, situation, hub.clock()),
        reference=read.face["reference"],
        return_url=read.face["return_url"],
        portal=hub.registry.portals.get(order.portal_id),
        payer_name=masked((private.payer or {}).get("name", "")),
        lines=tuple(lines),
        amount_vnd=order.amount_vnd,
        rest_vnd=rest_to_pay_vnd(situation),
        paid_vnd=sum(map(paid_vnd, receipts)),
        unapplied_vnd=sum(map(unapplied_vnd, receipts)),
        refunded_vnd=sum(map(refunded_vnd, receipts)),
        labels=tuple(labels(situation.purse)),
        expires_at=order.expires_at,
        is_partial=order.status is OrderStatus.PARTIALLY_PAID,
        place=_place(read),
        tries=read.tries,
        payments=tuple(
            Payment(
                bank_title=bank_title(hub, receipt.bank),
                bank_txn_id=read.transactions.get(receipt.id, ""),
                amount_vnd=receipt.amount_vnd,
                at=receipt.received_at,
            )
            for receipt in receipts
        ),
    )


def bank_title(hub: Hub, bank_id: str) -> str:
    """A bank's name for people, also after it was removed."""
    bank = hub.registry.banks.get(bank_id)
    return bank.title if bank else bank_id


def _line(hub: Hub, face: dict[str, Any], explained: dict[str, list[str]] | None, locale: Locale) -> Line:
    body = hub.registry.bodies.get(face["collecting_body"])
    return Line(
        face=face,
        body_name=body.name if body else face["collecting_body"],
        explained=tuple((explained or {}).get(locale, ())),
    )


def _stage(order: Order, situation: Situation, now: datetime) -> Stage:
    if order.status in _CLOSED:
        return _CLOSED[order.status]
    under_way = [attempt for attempt in situation.attempts if attempt.in_flight]
    if any(item.status is not AttemptStatus.REDIRECTED or item.last_contact_failed for item in under_way):
        return Stage.WAITING
    if under_way:
        return Stage.STARTED
    if order.expires_at <= now:
        return Stage.EXPIRED
    if not situation.unpaid or any(item.attempt_id for item in situation.unpaid):
        return Stage.ELSEWHERE
    return Stage.CHOOSE


def _place(read: CheckoutRead) -> Place:
    return Place(read.order.portal_id, frozenset(line["collecting_body"] for line in read.face["lines"]))


async def _in_time(hub: Hub, order_id: str) -> CheckoutRead:
    """The order, if the time to pay it is not over."""
    async with hub.pool.acquire() as connection:
        read = await read_checkout(connection, order_id)
    if read is None or read.order.expires_at <= hub.clock():
        raise Refused("order_not_payable", "The time to pay this order is over.")
    return read


async def _set_aside(hub: Hub, read: CheckoutRead, given_up: frozenset[str]) -> frozenset[str]:
    """Of the tries the payer gives up, those whose bank says at this moment that nothing was paid."""
    mine = [item.attempt.id for item in read.tries if item.attempt.in_flight and item.attempt.id in given_up]
    return frozenset([attempt_id for attempt_id in mine if await found_unpaid(hub, attempt_id)])
