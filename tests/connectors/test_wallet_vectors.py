"""Published samples of MoMo, ZaloPay and payOS: what we sign is what they sign, and what they sign we read."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import discover, momo, payos, zalopay
from paygw.kernel.connector import BadSignature, HttpRequest, Malformed, Secrets
from paygw.kernel.macs import hmac_hex
from paygw.simulators.side import sides

NOW = datetime(2026, 1, 15, 4, 0, tzinfo=UTC)
FOLDER = Path(__file__).parents[1] / "fixtures" / "vectors"
NAMES = ("momo", "zalopay", "payos")
VECTORS = [
    (name, vector)
    for name in NAMES
    for vector in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
]
OUT = [(name, v) for name, v in VECTORS if v["direction"] == "to_provider"]
IN = [(name, v) for name, v in VECTORS if v["direction"] == "from_provider" and v["message"] != "redirect"]
Vector = Mapping[str, Any]


def named(vector: object) -> str:
    """Tests are named after their vector."""
    return str(vector["id"]) if isinstance(vector, dict) else ""


def canonical(name: str, vector: Vector) -> str:
    """What our connector signs for this message."""
    message, fields, secret = str(vector["message"]), vector["input"], vector["secret"]
    if name == "momo":
        kinds: dict[str, momo.Message] = {
            "create_request": "create", "query_request": "query", "refund_request": "refund",
            "confirm_request": "confirm", "ipn_or_redirect": "notice",
        }  # fmt: skip
        return momo.signed_text(kinds[message], fields, secret["accessKey"])
    if name == "zalopay":
        words = {"create_order": "create", "query_order": "query", "redirect": "return"}
        if message == "callback":
            return str(fields["data"])
        return zalopay.signed_text(words.get(message, message), fields, secret.get("key1", ""))
    return payos.data_text(fields["data"]) if message == "webhook" else payos.creation_text(fields)


def secrets_of(name: str, vector: Vector) -> Secrets:
    """The test configuration with the vector's own keys."""
    known = sides()[name].secrets
    return replace(known, values={**known.values, **vector["secret"]})


def told(vector: Vector, **changes: object) -> HttpRequest:
    """The message as it arrives."""
    body = json.dumps({**vector["input"], **changes}, ensure_ascii=False).encode()
    return HttpRequest(method="POST", url="https://hub.example/webhooks/x", body=body)


@pytest.mark.parametrize(("name", "vector"), VECTORS, ids=named)
def test_the_signed_text_is_the_published_one(name: str, vector: Vector) -> None:
    assert canonical(name, vector) == vector["canonical"]


@pytest.mark.parametrize(("name", "vector"), OUT, ids=named)
def test_our_signature_is_the_published_one(name: str, vector: Vector) -> None:
    key = {"momo": "secretKey", "zalopay": "key1", "payos": "checksumKey"}[name]
    expected = vector["expected"].get("signature") or vector["expected"]["mac"]

    assert hmac_hex(vector["secret"][key], canonical(name, vector)) == expected


@pytest.mark.parametrize(("name", "vector"), IN, ids=named)
def test_their_signature_is_accepted(name: str, vector: Vector) -> None:
    discover()[name].parse_webhook(told(vector), secrets_of(name, vector), NOW)


@pytest.mark.parametrize(("name", "vector"), IN, ids=named)
def test_under_another_key_it_is_refused(name: str, vector: Vector) -> None:
    secrets = secrets_of(name, vector)
    wrong = replace(secrets, values={key: f"{value}x" for key, value in secrets.values.items()})

    with pytest.raises(BadSignature):
        discover()[name].parse_webhook(told(vector), wrong, NOW)


@pytest.mark.parametrize(("name", "vector"), IN, ids=named)
def test_another_amount_is_refused(name: str, vector: Vector) -> None:
    fields = vector["input"]
    data = fields.get("data")
    more: dict[str, object] = {"amount": fields.get("amount", 0) + 1}
    if isinstance(data, str):
        more = {"data": data.replace('"amount":', '"amount":1')}
    if isinstance(data, dict):
        more = {"data": {**data, "amount": data["amount"] + 1}}

    with pytest.raises((BadSignature, Malformed)):
        discover()[name].parse_webhook(told(vector, **more), secrets_of(name, vector), NOW)
