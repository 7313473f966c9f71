"""Work at banks: each bank has loops of its own, whatever another one does."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec
import pytest

from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.hub import Hub
from paygw.hub.ordering import create_order
from paygw.jobs.banks import tend_banks
from paygw.kernel.connector import Answer, AnswerDialogue, Contact, Session
from paygw.kernel.refs import private_id
from tests.hub.test_payment import asked
from tests.hub_fixtures import PORTAL, Clock, ScriptedBank
from tests.jobs.outbox_kit import until

pytestmark = pytest.mark.db


@dataclass(slots=True)
class HangingBank(ScriptedBank):
    """sandbox-a never answers while `well` is not set; sandbox-b answers."""

    well: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, bank: str, operation: str, dialogue: AnswerDialogue) -> Answer:
        """Hang, or say that it is not paid yet."""
        dialogue.close()
        if bank == "sandbox-a":
            await self.well.wait()
        self.asked.append((bank, operation))
        return Answer(contact=Contact.PENDING)


async def _tried(hub: Hub, reference: str, bank: str) -> None:
    answer = await create_order(hub, PORTAL, asked(reference, dossier=reference), key=reference)
    order_id = private_id("ord", msgspec.json.decode(answer.body)["id"])
    assert order_id is not None
    pay = PayAsk(
        order_id=order_id,
        bank=hub.registry.banks[bank],
        method="wallet",
        payer_ip="127.0.0.1",
        locale="vi",
        return_url="http://hub/back",
    )
    begun = await begin_attempt(hub, pay)
    await record_session(hub, begun.attempt, Session(contact=Contact.SUCCEEDED, redirect_url="http://127.0.0.1:9/"))


def _has_asked(bank: ScriptedBank, name: str, times: int) -> bool:
    return bank.asked.count((name, "query")) >= times


async def test_bank_that_hangs_holds_up_no_enquiry_at_another(hub: Hub) -> None:
    bank, clock = HangingBank(), Clock()
    hub = replace(
        hub, talk=bank, clock=clock,
        settings=hub.settings.model_copy(update={"worker_poll_s": 0.02, "enquiry_delays_s": (1.0,) * 50}),
    )  # fmt: skip
    for at in range(3):
        await _tried(hub, f"A-{at}", "sandbox-a")
    await _tried(hub, "B-1", "sandbox-b")
    stop = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tend_banks(hub, stop))
        for rounds in (1, 2, 3):
            clock.forward(seconds=2)
            await until(partial(_has_asked, bank, "sandbox-b", rounds))
        hung = bank.asked.count(("sandbox-a", "query"))
        bank.well.set()
        stop.set()

    assert hung == 0
    assert bank.asked.count(("sandbox-a", "query")) == 3
