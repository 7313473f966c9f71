"""What is MoMo's own beyond what every connector must do."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from connectors import momo
from connectors.momo import SIGNED, acknowledge, open_session, parse_return, parse_webhook, query, refund, signed_text
from paygw.kernel.connector import BadSignature, Contact, HttpReply, HttpRequest, Ignored, Malformed, Notice, Verdict
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json
from paygw.simulators.sides.momo import SECRETS
from tests.conformance.pairs import NOW, query_ask, refund_ask, session_ask
from tests.conformance.test_dialogues import converse

KEY, ACCESS = SECRETS.values["secretKey"], SECRETS.values["accessKey"]
REFUND = refund_ask(bank_txn_id="2588659987")


def notice(**changes: object) -> HttpRequest:
    """A signed notification; a change of None leaves the field out."""
    fields: Json = {
        "partnerCode": SECRETS.merchant, "orderId": "A-1", "requestId": "A-1", "amount": 150_000,
        "orderInfo": "Nộp phí ~ công chứng + 100% & (2 bản)", "orderType": "momo_wallet", "transId": 2_588_659_987,
        "resultCode": 0, "message": "Thành công.", "payType": "qr", "responseTime": 1_721_720_663_942, "extraData": "",
        **changes,
    }  # fmt: skip
    kept = {name: value for name, value in fields.items() if value is not None}
    signature = hmac_hex(KEY, signed_text("notice", kept, ACCESS))
    body = json.dumps(kept | {"signature": signature}, ensure_ascii=False).encode()
    return HttpRequest(method="POST", url="https://hub.example/webhooks/momo", body=body)


def said(**fields: object) -> HttpReply:
    """An answer of MoMo."""
    about = {"partnerCode": SECRETS.merchant, "orderId": "A-1", "responseTime": 1_721_720_663_942}
    return HttpReply(status=200, body=json.dumps(about | fields).encode())


@pytest.mark.parametrize("left_out", ["extraData", "payType", "orderType", "message"])
def test_a_missing_optional_field_counts_as_empty(left_out: str) -> None:
    read = parse_webhook(notice(**{left_out: None}), SECRETS, NOW)

    assert isinstance(read, Notice)


def test_vietnamese_and_signs_are_signed_raw() -> None:
    read = parse_webhook(notice(), SECRETS, NOW)

    assert isinstance(read, Notice)
    assert read.evidence == (
        PaymentSeen(
            attempt_ref="A-1",
            bank_txn_id="2588659987",
            amount_vnd=150_000,
            occurred_at=datetime(2024, 7, 23, 7, 44, 23, 942_000, tzinfo=UTC),
            merchant=SECRETS.merchant,
        ),
    )


@pytest.mark.parametrize("name", SIGNED["notice"])
def test_every_signed_field_is_covered(name: str) -> None:
    body = json.loads(notice().body)
    body[name] = f"{body[name]}1"

    with pytest.raises(BadSignature):
        parse_webhook(
            HttpRequest(method="POST", url="https://hub.example/", body=json.dumps(body).encode()), SECRETS, NOW
        )


def test_text_that_imitates_a_result_does_not_become_one() -> None:
    failed = json.loads(notice(orderInfo="x&resultCode=0", resultCode=1006, transId=0).body)
    failed |= {"resultCode": "0&transId=1", "orderInfo": "x"}

    with pytest.raises((BadSignature, Malformed)):
        parse_webhook(HttpRequest(method="POST", url="", body=json.dumps(failed).encode()), SECRETS, NOW)


@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, "pending"), (7000, "pending"), (7002, "pending"), (8000, "pending"), (1005, "expired"), (1006, "cancelled"),
     (1017, "cancelled"), (1001, "failed"), (1003, "failed"), (4100, "failed"), (98, "failed")],
)  # fmt: skip
def test_codes_of_notifications(code: int, status: str) -> None:
    read = parse_webhook(notice(resultCode=code, transId=0), SECRETS, NOW)

    assert isinstance(read, Notice)
    assert [seen.status for seen in read.evidence if isinstance(seen, AttemptSeen)] == [AttemptStatus(status)]


@pytest.mark.parametrize("code", [10, 11, 13, 21, 40, 41, 42, 47, 99, 1080, 5_555])
def test_a_code_that_says_nothing_of_the_payment_changes_nothing(code: int) -> None:
    assert isinstance(parse_webhook(notice(resultCode=code), SECRETS, NOW), Ignored)


@pytest.mark.parametrize(
    "verdict", [v for v in Verdict if v.value not in {"bad_signature", "malformed", "unavailable"}]
)
def test_what_is_kept_is_answered_204_without_a_body(verdict: Verdict) -> None:
    assert acknowledge(verdict) == HttpReply(status=204)


def test_a_creation_says_everything_and_no_key() -> None:
    request = next(open_session(session_ask(description="Nộp lệ phí", locale="en"), SECRETS))
    body = json.loads(request.body)

    assert request.url == f"{SECRETS.base_url}/v2/gateway/api/create"
    assert body.pop("signature") == hmac_hex(KEY, signed_text("create", body, ACCESS))
    assert body["autoCapture"] is True
    assert (body["orderId"], body["requestId"], body["amount"]) == ("A-1", "A-1", 150_000)
    assert (body["orderInfo"], body["lang"], body["orderExpireTime"]) == ("Nộp lệ phí", "en", 15)
    assert "accessKey" not in body


@pytest.mark.parametrize("amount_vnd", [999, 50_000_001])
def test_what_momo_does_not_take_is_not_sent(amount_vnd: int) -> None:
    with pytest.raises(StopIteration) as end:
        next(open_session(session_ask(amount_vnd=amount_vnd), SECRETS))

    assert end.value.value.contact is Contact.NOT_SENT


@pytest.mark.parametrize("code", [11, 13, 20, 21, 22, 98, 1005])
def test_a_refused_creation_opened_nothing(code: int) -> None:
    session = converse(open_session(session_ask(), SECRETS), lambda _: said(requestId="A-1", resultCode=code))

    assert session.contact is Contact.DECLINED


@pytest.mark.parametrize("code", [40, 41, 43, 99, 7000, 9000])
def test_a_creation_that_may_have_happened_is_unknown(code: int) -> None:
    session = converse(open_session(session_ask(), SECRETS), lambda _: said(requestId="A-1", resultCode=code))

    assert session.contact is Contact.UNKNOWN


@pytest.mark.parametrize(
    ("code", "contact", "unpaid"),
    [(1000, Contact.PENDING, True), (7000, Contact.PENDING, False), (1005, Contact.DECLINED, True),
     (1006, Contact.DECLINED, True), (1001, Contact.DECLINED, True)],
)  # fmt: skip
def test_codes_of_queries(code: int, contact: Contact, *, unpaid: bool) -> None:
    answer = converse(query(query_ask(), SECRETS), lambda _: said(requestId="Q-1", resultCode=code, amount=150_000))

    assert answer.contact is contact
    assert [seen.not_paid for seen in answer.evidence if isinstance(seen, AttemptSeen)] == [unpaid]


@pytest.mark.parametrize("code", [10, 11, 13, 40, 41, 99, 5_555])
def test_a_refused_query_says_nothing_of_the_payment(code: int) -> None:
    answer = converse(query(query_ask(), SECRETS), lambda _: said(requestId="Q-1", resultCode=code))

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


def test_an_order_momo_does_not_know_is_neither_paid_nor_closed() -> None:
    answer = converse(query(query_ask(), SECRETS), lambda _: said(requestId="Q-1", resultCode=42))

    assert (answer.contact, answer.evidence) == (Contact.PENDING, ())


@pytest.mark.parametrize("code", [1080, 1081, 1088])
def test_a_refused_refund_has_failed(code: int) -> None:
    reply = said(orderId="R-1", requestId="R-1", amount=50_000, transId=7, resultCode=code)
    answer = converse(refund(REFUND, SECRETS), lambda _: reply)

    assert [seen.status for seen in answer.evidence if isinstance(seen, RefundSeen)] == [RefundNewsStatus.FAILED]


@pytest.mark.parametrize("change", [{"amount_vnd": 999}, {"bank_txn_id": ""}, {"bank_txn_id": "FT1"}])
def test_a_refund_momo_would_not_take_is_not_sent(change: dict[str, object]) -> None:
    with pytest.raises(StopIteration) as end:
        next(refund(replace(REFUND, **change), SECRETS))  # type: ignore[arg-type]  # a test names the fields it means

    assert end.value.value.contact is Contact.NOT_SENT


def test_refunds_can_be_asked_about_by_their_payment() -> None:
    secrets = replace(SECRETS, options={**SECRETS.options, "refundQuery": "payment"})
    line = {"orderId": "R-1", "amount": 50_000, "resultCode": 0, "transId": 9}
    asked: list[str] = []

    def bank(request: HttpRequest) -> HttpReply:
        asked.append(json.loads(request.body)["orderId"])
        return HttpReply(
            status=200, body=json.dumps({"orderId": "A-1", "refundTrans": [line], "resultCode": 0}).encode()
        )

    answer = converse(momo.query_refund(REFUND, secrets), bank)

    assert (asked, answer.contact) == (["A-1"], Contact.SUCCEEDED)


def test_a_return_is_read_for_display_only() -> None:
    fields = json.loads(notice().body)
    url = f"https://hub.example/pay/t?{urlencode(fields)}"

    returned = parse_return(HttpRequest(method="GET", url=url), SECRETS)

    assert (returned.attempt_ref, returned.contact, returned.bank_code) == ("A-1", Contact.SUCCEEDED, "0")


def test_a_changed_return_is_refused() -> None:
    fields = json.loads(notice(resultCode=1006).body) | {"resultCode": "0"}

    with pytest.raises(BadSignature):
        parse_return(HttpRequest(method="GET", url=f"https://hub.example/pay/t?{urlencode(fields)}"), SECRETS)


def test_minutes_until_a_payment_expires_are_whole() -> None:
    ask = session_ask(expires_at=NOW + timedelta(seconds=30))

    assert json.loads(next(open_session(ask, SECRETS)).body)["orderExpireTime"] == 1
