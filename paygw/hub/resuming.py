"""Intents that were left: the caller of the bank is gone, or heard nothing, so the same call is made again.

Its reference makes that one session. The bank may have heard the first call, so a refusal now proves nothing (it may
refuse the repetition), and neither does a call that never left: only a session, or what an enquiry answers, says more.
"""

import asyncio
from dataclasses import replace
from typing import Final

from paygw.hub.attempts import AGAIN_S, lease_s, open_intent, record_session, session_ask
from paygw.hub.hub import Hub
from paygw.hub.opening import call_for_session
from paygw.kernel.connector import Contact
from paygw.kernel.evidence import AttemptStatus
from paygw.store.attempts import AttemptRead, claim_left, claim_left_one, drop_intent, postpone_left

_OPENING: Final = frozenset({AttemptStatus.CREATED, AttemptStatus.REDIRECTED})


async def resume_due(hub: Hub, bank: str, *, limit: int = 10) -> int:
    """Carry out the intents left at one bank, side by side; how many there were."""
    async with hub.pool.acquire() as connection:
        left = await claim_left(connection, bank, now=hub.clock(), lease_s=lease_s(hub), limit=limit)
    await asyncio.gather(*(_resume(hub, found) for found in left))
    return len(left)


async def resume_now(hub: Hub, attempt_id: str) -> bool:
    """Carry out one intent because its payer waits for it; False if it was not left."""
    async with hub.pool.acquire() as connection:
        found = await claim_left_one(connection, attempt_id, now=hub.clock(), lease_s=lease_s(hub))
    if found is None:
        return False
    await _resume(hub, found)
    return True


async def _resume(hub: Hub, found: AttemptRead) -> None:
    """One call. What is over by now, or under way at the bank, is left to the enquiries."""
    attempt, bank = found.attempt, hub.registry.banks.get(found.attempt.bank)
    over = attempt.status not in _OPENING or hub.clock() >= found.expires_at
    if over or bank is None or not bank.enabled or found.intent is None:
        async with hub.pool.acquire() as connection:
            await drop_intent(connection, attempt.id, fence=found.fence)
        return
    intent = open_intent(hub, attempt.id, found.intent)
    ask = session_ask(attempt, intent, created_at=found.created_at, expires_at=found.expires_at)
    session = await call_for_session(hub, bank, ask)
    if session.contact is Contact.NOT_SENT:
        async with hub.pool.acquire() as connection:
            await postpone_left(connection, attempt.id, fence=found.fence, now=hub.clock(), least_s=AGAIN_S)
        return
    refused = session.contact is Contact.DECLINED
    session = replace(session, contact=Contact.UNKNOWN) if refused else session
    await record_session(hub, attempt, session, fence=found.fence, again=not refused)
