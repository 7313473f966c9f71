"""A collecting bank calls: inquiry, payment, reversal, status; the first answer stands, and money is never lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors import discover
from paygw.hub.attempts import PayAsk, begin_attempt
from paygw.hub.bills import receive_bill_call
from paygw.hub.enquiries import found_unpaid
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.orders import cancel_order, get_order
from paygw.hub.registry import Bank
from paygw.kernel.codes import grouped, payment_code
from paygw.kernel.connector import Secrets
from paygw.kernel.decide import Landing
from paygw.kernel.orders import Attempt
from paygw.simulators.sides.billcollect import called, key_pair
from tests.hub.world import FEE_VND, balances, event_types, later, ordered, right_books
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db
PRIVATE, PUBLIC = key_pair()
SECRETS = Secrets(
    base_url="https://bank.example",
    merchant="PAYGW",
    values={"public_key": PUBLIC},
    options={"reversal_window_s": "600", "codes": "expired=05"},
)
PAID_AT = "2026-11-23T10:00:00+07:00"


@pytest.fixture
async def desk(hub: Hub) -> AsyncIterator[Hub]:
    """A hub with one collecting bank; its books must be right at the end."""
    connector = discover()["billcollect"]
    bank = Bank(id="agribank", title="Agribank", connector=connector, secrets=SECRETS, landing=Landing(), enabled=True)
    registry = replace(hub.registry, banks={**hub.registry.banks, bank.id: bank})
    async with right_books(replace(hub, registry_holder=RegistryHolder(registry))) as ready:
        yield ready


async def slip(hub: Hub, order_id: str) -> Attempt:
    """The payer takes a payment slip along."""
    bank = hub.registry.banks["agribank"]
    pay = PayAsk(
        order_id=order_id, bank=bank, method="bill", payer_ip="127.0.0.1", locale="vi", return_url="http://hub/back"
    )
    return (await begin_attempt(hub, pay)).attempt


async def call(hub: Hub, **fields: object) -> dict[str, Any]:
    """One signed call and the fields of its answer."""
    message = called({"requestId": "r-1", **fields}, SECRETS, PRIVATE)
    answer = await receive_bill_call(hub, hub.registry.banks["agribank"], message)
    said: dict[str, Any] = msgspec.json.decode(answer.body)
    return said | {"http": answer.status}


async def pays(hub: Hub, code: str, txn: str = "T1", amount: int = FEE_VND, **more: object) -> dict[str, Any]:
    """The bank tells that a bill was paid."""
    return await call(hub, bankTransId=txn, billCode=code, amount=amount, paidAt=PAID_AT, **more)


async def status(hub: Hub, order_id: str) -> str:
    """An order's public status."""
    return str((await get_order(hub, order_id, portal_id=PORTAL.id))["status"])


async def test_inquiry_shows_the_bill_and_hides_the_name(desk: Hub) -> None:
    code = (await slip(desk, await ordered(desk))).ref

    said = await call(desk, billCode=f" {grouped(code)} ", serviceCode="DVC")

    assert said["resultCode"] == "00"
    assert [(bill["billCode"], bill["amount"]) for bill in said["bills"]] == [(code, FEE_VND)]
    assert "H26-HS-1" in said["bills"][0]["description"]
    assert said["customerName"] == ""


async def test_a_bill_is_paid_and_said_so_only_after_the_commit(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref

    said = await pays(desk, code)

    assert (said["resultCode"], said["paymentStatus"]) == ("00", "paid")
    assert said["receiptNo"].startswith("rcp_")
    assert await status(desk, order_id) == "paid"
    assert (await call(desk, billCode=code))["resultCode"] == "02"
    assert await event_types(desk) == ["order.paid"]


async def test_the_same_call_gets_the_first_answer_and_another_content_an_error(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref

    answers = await asyncio.gather(*(pays(desk, code, requestId=f"r-{n}") for n in range(8)))
    later(desk, 5_000)
    again = await pays(desk, code)
    other = await pays(desk, code, amount=FEE_VND + 1)

    assert {(said["resultCode"], said["receiptNo"]) for said in (*answers, again)} == {("00", answers[0]["receiptNo"])}
    assert other["resultCode"] == "06"
    assert (await get_order(desk, order_id, portal_id=PORTAL.id))["paid_vnd"] == FEE_VND


async def test_one_bill_paid_at_two_counters_is_two_receipts_and_the_second_stays_the_payers(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref

    first, second = await pays(desk, code, "T1"), await pays(desk, code, "T2")

    assert (first["resultCode"], second["resultCode"]) == ("00", "02")
    view = await get_order(desk, order_id, portal_id=PORTAL.id)
    assert (view["paid_vnd"], view["unapplied_vnd"]) == (FEE_VND, FEE_VND)


async def test_a_wrong_amount_is_named_and_kept(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref

    said = await pays(desk, code, amount=FEE_VND - 1_000)

    assert said["resultCode"] == "03"
    assert await status(desk, order_id) == "partially_paid"
    assert (await call(desk, billCode=code))["bills"][0]["amount"] == 1_000
    assert (await pays(desk, code, "T2", amount=1_000))["resultCode"] == "00"
    assert await status(desk, order_id) == "paid"


async def test_a_code_nobody_gave_out_is_not_found_and_its_money_kept(desk: Hub) -> None:
    code = payment_code(7)

    assert (await call(desk, billCode=code))["resultCode"] == "01"
    assert (await pays(desk, code))["resultCode"] == "01"
    assert "U:free" in await balances(desk)


async def test_a_payment_is_taken_back_within_the_window(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref
    await pays(desk, code)

    taken = await call(desk, bankTransId="T1", reason="Khách hàng hủy")
    again = await call(desk, bankTransId="T1", reason="Khách hàng hủy")
    told = await call(desk, bankTransId="T1")

    assert [said["resultCode"] for said in (taken, again, told)] == ["00", "00", "00"]
    assert {said["paymentStatus"] for said in (taken, again, told)} == {"reversed"}
    assert "reversed" in (await get_order(desk, order_id, portal_id=PORTAL.id))["labels"]
    assert await event_types(desk) == ["order.paid", "order.reversed"]


async def test_after_the_window_a_person_decides(desk: Hub) -> None:
    order_id = await ordered(desk)
    await pays(desk, (await slip(desk, order_id)).ref)
    async with desk.pool.acquire() as connection:
        booked = await connection.fetchval("SELECT max(booked_at) FROM receipts")
    desk = replace(desk, clock=lambda: booked.replace(year=booked.year + 1))

    said = await call(desk, bankTransId="T1", reason="nhầm")

    assert said["resultCode"] == "07"
    assert (await call(desk, bankTransId="T1"))["paymentStatus"] == "paid"
    async with desk.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases WHERE kind = 'bill'") == 1


async def test_a_reversal_before_its_payment_keeps_that_payment_out(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref

    taken = await call(desk, bankTransId="T1", reason="hết giờ chờ")
    late = await pays(desk, code, "T1")

    assert (taken["resultCode"], late["resultCode"]) == ("00", "06")
    assert await balances(desk) == {}
    assert (await pays(desk, code, "T2"))["resultCode"] == "00"


async def test_status_of_what_never_came_is_not_found(desk: Hub) -> None:
    assert (await call(desk, bankTransId="T9"))["resultCode"] == "01"


async def test_a_cancelled_order_is_told_in_the_banks_own_code(desk: Hub) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref
    later(desk, 40 * 86_400)

    assert (await call(desk, billCode=code))["resultCode"] == "05"


async def test_a_slip_can_be_given_up_for_another_way_to_pay(desk: Hub) -> None:
    order_id = await ordered(desk)
    attempt = await slip(desk, order_id)

    assert await found_unpaid(desk, attempt.id)
    pay = PayAsk(
        order_id=order_id,
        bank=desk.registry.banks["sandbox-a"],
        method="wallet",
        payer_ip="127.0.0.1",
        locale="vi",
        return_url="http://hub/back",
        set_aside=frozenset({attempt.id}),
    )
    await begin_attempt(desk, pay)

    assert (await call(desk, billCode=attempt.ref))["resultCode"] == "05"


@pytest.mark.parametrize("signature", ["", "AAAA", "đ"])
async def test_an_unsigned_call_changes_nothing(desk: Hub, signature: str) -> None:
    order_id = await ordered(desk)
    code = (await slip(desk, order_id)).ref
    message = called(
        {"requestId": "r", "bankTransId": "T1", "billCode": code, "amount": FEE_VND, "paidAt": PAID_AT},
        SECRETS,
        PRIVATE,
    )

    bare = replace(message, headers={"x-signature": signature})
    answer = await receive_bill_call(desk, desk.registry.banks["agribank"], bare)

    assert (answer.status, msgspec.json.decode(answer.body)["resultCode"]) == (401, "97")
    assert await status(desk, order_id) == "open"


async def test_without_the_clients_certificate_no_key_opens(desk: Hub) -> None:
    bank = desk.registry.banks["agribank"]
    strict = replace(bank, secrets=replace(SECRETS, options={"client_certificate": "ab" * 32}))
    fields: dict[str, object] = {"requestId": "r", "billCode": payment_code(1)}

    without = await receive_bill_call(desk, strict, called(fields, SECRETS, PRIVATE))
    among = await receive_bill_call(desk, strict, called(fields, strict.secrets, PRIVATE))

    assert (without.status, among.status) == (401, 200)


async def test_an_order_with_a_slip_outstanding_waits_for_the_slip_before_it_is_cancelled(desk: Hub) -> None:
    order_id = await ordered(desk)
    attempt = await slip(desk, order_id)

    with pytest.raises(Exception, match="attempt_in_flight"):
        await cancel_order(desk, order_id, portal_id=PORTAL.id)
    assert attempt.in_flight
