"""Enquiries: what a bank does not tell, we ask, by a schedule; expiry asks first; silence is never failure."""

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
from paygw.store.attempts import AttemptRead, claim_due, claim_one, release

_AUTHENTIC = frozenset({Contact.SUCCEEDED, Contact.PENDING, Contact.DECLINED})


async def enquire_due(hub: Hub, bank: str, *, limit: int = 10) -> int:
    """Ask one bank about attempts whose enquiry is due, side by side; how many were asked about."""
    lease_s = hub.settings.bank_deadline_s * 2
    async with hub.pool.acquire() as connection:
        due = await claim_due(connection, bank, now=hub.clock(), lease_s=lease_s, limit=limit)
    await asyncio.gather(*(_enquire(hub, found) for found in due))
    return len(due)


async def enquire_now(hub: Hub, attempt_id: str) -> bool:
    """Ask about one attempt because somebody looks at it (repair on read); False if it is being asked about."""
    lease_s = hub.settings.bank_deadline_s * 2
    async with hub.pool.acquire() as connection:
        found = await claim_one(connection, attempt_id, now=hub.clock(), lease_s=lease_s)
    if found is None:
        return False
    await _enquire(hub, found)
    return True


async def found_unpaid(hub: Hub, attempt_id: str) -> bool:
    """Ask about one attempt; True only if the bank answers, now and authentically, that it is not paid."""
    lease_s = hub.settings.bank_deadline_s * 2
    async with hub.pool.acquire() as connection:
        found = await claim_one(connection, attempt_id, now=hub.clock(), lease_s=lease_s)
    if found is None:
        return False
    bank = hub.registry.banks.get(found.attempt.bank)
    if bank is not None and bank.connector.inquiry is not None:  # it takes no money without asking us: our book answers
        await _release(hub, found)
        return found.attempt.in_flight
    seen = await _enquire(hub, found)
    return bool(seen) and all(isinstance(item, AttemptSeen) and item.not_paid for item in seen)


async def _enquire(hub: Hub, found: AttemptRead) -> tuple[Evidence, ...]:
    """Ask, book what is answered, say when to ask again; the evidence of the answer."""
    bank = hub.registry.banks.get(found.attempt.bank)
    evidence: tuple[Evidence, ...] = ()
    if bank is not None:
        answer = await _ask(hub, bank, found)
        evidence = _evidence(hub, found, answer)
        if evidence:
            await credit(hub, bank, Notice(evidence=evidence, authority=Authority.QUERY), Message())
        elif answer.contact not in _AUTHENTIC:
            await record_contact_failed(hub, found.attempt.id)
    await _release(hub, found)
    return evidence


async def _ask(hub: Hub, bank: Bank, found: AttemptRead) -> Answer:
    query = bank.connector.query
    if query is None:
        return Answer(contact=Contact.PENDING)
    ask = QueryAsk(
        attempt_ref=found.attempt.ref,
        amount_vnd=found.attempt.amount_vnd,
        created_at=found.created_at,
        now=hub.clock(),
        request_id=new_id().replace("-", ""),
        bank_session_id=found.bank_session_id,
    )
    return await hub.talk.ask(bank.id, "query", query(ask, bank.secrets))


def _evidence(hub: Hub, found: AttemptRead, answer: Answer) -> tuple[Evidence, ...]:
    """The answer's evidence; past expiry "not paid" closes the attempt, as does the grace time of a mute bank."""
    now = hub.clock()
    late = now > found.expires_at
    seen = tuple(_closed(item) if late else item for item in answer.evidence)
    mute = not seen and answer.contact is Contact.PENDING
    if mute and now > found.expires_at + timedelta(seconds=hub.settings.attempt_grace_s):
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
