"""Every provider's simulator, spoken to by its own connector over HTTP: one frame, one set of promises."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest

from paygw.kernel.connector import Contact, HttpRequest, Verdict
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundSeen
from paygw.outside.ports import free_port
from paygw.simulators.bank import VIETNAM
from paygw.simulators.provider import providers
from tests.conformance.pairs import CONNECTORS, refund_ask
from tests.sandbox_fixtures import SandboxProcess
from tests.simulators.provider_world import ProviderWorld, provider_world

pytestmark = pytest.mark.net
# Providers that open a session and speak of it in their own words.
REDIRECTS = [
    name
    for name, provider in providers().items()
    if provider.has_page and name in CONNECTORS and (CONNECTORS[name].build_redirect or CONNECTORS[name].open_session)
]


@pytest.fixture(params=REDIRECTS)
async def world(request: pytest.FixtureRequest, idle_sandbox: SandboxProcess) -> AsyncIterator[ProviderWorld]:
    async with provider_world(idle_sandbox, request.param, free_port()) as world:
        yield world


def paid(evidence: object) -> list[int]:
    """The amounts of the payments among this evidence."""
    assert isinstance(evidence, list | tuple)
    return [seen.amount_vnd for seen in evidence if isinstance(seen, PaymentSeen)]


async def test_a_person_pays_and_the_hub_hears_of_it(world: ProviderWorld) -> None:
    ask = world.ask(world.ref("A1-paid"))
    page = await world.arrive((await world.open(ask)).redirect_url)

    back = await world.press(page, "pay")
    await world.ear.hear(1)

    assert paid(world.ear.evidence) == [ask.amount_vnd]
    assert back.startswith(ask.return_url)
    assert [fact["amount_vnd"] for fact in world.sandbox.truth(world.bank)] == [ask.amount_vnd]


async def test_the_browser_brings_back_what_may_be_shown(world: ProviderWorld) -> None:
    if world.connector.parse_return is None:
        pytest.skip("nothing is brought back in this protocol")
    page = await world.arrive((await world.open(world.ask(world.ref("A1-back")))).redirect_url)

    back = await world.press(page, "pay")

    shown = world.connector.parse_return(HttpRequest(method="GET", url=back), world.secrets)
    assert (shown.attempt_ref, shown.contact) == (world.ref("A1-back"), Contact.SUCCEEDED)


async def test_an_enquiry_finds_the_payment_and_nothing_before_it(world: ProviderWorld) -> None:
    ask = world.ask(world.ref("A1-asked"))
    await world.arrive((await world.open(ask)).redirect_url)
    before = await world.enquire(ask)

    await world.control("payments", attempt_ref=world.ref("A1-asked"))
    after = await world.enquire(ask)

    assert paid(before.evidence) == []
    assert paid(after.evidence) == [ask.amount_vnd]


@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("refuse", {AttemptStatus.FAILED}),
        ("cancel", {AttemptStatus.CANCELLED, AttemptStatus.FAILED}),
    ],
)
async def test_a_payment_that_does_not_come_about_is_told_or_found(
    world: ProviderWorld, action: str, states: set[AttemptStatus]
) -> None:
    ask = world.ask(world.ref("A1-no"))
    page = await world.arrive((await world.open(ask)).redirect_url)

    await world.press(page, action)
    answer = await world.enquire(ask)

    assert {seen.status for seen in answer.evidence if isinstance(seen, AttemptSeen)} <= states
    assert not paid(answer.evidence)


async def test_a_session_the_hub_closes_stays_closed(world: ProviderWorld) -> None:
    if world.connector.cancel is None:
        pytest.skip("no session is closed in this protocol")
    ask = world.ask(world.ref("A1-close"))
    await world.arrive((await world.open(ask)).redirect_url)

    answers = await world.cancel(ask), await world.enquire(ask)

    heard = [seen for answer in answers for seen in answer.evidence if isinstance(seen, AttemptSeen)]
    assert [(seen.status, seen.not_paid) for seen in heard] == [(AttemptStatus.CANCELLED, True)] * 2


async def test_closing_a_session_that_was_paid_brings_its_payment(world: ProviderWorld) -> None:
    if world.connector.cancel is None:
        pytest.skip("no session is closed in this protocol")
    ask = world.ask(world.ref("A1-paidc"))
    page = await world.arrive((await world.open(ask)).redirect_url)
    await world.press(page, "pay")

    assert paid((await world.cancel(ask)).evidence) == [ask.amount_vnd]


async def test_the_provider_tells_again_until_it_hears_the_word_it_waits_for(world: ProviderWorld) -> None:
    world.ear.verdict = lambda number: Verdict.UNAVAILABLE if number < 2 else Verdict.ACCEPTED
    ask = world.ask(world.ref("A1-again"))
    await world.arrive((await world.open(ask)).redirect_url)

    await world.control("payments", attempt_ref=world.ref("A1-again"))
    await world.ear.hear(3)

    assert paid(world.ear.evidence) == [ask.amount_vnd] * 3


async def test_a_forged_webhook_is_refused(world: ProviderWorld) -> None:
    await world.control("misbehaviour", misbehaviour={"forged": True})
    await world.arrive((await world.open(world.ask(world.ref("A1-forged")))).redirect_url)

    await world.control("payments", attempt_ref=world.ref("A1-forged"))
    await world.ear.hear(1)

    assert world.ear.refused >= 1
    assert not world.ear.heard


@pytest.mark.parametrize("fault", ["html", "garbage", "cut", "http_status", "down", "unsigned"])
async def test_a_spoilt_answer_is_unknown(world: ProviderWorld, fault: str) -> None:
    if world.connector.query is None:
        pytest.skip("no query in this protocol")
    if fault == "unsigned" and not providers()[world.protocol].side.signs_answers:
        pytest.skip("answers are protected by TLS alone")
    ask = world.ask(world.ref("A1-spoilt"))
    await world.arrive((await world.open(ask)).redirect_url)
    await world.control("payments", attempt_ref=world.ref("A1-spoilt"))
    values = {"http_status": 500, "down": "closed"}
    await world.control("misbehaviour", misbehaviour={fault: values.get(fault, True)})

    answer = await world.enquire(ask)

    assert answer.contact is Contact.UNKNOWN


async def test_a_changed_request_is_refused_and_moves_nothing(world: ProviderWorld) -> None:
    if world.connector.refund is None:
        pytest.skip("no refund in this protocol")
    stranger = replace(world.secrets, values={name: value[::-1] for name, value in world.secrets.values.items()})
    dialogue = world.connector.refund(refund_ask(attempt_ref="A1", refund_ref="R1"), stranger)

    answer = await world.way.ask(world.bank, "refund", dialogue)

    assert answer.contact is not Contact.SUCCEEDED
    assert not world.sandbox.truth(world.bank)


async def test_a_refund_is_made_once_and_found(world: ProviderWorld) -> None:
    connector = world.connector
    if connector.refund is None or connector.query_refund is None:
        pytest.skip("no refund in this protocol")
    ask = world.ask(world.ref("A1-refund"))
    await world.arrive((await world.open(ask)).redirect_url)
    payment = (await world.control("payments", attempt_ref=world.ref("A1-refund")))["payments"][0]
    wanted = refund_ask(
        attempt_ref=world.ref("A1-refund"),
        refund_ref="R1",
        bank_txn_id=payment["bank_txn_id"],
        created_at=ask.created_at,
        now=ask.created_at,
    )

    first = await world.way.ask(world.bank, "refund", connector.refund(wanted, world.secrets))
    found = await world.way.ask(world.bank, "query_refund", connector.query_refund(wanted, world.secrets))

    assert first.contact in {Contact.SUCCEEDED, Contact.PENDING}
    assert [(seen.refund_ref, seen.amount_vnd) for seen in found.evidence if isinstance(seen, RefundSeen)] == [
        ("R1", wanted.amount_vnd)
    ]
    refunds = [fact for fact in world.sandbox.truth(world.bank) if fact["kind"] == "refund"]
    assert [fact["amount_vnd"] for fact in refunds] == [wanted.amount_vnd]


async def test_the_settlement_file_reads_back(world: ProviderWorld) -> None:
    if world.connector.parse_settlement is None:
        pytest.skip("no settlement file in this protocol")
    ask = world.ask(world.ref("A1-settled"))
    await world.arrive((await world.open(ask)).redirect_url)
    payment = (await world.control("payments", attempt_ref=world.ref("A1-settled")))["payments"][0]

    day = datetime.fromisoformat(payment["occurred_at"]).astimezone(VIETNAM).date()
    text = world.sandbox.ask("GET", f"/{world.bank}/v1/settlements/{day}.csv")

    file = world.connector.parse_settlement(text.encode(), {})
    assert [(line.ref, line.amount_vnd) for line in file.lines] == [(world.ref("A1-settled"), ask.amount_vnd)]
