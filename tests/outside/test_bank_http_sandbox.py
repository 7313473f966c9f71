"""The driver and the sandbox connector against the real sandbox process in each of its misbehaviours."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from connectors import discover
from paygw.kernel.connector import Answer, Contact, QueryAsk, RefundAsk, Session, SessionAsk
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundSeen, ReversalSeen
from paygw.outside.bank_http import BankHttp, BankLimits, bank_http
from tests.conformance.pairs import query_ask, refund_ask, session_ask
from tests.sandbox_fixtures import SandboxProcess

pytestmark = pytest.mark.net
CONNECTOR = discover()["sandbox"]
BANK = "sandbox-a"
LIMITS = BankLimits(deadline_s=3.0, connect_s=1.0, pause_s=0.0, pause_max_s=0.0)
SPOILT: dict[str, dict[str, Any]] = {
    "closed": {"down": "closed"},
    "500": {"http_status": 500},
    "garbage": {"garbage": True},
    "html": {"html": True},
    "cut": {"cut": True},
    "unsigned": {"unsigned": True},
    "401": {"http_status": 401},
}
_serial = count(1)


class Unseen:
    """Counts nothing."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Do nothing."""

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Do nothing."""


class Hub:
    """As much of a hub as it takes to talk to one bank about one attempt."""

    def __init__(self, sandbox: SandboxProcess, way: BankHttp) -> None:
        self.sandbox = sandbox
        self.way = way
        self.ref = f"A-{next(_serial)}"
        self.began_at = datetime.now(UTC)

    async def open(self, **changes: object) -> Session:
        times = {"created_at": self.began_at, "expires_at": self.began_at + timedelta(minutes=5)}
        ask: SessionAsk = session_ask(attempt_ref=self.ref, webhook_url="", **times, **changes)
        assert CONNECTOR.open_session is not None
        return await self.way.open_session(BANK, CONNECTOR.open_session(ask, self.sandbox.secrets(BANK)))

    async def query(self) -> Answer:
        ask: QueryAsk = query_ask(attempt_ref=self.ref, now=datetime.now(UTC))
        assert CONNECTOR.query is not None
        return await self.way.ask(BANK, "query", CONNECTOR.query(ask, self.sandbox.secrets(BANK)))

    async def refund(self, txn_id: str, **changes: object) -> Answer:
        assert CONNECTOR.refund is not None
        dialogue = CONNECTOR.refund(self._refund(txn_id, **changes), self.sandbox.secrets(BANK))
        return await self.way.ask(BANK, "refund", dialogue)

    async def query_refund(self, txn_id: str, **changes: object) -> Answer:
        assert CONNECTOR.query_refund is not None
        dialogue = CONNECTOR.query_refund(self._refund(txn_id, **changes), self.sandbox.secrets(BANK))
        return await self.way.ask(BANK, "query_refund", dialogue)

    def pay(self, **payment: object) -> str:
        """A person pays; the bank's reference."""
        paid = self.sandbox.control(BANK, "payments", attempt_ref=self.ref, **payment)
        txn_id: str = paid["payments"][0]["bank_txn_id"]
        return txn_id

    def spoil(self, **misbehaviour: object) -> None:
        """Misbehave towards this attempt."""
        self.sandbox.misbehave(BANK, self.ref, **misbehaviour)

    def moved(self, kind: str) -> list[dict[str, Any]]:
        """What the bank's truth file says of this attempt."""
        return [fact for fact in self.sandbox.truth(BANK) if fact["kind"] == kind and fact["attempt_ref"] == self.ref]

    def _refund(self, txn_id: str, **changes: object) -> RefundAsk:
        now = datetime.now(UTC)
        ref = f"R-{self.ref}"
        return refund_ask(refund_ref=ref, attempt_ref=self.ref, bank_txn_id=txn_id, now=now, paid_at=now, **changes)


@pytest.fixture
async def hub(sandbox: SandboxProcess) -> AsyncIterator[Hub]:
    async with bank_http(limits=LIMITS, observer=Unseen()) as way:
        yield Hub(sandbox, way)
    sandbox.misbehave(BANK)


async def test_a_session_is_opened_once(hub: Hub) -> None:
    first, second = await hub.open(), await hub.open()

    assert first.contact is second.contact is Contact.SUCCEEDED
    assert first.bank_session_id == second.bank_session_id


async def test_one_reference_has_one_content(hub: Hub) -> None:
    await hub.open()

    assert (await hub.open(amount_vnd=1)).contact is Contact.UNKNOWN


async def test_an_open_session_is_authentically_unpaid(hub: Hub) -> None:
    await hub.open()

    answer = await hub.query()

    assert answer.contact is Contact.PENDING
    assert isinstance(answer.evidence[0], AttemptSeen)
    assert answer.evidence[0].not_paid


async def test_a_session_the_bank_never_saw_is_authentically_unpaid(hub: Hub) -> None:
    seen = (await hub.query()).evidence[0]

    assert isinstance(seen, AttemptSeen)
    assert (seen.status, seen.not_paid) == (AttemptStatus.CREATED, True)


async def test_payments_over_under_and_twice_are_found_each(hub: Hub) -> None:
    await hub.open()
    hub.pay(amount_vnd=100_000)
    hub.pay(amount_vnd=50_000)
    hub.pay(amount_vnd=999_999, payments=2)

    answer = await hub.query()

    amounts = [seen.amount_vnd for seen in answer.evidence if isinstance(seen, PaymentSeen)]
    assert amounts == [100_000, 50_000, 999_999, 999_999]
    assert len({seen.bank_txn_id for seen in answer.evidence if isinstance(seen, PaymentSeen)}) == 4


@pytest.mark.parametrize("status", ["pending", "failed", "expired", "cancelled"])
async def test_a_session_without_money_says_how_it_stands(hub: Hub, status: str) -> None:
    await hub.open()
    hub.sandbox.control(BANK, "closings", attempt_ref=hub.ref, status=status)

    seen = (await hub.query()).evidence[0]

    assert isinstance(seen, AttemptSeen)
    assert seen.status == status


async def test_late_money_outdoes_an_expiry(hub: Hub) -> None:
    await hub.open()
    hub.sandbox.control(BANK, "closings", attempt_ref=hub.ref, status="expired")
    hub.pay()

    assert (await hub.query()).contact is Contact.SUCCEEDED


async def test_a_reversal_is_found_beside_its_payment(hub: Hub) -> None:
    await hub.open()
    txn_id = hub.pay()
    hub.sandbox.control(BANK, "reversals", bank_txn_id=txn_id)

    answer = await hub.query()

    assert [type(seen) for seen in answer.evidence] == [PaymentSeen, ReversalSeen]


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=list(SPOILT))
async def test_a_spoilt_opening_is_unknown_and_can_be_asked_again(hub: Hub, spoilt: dict[str, Any]) -> None:
    hub.spoil(**spoilt, times=1)

    lost, again = await hub.open(), await hub.open()

    assert (lost.contact, again.contact) == (Contact.UNKNOWN, Contact.SUCCEEDED)


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=list(SPOILT))
async def test_a_spoilt_enquiry_is_no_evidence(hub: Hub, spoilt: dict[str, Any]) -> None:
    await hub.open()
    hub.pay()
    hub.spoil(**spoilt)

    answer = await hub.query()

    assert answer == Answer(contact=Contact.UNKNOWN)


@pytest.mark.parametrize("spoilt", [SPOILT["closed"], SPOILT["500"], SPOILT["html"], SPOILT["cut"]])
async def test_an_enquiry_survives_two_bad_answers(hub: Hub, spoilt: dict[str, Any]) -> None:
    await hub.open()
    hub.pay()
    hub.spoil(**spoilt, times=2)

    assert (await hub.query()).contact is Contact.SUCCEEDED


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=list(SPOILT))
async def test_a_refund_with_a_lost_answer_moves_money_once(hub: Hub, spoilt: dict[str, Any]) -> None:
    await hub.open()
    txn_id = hub.pay()
    hub.spoil(**spoilt, times=1)

    lost = await hub.refund(txn_id)
    found, again = await hub.query_refund(txn_id), await hub.refund(txn_id)

    assert lost.contact is Contact.UNKNOWN
    assert found.contact is again.contact is Contact.SUCCEEDED
    assert len(hub.moved("refund")) == 1


async def test_a_refund_that_never_arrived_is_unknown_not_failed(hub: Hub) -> None:
    await hub.open()
    txn_id = hub.pay()
    hub.spoil(down="closed", without_effect=True, times=1)

    lost, asked = await hub.refund(txn_id), await hub.query_refund(txn_id)

    assert (lost.contact, asked.contact, asked.evidence) == (Contact.UNKNOWN, Contact.UNKNOWN, ())
    assert hub.moved("refund") == []


async def test_a_slow_bank_is_unknown_at_the_deadline(hub: Hub) -> None:
    async with bank_http(limits=replace(LIMITS, deadline_s=0.3), observer=Unseen()) as hasty:
        impatient = Hub(hub.sandbox, hasty)
        impatient.spoil(slow_ms=2_000)
        session = await impatient.open()

    assert session.contact is Contact.UNKNOWN


async def test_a_bank_that_refuses_connections_was_sent_nothing(hub: Hub) -> None:
    hub.sandbox.misbehave(BANK, down="refused")

    session = await hub.open()
    hub.sandbox.misbehave(BANK)

    assert session.contact is Contact.NOT_SENT
    assert (await hub.open()).contact is Contact.SUCCEEDED


async def test_only_the_named_operations_suffer(hub: Hub) -> None:
    hub.spoil(operations=["refund"], http_status=503)

    assert (await hub.open()).contact is Contact.SUCCEEDED
    txn_id = hub.pay()
    assert (await hub.query()).contact is Contact.SUCCEEDED
    assert (await hub.refund(txn_id)).contact is Contact.UNKNOWN


@pytest.mark.parametrize(("excess_vnd", "code"), [(1, "amount_exceeds_payment"), (10**9, "amount_exceeds_payment")])
async def test_a_bank_refuses_to_refund_more_than_it_was_paid(hub: Hub, excess_vnd: int, code: str) -> None:
    await hub.open()
    txn_id = hub.pay()
    wanted_vnd = 150_000 + excess_vnd

    answer = await hub.refund(txn_id, amount_vnd=wanted_vnd, original_vnd=wanted_vnd)  # so we wrongly believe

    assert answer.contact is Contact.DECLINED
    assert [fact["code"] for fact in hub.moved("refund")] == [code]


async def test_more_than_we_know_was_paid_is_not_asked_for(hub: Hub) -> None:
    await hub.open()
    txn_id = hub.pay()

    answer = await hub.refund(txn_id, amount_vnd=150_001)

    assert answer.contact is Contact.NOT_SENT
    assert not hub.moved("refund")


async def test_a_pending_refund_succeeds_and_comes_back(hub: Hub) -> None:
    await hub.open()
    txn_id = hub.pay()
    hub.spoil(refund_outcome="pending")
    heard = [await hub.refund(txn_id)]
    for status in ("succeeded", "returned"):
        hub.sandbox.control(BANK, "refund-outcome", refund_ref=f"R-{hub.ref}", status=status)
        heard.append(await hub.query_refund(txn_id))

    news = [seen.status for answer in heard for seen in answer.evidence if isinstance(seen, RefundSeen)]
    assert news == ["pending", "succeeded", "returned"]


async def test_a_wrong_secret_moves_nothing(hub: Hub) -> None:
    assert CONNECTOR.open_session is not None
    secrets = replace(hub.sandbox.secrets(BANK), values={"secret": "somebody-elses-secret"})
    now = datetime.now(UTC)
    ask = session_ask(attempt_ref=hub.ref, webhook_url="", created_at=now, expires_at=now + timedelta(minutes=5))

    session = await hub.way.open_session(BANK, CONNECTOR.open_session(ask, secrets))

    assert session.contact is Contact.UNKNOWN
    seen = (await hub.query()).evidence[0]
    assert isinstance(seen, AttemptSeen)
    assert seen.bank_code == "unknown_session"
