"""Attempts: one try to pay through one bank. Intent is committed first, then we talk, then the result is kept.

The reference the bank will see is fixed before anything leaves, so that whatever happens the bank can be asked.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.writing import Told, new_id, writes_for
from paygw.kernel.codes import MEMO_CODES, PAYMENT_CODES, memo_code, payment_code
from paygw.kernel.connector import Contact, Method, Session, SessionAsk, Verdict
from paygw.kernel.decide import Decision
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.orders import (
    Attempt,
    Situation,
    contact_failed,
    raised,
    require_payable,
    rest_to_pay_vnd,
    start_attempt,
)
from paygw.store.attempts import AttemptRow, insert_attempt, order_of_attempt, set_session
from paygw.store.situations import Locked, apply, lock_by_order, read_purse

_NUMBERS_SINCE = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayAsk:
    """What the payer chose on the checkout page.

    `set_aside` are attempts the payer gave up; each was just answered "not paid" (hub/enquiries.found_unpaid).
    """

    order_id: str
    bank: Bank
    method: Method
    payer_ip: str
    locale: Literal["vi", "en"]
    return_url: str
    set_aside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt whose intent is durable: the next step is to talk to the bank."""

    attempt: Attempt
    ask: SessionAsk


async def begin_attempt(hub: Hub, pay: PayAsk) -> Begun:
    """Write the intent. Raises Refused when the order takes no new attempt now (M-18) or the bank not this sum."""
    return await hub.transact(partial(_begin, hub, pay))


async def _begin(hub: Hub, pay: PayAsk, connection: Connection) -> Begun:
    now = hub.clock()
    locked = await lock_by_order(connection, pay.order_id)
    if locked.receipt_count:
        purse = await read_purse(connection, pay.order_id)
        locked = replace(locked, situation=replace(locked.situation, purse=purse))
    situation = locked.situation
    require_payable(situation, set_aside=pay.set_aside)
    amount_vnd = rest_to_pay_vnd(situation)
    _require_bank(pay.bank, amount_vnd)
    attempt = Attempt(
        id=new_id(),
        order_id=pay.order_id,
        bank=pay.bank.id,
        merchant=pay.bank.secrets.merchant,
        ref=_reference(pay.bank, now),
        amount_vnd=amount_vnd,
        status=AttemptStatus.CREATED,
    )
    started = start_attempt(situation, attempt, set_aside=pay.set_aside)
    expires_at = _expiry(hub, pay.bank, now, order_expires_at=situation.order.expires_at if situation.order else now)
    await insert_attempt(
        connection,
        AttemptRow(
            attempt=attempt,
            method=pay.method,
            created_at=now,
            expires_at=expires_at,
            next_enquiry_at=now + timedelta(seconds=hub.settings.enquiry_delays_s[0]),
            lease_until=now + timedelta(seconds=hub.settings.bank_deadline_s * 2),
        ),
    )
    await _keep(hub, connection, locked, started)
    hub.observe.count("paygw_attempts_total", bank=pay.bank.id, status="created")
    return Begun(attempt, _session_ask(hub, pay, attempt, now, expires_at))


def _require_bank(bank: Bank, amount_vnd: int) -> None:
    limits = bank.connector.limits
    if not bank.enabled:
        raise Refused("bank_disabled", "This bank takes no payments now; choose another one.")
    if not limits.amount_min_vnd <= amount_vnd <= limits.amount_max_vnd:
        raise Refused(
            "bank_limit",
            "This bank does not take a payment of this size; choose another one.",
            min_vnd=limits.amount_min_vnd,
            max_vnd=limits.amount_max_vnd,
        )


def _expiry(hub: Hub, bank: Bank, now: datetime, *, order_expires_at: datetime) -> datetime:
    """When a try ends: after its own time, or with the order where the payer takes a code along."""
    limits = bank.connector.limits
    if limits.on_paper:
        return min(order_expires_at, now + timedelta(seconds=limits.session_max_s))
    return now + timedelta(seconds=min(hub.settings.attempt_lifetime_s, limits.session_max_s))


def _reference(bank: Bank, now: datetime) -> str:
    """Letters and digits that any bank accepts, unique for ever, within the bank's length.

    Where only numbers are taken: milliseconds since 2025 and 4 random digits, below 2^53 until 2053.
    """
    alphabet = bank.connector.limits.reference_alphabet
    if alphabet == "memo":
        return memo_code(secrets.randbelow(MEMO_CODES))
    if alphabet == "payment_code":
        return payment_code(secrets.randbelow(PAYMENT_CODES))
    if alphabet == "digits":
        return f"{(now - _NUMBERS_SINCE) // timedelta(milliseconds=1)}{secrets.randbelow(10_000):04d}"
    digits = UUID(new_id()).hex.upper()
    return f"P{digits}"[: bank.connector.limits.reference_max_chars]


def _session_ask(hub: Hub, pay: PayAsk, attempt: Attempt, now: datetime, expires_at: datetime) -> SessionAsk:
    return SessionAsk(
        attempt_ref=attempt.ref,
        amount_vnd=attempt.amount_vnd,
        description=f"Thanh toan phi {attempt.ref[-12:]}",
        return_url=pay.return_url,
        webhook_url=f"{hub.settings.origin}/webhooks/{pay.bank.id}",
        payer_ip=pay.payer_ip,
        locale=pay.locale,
        created_at=now,
        expires_at=expires_at,
    )


async def record_session(hub: Hub, attempt: Attempt, session: Session) -> Attempt:
    """Write what the bank answered to the opening of a session; the attempt afterwards."""
    return await hub.transact(partial(_record, hub, attempt, session))


async def _record(hub: Hub, attempt: Attempt, session: Session, connection: Connection) -> Attempt:
    locked = await lock_by_order(connection, attempt.order_id)
    known = next(item for item in locked.situation.attempts if item.id == attempt.id)
    after = _after_contact(known, session.contact)
    situation = locked.situation.with_attempt(after)
    if not after.in_flight:
        situation = situation.free_obligations(after.id)
    await _keep(hub, connection, locked, situation)
    await set_session(connection, attempt.id, session)
    hub.observe.count("paygw_attempts_total", bank=attempt.bank, status=after.status)
    return after


def _after_contact(attempt: Attempt, contact: Contact) -> Attempt:
    """Only a proof that nothing left, or a refusal, closes an attempt; silence is no evidence."""
    match contact:
        case Contact.SUCCEEDED:
            return raised(attempt, AttemptStatus.REDIRECTED)
        case Contact.PENDING:
            return raised(attempt, AttemptStatus.PENDING)
        case Contact.DECLINED:
            return raised(attempt, AttemptStatus.FAILED)
        case Contact.NOT_SENT:
            return raised(attempt, AttemptStatus.CANCELLED)
        case Contact.UNKNOWN:
            return contact_failed(attempt)


async def record_contact_failed(hub: Hub, attempt_id: str) -> None:
    """An enquiry was not answered, or not understood: a flag on top of the known state."""

    async def work(connection: Connection) -> None:
        order_id = await order_of_attempt(connection, attempt_id)
        locked = await lock_by_order(connection, order_id)
        known = next(item for item in locked.situation.attempts if item.id == attempt_id)
        await _keep(hub, connection, locked, locked.situation.with_attempt(contact_failed(known)))

    await hub.transact(work)


async def _keep(hub: Hub, connection: Connection, locked: Locked, after: Situation) -> None:
    decision = Decision(situation=after, verdict=Verdict.ACCEPTED)
    before = locked
    if len(after.attempts) != len(locked.situation.attempts):  # a new attempt is inserted whole, not updated
        before = replace(locked, situation=replace(locked.situation, attempts=after.attempts))
    await apply(connection, writes_for(hub, before, decision, Told(now=hub.clock())))
