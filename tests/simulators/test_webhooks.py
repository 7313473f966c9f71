"""Webhooks of the sandbox process: at least once, in the misorder asked for, and resumed after a kill."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from connectors.sandbox import open_session, refund
from paygw.kernel.connector import Contact
from paygw.kernel.evidence import AttemptSeen, PaymentSeen, RefundSeen, ReversalSeen
from paygw.outside.bank_http import BankLimits, bank_http
from paygw.outside.ports import free_port
from tests.conformance.pairs import refund_ask, session_ask
from tests.outside.test_bank_http_sandbox import Unseen
from tests.sandbox_fixtures import SandboxProcess
from tests.simulators.ear import Ear, ear

pytestmark = pytest.mark.net
BANK = "sandbox-b"
_serial = count(1)


class Desk:
    """One attempt at the bank, opened with the ear as its webhook address."""

    def __init__(self, sandbox: SandboxProcess, hub: Ear) -> None:
        self.sandbox = sandbox
        self.hub = hub
        self.ref = f"W-{next(_serial)}"

    async def open(self) -> Contact:
        now = datetime.now(UTC)
        ask = session_ask(
            attempt_ref=self.ref, webhook_url=self.hub.url, created_at=now, expires_at=now + timedelta(minutes=5)
        )
        async with bank_http(limits=BankLimits(), observer=Unseen()) as way:
            session = await way.open_session(BANK, open_session(ask, self.sandbox.secrets(BANK)))
        return session.contact

    async def control(self, path: str, **content: object) -> dict[str, object]:
        """A command of the control plane, without holding up the ear."""
        done: dict[str, object] = await asyncio.to_thread(partial(self.sandbox.control, BANK, path, **content))
        return done

    async def misbehave(self, **misbehaviour: object) -> None:
        await self.control("misbehaviour", attempt_ref=self.ref, misbehaviour=misbehaviour)

    async def pay(self, **payment: object) -> str:
        paid = await self.control("payments", attempt_ref=self.ref, **payment)
        payments = paid["payments"]
        assert isinstance(payments, list)
        return str(payments[0]["bank_txn_id"])


@pytest.fixture
async def desk(sandbox: SandboxProcess) -> AsyncIterator[Desk]:
    async with ear(sandbox.secrets(BANK)) as hub:
        desk = Desk(sandbox, hub)
        await desk.open()
        yield desk


async def test_a_payment_is_told(desk: Desk) -> None:
    txn_id = await desk.pay(memo="Nộp lệ phí 😀 & hơn nữa")
    await desk.hub.hear(1)

    seen = desk.hub.evidence[0]
    assert isinstance(seen, PaymentSeen)
    assert (seen.attempt_ref, seen.bank_txn_id, seen.amount_vnd) == (desk.ref, txn_id, 150_000)
    assert seen.memo == "Nộp lệ phí 😀 & hơn nữa"


async def test_a_refused_webhook_comes_again_under_the_same_id(desk: Desk) -> None:
    desk.hub.status = lambda number: 503 if number == 0 else 200
    await desk.pay()
    await desk.hub.hear(2)

    assert desk.hub.heard[0] == desk.hub.heard[1]


async def test_duplicates_come_under_new_ids_with_one_reference(desk: Desk) -> None:
    await desk.misbehave(duplicates=3)
    await desk.pay()
    await desk.hub.hear(4)

    assert len({notice.event_id for notice in desk.hub.heard}) == 4
    assert len({seen.bank_txn_id for seen in desk.hub.evidence if isinstance(seen, PaymentSeen)}) == 1


async def test_a_payment_can_be_told_again_later(desk: Desk) -> None:
    txn_id = await desk.pay()
    await desk.hub.hear(1)
    await desk.control("webhooks/resend", bank_txn_id=txn_id, copies=2)
    await desk.hub.hear(3)

    assert len({notice.event_id for notice in desk.hub.heard}) == 3


async def test_a_reversal_can_come_before_its_payment(desk: Desk) -> None:
    await desk.misbehave(hold=True)
    txn_id = await desk.pay()
    await desk.control("reversals", bank_txn_id=txn_id)
    await desk.control("webhooks/release", order="reversed")
    await desk.hub.hear(2)

    assert [type(seen) for seen in desk.hub.evidence] == [ReversalSeen, PaymentSeen]


async def test_a_webhook_can_come_before_the_answer_that_opens_the_session(sandbox: SandboxProcess) -> None:
    async with ear(sandbox.secrets(BANK)) as hub:
        desk = Desk(sandbox, hub)
        await desk.misbehave(pay_at_open=True)
        opening = asyncio.create_task(desk.open())
        opened_before_the_webhook_was_answered: list[bool] = []
        hub.before_answer = lambda: opened_before_the_webhook_was_answered.append(opening.done())
        assert await opening is Contact.SUCCEEDED

        assert len(hub.heard) == 1
        assert opened_before_the_webhook_was_answered == [False]


async def test_a_lost_webhook_never_comes_but_the_money_is_there(desk: Desk) -> None:
    await desk.misbehave(lost=True)
    lost = await desk.pay()
    await desk.misbehave()
    told = await desk.pay()
    await desk.hub.hear(1)

    assert [seen.bank_txn_id for seen in desk.hub.evidence if isinstance(seen, PaymentSeen)] == [told]
    assert lost in {fact["bank_txn_id"] for fact in desk.sandbox.truth(BANK)}


async def test_a_forged_webhook_does_not_verify(desk: Desk) -> None:
    await desk.misbehave(forged=True)
    await desk.pay()
    await desk.misbehave()
    await desk.pay()
    await desk.hub.hear(1)
    async with asyncio.timeout(10):
        while not desk.hub.forged:
            await desk.hub.came.wait()
            desk.hub.came.clear()

    assert desk.hub.forged >= 1


async def test_two_payments_of_one_attempt_are_two(desk: Desk) -> None:
    await desk.pay(payments=2, amount_vnd=75_000)
    await desk.hub.hear(2)

    assert len({seen.bank_txn_id for seen in desk.hub.evidence if isinstance(seen, PaymentSeen)}) == 2


async def test_a_closed_session_is_told(desk: Desk) -> None:
    await desk.control("closings", attempt_ref=desk.ref, status="failed", code="insufficient_funds")
    await desk.hub.hear(1)

    seen = desk.hub.evidence[0]
    assert isinstance(seen, AttemptSeen)
    assert (seen.status, seen.bank_code) == ("failed", "insufficient_funds")


async def test_the_truth_is_on_the_disk_before_the_webhook_leaves(desk: Desk) -> None:
    known_at_hearing: list[set[str]] = []
    desk.hub.before_answer = lambda: known_at_hearing.append({fact["bank_txn_id"] for fact in desk.sandbox.truth(BANK)})
    txn_id = await desk.pay()
    await desk.hub.hear(1)

    assert txn_id in known_at_hearing[0]


async def test_undelivered_webhooks_are_taken_up_after_a_kill(idle_sandbox: SandboxProcess) -> None:
    sandbox, port = idle_sandbox, free_port()
    sandbox.options = {"webhook_url": f"http://127.0.0.1:{port}/webhooks/{BANK}", "webhook_schedule_s": [0, 3600]}
    await asyncio.to_thread(sandbox.start)
    paid = [await asyncio.to_thread(partial(sandbox.control, BANK, "payments", amount_vnd=n)) for n in (1, 2, 3)]
    sandbox.stop(signal.SIGKILL)
    with (sandbox.folder / BANK / "truth.jsonl").open("ab") as torn:
        torn.write(b'{"kind":"payment","bank_txn')

    async with ear(sandbox.secrets(BANK), port) as hub:
        await asyncio.to_thread(sandbox.start)
        await hub.hear(3)
        sandbox.stop()
        await asyncio.to_thread(sandbox.start)
        await asyncio.to_thread(partial(sandbox.control, BANK, "payments", amount_vnd=4))
        await hub.hear(4)

    told = [str(seen.bank_txn_id) for seen in hub.evidence if isinstance(seen, PaymentSeen)]
    assert sorted(told[:3]) == sorted(payment["payments"][0]["bank_txn_id"] for payment in paid)
    assert len(set(told)) == 4
    assert [fact["amount_vnd"] for fact in sandbox.truth(BANK)] == [1, 2, 3, 4]


async def test_a_refund_is_told_with_its_outcome(desk: Desk) -> None:
    txn_id = await desk.pay()
    await desk.hub.hear(1)
    await desk.misbehave(refund_outcome="pending")
    await _refund(desk, txn_id)
    await desk.control("refund-outcome", refund_ref=f"R-{desk.ref}", status="failed")
    await desk.hub.hear(2)

    seen = desk.hub.evidence[1]
    assert isinstance(seen, RefundSeen)
    assert (seen.refund_ref, seen.status, seen.amount_vnd) == (f"R-{desk.ref}", "failed", 50_000)


async def _refund(desk: Desk, txn_id: str) -> None:
    now = datetime.now(UTC)
    ask = refund_ask(refund_ref=f"R-{desk.ref}", attempt_ref=desk.ref, bank_txn_id=txn_id, now=now)
    async with bank_http(limits=BankLimits(), observer=Unseen()) as way:
        answer = await way.ask(BANK, "refund", refund(ask, desk.sandbox.secrets(BANK)))
    assert answer.contact is Contact.PENDING
