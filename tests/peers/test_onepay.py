"""OnePAY beside the npm client `vn-payments`: both sign alike; it reads what our simulator signs."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.onepay import HASH, PATHS, build_redirect
from paygw.simulators.sides.onepay import PAYMENT, SECRETS, tell
from tests.conformance.pairs import NOW, session_ask
from tests.peers.conftest import Call
from tests.simulators.provider_world import query_of

pytestmark = pytest.mark.peers
TEXTS = ["HS000123", "Phi & le phi #2", "50% ~ 'x' + 1=2", "Nộp lệ phí"]


def config(gateway: str) -> dict[str, str]:
    """What the client knows of the published test configuration."""
    return {
        "accessCode": SECRETS.options["access_code"],
        "merchant": SECRETS.merchant,
        "paymentGateway": "https://mtf.onepay.vn" + PATHS[gateway][0],
        "secureSecret": SECRETS.values["hash_key"],
    }


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("gateway", ["domestic", "international"])
async def test_both_sign_the_same_pay_address(node: Call, gateway: str, text: str) -> None:
    ask = session_ask(description=text, return_url="https://dvc.example.vn/kq?x=1&y=2")
    secrets = replace(SECRETS, options={**SECRETS.options, "gateway": gateway, "title": "Nop le phi"})
    ours = dict(parse_qsl(query_of(build_redirect(ask, secrets).redirect_url)))

    theirs = await node(
        "vn-payments",
        call="pay",
        international=gateway == "international",
        config=config(gateway),
        data={
            "againLink": ask.return_url,
            "amount": ask.amount_vnd,
            "clientIp": ask.payer_ip,
            "currency": "VND",
            "locale": "vn",
            "orderId": text,
            "returnUrl": ask.return_url,
            "title": "Nop le phi",
            "transactionId": ask.attempt_ref,
            "vpcCommand": "pay",
            "vpcVersion": "2",
        },
    )

    assert dict(parse_qsl(query_of(theirs["url"]))) == ours


async def _reads(node: Call, fields: dict[str, str]) -> Any:  # noqa: ANN401 - whatever JSON the client says
    return await node("vn-payments", call="return", config=config("domestic"), data=fields)


@pytest.mark.parametrize("text", TEXTS)
async def test_it_reads_what_our_simulator_signs(node: Call, text: str) -> None:
    fields = dict(parse_qsl(query_of(tell(replace(PAYMENT, memo=text), SECRETS, NOW).url)))

    assert (await _reads(node, fields))["isSuccess"]
    assert not (await _reads(node, fields | {"vpc_Amount": "15000100"}))["isSuccess"]
    assert not (await _reads(node, fields | {HASH: "0" * 64}))["isSuccess"]
