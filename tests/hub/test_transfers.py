"""Transfers told by several observers, then by the statement: one receipt per landing of cash, whoever speaks first."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.orders import get_order
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import DebitSeen
from paygw.store.night_book import book_around
from tests.hub.transfer_world import (
    ACCOUNT,
    OBSERVERS,
    receipts,
    rows,
    scanned,
    sends,
    states,
    tells,
    transfer,
    waiting,
    watched,
)
from tests.hub.world import FEE_VND, event_types, later, ordered, right_books
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db
ALL = (*OBSERVERS, "payos")


@pytest.fixture
async def account(hub: Hub) -> AsyncIterator[Hub]:
    """A hub whose account is watched; its books must be right at the end."""
    async with right_books(watched(hub)) as ready:
        yield ready


async def status(hub: Hub, order_id: str) -> str:
    """An order's public status."""
    return str((await get_order(hub, order_id, portal_id=PORTAL.id))["status"])


@pytest.mark.parametrize("first", ALL)
async def test_whoever_tells_first_the_order_is_paid_once(account: Hub, first: str) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, f"MBVCB.32789076.{attempt.ref} nop le phi.CT tu 0987")

    for observer in (first, *ALL, first):
        assert (await tells(account, observer, paid)).status == 200

    assert await status(account, order_id) == "paid"
    assert await receipts(account) == [(FEE_VND, True)]
    assert await event_types(account) == ["order.paid"]
    observers = await rows(account, "SELECT DISTINCT observer FROM receipt_aliases WHERE alias LIKE 'FT%'")
    assert {row["observer"] for row in observers} == {"vietqr", *ALL}


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
async def test_observers_without_a_common_reference_and_the_statement_in_any_order(
    account: Hub, order: tuple[int, ...]
) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, f"{attempt.ref} nop le phi")

    for what in (*order, *order):
        if what == 3:
            await states(account, paid)
        else:
            own = replace(paid, reference=f"{OBSERVERS[what]}-{paid.number}", memo=paid.memo if what else "")
            await tells(account, OBSERVERS[what], own)
        assert len(await receipts(account)) <= 1

    assert await receipts(account) == [(FEE_VND, True)]
    assert await waiting(account) == 0
    assert await status(account, order_id) == "paid"


async def test_the_statement_line_that_claimed_a_receipt_is_another_name_of_it(account: Hub) -> None:
    attempt = await scanned(account, await ordered(account))
    paid = transfer(account, FEE_VND, f"{attempt.ref} nop le phi")
    await tells(account, "sepay", replace(paid, reference="SP-77"))
    await states(account, paid)
    day = (account.clock() + timedelta(hours=7)).date()

    async with account.pool.acquire() as connection:
        (row,) = [row for row in await book_around(connection, "vietqr", day) if row.kind == "payment"]

    assert (row.ref, row.bank_txn_id, row.aliases) == (attempt.ref, "SP-77", (paid.reference,))


async def test_equal_fees_on_one_day_are_two_receipts(account: Hub) -> None:
    orders = [await ordered(account, f"HS-{n}") for n in range(2)]
    codes = [(await scanned(account, order_id)).ref for order_id in orders]
    credits_ = [transfer(account, FEE_VND, code) for code in codes]

    for observer in ALL:
        for credit in credits_:
            await tells(account, observer, credit)
    await states(account, *credits_)

    assert await receipts(account) == [(FEE_VND, True)] * 2
    assert [await status(account, order_id) for order_id in orders] == ["paid", "paid"]


async def test_one_order_paid_twice_by_transfer_is_two_receipts_and_one_waits_for_its_payer(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    credits_ = [transfer(account, FEE_VND, attempt.ref) for _ in range(2)]

    for observer in ("casso", "sepay"):
        for credit in credits_:
            await tells(account, observer, credit)

    assert await receipts(account) == [(FEE_VND, True)] * 2
    view = await get_order(account, order_id, portal_id=PORTAL.id)
    assert (view["paid_vnd"], view["unapplied_vnd"]) == (FEE_VND, FEE_VND)


async def test_the_virtual_account_names_the_order_before_the_memo_does(account: Hub) -> None:
    mine, other = await ordered(account, "HS-1"), await ordered(account, "HS-2")
    ref, misleading = (await scanned(account, mine)).ref, (await scanned(account, other)).ref
    paid = transfer(account, FEE_VND, f"tra cho {misleading}", virtual_account=f"V3PG{ref[2:]}")

    await tells(account, "sepay", paid)

    assert (await status(account, mine), await status(account, other)) == ("paid", "open")


async def test_a_transfer_without_a_code_is_unapplied_until_somebody_names_its_order(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, "chuyen tien")

    await tells(account, "casso", paid)
    before = await receipts(account)
    await tells(account, "sepay", replace(paid, memo=f"chuyển tiền {attempt.ref.lower()}"))

    assert before == [(FEE_VND, False)]
    assert await receipts(account) == [(FEE_VND, True)]
    assert await status(account, order_id) == "paid"


async def test_a_code_nobody_gave_out_names_nothing(account: Hub) -> None:
    await tells(account, "casso", transfer(account, 20_000, "PG23456789BCFGH"))

    assert await receipts(account) == [(20_000, False)]


async def test_after_the_statement_nothing_but_a_statement_books(account: Hub) -> None:
    await states(account)

    await tells(account, "sepay", transfer(account, 20_000))
    assert await receipts(account) == []
    assert await waiting(account) == 1

    late = transfer(account, 20_000)
    await states(account, late)
    assert await receipts(account) == [(20_000, False)]
    assert await waiting(account) == 0


async def test_the_statement_books_what_nobody_told_and_again_changes_nothing(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    silent = transfer(account, FEE_VND, f"nộp phí {attempt.ref}", reference=None)

    first = await states(account, silent)
    again = await states(account, silent)

    assert (first.booked, again.booked, again.named) == (1, 0, 0)
    assert await status(account, order_id) == "paid"
    assert await receipts(account) == [(FEE_VND, True)]


async def test_a_bearers_word_books_nothing_and_names_no_order(hub: Hub) -> None:
    bearer = watched(hub, auth="apikey")
    order_id = await ordered(bearer)
    attempt = await scanned(bearer, order_id)
    paid = transfer(bearer, FEE_VND, attempt.ref)

    answer = await tells(bearer, "sepay", paid)

    assert answer.status == 200
    assert (await receipts(bearer), await waiting(bearer)) == ([], 1)
    await states(bearer, paid)
    assert (await receipts(bearer), await waiting(bearer)) == ([(FEE_VND, True)], 0)
    assert await status(bearer, order_id) == "paid"


async def test_two_amounts_for_one_reference_freeze_the_money(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, attempt.ref)

    await tells(account, "sepay", paid)
    await tells(account, "casso", replace(paid, amount_vnd=FEE_VND + 1))

    assert await receipts(account) == [(FEE_VND, True)]
    frozen = await rows(account, "SELECT FROM receipts WHERE conflict")
    assert len(frozen) == 1
    assert len(await rows(account, "SELECT FROM cases WHERE kind = 'conflict'")) == 1


async def test_a_replay_under_another_reference_is_the_same_message(account: Hub) -> None:
    paid = transfer(account, 20_000)

    await tells(account, "vietqr_vn", paid)
    await tells(account, "vietqr_vn", replace(paid, reference="FORGED1"))
    await tells(account, "vietqr_vn", paid, account="99999")

    assert await receipts(account) == [(20_000, False)]


async def test_an_account_that_is_not_on_the_list_is_none_of_the_observers_business(account: Hub) -> None:
    answer = await tells(account, "sepay", transfer(account, 20_000), account="7777777")

    assert answer.status == 200
    assert await receipts(account) == []
    assert len(await rows(account, "SELECT FROM cases WHERE kind = 'unknown_account'")) == 1


async def test_a_debit_nobody_ordered_is_a_case_at_once(account: Hub) -> None:
    seen = DebitSeen(
        observed_id="900", bank_txn_id="FT9", amount_vnd=5_000, occurred_at=account.clock(), account=ACCOUNT
    )

    for observer in ("sepay", "casso"):
        await sends(account, observer, seen)

    assert len(await rows(account, "SELECT FROM cases WHERE kind = 'debit'")) == 1
    assert await receipts(account) == []


async def test_many_observers_at_one_moment_book_one_receipt(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    paid = transfer(account, FEE_VND, attempt.ref)

    reading = asyncio.create_task(states(account, paid))
    answers = await asyncio.gather(*(tells(account, observer, paid) for observer in ALL * 4))
    await reading

    assert {answer.status for answer in answers} == {200}
    assert await receipts(account) == [(FEE_VND, True)]
    assert await status(account, order_id) == "paid"


async def test_money_that_comes_after_the_code_ended_still_pays_the_open_order(account: Hub) -> None:
    order_id = await ordered(account)
    attempt = await scanned(account, order_id)
    later(account, 3_600)

    await tells(account, "casso", transfer(account, FEE_VND, attempt.ref))

    assert await status(account, order_id) == "paid"


async def test_what_no_statement_of_its_days_holds_becomes_a_case(account: Hub) -> None:
    told = transfer(account, 20_000, reference=None)
    await tells(account, "casso", told)
    today = (account.clock() + timedelta(hours=7)).date()

    for days in range(3):
        await states(account, day=today + timedelta(days=days))

    assert await receipts(account) == []
    assert len(await rows(account, "SELECT FROM cases WHERE kind = 'observation'")) == 1


async def test_a_statement_of_an_account_nobody_pays_into_is_refused(hub: Hub) -> None:
    with pytest.raises(Refused, match="unknown_account"):
        await states(replace(hub, registry_holder=RegistryHolder(hub.registry)))
