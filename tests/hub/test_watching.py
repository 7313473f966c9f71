"""Breaks that no file shows: planted in the records, seen by the night's look, gone by themselves with their cause."""

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import date

import pytest

from paygw.hub import payouts
from paygw.hub.accounts import MovementAsk, record_movement
from paygw.hub.breaks import list_breaks, show_break
from paygw.hub.cases import thaw_receipt
from paygw.hub.finance import View
from paygw.hub.funding import FundAsk, fund
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.transfers import owners
from paygw.hub.watching import KINDS, watch_records
from paygw.kernel.break_words import WORDS, Words
from paygw.kernel.breaks import POLICIES
from paygw.kernel.evidence import TotalAsserted
from paygw.kernel.refs import private_id
from tests.hub.test_decisions import refunding
from tests.hub.test_money_out import settled
from tests.hub.test_payouts import OWNERS, approved, known_payees
from tests.hub.transfer_world import ACCOUNT, scanned, states, tells, transfer, watched
from tests.hub.world import BOTH, FEE_VND, balances, cash, ordered, receipts_of, redirected, right_books, told

pytestmark = pytest.mark.db

SOON, LATE = date(2026, 1, 1), date(2027, 1, 1)  # debts of before this day are overdue


@pytest.fixture
async def account(hub: Hub) -> AsyncIterator[Hub]:
    """A hub whose account several observers watch."""
    async with right_books(watched(hub)) as ready:
        yield ready


def sandbox(hub: Hub) -> Bank:
    return hub.registry.banks["sandbox-a"]


async def seen(hub: Hub, bank: Bank, *, until: date = SOON) -> list[View]:
    """What a night's look leaves open of the kinds it watches; looking again changes nothing."""
    await watch_records(hub, bank, owed_until=until)
    assert await watch_records(hub, bank, owed_until=until) == 0
    return [one for one in (await list_breaks(hub, status="open"))["items"] if one["kind"] in KINDS]


async def test_perhaps_the_same_transfer_until_the_statement_decides(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, f"{attempt.ref} nop le phi")
    await tells(account, "sepay", paid)
    await tells(account, "casso", replace(paid, reference="TF999", memo="nop le phi"))
    first, *others = owners(account, ACCOUNT)

    (found,) = await seen(account, first)
    elsewhere = [await watch_records(account, bank, owed_until=SOON) for bank in others]
    await states(account, paid)
    after = await seen(account, first)

    assert (found["kind"], found["bank"], found["bank_txn_id"]) == ("suspected_same", first.id, "TF999")
    assert (found["statement_amount_vnd"], "1 receipts" in found["detail"]) == (FEE_VND, True)
    assert elsewhere == [0] * len(others)
    assert after == []


async def test_a_total_above_the_receipts_until_they_reach_it(hub: Hub) -> None:
    async with right_books(hub):
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)
        for total_vnd in (1_000, FEE_VND):
            asserted = TotalAsserted(attempt_ref=attempt.ref, total_vnd=total_vnd, occurred_at=hub.clock())
            await told(hub, asserted, event=f"total-{total_vnd}")

        (found,) = await seen(hub, sandbox(hub))
        await told(hub, cash(hub, attempt), event="paid")

        assert (found["kind"], found["ref"]) == ("assertion_above", attempt.ref)
        assert (found["book_amount_vnd"], found["statement_amount_vnd"]) == (0, FEE_VND)
        assert await seen(hub, sandbox(hub)) == []
        async with hub.pool.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM cases WHERE kind = 'assertion'") == 2
            assert await connection.fetchval("SELECT count(*) FROM cases WHERE status = 'open'") == 0


async def test_two_amounts_of_one_payment_until_people_decide(hub: Hub) -> None:
    async with right_books(hub):
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)
        await told(hub, cash(hub, attempt), event="paid")
        await told(hub, cash(hub, attempt, amount_vnd=FEE_VND - 1), event="other")
        receipt = (await receipts_of(hub, order_id))[0]

        (found,) = await seen(hub, sandbox(hub))
        await thaw_receipt(hub, receipt.id, persons=BOTH)

        assert (found["kind"], found["ref"], found["book_amount_vnd"]) == ("evidence_conflict", attempt.ref, FEE_VND)
        assert private_id("rcp", str(found["receipt_id"])) == receipt.id
        assert await seen(hub, sandbox(hub)) == []


async def test_an_observer_that_contradicts_itself(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, f"{attempt.ref} nop le phi")
    await tells(account, "sepay", paid)
    await tells(account, "sepay", replace(paid, amount_vnd=FEE_VND + 1))

    (found,) = await seen(account, owners(account, ACCOUNT)[0])

    assert (found["kind"], found["bank_txn_id"]) == ("evidence_conflict", str(paid.number))


async def test_what_a_body_must_give_back_is_asked_for_by_its_name(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        order_id, names = await settled(hub)
        await known_payees(hub, *OWNERS)
        await approved(hub, await payouts.propose_payout(hub, "9704", by="huong"))
        refund_id = await refunding(hub, order_id, 1_000)
        owing = {name: vnd for name, vnd in (await balances(hub)).items() if name.startswith("RB:")}

        young = await seen(hub, sandbox(hub))
        old = await seen(hub, sandbox(hub), until=LATE)
        for number, (name, vnd) in enumerate(owing.items()):
            _, beneficiary, code = name.split(":", 2)
            ask = FundAsk(
                id=f"gbc-{number}", kind="paid_in", receipt_id=names[0].receipt_id, beneficiary=beneficiary, code=code,
                refund_id=private_id("rfd", refund_id), amount_vnd=vnd,
            )  # fmt: skip
            await fund(hub, ask, persons=BOTH)

        assert young == []
        assert {one["ref"]: one["book_amount_vnd"] for one in old} == owing
        assert all(one["ref"].split(":")[1] in one["detail"] for one in old)
        assert await seen(hub, sandbox(hub), until=LATE) == []


async def test_a_fee_taken_from_our_account_until_it_is_topped_up(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        await settled(hub, fee_vnd=100)
        ours = replace(sandbox(hub), landing=replace(sandbox(hub).landing, account="9704"))

        (found,) = await seen(hub, ours, until=LATE)
        await top_up(hub)

        assert (found["ref"], found["book_amount_vnd"]) == ("DUE:operator", 100)
        assert await seen(hub, ours, until=LATE) == []


async def top_up(hub: Hub) -> None:
    """The operator pays back what the provider kept."""
    ask = MovementAsk(event="fee_topped_up", key="top-1", holding="H:bank:9704", amount_vnd=100)
    await record_movement(hub, ask, persons=BOTH)


async def test_a_break_is_shown_in_words(hub: Hub) -> None:
    async with right_books(hub):
        attempt = await redirected(hub, await ordered(hub))
        asserted = TotalAsserted(attempt_ref=attempt.ref, total_vnd=FEE_VND, occurred_at=hub.clock())
        await told(hub, asserted, event="total")
        (found,) = await seen(hub, sandbox(hub))

        shown = await show_break(hub, str(found["id"]))

        assert (shown["name_vi"], shown["name_en"]) == ("Nhà cung cấp báo thu nhiều hơn", "The provider claims more")
        assert all(shown[field.name] for field in fields(Words))


def test_every_kind_has_its_words() -> None:
    assert WORDS.keys() == POLICIES.keys()
    assert all(getattr(words, field.name).strip() for words in WORDS.values() for field in fields(Words))
