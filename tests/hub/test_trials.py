"""Trials of a configured bank: what its own simulator says passes, wrong keys and lies do not."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.trials import try_bank
from paygw.kernel.connector import Answer, AnswerDialogue, HttpReply, HttpRequest, Session, SessionDialogue
from paygw.kernel.decide import Landing
from paygw.kernel.evidence import PaymentSeen
from paygw.simulators.side import BankSide, sides
from tests.conformance.pairs import CONNECTORS, NOW
from tests.conformance.test_dialogues import converse
from tests.hub_fixtures import ScriptedBank

pytestmark = pytest.mark.db
WALLETS = ("momo", "zalopay", "payos", "vnpay", "sandbox")


@dataclass(slots=True)
class Played(ScriptedBank):
    """Every bank is played by one side."""

    play: Callable[[HttpRequest], HttpReply] = field(default=lambda _: HttpReply(status=500))

    async def open_session(self, bank: str, dialogue: SessionDialogue) -> Session:
        self.asked.append((bank, "open_session"))
        return converse(dialogue, self.play)

    async def ask(self, bank: str, operation: str, dialogue: AnswerDialogue) -> Answer:
        self.asked.append((bank, operation))
        return converse(dialogue, self.play)


def bank_of(name: str) -> Bank:
    """A bank under the side's published test configuration."""
    return Bank(f"{name}-main", name, CONNECTORS[name], sides()[name].secrets, Landing(), enabled=True)


def honest(side: BankSide) -> Callable[[HttpRequest], HttpReply]:
    """A bank that knows of nothing."""
    return lambda request: side.reply(request, (), side.secrets, NOW)


@pytest.mark.parametrize("name", WALLETS)
async def test_a_bank_that_plays_by_the_book_passes(hub: Hub, name: str) -> None:
    trials = await try_bank(replace(hub, talk=Played(play=honest(sides()[name]))), bank_of(name), with_session=False)

    outcomes = {trial.name: trial.outcome for trial in trials}
    assert not [trial for trial in trials if trial.outcome == "failed" and trial.name != "transport"]
    assert outcomes["unknown_reference"] == "passed"


async def test_money_for_a_reference_nobody_gave_fails(hub: Hub) -> None:
    side = sides()["zalopay"]  # its answers do not say what they are about, so that this one is believed
    about = HttpRequest(method="POST", url=f"{side.secrets.base_url}/v2/query", body=b'{"app_trans_id":"261120_A-1"}')
    paid = next(seen for seen in side.samples if isinstance(seen, PaymentSeen))
    talk = Played(play=lambda _: side.reply(about, (paid,), side.secrets, NOW))

    trials = await try_bank(replace(hub, talk=talk), bank_of("zalopay"), with_session=False)

    assert {trial.name: trial.outcome for trial in trials}["unknown_reference"] == "failed"


async def test_a_bank_that_is_silent_or_speaks_nonsense_fails(hub: Hub) -> None:
    trials = await try_bank(replace(hub, talk=Played()), bank_of("momo"), with_session=True)

    outcomes = {trial.name: trial.outcome for trial in trials}
    assert (outcomes["session"], outcomes["unknown_reference"]) == ("failed", "failed")


async def test_a_credential_without_its_form_is_named(hub: Hub) -> None:
    bank = bank_of("momo")
    bad = replace(bank, secrets=replace(bank.secrets, values={"accessKey": "x", "secretKey": "long-enough"}))

    trials = await try_bank(replace(hub, talk=Played(play=honest(sides()["momo"]))), bad, with_session=False)

    assert (trials[0].outcome, "accessKey" in trials[0].told) == ("failed", True)
