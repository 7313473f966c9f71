"""Each bank's own messages through the whole hub: once, twice, at once, out of order, late, wrong; one sum."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Bank
from paygw.hub.webhooks import receive_webhook
from paygw.kernel.connector import Contact, HttpReply, HttpRequest, Secrets, Session, Verdict
from paygw.kernel.decide import Landing
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Evidence, PaymentSeen
from paygw.kernel.orders import Attempt
from paygw.store.ledger_checks import find_violations
from paygw.store.orders import read_order
from tests.conformance.pairs import CONNECTORS, PAIRS, SIDES
from tests.hub.world import balances, ordered
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db
# Banks that open sessions and tell of payments by our own reference; observers of an account have tests of their own.
TELLING = [
    name
    for name in PAIRS
    if (CONNECTORS[name].build_redirect or CONNECTORS[name].open_session)
    and any(isinstance(seen, PaymentSeen) and seen.attempt_ref for seen in SIDES[name].samples)
]


@dataclass(frozen=True, slots=True)
class World:
    """One order being paid at one bank."""

    hub: Hub
    bank: Bank
    order_id: str
    attempt: Attempt

    def payment(self, **changes: object) -> HttpRequest:
        """The bank's message that the payer has paid."""
        sample = next(
            seen for seen in SIDES[self.bank.id].samples if isinstance(seen, PaymentSeen) and seen.attempt_ref
        )
        facts = {"attempt_ref": self.attempt.ref, "amount_vnd": self.attempt.amount_vnd}
        at = self.hub.clock().replace(microsecond=0)
        return self.tell(replace(sample, **{"occurred_at": at} | facts | changes))  # type: ignore[arg-type]  # a test names the fields it means

    def failure(self) -> HttpRequest:
        """The bank's message that the payment failed."""
        at = self.hub.clock().replace(microsecond=0)
        return self.tell(AttemptSeen(attempt_ref=self.attempt.ref, status=AttemptStatus.FAILED, occurred_at=at))

    def tell(self, evidence: Evidence, secrets: Secrets | None = None) -> HttpRequest:
        """A webhook of this bank, now."""
        return SIDES[self.bank.id].tell(evidence, secrets or self.bank.secrets, self.hub.clock())

    async def deliver(self, messages: Iterable[HttpRequest]) -> list[HttpReply]:
        """One after the other; the hub's answers."""
        return [await receive_webhook(self.hub, self.bank, message) for message in messages]

    def words(self, verdict: Verdict) -> HttpReply:
        """The bank's own words for a verdict."""
        return self.bank.connector.acknowledge(verdict)

    async def view(self) -> tuple[str, int, int, int]:
        """Status of the order, number of its receipts, allocated and unapplied đồng."""
        async with self.hub.pool.acquire() as connection:
            read = await read_order(connection, self.order_id, portal_id=PORTAL.id)
            assert await find_violations(connection, mode=self.hub.settings.funds) == []
        assert read is not None
        live_vnd = sum(receipt.live_vnd for receipt in read.receipts)
        return read.order.status, len(read.receipts), live_vnd, read.purse.unapplied_vnd


@pytest.fixture(params=TELLING)
async def world(request: pytest.FixtureRequest, hub: Hub) -> World:
    name = request.param
    connector = CONNECTORS[name]
    bank = Bank(name, connector.title, connector, SIDES[name].secrets, Landing(), enabled=True)
    banks = {**hub.registry.banks, name: bank}
    configured = replace(hub, registry_holder=RegistryHolder(replace(hub.registry, banks=banks)))
    order_id = await ordered(configured)
    pay = PayAsk(
        order_id=order_id,
        bank=bank,
        method=connector.methods[0],
        payer_ip="203.0.113.7",
        locale="vi",
        return_url="http://hub/back",
    )
    begun = await begin_attempt(configured, pay)
    session = Session(contact=Contact.SUCCEEDED, redirect_url=f"{bank.secrets.base_url}/")
    return World(configured, bank, order_id, await record_session(configured, begun.attempt, session))


async def test_paid_once_and_thanked_for(world: World) -> None:
    replies = await world.deliver([world.payment()])

    assert replies == [world.words(Verdict.ACCEPTED)]
    assert await world.view() == ("paid", 1, 205_000, 0)


async def test_the_same_message_again_books_nothing_more(world: World) -> None:
    message = world.payment()

    replies = await world.deliver([message, message, message])

    assert replies[1:] == [world.words(Verdict.DUPLICATE)] * 2
    assert await world.view() == ("paid", 1, 205_000, 0)


async def test_many_at_once_book_one(world: World) -> None:
    message = world.payment()

    replies = await asyncio.gather(*(receive_webhook(world.hub, world.bank, message) for _ in range(8)))

    assert sum(reply == world.words(Verdict.ACCEPTED) for reply in replies) >= 1
    assert await world.view() == ("paid", 1, 205_000, 0)


@pytest.mark.parametrize("order", ["failure first", "failure last"])
async def test_a_failure_before_or_after_changes_nothing(world: World, order: str) -> None:
    try:
        messages = [world.failure(), world.payment()]
    except ValueError:
        pytest.skip("this bank tells of successes only")

    await world.deliver(messages if order == "failure first" else reversed(messages))

    assert await world.view() == ("paid", 1, 205_000, 0)


async def test_money_that_comes_late_is_booked(world: World) -> None:
    world.hub.clock.forward(days=30)  # type: ignore[attr-defined]  # a test's clock
    message = world.payment()

    await world.deliver([message, message])

    status, receipts, live_vnd, unapplied_vnd = await world.view()
    assert status in {"paid", "open", "expired"}
    assert (receipts, live_vnd + unapplied_vnd) == (1, 205_000)


@pytest.mark.parametrize("delta_vnd", [-1_000, 1_000])
async def test_the_cash_of_another_amount_is_booked_whatever_is_answered(world: World, delta_vnd: int) -> None:
    message = world.payment(amount_vnd=205_000 + delta_vnd)

    first, second = await world.deliver([message, message])

    _, receipts, live_vnd, unapplied_vnd = await world.view()
    assert (receipts, live_vnd + unapplied_vnd) == (1, 205_000 + delta_vnd)
    assert first == world.words(Verdict.WRONG_AMOUNT)
    assert second == world.words(Verdict.DUPLICATE)


async def test_the_cash_of_an_unknown_order_is_kept(world: World) -> None:
    stranger = SIDES[world.bank.id].other_refs[-1]

    replies = await world.deliver([world.payment(attempt_ref=stranger)])

    assert replies == [world.words(Verdict.UNKNOWN_ORDER)]
    assert sum(vnd for account, vnd in (await balances(world.hub)).items() if vnd > 0) == 205_000
    assert (await world.view())[:2] == ("open", 0)


async def test_a_forged_message_books_nothing(world: World) -> None:
    side = SIDES[world.bank.id]
    sample = next(seen for seen in side.samples if isinstance(seen, PaymentSeen) and seen.attempt_ref)
    strangers = replace(world.bank.secrets, values=dict(side.other_values))
    mine = replace(sample, attempt_ref=world.attempt.ref, amount_vnd=world.attempt.amount_vnd)

    replies = await world.deliver([world.tell(mine, strangers)])

    assert replies == [world.words(Verdict.BAD_SIGNATURE)]
    assert await balances(world.hub) == {}
    assert (await world.view())[:2] == ("open", 0)


async def test_what_we_cannot_read_books_nothing_and_closes_nothing(world: World) -> None:
    side = SIDES[world.bank.id]

    await world.deliver([side.tell_unlisted(world.bank.secrets, world.hub.clock())])

    assert await balances(world.hub) == {}
    assert (await world.view())[:2] == ("open", 0)
