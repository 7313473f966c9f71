"""Callback signatures against published vectors and against the verifier portals use."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from paygw.kernel.signing import sign, signed_headers

_VECTORS = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "vectors" / "standard_webhooks.json").read_text("utf-8")
)["vectors"]
_SECRETS = st.binary(min_size=16, max_size=64).map(lambda key: "whsec_" + b64encode(key).decode())
_OLD, _NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + b64encode(b"n" * 32).decode()


@pytest.mark.parametrize("vector", _VECTORS, ids=lambda vector: vector["id"])
def test_published_vector_is_reproduced(vector: dict) -> None:
    headers = vector["input"]["headers"]

    signature = sign(
        vector["secret"]["secret"],
        message_id=headers["webhook-id"],
        timestamp_s=int(headers["webhook-timestamp"]),
        body=vector["input"]["raw_body"].encode(),
    )

    assert signature == vector["expected"]["webhook-signature"]


@given(secret=_SECRETS, body=st.text(st.characters(codec="utf-8")))
def test_the_portals_library_signs_the_same(secret: str, body: str) -> None:
    when = datetime(2026, 3, 1, 5, 6, 7, tzinfo=UTC)

    ours = sign(secret, message_id="evt_1", timestamp_s=int(when.timestamp()), body=body.encode())

    assert ours == Webhook(secret).sign("evt_1", when, body)


@pytest.mark.parametrize("known", [_OLD, _NEW])
def test_during_a_rotation_either_secret_verifies(known: str) -> None:
    body = b'{"type":"order.paid"}'
    now_s = int(datetime.now(UTC).timestamp())

    headers = signed_headers((_NEW, _OLD), message_id="evt_1", timestamp_s=now_s, body=body)

    assert Webhook(known).verify(body, headers) == {"type": "order.paid"}


def test_a_changed_body_does_not_verify() -> None:
    now_s = int(datetime.now(UTC).timestamp())
    headers = signed_headers((_OLD,), message_id="evt_1", timestamp_s=now_s, body=b'{"amount_vnd":1}')

    with pytest.raises(WebhookVerificationError):
        Webhook(_OLD).verify(b'{"amount_vnd":2}', headers)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%%", "whsec_c2hvcnQ=", _OLD.removeprefix("whsec_")])
def test_a_malformed_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        sign(secret, message_id="evt_1", timestamp_s=1, body=b"{}")


def test_nothing_leaves_unsigned() -> None:
    with pytest.raises(ValueError, match="secret"):
        signed_headers((), message_id="evt_1", timestamp_s=1, body=b"{}")
