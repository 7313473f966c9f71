"""Calls of collecting banks that no sample shows, signed with a key of the test's own."""

import json
from base64 import b64encode
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.billcollect import read
from paygw.kernel.connector import BillCall, Malformed, Secrets
from tests.connectors.wires import posted

KEY: Final = generate_private_key(public_exponent=65_537, key_size=2_048)
PEM: Final = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SECRETS: Final = Secrets(base_url="https://bank.example", merchant="PAYGW", values={"public_key": PEM})
PAYMENT: Final = {
    "requestId": "r-1", "bankTransId": "FT26325000001", "billCode": "12345678901234567895", "amount": 150_000,
    "paidAt": "2026-11-20T10:31:12+07:00", "channel": "QUAY",
}  # fmt: skip


def called(**changes: object) -> BillCall:
    """What we read in the payment with other fields; `...` leaves one out."""
    fields = {name: value for name, value in {**PAYMENT, **changes}.items() if value is not ...}
    body = json.dumps(fields, ensure_ascii=False).encode()
    return read(posted(body, {"x-signature": b64encode(KEY.sign(body, PKCS1v15(), SHA256())).decode()}), SECRETS)


@pytest.mark.parametrize("channel", ["Quầy giao dịch số 1 – Đà Nẵng", "~ + & % =", "", None, ..., "🧾" * 600])
def test_any_channel_leaves_the_payment_as_it_is(channel: object) -> None:
    call = called(channel=channel, rate=0.5, note={"deep": [1]})

    assert call.payment is not None
    assert (call.operation, call.payment.amount_vnd) == ("payment", 150_000)


def test_numbers_that_are_texts_and_texts_that_are_numbers_are_read() -> None:
    as_told, turned = called(), called(requestId=7, amount="150000", billCode=12345678901234567895)

    assert turned.payment == as_told.payment
    assert (turned.content, turned.request_id) == (as_told.content, "7")


@pytest.mark.parametrize(
    "amount", [0, -150_000, 150_000.5, 150_000.0, True, "150000.0", "1e5", "-1", 10**12 + 1, [1], {}], ids=repr
)  # fmt: skip
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(Malformed):
        called(amount=amount)


@pytest.mark.parametrize("field", ["requestId", "bankTransId", "billCode", "paidAt"])
@pytest.mark.parametrize("value", ["", "  ", None, True, [], {}, 1.5, -1], ids=repr)
def test_what_names_nothing_is_refused(field: str, value: object) -> None:
    with pytest.raises(Malformed):
        called(**{field: value})


@pytest.mark.parametrize("left_out", ["amount", "billCode", "bankTransId"])
def test_a_payment_without_a_part_books_nothing(left_out: str) -> None:
    """It is read as a question (status, inquiry), which moves no money."""
    assert called(**{left_out: ...}).payment is None
