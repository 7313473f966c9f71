"""payOS beside its own clients, PyPI `payos` and npm `@payos/node`: each signs to us and reads what we sign."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from payos import PayOS

from connectors.payos import creation_text, data_text, open_session, parse_webhook
from paygw.kernel.connector import HttpRequest, Notice
from paygw.kernel.evidence import PaymentSeen
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json
from paygw.outside.ports import free_port
from paygw.simulators.sides.payos import PAYMENT, SECRETS, tell
from tests.conformance.pairs import NOW, session_ask
from tests.peers.conftest import Call
from tests.sandbox_fixtures import SandboxProcess
from tests.simulators.provider_world import ProviderWorld, provider_world

pytestmark = pytest.mark.peers
KEY = SECRETS.values["checksumKey"]
CONFIG = {"clientId": SECRETS.merchant, "apiKey": SECRETS.values["apiKey"], "checksumKey": KEY}
PYTHON = PayOS(client_id=SECRETS.merchant, api_key=SECRETS.values["apiKey"], checksum_key=KEY)
TEXTS = ["HS000123", "Lệ phí & thuế = 2", "a+b ~c~ 100%", "", "Đỗ Thị Hường", "  x  "]


@pytest.fixture
async def world(idle_sandbox: SandboxProcess) -> AsyncIterator[ProviderWorld]:
    async with provider_world(idle_sandbox, "payos", free_port()) as world:
        yield world


def wanted(description: str) -> Json:
    """The body our connector sends to make a link."""
    ask = session_ask(attempt_ref=PAYMENT.attempt_ref, description=description, return_url="https://dvc.vn/kq?a=1&b=2")
    fields: Json = json.loads(next(open_session(ask, SECRETS)).body)
    return fields


def received(data: Json, signature: str) -> HttpRequest:
    """A webhook with this signature."""
    body = json.dumps({"code": "00", "success": True, "data": data, "signature": signature}, ensure_ascii=False)
    return HttpRequest(method="POST", url="https://hub.example/webhooks/payos", body=body.encode())


def transfer(memo: str) -> Json:
    """The data of a transfer with this memo."""
    told: Json = json.loads(tell(replace(PAYMENT, memo=memo), SECRETS, NOW).body)["data"]
    return told


@pytest.mark.parametrize("description", TEXTS)
async def test_both_clients_sign_a_link_as_we_do(node: Call, description: str) -> None:
    fields = wanted(description)

    python = PYTHON.crypto.create_signature_of_payment_request(fields, KEY)
    javascript = (await node("payos", config=CONFIG, call="sign_request", data=fields))["signature"]

    assert fields["signature"] == hmac_hex(KEY, creation_text(fields)) == python == javascript


@pytest.mark.parametrize("memo", TEXTS)
async def test_we_read_what_both_clients_sign(node: Call, memo: str) -> None:
    data = transfer(memo)
    python = PYTHON.crypto.create_signature_from_object(data, KEY) or ""
    javascript = (await node("payos", config=CONFIG, call="sign_data", data=data))["signature"]

    for signature in (python, javascript):
        read = parse_webhook(received(data, signature), SECRETS, NOW)
        assert isinstance(read, Notice)
        assert [seen.amount_vnd for seen in read.evidence if isinstance(seen, PaymentSeen)] == [PAYMENT.amount_vnd]


@pytest.mark.parametrize("memo", TEXTS)
async def test_both_clients_read_what_our_simulator_signs(node: Call, memo: str) -> None:
    envelope = json.loads(tell(replace(PAYMENT, memo=memo), SECRETS, NOW).body)

    javascript = (await node("payos", config=CONFIG, call="verify", data=envelope))["data"]
    python = PYTHON.webhooks.verify(envelope)

    assert javascript["amount"] == python.amount == PAYMENT.amount_vnd


async def test_a_key_that_is_left_out_is_signed_by_javascript_as_by_us(node: Call) -> None:
    data = transfer("HS000123")
    del data["virtualAccountName"]

    signature = (await node("payos", config=CONFIG, call="sign_data", data=data))["signature"]

    assert signature == hmac_hex(KEY, data_text(data))


async def test_the_client_makes_reads_and_cancels_a_link_of_our_simulator(node: Call, world: ProviderWorld) -> None:
    config = CONFIG | {"baseURL": world.secrets.base_url}
    code = int(world.ref("A1-peer"))
    ends = int((datetime.now(UTC) + timedelta(minutes=15)).timestamp())
    fields = {"orderCode": code, "amount": 150_000, "description": "HS1", "cancelUrl": "https://a.vn/huy",
              "returnUrl": "https://a.vn/kq", "expiredAt": ends}  # fmt: skip

    made = await node("payos", config=config, call="create", data=fields)
    await world.control("payments", attempt_ref=str(code))
    paid = await node("payos", config=config, call="get", data=code)
    other = fields | {"orderCode": code + 1}
    await node("payos", config=config, call="create", data=other)
    cancelled = await node("payos", config=config, call="cancel", data=code + 1)

    assert (made["orderCode"], made["status"]) == (code, "PENDING")
    assert (paid["status"], paid["amountPaid"]) == ("PAID", 150_000)
    assert (cancelled["orderCode"], cancelled["status"]) == (code + 1, "CANCELLED")
