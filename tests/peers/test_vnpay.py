"""VNPAY beside the npm client `vnpay`: it reads what we sign, we read what it signs, it calls our simulator."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from connectors.vnpay import HASH, build_redirect, parse_webhook
from paygw.kernel import forms
from paygw.kernel.connector import HttpRequest, Notice
from paygw.kernel.evidence import PaymentSeen
from paygw.outside.ports import free_port
from paygw.simulators.sides.vnpay import PAYMENT, SECRETS, tell
from tests.conformance.pairs import NOW, session_ask
from tests.peers.conftest import Call
from tests.sandbox_fixtures import SandboxProcess
from tests.simulators.provider_world import ProviderWorld, provider_world, query_of

pytestmark = pytest.mark.peers
CONFIG = {
    "tmnCode": SECRETS.merchant,
    "secureSecret": SECRETS.values["hash_secret"],
    "vnpayHost": SECRETS.base_url,
}
TEXTS = [
    "Nop le phi ho so HS000123",
    "Nộp phí cấp lý lịch tư pháp – Đỗ Thị Hường",
    "Le phi: 50% + thue & phi (so 01/2026) #7 ~ 'x' ?=@!",
    "  a  b ",
    "tiền ~tạm~ ứng + phí=1&2",
]


@pytest.fixture
async def world(idle_sandbox: SandboxProcess) -> AsyncIterator[ProviderWorld]:
    async with provider_world(idle_sandbox, "vnpay", free_port()) as world:
        yield world


@pytest.mark.parametrize("text", TEXTS)
async def test_both_write_the_same_pay_address(node: Call, text: str) -> None:
    ask = session_ask(description=text, return_url="https://dvc.example.vn/r?hs=1&lang=vi")
    ours = build_redirect(ask, SECRETS).redirect_url

    theirs = await node(
        "vnpay",
        call="pay",
        config=CONFIG,
        data={
            "vnp_Amount": ask.amount_vnd,
            "vnp_CreateDate": int(forms.stamp(ask.created_at)),
            "vnp_ExpireDate": int(forms.stamp(ask.expires_at)),
            "vnp_IpAddr": ask.payer_ip,
            "vnp_Locale": "vn",
            "vnp_OrderInfo": text,
            "vnp_OrderType": "other",
            "vnp_ReturnUrl": ask.return_url,
            "vnp_TxnRef": ask.attempt_ref,
        },
    )

    assert query_of(theirs["url"]) == query_of(ours)


@pytest.mark.parametrize("text", TEXTS)
async def test_it_reads_the_ipn_our_simulator_signs(node: Call, text: str) -> None:
    message = tell(replace(PAYMENT, memo=text), SECRETS, NOW)
    fields = dict(parse_qsl(query_of(message.url), strict_parsing=True))

    read = await node("vnpay", call="ipn", config=CONFIG, data=fields)
    forged = await node("vnpay", call="ipn", config=CONFIG, data=fields | {"vnp_Amount": "15000100"})

    assert (read["isVerified"], read["isSuccess"], read["vnp_Amount"]) == (True, True, PAYMENT.amount_vnd)
    assert not forged["isVerified"]


@pytest.mark.parametrize("text", TEXTS)
async def test_we_read_a_message_it_signed(node: Call, text: str) -> None:
    """The client signs pay addresses; the rule of an IPN is the same, so its address is read as one."""
    told = dict(parse_qsl(query_of(tell(replace(PAYMENT, memo=text), SECRETS, NOW).url)))
    del told[HASH]
    signed = await node(
        "vnpay",
        call="pay",
        config=CONFIG,
        data=told | {"vnp_Amount": PAYMENT.amount_vnd, "vnp_IpAddr": "::1", "vnp_ReturnUrl": "https://a.vn/"},
    )

    url = f"https://hub.example/webhooks/vnpay-main?{query_of(signed['url'])}"
    notice = parse_webhook(HttpRequest(method="GET", url=url), SECRETS, NOW)

    assert isinstance(notice, Notice)
    assert [seen.amount_vnd for seen in notice.evidence if isinstance(seen, PaymentSeen)] == [PAYMENT.amount_vnd]


async def test_it_asks_our_simulator_and_believes_the_answer(node: Call, world: ProviderWorld) -> None:
    ask = world.ask("A1-peer")
    await world.arrive((await world.open(ask)).redirect_url)
    await world.control("payments", attempt_ref="A1-peer")

    answer = await node(
        "vnpay",
        call="query",
        config=CONFIG | {"queryDrAndRefundHost": world.secrets.base_url},
        data=_query(ask.created_at),
    )

    assert (answer["isVerified"], answer["isSuccess"]) == (True, True)
    assert (answer["vnp_TransactionStatus"], answer["vnp_Amount"]) == ("00", forms.hundredths(ask.amount_vnd))


async def test_its_refund_moves_money_once_at_our_simulator(node: Call, world: ProviderWorld) -> None:
    """Its own check of the answer fails: it divides the amount by 100 before hashing (defect of 2.5.0)."""
    ask = world.ask("A1-peer")
    await world.arrive((await world.open(ask)).redirect_url)
    await world.control("payments", attempt_ref="A1-peer")
    wanted = _query(ask.created_at) | {
        "vnp_TransactionType": "03",
        "vnp_Amount": 50_000,
        "vnp_CreateBy": "ketoan01",
        "vnp_RequestId": "RF0001",
    }
    config = CONFIG | {"queryDrAndRefundHost": world.secrets.base_url}

    first = await node("vnpay", call="refund", config=config, data=wanted)
    await node("vnpay", call="refund", config=config, data=wanted)

    assert first["vnp_ResponseCode"] == "00"
    refunds = [fact["amount_vnd"] for fact in world.sandbox.truth("vnpay") if fact["kind"] == "refund"]
    assert refunds == [50_000]
    assert not first["isVerified"]


async def test_a_request_under_another_secret_moves_nothing(node: Call, world: ProviderWorld) -> None:
    config = CONFIG | {
        "queryDrAndRefundHost": world.secrets.base_url,
        "secureSecret": "ANOTHERSECRETVNPAY0000000000002",
    }

    answer = await node("vnpay", call="query", config=config, data=_query(datetime.now(UTC)))

    assert answer["vnp_ResponseCode"] == "97"


def _query(created_at: datetime) -> dict[str, object]:
    return {
        "vnp_RequestId": "RQ0001",
        "vnp_TxnRef": "A1-peer",
        "vnp_TransactionDate": int(forms.stamp(created_at)),
        "vnp_CreateDate": int(forms.stamp(created_at)),
        "vnp_IpAddr": "203.0.113.10",
        "vnp_OrderInfo": "Truy van GD",
    }
