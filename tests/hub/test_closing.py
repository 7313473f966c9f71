"""Sessions that nobody shall pay any more are closed at banks that can: after a "not paid", and never on silence."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from connectors import discover
from paygw.hub.enquiries import enquire_due, found_unpaid
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.orders import cancel_order, get_order
from paygw.hub.registry import Bank
from paygw.kernel.connector import Answer, Contact
from paygw.kernel.decide import Landing
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import AttemptSeen, AttemptStatus
from paygw.kernel.orders import Attempt
from paygw.simulators.side import sides
from paygw.store.attempts import AttemptRead, attempts_of
from tests.hub.world import cash, ordered, redirected
from tests.hub_fixtures import PORTAL, Clock, ScriptedBank

pytestmark = pytest.mark.db

BANK = "payos-a"
SILENT = Answer(contact=Contact.UNKNOWN)


@pytest.fixture
def links(hub: Hub) -> Hub:
    """The hub with a payOS, which closes links."""
    connector = discover()["payos"]
    secrets = replace(sides()["payos"].secrets, merchant="PAYGW")
    bank = Bank(id=BANK, title="payOS", connector=connector, secrets=secrets, landing=Landing(), enabled=True)
    registry = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
    return replace(hub, registry_holder=RegistryHolder(registry))


def _bank(hub: Hub) -> ScriptedBank:
    return cast("ScriptedBank", hub.talk)


def _says(hub: Hub, attempt: Attempt, status: AttemptStatus, *, not_paid: bool = True) -> Answer:
    seen = AttemptSeen(attempt_ref=attempt.ref, status=status, occurred_at=hub.clock(), not_paid=not_paid)
    closed = status in {AttemptStatus.CANCELLED, AttemptStatus.EXPIRED, AttemptStatus.FAILED}
    return Answer(contact=Contact.DECLINED if closed else Contact.PENDING, evidence=(seen,))


async def _read(hub: Hub, attempt: Attempt) -> AttemptRead:
    async with hub.pool.acquire() as connection:
        return next(item for item in await attempts_of(connection, attempt.order_id) if item.attempt.id == attempt.id)


async def _past_its_time(hub: Hub, attempt: Attempt, **by: float) -> None:
    found = await _read(hub, attempt)
    cast("Clock", hub.clock).now = found.expires_at + timedelta(seconds=1, **by)


def _operations(hub: Hub) -> list[str]:
    return [operation for bank, operation in _bank(hub).asked if bank == BANK]


async def test_link_past_its_time_is_closed_at_the_bank(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    await _past_its_time(links, attempt)
    _bank(links).answers += [
        _says(links, attempt, AttemptStatus.REDIRECTED),
        _says(links, attempt, AttemptStatus.CANCELLED),
    ]

    await enquire_due(links, BANK)

    assert _operations(links) == ["query", "cancel"]
    assert (await _read(links, attempt)).attempt.status is AttemptStatus.CANCELLED


async def test_link_within_its_time_is_left_open(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    cast("Clock", links.clock).forward(seconds=10)
    _bank(links).answers.append(_says(links, attempt, AttemptStatus.REDIRECTED))

    await enquire_due(links, BANK)

    assert _operations(links) == ["query"]
    assert (await _read(links, attempt)).attempt.status is AttemptStatus.REDIRECTED


@pytest.mark.parametrize("answer", [SILENT, Answer(contact=Contact.PENDING), Answer(contact=Contact.NOT_SENT)], ids=str)
async def test_link_is_not_closed_without_a_word_that_nothing_was_paid(links: Hub, answer: Answer) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    await _past_its_time(links, attempt)
    _bank(links).answers.append(answer)

    await enquire_due(links, BANK)

    assert _operations(links) == ["query"]


async def test_payment_under_way_is_not_cancelled(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    await _past_its_time(links, attempt)
    _bank(links).answers.append(_says(links, attempt, AttemptStatus.PENDING, not_paid=False))

    await enquire_due(links, BANK)

    assert _operations(links) == ["query"]
    assert (await _read(links, attempt)).attempt.in_flight


@pytest.mark.parametrize("silence", [SILENT, Answer(contact=Contact.PENDING)], ids=["silent", "no link there"])
async def test_unclear_answer_closes_nothing_until_the_grace_time_is_over(links: Hub, silence: Answer) -> None:
    """The bank did not say that the link is closed: it may still be paid, so no second way to pay is opened."""
    attempt = await redirected(links, await ordered(links), BANK)
    await _past_its_time(links, attempt)
    _bank(links).answers += [_says(links, attempt, AttemptStatus.REDIRECTED), silence]
    await enquire_due(links, BANK)
    kept = (await _read(links, attempt)).attempt

    await _past_its_time(links, attempt, minutes=links.settings.attempt_grace_s / 60)
    _bank(links).answers += [_says(links, attempt, AttemptStatus.REDIRECTED), silence]
    await enquire_due(links, BANK)

    assert (kept.status, kept.last_contact_failed) == (AttemptStatus.REDIRECTED, True)
    assert (await _read(links, attempt)).attempt.status is AttemptStatus.EXPIRED


async def test_money_that_came_before_the_closing_is_booked(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    await _past_its_time(links, attempt)
    paid = Answer(contact=Contact.SUCCEEDED, evidence=(cash(links, attempt),))
    _bank(links).answers += [_says(links, attempt, AttemptStatus.REDIRECTED), paid]

    await enquire_due(links, BANK)

    assert (await get_order(links, attempt.order_id, portal_id=PORTAL.id))["status"] == "paid"


async def test_link_given_up_for_another_way_is_closed_first(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    opened, closed = (_says(links, attempt, it) for it in (AttemptStatus.REDIRECTED, AttemptStatus.CANCELLED))
    _bank(links).answers += [opened, SILENT, opened, closed]

    silent = await found_unpaid(links, attempt.id)
    heard = await found_unpaid(links, attempt.id)

    assert (silent, heard) == (False, True)
    assert (await _read(links, attempt)).attempt.status is AttemptStatus.CANCELLED


async def test_cancelled_order_closes_its_link(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    opened, closed = (_says(links, attempt, it) for it in (AttemptStatus.REDIRECTED, AttemptStatus.CANCELLED))
    _bank(links).answers += [opened, closed]

    view = await cancel_order(links, attempt.order_id, portal_id=PORTAL.id)

    assert (view["status"], _operations(links)) == ("cancelled", ["query", "cancel"])


async def test_order_is_not_cancelled_while_its_link_may_be_paid(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)
    _bank(links).answers += [_says(links, attempt, AttemptStatus.REDIRECTED), SILENT]

    with pytest.raises(Refused, match="attempt_in_flight"):
        await cancel_order(links, attempt.order_id, portal_id=PORTAL.id)

    assert (await get_order(links, attempt.order_id, portal_id=PORTAL.id))["status"] == "open"


async def test_stranger_who_cancels_an_order_moves_no_bank(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), BANK)

    with pytest.raises(Refused, match="not_found"):
        await cancel_order(links, attempt.order_id, portal_id="danang")

    assert _operations(links) == []


async def test_bank_that_closes_nothing_keeps_its_order_from_being_cancelled(links: Hub) -> None:
    attempt = await redirected(links, await ordered(links), "sandbox-a")

    with pytest.raises(Refused, match="attempt_in_flight"):
        await cancel_order(links, attempt.order_id, portal_id=PORTAL.id)

    assert _bank(links).asked == []
