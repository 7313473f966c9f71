"""Back from a bank: what it signed in the browser's address makes us ask it, and nothing in there is believed."""

from dataclasses import replace
from typing import cast
from urllib.parse import urlencode

import pytest

from connectors import discover
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Bank
from paygw.kernel.connector import Answer, Contact, Secrets, Session
from paygw.kernel.decide import Landing
from paygw.kernel.evidence import AttemptStatus, PaymentSeen
from paygw.simulators.provider import providers
from paygw.simulators.side import sides
from tests.hub_fixtures import Counts
from tests.web.checkout_kit import Payer, ordered, says

pytestmark = pytest.mark.db

SIGNING = ["momo", "onepay", "vnpay", "zalopay"]


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """The hub with every bank whose returns are signed."""
    connectors = discover()
    banks = {
        f"{name}-a": Bank(f"{name}-a", connectors[name].title, connectors[name], secrets_of(name), Landing(), True)
        for name in SIGNING
    }
    registry = replace(hub.registry, banks={**hub.registry.banks, **banks})
    return replace(hub, registry_holder=RegistryHolder(registry))


@pytest.fixture
async def payer(hub: Hub) -> Payer:
    """Somebody with the pay URL of a fresh order over 205,000 đồng."""
    return await ordered(hub)


def secrets_of(name: str) -> Secrets:
    """The published test configuration of a provider."""
    return sides()[name].secrets


async def gone_to(payer: Payer, name: str) -> PaymentSeen:
    """The payer leaves for a bank; the payment they make there."""
    connector = payer.hub.connectors[name]
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=f"{secrets_of(name).base_url}/pay"))
    await payer.choose(f"{name}-a:{connector.methods[0]}")
    attempt = (await payer.read()).tries[0].attempt
    return PaymentSeen(
        attempt_ref=attempt.ref,
        bank_txn_id="2026112300001",
        amount_vnd=attempt.amount_vnd,
        occurred_at=payer.hub.clock(),
        merchant=attempt.merchant,
    )


def brought_back(payer: Payer, name: str, payment: PaymentSeen) -> str:
    """The query string that the provider gives the browser."""
    provider, at = providers()[name], payer.hub.clock()
    told = provider.side.tell(payment, secrets_of(name), at).url.partition("?")[2]
    return provider.shown(payment, secrets_of(name), at) if provider.shown else told


def queries(payer: Payer) -> list[str]:
    """The banks that were asked."""
    return [bank for bank, operation in payer.bank.asked if operation == "query"]


def counted(payer: Payer) -> list[tuple[str, str]]:
    """What was counted of returns."""
    seen = cast("Counts", payer.hub.observe).seen
    return [(labels["bank"], labels["outcome"]) for name, labels in seen if name == "paygw_returns_total"]


@pytest.mark.parametrize("name", SIGNING)
async def test_signed_return_makes_us_ask_and_the_answer_pays(payer: Payer, name: str) -> None:
    payment = await gone_to(payer, name)
    payer.bank.answers.append(Answer(contact=Contact.SUCCEEDED, evidence=(payment,)))

    back = await payer.get(f"/return?{brought_back(payer, name, payment)}")

    assert (back.status, back.headers["location"]) == (303, f"{payer.path}?n=0")
    assert (queries(payer), counted(payer)) == ([f"{name}-a"], [(f"{name}-a", "verified")])
    says(await payer.get(), "Đã thanh toán")


@pytest.mark.parametrize("name", SIGNING)
async def test_signed_success_is_no_payment_while_the_bank_does_not_say_so(payer: Payer, name: str) -> None:
    payment = await gone_to(payer, name)

    await payer.get(f"/return?{brought_back(payer, name, payment)}")

    (tried,) = (await payer.read()).tries
    assert queries(payer) == [f"{name}-a"]
    assert tried.attempt.status is AttemptStatus.REDIRECTED
    assert tried.attempt.last_contact_failed


@pytest.mark.parametrize("name", SIGNING)
async def test_forged_return_changes_nothing_and_asks_nobody(payer: Payer, name: str) -> None:
    payment = await gone_to(payer, name)
    query = brought_back(payer, name, payment)
    digit = next(at for at in range(len(query) - 1, -1, -1) if query[at] in "0123456789abcdefABCDEF")
    forged = query[:digit] + ("1" if query[digit] != "1" else "2") + query[digit + 1 :]
    before = await payer.read()

    back = await payer.get(f"/return?{forged}")

    assert (back.status, back.headers["location"]) == (303, f"{payer.path}?n=0")
    assert (queries(payer), counted(payer)) == ([], [(f"{name}-a", "forged")])
    assert (await payer.read()).situation == before.situation
    assert "Đã thanh toán" not in (await payer.get()).text


async def test_return_of_another_orders_payment_is_not_about_this_one(hub: Hub, payer: Payer) -> None:
    theirs = await ordered(hub, reference="HS-2", dossier="H26-2")
    payment = await gone_to(theirs, "momo")
    await gone_to(payer, "momo")

    await payer.get(f"/return?{brought_back(theirs, 'momo', payment)}")

    assert (queries(payer), counted(payer)) == ([], [("momo-a", "forged")])


async def test_late_return_finds_a_payment_of_an_attempt_that_was_given_up_here(payer: Payer) -> None:
    payment = await gone_to(payer, "momo")
    payer.clock.forward(seconds=payer.hub.settings.attempt_lifetime_s + 1)
    expired = await payer.seen(AttemptStatus.REDIRECTED, not_paid=True)
    payer.bank.answers.append(Answer(contact=Contact.PENDING, evidence=(expired,)))
    await payer.get("/return")
    payer.bank.answers.append(Answer(contact=Contact.SUCCEEDED, evidence=(payment,)))

    await payer.get(f"/return?{brought_back(payer, 'momo', payment)}")

    says(await payer.get(), "Đã thanh toán")


async def test_signed_return_loaded_all_day_is_no_load_on_the_bank(payer: Payer) -> None:
    payment = await gone_to(payer, "momo")

    for _ in range(20):
        await payer.get(f"/return?{brought_back(payer, 'momo', payment)}")

    assert 1 <= len(queries(payer)) <= 4


async def test_looks_of_our_own_pages_ask_as_before(payer: Payer) -> None:
    await gone_to(payer, "momo")

    await payer.get("/return?n=1&lang=en")

    assert (queries(payer), counted(payer)) == (["momo-a"], [])


async def test_words_that_no_bank_signed_are_forged_where_the_bank_signs(payer: Payer) -> None:
    await gone_to(payer, "vnpay")

    await payer.get("/return?" + urlencode({"status": "paid", "vnp_ResponseCode": "00", "n": "1"}))

    assert (queries(payer), counted(payer)) == ([], [("vnpay-a", "forged")])
