"""From an order to its money, on a real database: created once, paid once, every đồng in the ledger."""

import asyncio
from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.quotes import FeeQuestion
from paygw.kernel.connector import Contact, Notice, Session, Verdict
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority, PaymentSeen, ReversalSeen
from paygw.kernel.orders import Attempt
from paygw.kernel.refs import private_id
from paygw.store.orders import read_order
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db

QUESTION = FeeQuestion(procedure="2.000488", as_of="2026-11-23", facts={"birth_date": "1990-05-20", "copies": 3})


def asked(reference: str = "HS-1", dossier: str = "H26-1") -> OrderAsk:
    """An order for one criminal-record certificate."""
    line = LineAsk(dossier_code=dossier, collecting_body="G22.99", question=QUESTION)
    return OrderAsk(reference=reference, lines=(line,), return_url="https://dvc.example.vn/back")


async def ordered(hub: Hub, reference: str = "HS-1", dossier: str = "H26-1") -> str:
    """Create an order, answer its id."""
    answer = await create_order(hub, PORTAL, asked(reference, dossier), key=f"key-{reference}")
    order_id = private_id("ord", msgspec.json.decode(answer.body)["id"])
    assert order_id is not None
    return order_id


async def redirected(hub: Hub, order_id: str, bank: str = "sandbox-a") -> Attempt:
    """Send the payer to a bank."""
    pay = PayAsk(
        order_id=order_id,
        bank=hub.registry.banks[bank],
        method="wallet",
        payer_ip="127.0.0.1",
        locale="vi",
        return_url="http://hub/back",
    )
    begun = await begin_attempt(hub, pay)
    return await record_session(hub, begun.attempt, Session(contact=Contact.SUCCEEDED, redirect_url="http://bank/"))


def paid(hub: Hub, attempt: Attempt, txn: str = "T1", amount_vnd: int | None = None) -> Notice:
    """The bank says that cash landed."""
    seen = PaymentSeen(
        attempt_ref=attempt.ref,
        bank_txn_id=txn,
        amount_vnd=attempt.amount_vnd if amount_vnd is None else amount_vnd,
        occurred_at=hub.clock() + timedelta(seconds=1),
        merchant="PAYGW",
    )
    return Notice(evidence=(seen,), authority=Authority.NOTICE)


async def told(hub: Hub, notice: Notice, *, event: str = "e1", bank: str = "sandbox-a") -> Verdict:
    """Deliver a webhook's content."""
    body = event.encode()
    return await credit(hub, hub.registry.banks[bank], notice, Message(digest=sha256(body).digest(), body=body))


async def view(hub: Hub, order_id: str) -> tuple[str, int, int]:
    """Status, allocated and unapplied đồng of an order."""
    async with hub.pool.acquire() as connection:
        read = await read_order(connection, order_id, portal_id=PORTAL.id)
    assert read is not None
    live = sum(receipt.live_vnd for receipt in read.receipts)
    return read.order.status, live, read.purse.unapplied_vnd


async def balances(hub: Hub) -> dict[str, int]:
    """Every account that is not zero."""
    async with hub.pool.acquire() as connection:
        rows = await connection.fetch("SELECT account, sum(amount_vnd)::bigint AS v FROM ledger GROUP BY 1")
    return {row["account"]: row["v"] for row in rows if row["v"]}


async def test_payment_pays_the_order_and_books_every_share(hub: Hub) -> None:
    order_id = await ordered(hub)
    attempt = await redirected(hub, order_id)

    assert await told(hub, paid(hub, attempt)) is Verdict.ACCEPTED

    assert await view(hub, order_id) == ("paid", 205_000, 0)
    books = await balances(hub)
    assert sum(books.values()) == 0
    assert books["H:sandbox-a:PAYGW"] == 205_000
    assert sum(vnd for account, vnd in books.items() if account.startswith("P:treasury:")) == -30_750
    async with hub.pool.acquire() as connection:
        event = await connection.fetchrow("SELECT type, body FROM events")
        assert await connection.fetchval("SELECT count(*) FROM deliveries") == 1
    assert event["type"] == "order.paid"
    assert msgspec.json.decode(event["body"])["data"]["paid_vnd"] == 205_000


async def test_the_same_transaction_told_twice_is_booked_once(hub: Hub) -> None:
    attempt = await redirected(hub, await ordered(hub))
    first = await told(hub, paid(hub, attempt), event="e1")

    same_message = await told(hub, paid(hub, attempt), event="e1")
    new_event = await told(hub, paid(hub, attempt), event="e2")

    assert (first, same_message, new_event) == (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.DUPLICATE)
    assert (await balances(hub))["H:sandbox-a:PAYGW"] == 205_000


async def test_every_payment_of_one_message_is_booked(hub: Hub) -> None:
    """The first piece kept the message, and the others were taken for the same message told again."""
    orders = [await ordered(hub, f"HS-{number}", f"H26-{number}") for number in range(3)]
    attempts = [await redirected(hub, order_id) for order_id in orders]
    evidence = tuple(seen for n, one in enumerate(attempts) for seen in paid(hub, one, f"T{n}").evidence)

    verdicts = [await told(hub, Notice(evidence=evidence, authority=Authority.NOTICE)) for _ in range(2)]

    assert verdicts == [Verdict.ACCEPTED, Verdict.DUPLICATE]
    assert [await view(hub, order_id) for order_id in orders] == [("paid", attempts[0].amount_vnd, 0)] * 3


async def test_concurrent_copies_of_one_payment_book_once(hub: Hub) -> None:
    attempt = await redirected(hub, await ordered(hub))

    verdicts = await asyncio.gather(*(told(hub, paid(hub, attempt), event=f"e{n}") for n in range(10)))

    assert sorted(verdicts) == sorted([Verdict.ACCEPTED] + [Verdict.DUPLICATE] * 9)
    assert (await balances(hub))["H:sandbox-a:PAYGW"] == 205_000


async def test_second_payment_stays_unapplied(hub: Hub) -> None:
    order_id = await ordered(hub)
    attempt = await redirected(hub, order_id)
    await told(hub, paid(hub, attempt, "T1"), event="e1")

    await told(hub, paid(hub, attempt, "T2"), event="e2")

    assert await view(hub, order_id) == ("paid", 205_000, 205_000)


async def test_underpayment_is_completed_by_a_second_transfer(hub: Hub) -> None:
    order_id = await ordered(hub)
    attempt = await redirected(hub, order_id)

    await told(hub, paid(hub, attempt, "T1", 5_000), event="e1")
    part = await view(hub, order_id)
    await told(hub, paid(hub, attempt, "T2", 200_000), event="e2")

    assert part == ("partially_paid", 0, 5_000)
    assert await view(hub, order_id) == ("paid", 205_000, 0)


async def test_reversal_before_its_payment_is_never_allocated(hub: Hub) -> None:
    order_id = await ordered(hub)
    attempt = await redirected(hub, order_id)
    back = ReversalSeen(
        reversal_id="R1", attempt_ref=attempt.ref, bank_txn_id="T1", amount_vnd=205_000, occurred_at=hub.clock()
    )
    await told(hub, Notice(evidence=(back,), authority=Authority.NOTICE), event="e1")

    await told(hub, paid(hub, attempt), event="e2")

    assert await view(hub, order_id) == ("open", 0, 0)
    assert await balances(hub) == {}


async def test_late_money_pays_the_live_order_of_the_same_obligation(hub: Hub) -> None:
    first, second = await ordered(hub), await ordered(hub, reference="HS-2")
    attempt = await redirected(hub, first)
    async with hub.pool.acquire() as connection:
        await connection.execute("UPDATE orders SET status = 'expired' WHERE id = $1", first)

    await told(hub, paid(hub, attempt))

    assert await view(hub, second) == ("paid", 205_000, 0)
    assert await view(hub, first) == ("expired", 0, 0)
    with pytest.raises(Refused, match="obligation_already_paid"):
        await ordered(hub, reference="HS-3")


async def test_one_key_makes_one_order_with_the_same_bytes(hub: Hub) -> None:
    answers = await asyncio.gather(*(create_order(hub, PORTAL, asked(), key="k") for _ in range(20)))

    assert len({answer.body for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    with pytest.raises(Refused, match="idempotency_mismatch"):
        await create_order(hub, PORTAL, asked(reference="other"), key="k")


async def test_one_reference_makes_one_order_whatever_the_keys(hub: Hub) -> None:
    answers = await asyncio.gather(*(create_order(hub, PORTAL, asked(), key=f"k{n}") for n in range(20)))

    assert len({msgspec.json.decode(answer.body)["id"] for answer in answers}) == 1
    assert sum(answer.status == 201 for answer in answers) == 1
    with pytest.raises(Refused, match="order_exists"):
        await create_order(hub, PORTAL, asked(dossier="H26-2"), key="k-other")


async def test_a_second_order_cannot_start_while_another_pays_the_same_obligation(hub: Hub) -> None:
    first, second = await ordered(hub), await ordered(hub, reference="HS-2")
    await redirected(hub, first)

    with pytest.raises(Refused, match="obligation_in_payment"):
        await redirected(hub, second)
    with pytest.raises(Refused, match="obligation_in_payment"):
        await ordered(hub, reference="HS-3")
