"""What money-out tests share: orders paid at the sandbox bank, staff, balances, the check of every invariant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256

import msgspec

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.persons import TwoPersons
from paygw.hub.quotes import FeeQuestion
from paygw.kernel.connector import Contact, Notice, Session, Verdict
from paygw.kernel.evidence import Authority, Evidence, PaymentSeen, ReversalSeen
from paygw.kernel.orders import Attempt
from paygw.kernel.receipts import Receipt
from paygw.kernel.refs import private_id
from paygw.store.ledger_checks import find_violations
from paygw.store.orders import read_order
from tests.hub_fixtures import PORTAL, Clock

FEE_VND = 205_000
QUESTION = FeeQuestion(procedure="2.000488", as_of="2026-11-23", facts={"birth_date": "1990-05-20", "copies": 3})
BOTH = TwoPersons(maker="huong", checker="minh", document="CV-01/2026")


async def staffed(hub: Hub) -> Hub:
    """The hub with a clerk (huong) and two approvers (minh, lan)."""
    async with hub.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO persons (id, name, role) VALUES ('huong', 'Hương', 'clerk'), ('minh', 'Minh', 'approver'), "
            "('lan', 'Lan', 'approver') ON CONFLICT DO NOTHING"
        )
    return hub


async def ordered(hub: Hub, reference: str = "HS-1", *, dossiers: tuple[str, ...] = ()) -> str:
    """An order of one certificate per dossier (by default one of its own); its id."""
    lines = tuple(
        LineAsk(dossier_code=dossier, collecting_body="G22.99", question=QUESTION)
        for dossier in dossiers or (f"H26-{reference}",)
    )
    ask = OrderAsk(reference=reference, lines=lines, return_url="https://dvc.example.vn/back")
    answer = await create_order(hub, PORTAL, ask, key=f"key-{reference}")
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


def cash(hub: Hub, attempt: Attempt, txn: str = "T1", amount_vnd: int | None = None) -> PaymentSeen:
    """Cash that landed on an attempt; the reference of the movement is the attempt's and `txn`."""
    return PaymentSeen(
        attempt_ref=attempt.ref,
        bank_txn_id=f"{attempt.ref[-8:]}-{txn}",
        amount_vnd=attempt.amount_vnd if amount_vnd is None else amount_vnd,
        occurred_at=hub.clock() + timedelta(seconds=1),
        merchant="PAYGW",
    )


def back(hub: Hub, attempt: Attempt, txn: str = "T1", *, reversal_id: str = "RV1") -> ReversalSeen:
    """The whole of that cash taken back."""
    return ReversalSeen(
        reversal_id=f"{attempt.ref[-8:]}-{reversal_id}",
        attempt_ref=attempt.ref,
        bank_txn_id=f"{attempt.ref[-8:]}-{txn}",
        amount_vnd=attempt.amount_vnd,
        occurred_at=hub.clock() + timedelta(seconds=2),
    )


async def told(
    hub: Hub, *evidence: Evidence, event: str, bank: str = "sandbox-a", authority: Authority = Authority.NOTICE
) -> Verdict:
    """Deliver a webhook's content."""
    body = event.encode()
    message = Message(digest=sha256(body).digest(), body=body)
    return await credit(hub, hub.registry.banks[bank], Notice(evidence=evidence, authority=authority), message)


async def paid(hub: Hub, reference: str = "HS-1", *, bank: str = "sandbox-a") -> tuple[str, Attempt]:
    """An order and the attempt that paid it."""
    order_id = await ordered(hub, reference)
    attempt = await redirected(hub, order_id, bank)
    await told(hub, cash(hub, attempt), event=f"paid-{reference}", bank=bank)
    return order_id, attempt


async def receipts_of(hub: Hub, order_id: str) -> tuple[Receipt, ...]:
    """The receipts of an order as they stand."""
    async with hub.pool.acquire() as connection:
        read = await read_order(connection, order_id, portal_id=PORTAL.id)
    assert read is not None
    return read.receipts


async def balances(hub: Hub) -> dict[str, int]:
    """Every account that is not zero; debit above zero."""
    async with hub.pool.acquire() as connection:
        rows = await connection.fetch("SELECT account, sum(amount_vnd)::bigint AS v FROM ledger GROUP BY 1")
    return {row["account"]: row["v"] for row in rows if row["v"]}


def later(hub: Hub, seconds: float) -> None:
    """Move the clock of a test's hub."""
    assert isinstance(hub.clock, Clock)
    hub.clock.forward(seconds=seconds)


async def event_types(hub: Hub) -> list[str]:
    """What portals were told, in order."""
    async with hub.pool.acquire() as connection:
        return [row["type"] for row in await connection.fetch("SELECT type FROM events ORDER BY seq")]


@asynccontextmanager
async def right_books(hub: Hub) -> AsyncIterator[Hub]:
    """The hub with its staff; at the end of the test every invariant of the money rules must hold."""
    yield await staffed(hub)
    async with hub.pool.acquire() as connection:
        assert await find_violations(connection, mode=hub.settings.funds) == []
