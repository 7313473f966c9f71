"""Attempts: one try to pay through one bank. Intent is committed first, then we talk, then the result is kept.

The reference the bank will see is fixed before anything leaves, so that whatever happens the bank can be asked.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.opening import session_at_once
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
from paygw.store.attempts import (
    AttemptRow,
    drop_intents,
    insert_attempt,
    order_of_attempt,
    postpone_left,
    set_session,
)
from paygw.store.situations import Locked, apply, lock_by_order, read_purse

AGAIN_S = 5.0
_RECORD_S = 1.0
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
    """An attempt that is durable. `ask` is what to call the bank with; None where no call is needed."""

    attempt: Attempt
    ask: SessionAsk | None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What an ask holds that its attempt's row does not: personal, so it is kept sealed, and only until it is used."""

    payer_ip: str
    locale: Literal["vi", "en"]
    return_url: str
    webhook_url: str  # of the process that began: another one may be reached elsewhere, and the call must not differ


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
        ref=reference_for(pay.bank, now),
        amount_vnd=amount_vnd,
        status=AttemptStatus.CREATED,
    )
    expires_at = _expiry(hub, pay.bank, now, order_expires_at=situation.order.expires_at if situation.order else now)
    intent = Intent(
        payer_ip=pay.payer_ip,
        locale=pay.locale,
        return_url=pay.return_url,
        webhook_url=f"{hub.settings.origin}/webhooks/{pay.bank.id}",
    )
    ask = session_ask(attempt, intent, created_at=now, expires_at=expires_at)
    session = session_at_once(hub, pay.bank, ask)
    started = start_attempt(situation, attempt, set_aside=pay.set_aside)
    if session is not None:
        attempt = _after_contact(attempt, session.contact)
        started = _with_contact(started, attempt)
    await insert_attempt(
        connection,
        AttemptRow(
            attempt=attempt,
            method=pay.method,
            created_at=now,
            expires_at=expires_at,
            next_enquiry_at=now + timedelta(seconds=hub.settings.enquiry_delays_s[0]),
            lease_until=None if session else now + timedelta(seconds=lease_s(hub)),
            session=session,
            intent=None if session else _sealed(hub, attempt.id, intent),
        ),
    )
    await drop_intents(connection, pay.set_aside)
    await _keep(hub, connection, locked, started)
    hub.observe.count("paygw_attempts_total", bank=pay.bank.id, status=attempt.status)
    return Begun(attempt, None if session else ask)


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


def reference_for(bank: Bank, now: datetime) -> str:
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


def session_ask(attempt: Attempt, intent: Intent, *, created_at: datetime, expires_at: datetime) -> SessionAsk:
    """What the bank is called with: the same from the same attempt and intent, whoever calls."""
    return SessionAsk(
        attempt_ref=attempt.ref,
        amount_vnd=attempt.amount_vnd,
        description=f"Thanh toan phi {attempt.ref[-12:]}",
        return_url=intent.return_url,
        webhook_url=intent.webhook_url,
        payer_ip=intent.payer_ip,
        locale=intent.locale,
        created_at=created_at,
        expires_at=expires_at,
    )


def lease_s(hub: Hub) -> float:
    """How long one process carries out an intent: a dialogue at its deadline, and the time to keep its result."""
    return hub.settings.bank_deadline_s + _RECORD_S


def _sealed(hub: Hub, attempt_id: str, intent: Intent) -> bytes:
    return hub.vault.seal(msgspec.json.encode(intent), where=f"attempts/{attempt_id}/intent")


def open_intent(hub: Hub, attempt_id: str, sealed: bytes) -> Intent:
    """What the payer's request held. Raises VaultError if the row was changed or moved."""
    return msgspec.json.decode(hub.vault.open(sealed, where=f"attempts/{attempt_id}/intent"), type=Intent)


async def record_session(
    hub: Hub, attempt: Attempt, session: Session, *, fence: int = 0, again: bool = True
) -> Attempt:
    """Write what the bank answered to the opening of a session; the attempt afterwards.

    After silence the intent stays, unless `again` is False: the same call will be made later, by whoever comes first.
    Nothing is written by a caller whose `fence` is not the attempt's any more: another one has taken over.
    """
    silent = again and session.contact is Contact.UNKNOWN
    return await hub.transact(partial(_record, hub, attempt, session, fence=fence, silent=silent))


async def _record(
    hub: Hub, attempt: Attempt, session: Session, connection: Connection, *, fence: int, silent: bool
) -> Attempt:
    locked = await lock_by_order(connection, attempt.order_id)
    known = next(item for item in locked.situation.attempts if item.id == attempt.id)
    if silent:
        held = await postpone_left(connection, attempt.id, fence=fence, now=hub.clock(), least_s=AGAIN_S)
    else:
        held = await set_session(connection, attempt.id, session, fence=fence)
    if not held:
        return known
    after = _after_contact(known, session.contact)
    await _keep(hub, connection, locked, _with_contact(locked.situation, after))
    hub.observe.count("paygw_attempts_total", bank=attempt.bank, status=after.status)
    return after


def _with_contact(situation: Situation, after: Attempt) -> Situation:
    """An attempt that is over holds no obligation."""
    situation = situation.with_attempt(after)
    return situation if after.in_flight else situation.free_obligations(after.id)


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
