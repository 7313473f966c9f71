"""VNPAY's IPN through the hub, in the words of its page "pay": 97, 01, 04, 02, 00, in that order of checks."""

import json
from dataclasses import replace

import pytest

from connectors import discover
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Bank
from paygw.hub.webhooks import receive_webhook
from paygw.kernel.connector import HttpRequest
from paygw.kernel.decide import Landing
from paygw.kernel.orders import Attempt
from tests.connectors.wires import PAID, SECRETS, vnpay
from tests.hub.world import ordered, receipts_of, redirected

pytestmark = pytest.mark.db

BANK = "vnpay-a"


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """The hub with VNPAY."""
    connector = discover()["vnpay"]
    bank = Bank(BANK, "VNPAY", connector, SECRETS["vnpay"], Landing(), enabled=True)
    registry = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
    return replace(hub, registry_holder=RegistryHolder(registry))


@pytest.fixture
async def attempt(hub: Hub) -> Attempt:
    """Somebody is at VNPAY's page."""
    return await redirected(hub, await ordered(hub), BANK)


def ipn(attempt: Attempt, **changes: str) -> HttpRequest:
    """VNPAY tells of a payment of this attempt."""
    told = {"vnp_TxnRef": attempt.ref, "vnp_Amount": str(attempt.amount_vnd * 100), **changes}
    return vnpay({**PAID["vnpay"], **told})


async def answered(hub: Hub, request: HttpRequest) -> str:
    """The RspCode of our answer, which is always 200 with two texts."""
    reply = await receive_webhook(hub, hub.registry.banks[BANK], request)
    said = json.loads(reply.body)
    assert (reply.status, set(said), {type(value) for value in said.values()}) == (200, {"RspCode", "Message"}, {str})
    return str(said["RspCode"])


async def test_a_payment_is_00_once_and_02_afterwards(hub: Hub, attempt: Attempt) -> None:
    codes = [await answered(hub, ipn(attempt)) for _ in range(3)]

    assert codes == ["00", "02", "02"]
    assert [receipt.amount_vnd for receipt in await receipts_of(hub, attempt.order_id)] == [attempt.amount_vnd]


async def test_a_failure_is_00_and_a_payment_after_it_too(hub: Hub, attempt: Attempt) -> None:
    failed = ipn(attempt, vnp_ResponseCode="24", vnp_TransactionStatus="02", vnp_TransactionNo="0")

    assert [await answered(hub, one) for one in (failed, failed, ipn(attempt))] == ["00", "02", "00"]


async def test_a_failure_of_what_is_paid_says_nothing_against_the_money(hub: Hub, attempt: Attempt) -> None:
    await answered(hub, ipn(attempt))

    code = await answered(hub, ipn(attempt, vnp_ResponseCode="51", vnp_TransactionStatus="02"))

    assert code == "02"
    assert [receipt.live_vnd for receipt in await receipts_of(hub, attempt.order_id)] == [attempt.amount_vnd]


@pytest.mark.parametrize("factor", [1, 99, 101, 10_000], ids=str)
async def test_another_amount_is_04_and_its_cash_is_kept(hub: Hub, attempt: Attempt, factor: int) -> None:
    amount_vnd = attempt.amount_vnd * factor // 100

    code = await answered(hub, ipn(attempt, vnp_Amount=str(amount_vnd * 100)))

    (receipt,) = await receipts_of(hub, attempt.order_id)
    assert (code, receipt.amount_vnd, receipt.live_vnd) == ("04", amount_vnd, 0)


async def test_a_failure_with_another_amount_is_04_and_closes_nothing(hub: Hub, attempt: Attempt) -> None:
    """VNPAY's page checks the amount before it looks whether the order was paid: this was answered 00."""
    failed = {"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02", "vnp_TransactionNo": "0"}
    other = ipn(attempt, vnp_Amount=str((attempt.amount_vnd + 1) * 100), **failed)

    codes = [await answered(hub, one) for one in (other, ipn(attempt, **failed), ipn(attempt))]

    assert codes == ["04", "00", "00"]


async def test_a_failure_that_names_no_amount_is_00(hub: Hub, attempt: Attempt) -> None:
    failed = ipn(attempt, vnp_Amount="", vnp_ResponseCode="24", vnp_TransactionStatus="02", vnp_TransactionNo="0")

    assert await answered(hub, failed) == "00"


@pytest.mark.parametrize("failed", [True, False], ids=["failed", "paid"])
async def test_a_reference_nobody_gave_is_01(hub: Hub, attempt: Attempt, *, failed: bool) -> None:
    state = {"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02"} if failed else {}

    assert await answered(hub, ipn(attempt, vnp_TxnRef="PNOBODY", **state)) == "01"


async def test_a_wrong_hash_is_97_before_anything_else(hub: Hub, attempt: Attempt) -> None:
    request = ipn(attempt, vnp_TxnRef="PNOBODY")
    bare = replace(request, url=request.url.partition("&vnp_SecureHash=")[0])
    forged = replace(ipn(attempt), url=ipn(attempt).url.replace("vnp_OrderInfo=Nop", "vnp_OrderInfo=Nap"))

    codes = [await answered(hub, one) for one in (replace(request, url=f"{request.url[:-1]}x"), bare, forged)]

    assert codes == ["97", "97", "97"]
    assert await receipts_of(hub, attempt.order_id) == ()


@pytest.mark.parametrize(
    ("code", "status"), [("99", "02"), ("00", "01"), ("00", "04"), ("00", "12"), ("A7", "00"), ("07", "07")]
)
async def test_what_is_not_final_is_taken_and_closes_nothing(
    hub: Hub, attempt: Attempt, code: str, status: str
) -> None:
    told = await answered(hub, ipn(attempt, vnp_ResponseCode=code, vnp_TransactionStatus=status))
    paid = await answered(hub, ipn(attempt))

    assert (told, paid) == ("00", "00")
