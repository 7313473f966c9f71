"""Published and reproduced messages of transfers and bill collection, both directions."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import billcollect, casso, sepay, vietqr, vietqr_vn
from paygw.kernel.banks import BANKS
from paygw.kernel.codes import memo_code
from paygw.kernel.connector import BadSignature, Contact, HttpRequest, Malformed, Notice, Secrets
from paygw.kernel.evidence import Authority, DebitSeen, PaymentSeen
from paygw.kernel.rsa import concatenated, is_signed
from paygw.kernel.vietqr import Transfer, crc, memo_text, read, write
from tests.conformance.pairs import NOW, session_ask

FOLDER = Path(__file__).parent.parent / "fixtures" / "vectors"


def vectors(name: str, message: str) -> list[Any]:
    """The samples of a kind."""
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(one, id=one["id"]) for one in document["vectors"] if one["message"] == message]


def keyed(value: str, *, name: str = "secret", **options: str) -> Secrets:
    """A bank with one secret."""
    return Secrets(base_url="https://bank.example", merchant="PAYGW", values={name: value}, options=options)


def posted(body: bytes, headers: Mapping[str, str]) -> HttpRequest:
    """A webhook as it comes in."""
    return HttpRequest(method="POST", url="https://hub.example/webhooks/x", headers=headers, body=body)


@pytest.mark.parametrize("vector", vectors("vietqr", "qr_payload"))
def test_vietqr_text_is_the_one_others_make_and_is_read_back(vector: dict[str, Any]) -> None:
    given = vector["input"]
    wanted = Transfer(
        bank_bin=given["bankBin"],
        account=given["account"],
        amount_vnd=int(given["amount"]) if given["amount"] else None,
        purpose=given["purpose"] or "",
        service=given["service"],
    )

    assert write(wanted) == vector["expected"]["payload"]
    assert crc(vector["canonical"]) == vector["expected"]["crc"]
    assert read(vector["expected"]["payload"]) == wanted


@pytest.mark.parametrize("vector", vectors("vietqr", "qr_payload"))
def test_every_changed_character_of_a_vietqr_text_is_noticed(vector: dict[str, Any]) -> None:
    text = vector["expected"]["payload"]

    assert not [at for at in range(len(text)) if read(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])]
    assert read(text[:-1]) is read(text + "0") is read("") is None


def test_known_banks_are_the_published_ones() -> None:
    listed = json.loads((FOLDER / "vietqr_bank_bins.json").read_text(encoding="utf-8"))

    assert set(BANKS) == {row["bin"] for row in listed if row["bin"]}
    assert BANKS["970436"] == "Vietcombank"


def test_memos_lose_what_bank_apps_cannot_show() -> None:
    assert memo_text("Nộp lệ phí Đỗ Ứng ~ hồ sơ #1 & 2") == "Nop le phi Do Ung ho so 1"
    assert memo_text("😀 ") == ""


@pytest.mark.parametrize("wrong", [{"bank_bin": "97043"}, {"account": "x" * 20}, {"account": "1 2"}, {"amount_vnd": 0}])
def test_what_the_standard_has_no_room_for_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="VietQR"):
        write(replace(Transfer(bank_bin="970436", account="0011", amount_vnd=1), **wrong))


def test_an_attempt_has_its_own_virtual_account_where_the_bank_lends_them() -> None:
    code = memo_code(12_345_678_901)
    ask = session_ask(attempt_ref=code)
    plain = vietqr.build_redirect(ask, keyed("", bin="970436", account="0011001234567"))
    lent = vietqr.build_redirect(ask, keyed("", bin="970436", account="0011001234567", virtual_prefix="V3PG"))
    seen = PaymentSeen(
        attempt_ref=None, bank_txn_id="T", amount_vnd=1, occurred_at=NOW, virtual_account=f"v3pg {code[2:]}"
    )

    assert read(plain.qr_text) == Transfer(bank_bin="970436", account="0011001234567", amount_vnd=150_000, purpose=code)
    assert (asked := read(lent.qr_text)) is not None
    assert asked.account == f"V3PG{code[2:]}"
    assert vietqr.refs_in(seen, keyed("", virtual_prefix="V3PG")) == (code,)
    assert vietqr.build_redirect(ask, keyed("")).contact is Contact.NOT_SENT


@pytest.mark.parametrize("vector", vectors("sepay", "bank_transaction_webhook"))
def test_sepay_webhooks_are_read_and_altered_ones_are_not(vector: dict[str, Any]) -> None:
    body, headers = vector["input"]["raw_body"].encode(), vector["input"]["headers"]
    now = datetime.fromtimestamp(int(headers["X-SePay-Timestamp"]), UTC)
    secrets = keyed(vector["secret"]["webhook_secret"], accounts="1")

    notice = sepay.parse_webhook(posted(body, headers), secrets, now)

    assert isinstance(notice, Notice)
    assert notice.event_id == str(vector["expected"]["dedupe_key"])
    assert isinstance(notice.evidence[0], PaymentSeen if vector["expected"]["credit"] else DebitSeen)
    said = json.loads(body)
    assert notice.evidence[0].amount_vnd == said["transferAmount"]
    assert notice.evidence[0].account == said["accountNumber"]
    assert notice.evidence[0].memo == said["content"]
    assert sepay.signature(secrets.values["secret"], headers["X-SePay-Timestamp"], body) == headers["X-SePay-Signature"]
    with pytest.raises(BadSignature):
        sepay.parse_webhook(posted(body.replace(b"transferAmount", b"transferamount"), headers), secrets, now)
    with pytest.raises(BadSignature):
        sepay.parse_webhook(posted(body, headers), secrets, now.replace(year=now.year + 1))


def test_sepay_token_mode_is_read_but_only_as_a_bearer() -> None:
    body = (
        b"id=7&transferType=in&transferAmount=20000&transactionDate=2026-01-15+10%3A31%3A12"
        b"&accountNumber=1&content=a%26b~+c"
    )
    headers = {"authorization": "Apikey KEY-KEY-KEY", "content-type": "application/x-www-form-urlencoded"}
    secrets = keyed("KEY-KEY-KEY", accounts="1", auth="apikey")

    notice = sepay.parse_webhook(posted(body, headers), secrets, NOW)

    assert isinstance(notice, Notice)
    assert notice.authority is Authority.BEARER
    assert isinstance(notice.evidence[0], PaymentSeen)
    assert (notice.evidence[0].memo, notice.evidence[0].bank_txn_id) == ("a&b~ c", None)
    with pytest.raises(BadSignature):
        sepay.parse_webhook(posted(body, headers | {"authorization": "Apikey KEY"}), secrets, NOW)
    with pytest.raises(BadSignature):  # a token does not open a bank that signs
        sepay.parse_webhook(posted(body, headers), keyed("KEY-KEY-KEY", accounts="1"), NOW)


@pytest.mark.parametrize("vector", vectors("sepay", "gateway_checkout_form"))
def test_sepay_form_signature(vector: dict[str, Any]) -> None:
    made = sepay.form_signature(vector["secret"]["secret_key"], vector["input"])

    assert made == vector["expected"]["signature_base64"]


@pytest.mark.parametrize("vector", vectors("casso", "webhook_v2"))
def test_casso_webhooks_are_read_and_altered_ones_are_not(vector: dict[str, Any]) -> None:
    body, headers = vector["input"]["body"], vector["input"]["headers"]
    secrets = keyed(vector["secret"]["checksum_key"], accounts="88888888")
    stamp = vector["canonical"].partition(".")[0]

    notice = casso.parse_webhook(posted(json.dumps(body, indent=1).encode(), headers), secrets, NOW)

    assert isinstance(notice, Notice)
    assert isinstance(notice.evidence[0], PaymentSeen)
    assert notice.evidence[0].amount_vnd == body["data"]["amount"]
    assert notice.evidence[0].virtual_account == body["data"]["virtualAccountNumber"]
    assert casso.signed_texts(stamp, body)[0] == vector["canonical"]
    assert casso.signature(secrets.values["secret"], stamp, body) == headers["X-Casso-Signature"]
    body["data"]["amount"] += 1
    with pytest.raises(BadSignature):
        casso.parse_webhook(posted(json.dumps(body).encode(), headers), secrets, NOW)


def test_casso_text_of_php_senders_is_accepted_too() -> None:
    body = {"data": {"memo": "Lệ phí / đợt 1 ~ + &"}, "error": 0}

    javascript, php, *_ = casso.signed_texts("1", body)

    assert javascript == '1.{"data":{"memo":"Lệ phí / đợt 1 ~ + &"},"error":0}'
    assert php == '1.{"data":{"memo":"L\\u1ec7 ph\\u00ed \\/ \\u0111\\u1ee3t 1 ~ + &"},"error":0}'


@pytest.mark.parametrize("vector", vectors("vietqr_vn_callback", "balance_change_callback"))
def test_vietqr_vn_callbacks_are_read_and_altered_ones_are_not(vector: dict[str, Any]) -> None:
    fields, secrets = vector["input"], keyed(vector["secret"]["secret"], accounts="1")
    whole = fields | {"signature": vector["expected"]["signature"], "transType": "C", "bankAccount": "1"}

    notice = vietqr_vn.parse_webhook(posted(json.dumps(whole).encode(), {}), secrets, NOW)

    assert vietqr_vn.signed_text(fields) == vector["canonical"]
    assert vietqr_vn.signature(secrets.values["secret"], fields) == vector["expected"]["signature"]
    assert isinstance(notice, Notice)
    assert notice.authority is Authority.NOTICE
    assert isinstance(notice.evidence[0], PaymentSeen)
    assert notice.evidence[0].amount_vnd == int(fields["amount"])
    for name in fields:
        altered = whole | {name: fields[name] + "1"}
        with pytest.raises(BadSignature):
            vietqr_vn.parse_webhook(posted(json.dumps(altered).encode(), {}), secrets, NOW)


def test_a_callback_that_does_not_say_which_way_the_money_went_books_nothing_by_itself() -> None:
    fields: dict[str, object] = {"transactionId": "t", "amount": 1, "transactionTime": "2026-01-1510:31"}
    body = json.dumps(fields | {"signature": vietqr_vn.signature("k" * 8, fields)}).encode()

    notice = vietqr_vn.parse_webhook(posted(body, {}), keyed("k" * 8), NOW)

    assert isinstance(notice, Notice)
    assert notice.authority is Authority.BEARER


@pytest.mark.parametrize("vector", vectors("rsa_bill_collection", "signed_raw_body"))
def test_bill_calls_are_verified_over_their_exact_bytes(vector: dict[str, Any]) -> None:
    body, given = vector["input"]["raw_body"].encode(), vector["expected"]["signature_base64"]
    secrets = keyed(vector["secret"]["public_key_pem"], name="public_key")
    said = json.loads(body)

    call = billcollect.read(posted(body, {"X-Signature": given}), secrets)

    assert call.request_id == said["requestId"]
    assert call.operation == ("payment" if "amount" in said else "inquiry")
    assert call.bill_code == said.get("billCode", said.get("customerCode"))
    assert call.payment is None or call.payment.amount_vnd == said["amount"]
    for altered in (body + b" ", body.replace(b"r-", b"R-"), body[:-1], b""):
        with pytest.raises(BadSignature):
            billcollect.read(posted(altered, {"X-Signature": given}), secrets)
    for wrong in ("", given[:-4], given.lower(), "=" * 344, b64encode(b"\0" * 256).decode(), "đ"):
        with pytest.raises(BadSignature):
            billcollect.read(posted(body, {"X-Signature": wrong}), secrets)


@pytest.mark.parametrize("vector", vectors("rsa_bill_collection", "napas_signature_input"))
def test_napas_concatenation(vector: dict[str, Any]) -> None:
    public, given = vector["secret"]["public_key_pem"], vector["expected"]["signature_base64url"]

    assert concatenated(vector["input"]) == vector["canonical"]
    assert is_signed(public, given, vector["canonical"].encode())
    assert not is_signed(public, given, vector["canonical"].encode() + b".")


def test_a_signed_payment_cannot_be_replayed_to_the_address_of_a_reversal() -> None:
    vector = vectors("rsa_bill_collection", "signed_raw_body")[1].values[0]
    assert isinstance(vector, dict)
    message = posted(vector["input"]["raw_body"].encode(), {"x-signature": vector["expected"]["signature_base64"]})
    secrets = keyed(vector["secret"]["public_key_pem"], name="public_key")

    with pytest.raises(Malformed):
        billcollect.read(replace(message, url=f"{message.url}/reversal"), secrets)
    assert billcollect.read(replace(message, url=f"{message.url}/payment"), secrets).operation == "payment"
