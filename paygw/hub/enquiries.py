"""Enquiries: what a bank does not tell, we ask, by a schedule; expiry asks first; silence is never failure.

A session that nobody shall pay any more is closed at the bank, where its protocol can (`Connector.cancel`): once an
enquiry has said that it is open and unpaid. The bank's answer to that is evidence; without a clear one the session
counts as open, and the bank as silent, until the grace time after its end is over too.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

from paygw.hub.attempts import record_contact_failed
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.writing import new_id
from paygw.kernel.connector import Answer, Contact, Notice, QueryAsk
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, Evidence
from paygw.kernel.orders import CLOSED_ATTEMPT
from paygw.store.attempts import AttemptRead, attempts_of, claim_due, claim_one, release

_AUTHENTIC = frozenset({Contact.SUCCEEDED, Contact.PENDING, Contact.DECLINED})


async def enquire_due(hub: Hub, bank: str, *, limit: int = 10) -> int:
    """Ask one bank about attempts whose enquiry is due, side by side; how many were asked about."""
    async with hub.pool.acquire() as connection:
        due = await claim_due(connection, bank, now=hub.clock(), lease_s=_lease_s(hub), limit=limit)
    await asyncio.gather(*(_enquire(hub, found) for found in due))
    return len(due)


async def enquire_now(hub: Hub, attempt_id: str) -> bool:
    """Ask about one attempt because somebody looks at it (repair on read); False if it is being asked about."""
    async with hub.pool.acquire() as connection:
        found = await claim_one(connection, attempt_id, now=hub.clock(), lease_s=_lease_s(hub))
    if found is None:
        return False
    await _enquire(hub, found)
    return True


async def found_unpaid(hub: Hub, attempt_id: str) -> bool:
    """Ask about one attempt; True only if the bank answers, now and authentically, that it is not paid.

    The payer gives it up: a bank that closes sessions must also have closed this one.
    """
    async with hub.pool.acquire() as connection:
        found = await claim_one(connection, attempt_id, now=hub.clock(), lease_s=_lease_s(hub))
    if found is None:
        return False
    bank = hub.registry.banks.get(found.attempt.bank)
    if bank is not None and bank.connector.inquiry is not None:  # it takes no money without asking us: our book answers
        await _release(hub, found)
        return found.attempt.in_flight
    seen = await _enquire(hub, found, given_up=True)
    return bool(seen) and all(isinstance(item, AttemptSeen) and item.not_paid for item in seen)


async def close_sessions(hub: Hub, order_id: str) -> bool:
    """Close every session of an order that is under way, at banks that can; True only if now none is left."""
    async with hub.pool.acquire() as connection:
        read = await attempts_of(connection, order_id)
    under_way = [found.attempt for found in read if found.attempt.in_flight]
    if not all(_can_close(hub.registry.banks.get(attempt.bank)) for attempt in under_way):
        return False
    return all([await found_unpaid(hub, attempt.id) for attempt in under_way])


def _lease_s(hub: Hub) -> float:
    """Two dialogues at their deadline, and the time to keep what they said."""
    return hub.settings.bank_deadline_s * 3


async def _enquire(hub: Hub, found: AttemptRead, *, given_up: bool = False) -> tuple[Evidence, ...]:
    """Ask, close what shall not be paid any more, book what is answered, say when to ask again.

    The evidence of the answer; none while a session that was to be closed may still be open.
    """
    bank = hub.registry.banks.get(found.attempt.bank)
    evidence: tuple[Evidence, ...] = ()
    left_open = False
    if bank is not None:
        answer = await _ask(hub, bank, found)
        over = given_up or hub.clock() > found.expires_at
        closing = await _close(hub, bank, found) if over and _can_close(bank) and _is_open(answer) else None
        answer = closing if closing and closing.evidence else answer
        left_open = closing is not None and _is_open(answer)
        evidence = _evidence(hub, found, answer, left_open=left_open)
        if evidence:
            await credit(hub, bank, Notice(evidence=evidence, authority=Authority.QUERY), Message())
        if (closing or answer).contact not in _AUTHENTIC or (closing and not closing.evidence):
            await record_contact_failed(hub, found.attempt.id)
    await _release(hub, found)
    return () if left_open else evidence


def _can_close(bank: Bank | None) -> bool:
    return bank is not None and bank.connector.cancel is not None


def _is_open(answer: Answer) -> bool:
    """Whether the bank says that the session is there, can be paid, and was not."""
    seen = answer.evidence
    return bool(seen) and all(
        isinstance(item, AttemptSeen) and item.not_paid and item.status is AttemptStatus.REDIRECTED for item in seen
    )


async def _close(hub: Hub, bank: Bank, found: AttemptRead) -> Answer:
    cancel = bank.connector.cancel
    if cancel is None:
        return Answer(contact=Contact.NOT_SENT)
    return await hub.talk.ask(bank.id, "cancel", cancel(_asked(hub, found), bank.secrets))


async def _ask(hub: Hub, bank: Bank, found: AttemptRead) -> Answer:
    query = bank.connector.query
    if query is None:
        return Answer(contact=Contact.PENDING)
    return await hub.talk.ask(bank.id, "query", query(_asked(hub, found), bank.secrets))


def _asked(hub: Hub, found: AttemptRead) -> QueryAsk:
    return QueryAsk(
        attempt_ref=found.attempt.ref,
        amount_vnd=found.attempt.amount_vnd,
        created_at=found.created_at,
        now=hub.clock(),
        request_id=new_id().replace("-", ""),
        bank_session_id=found.bank_session_id,
    )


def _evidence(hub: Hub, found: AttemptRead, answer: Answer, *, left_open: bool) -> tuple[Evidence, ...]:
    """The answer's evidence; past expiry "not paid" closes the attempt, as does the grace time of a mute bank.

    A session that the bank was to close and did not is waited for through that grace time too.
    """
    now = hub.clock()
    grace = timedelta(seconds=hub.settings.attempt_grace_s)
    late = now > found.expires_at + (grace if left_open else timedelta())
    seen = tuple(_closed(item) if late else item for item in answer.evidence)
    mute = not seen and answer.contact is Contact.PENDING
    if mute and now > found.expires_at + grace:
        return (AttemptSeen(attempt_ref=found.attempt.ref, status=AttemptStatus.EXPIRED, occurred_at=now),)
    return seen


def _closed(item: Evidence) -> Evidence:
    if isinstance(item, AttemptSeen) and item.not_paid and item.status not in CLOSED_ATTEMPT:
        return replace(item, status=AttemptStatus.EXPIRED)
    return item


async def _release(hub: Hub, found: AttemptRead) -> None:
    delays = hub.settings.enquiry_delays_s
    asked = found.enquiries + 1
    next_at = hub.clock() + timedelta(seconds=delays[asked]) if asked < len(delays) else None
    async with hub.pool.acquire() as connection:
        await release(connection, found.attempt.id, fence=found.fence, next_at=next_at)
