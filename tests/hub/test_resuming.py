"""An attempt whose process was killed between its intent and the bank's answer goes on, under the same reference."""

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from paygw.hub.attempts import Begun, PayAsk, begin_attempt, record_session
from paygw.hub.enquiries import enquire_due, found_unpaid
from paygw.hub.hub import Hub
from paygw.hub.resuming import resume_due, resume_now
from paygw.kernel.connector import Answer, Contact, HttpRequest, Session, SessionDialogue
from paygw.kernel.evidence import AttemptSeen, AttemptStatus
from paygw.kernel.orders import Attempt
from paygw.store.attempts import AttemptRead, attempts_of
from tests.hub.test_payment import ordered
from tests.hub_fixtures import Clock, ScriptedBank

pytestmark = pytest.mark.db

PAGE = Session(contact=Contact.SUCCEEDED, redirect_url="http://127.0.0.1:9/pay/1", bank_session_id="S-1")
BANK = "sandbox-a"


@dataclass(slots=True)
class HearingBank(ScriptedBank):
    """Also keeps what it was asked."""

    heard: list[HttpRequest] = field(default_factory=list)

    async def open_session(self, bank: str, dialogue: SessionDialogue) -> Session:
        """Keep the first request."""
        self.heard.append(next(dialogue))
        return await ScriptedBank.open_session(self, bank, dialogue)


async def _begun(hub: Hub, order_id: str, set_aside: frozenset[str] = frozenset()) -> Begun:
    """The intent is committed; the process that did it says no more."""
    pay = PayAsk(
        order_id=order_id,
        bank=hub.registry.banks[BANK],
        method="wallet",
        payer_ip="203.0.113.7",
        locale="vi",
        return_url="http://hub/pay/token/return",
        set_aside=set_aside,
    )
    return await begin_attempt(hub, pay)


async def _read(hub: Hub, attempt: Attempt) -> AttemptRead:
    async with hub.pool.acquire() as connection:
        (found,) = await attempts_of(connection, attempt.order_id)
    return found


def _later(hub: Hub, **by: float) -> None:
    cast("Clock", hub.clock).forward(**by)


def _scripted(hub: Hub) -> ScriptedBank:
    return cast("ScriptedBank", hub.talk)


async def test_attempt_left_by_a_killed_process_asks_the_bank_the_very_same_again(hub: Hub) -> None:
    """Also from a process that is reached under another address: a bank answers a call that differs with a conflict."""
    hub = replace(hub, talk=(bank := HearingBank(sessions=[PAGE])))
    begun = await _begun(hub, await ordered(hub))
    assert begun.ask is not None
    connector, secrets = hub.registry.banks[BANK].connector, hub.registry.banks[BANK].secrets
    assert connector.open_session is not None
    lost = next(connector.open_session(begun.ask, secrets))
    _later(hub, seconds=hub.settings.bank_deadline_s + 2)

    other = replace(hub, settings=hub.settings.model_copy(update={"port": 1}))
    assert await resume_due(other, BANK) == 1

    assert (bank.heard[0].url, bank.heard[0].body) == (lost.url, lost.body)
    found = await _read(hub, begun.attempt)
    assert (found.attempt.status, found.redirect_url) == (AttemptStatus.REDIRECTED, PAGE.redirect_url)
    assert found.attempt.ref == begun.attempt.ref
    assert found.intent is None


async def test_intent_is_sealed_and_gone_once_the_bank_has_answered(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    kept = (await _read(hub, begun.attempt)).intent
    await record_session(hub, begun.attempt, PAGE)

    assert kept is not None
    assert b"203.0.113.7" not in kept
    assert (await _read(hub, begun.attempt)).intent is None


async def test_nobody_else_calls_or_asks_while_the_first_may_still_be_calling(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    _later(hub, seconds=hub.settings.bank_deadline_s)

    done = await resume_due(hub, BANK), await resume_now(hub, begun.attempt.id), await enquire_due(hub, BANK)

    assert done == (0, False, 0)
    assert not _scripted(hub).asked


async def test_process_that_comes_back_too_late_writes_nothing(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    _later(hub, seconds=hub.settings.bank_deadline_s + 2)
    _scripted(hub).sessions.append(PAGE)
    await resume_due(hub, BANK)

    late = await record_session(hub, begun.attempt, Session(contact=Contact.DECLINED))

    assert late.status is AttemptStatus.REDIRECTED
    assert (await _read(hub, begun.attempt)).redirect_url == PAGE.redirect_url


async def test_refusal_of_a_repeated_call_does_not_say_that_nothing_was_paid(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    _later(hub, seconds=hub.settings.bank_deadline_s + 2)
    _scripted(hub).sessions.append(Session(contact=Contact.DECLINED))

    await resume_due(hub, BANK)

    found = await _read(hub, begun.attempt)
    assert (found.attempt.status, found.attempt.last_contact_failed) == (AttemptStatus.CREATED, True)
    assert found.intent is None


async def test_bank_that_cannot_be_reached_is_called_again_a_little_later(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    _later(hub, seconds=hub.settings.bank_deadline_s + 2)
    at_once = await resume_due(hub, BANK), await resume_due(hub, BANK)
    _later(hub, seconds=6)
    _scripted(hub).sessions.append(PAGE)

    assert at_once == (1, 0)
    assert await resume_due(hub, BANK) == 1
    assert (await _read(hub, begun.attempt)).attempt.status is AttemptStatus.REDIRECTED


async def test_intent_past_the_life_of_its_attempt_is_only_asked_about(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    _later(hub, seconds=hub.settings.attempt_lifetime_s + 1)
    unpaid = AttemptSeen(
        attempt_ref=begun.attempt.ref, status=AttemptStatus.CREATED, occurred_at=hub.clock(), not_paid=True
    )
    _scripted(hub).answers.append(Answer(contact=Contact.PENDING, evidence=(unpaid,)))

    await resume_due(hub, BANK)
    await enquire_due(hub, BANK)

    assert _scripted(hub).asked == [(BANK, "query")]
    assert (await _read(hub, begun.attempt)).attempt.status is AttemptStatus.EXPIRED


async def test_session_that_needs_no_call_is_kept_with_its_intent_so_that_nothing_can_come_between(hub: Hub) -> None:
    bank = hub.registry.banks[BANK]
    redirecting = replace(bank, secrets=replace(bank.secrets, options={"flow": "redirect"}))
    hub.registry_holder.now = replace(hub.registry, banks={BANK: redirecting})

    begun = await _begun(hub, await ordered(hub))

    found = await _read(hub, begun.attempt)
    assert begun.ask is None
    assert (found.attempt.status, found.intent) == (AttemptStatus.REDIRECTED, None)
    assert found.redirect_url.startswith(bank.secrets.base_url)
    assert not _scripted(hub).asked


async def test_call_that_was_not_answered_is_made_again_so_that_its_payer_can_go_on(hub: Hub) -> None:
    """An enquiry then says "open"; the try was sent to nobody, and its payer was left without a way on."""
    begun = await _begun(hub, await ordered(hub))
    await record_session(hub, begun.attempt, Session(contact=Contact.UNKNOWN))
    _later(hub, seconds=6)
    opened = AttemptSeen(
        attempt_ref=begun.attempt.ref, status=AttemptStatus.REDIRECTED, occurred_at=hub.clock(), not_paid=True
    )
    _scripted(hub).answers.append(Answer(contact=Contact.PENDING, evidence=(opened,)))
    await enquire_due(hub, BANK)
    _scripted(hub).sessions.append(PAGE)

    await resume_due(hub, BANK)

    found = await _read(hub, begun.attempt)
    assert (found.attempt.status, found.redirect_url) == (AttemptStatus.REDIRECTED, PAGE.redirect_url)


async def test_silence_makes_calls_rarer(hub: Hub) -> None:
    begun = await _begun(hub, await ordered(hub))
    await record_session(hub, begun.attempt, Session(contact=Contact.UNKNOWN))
    calls = 0
    for _ in range(100):
        _later(hub, seconds=1)
        _scripted(hub).sessions[:] = [Session(contact=Contact.UNKNOWN)]
        calls += await resume_due(hub, BANK)

    assert 3 <= calls <= 10


async def test_try_that_was_given_up_is_not_opened_again(hub: Hub) -> None:
    order_id = await ordered(hub)
    begun = await _begun(hub, order_id)
    await record_session(hub, begun.attempt, Session(contact=Contact.UNKNOWN))
    _later(hub, seconds=6)
    opened = AttemptSeen(
        attempt_ref=begun.attempt.ref, status=AttemptStatus.REDIRECTED, occurred_at=hub.clock(), not_paid=True
    )
    _scripted(hub).answers.append(Answer(contact=Contact.PENDING, evidence=(opened,)))
    assert await found_unpaid(hub, begun.attempt.id)

    await _begun(hub, order_id, frozenset({begun.attempt.id}))

    assert not await resume_now(hub, begun.attempt.id)
