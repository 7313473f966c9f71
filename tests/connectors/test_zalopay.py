"""What is ZaloPay's own beyond what every connector must do."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from connectors.zalopay import (
    acknowledge,
    open_session,
    parse_return,
    parse_webhook,
    query,
    query_refund,
    refund,
    signed_text,
)
from paygw.kernel.connector import BadSignature, Contact, HttpReply, HttpRequest, Ignored, Notice, Verdict
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.macs import hmac_hex
from paygw.simulators.sides.zalopay import SECRETS
from tests.conformance.pairs import NOW, query_ask, refund_ask, session_ask
from tests.conformance.test_dialogues import converse

KEY1, KEY2 = SECRETS.values["key1"], SECRETS.values["key2"]
LATE = datetime(2026, 11, 19, 17, 30, tzinfo=UTC)  # half past midnight of the 20th in Vietnam
MONEY = {"app_id": 2553, "app_trans_id": "260115_A-1", "amount": 20_000, "zp_trans_id": 260_115_000_000_390,
         "server_time": 1_768_447_922_222}  # fmt: skip


def callback(data: str, mac: str = "", kind: int = 1) -> HttpRequest:
    """A callback over exactly this text."""
    body = json.dumps({"data": data, "mac": mac or hmac_hex(KEY2, data), "type": kind}, ensure_ascii=False)
    return HttpRequest(method="POST", url="https://hub.example/webhooks/zalopay", body=body.encode())


def said(**fields: object) -> HttpReply:
    """An answer of ZaloPay."""
    return HttpReply(status=200, body=json.dumps(fields).encode())


@pytest.mark.parametrize("spacing", [(",", ":"), (", ", ": "), (" ,", "\t:\n")])
def test_the_data_is_signed_as_it_travelled(spacing: tuple[str, str]) -> None:
    text = json.dumps(MONEY | {"app_user": "Nguyễn Văn Ứng ~ + & 100%"}, ensure_ascii=False, separators=spacing)

    read = parse_webhook(callback(text), SECRETS, NOW)

    assert isinstance(read, Notice)
    assert read.evidence == (
        PaymentSeen(
            attempt_ref="A-1",
            bank_txn_id="260115000000390",
            amount_vnd=20_000,
            occurred_at=datetime(2026, 1, 15, 3, 32, 2, 222_000, tzinfo=UTC),
            merchant="2553",
        ),
    )


def test_key1_signs_no_callback() -> None:
    text = json.dumps(MONEY)

    with pytest.raises(BadSignature):
        parse_webhook(callback(text, hmac_hex(KEY1, text)), SECRETS, NOW)


def test_the_unsigned_type_decides_nothing() -> None:
    text = json.dumps(MONEY)

    assert parse_webhook(callback(text, kind=2), SECRETS, NOW) == parse_webhook(callback(text), SECRETS, NOW)


def test_a_callback_without_money_is_none() -> None:
    assert isinstance(parse_webhook(callback('{"app_id":2553,"binding_id":"B"}'), SECRETS, NOW), Ignored)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("accepted", 1), ("duplicate", 2), ("unknown_order", 1), ("wrong_amount", 1), ("already_final", 1), ("ignored", 1),
     ("bad_signature", -1), ("malformed", 0), ("unavailable", 0)],
)  # fmt: skip
def test_the_words_of_the_acknowledgement(verdict: str, code: int) -> None:
    reply = acknowledge(Verdict(verdict))

    assert (reply.status, json.loads(reply.body)["return_code"]) == (200, code)


def test_the_day_of_an_order_is_vietnams() -> None:
    ask = session_ask(created_at=LATE, expires_at=LATE + timedelta(seconds=10), description="Phí thẩm định | cấp mới")
    body = json.loads(next(open_session(ask, SECRETS)).body)

    assert body["app_trans_id"] == "261120_A-1"
    assert body["expire_duration_seconds"] == 300
    assert json.loads(body["embed_data"]) == {"redirecturl": "https://hub.example/return"}
    assert body["mac"] == hmac_hex(KEY1, signed_text("create", body))


def test_a_query_names_the_order_by_the_day_it_was_made() -> None:
    body = json.loads(next(query(query_ask(created_at=LATE), SECRETS)).body)

    assert body["app_trans_id"] == "261120_A-1"
    assert body["mac"] == hmac_hex(KEY1, f"2553|261120_A-1|{KEY1}")


@pytest.mark.parametrize(
    ("sub", "contact"),
    [(-68, Contact.UNKNOWN), (-401, Contact.DECLINED), (-402, Contact.DECLINED), (406, Contact.DECLINED),
     (-500, Contact.UNKNOWN), (-999, Contact.UNKNOWN), (-12345, Contact.UNKNOWN)],
)  # fmt: skip
def test_codes_of_creations(sub: int, contact: Contact) -> None:
    reply = said(return_code=2, sub_return_code=sub)

    assert converse(open_session(session_ask(), SECRETS), lambda _: reply).contact is contact


@pytest.mark.parametrize(
    ("code", "sub", "status"),
    [(3, 0, "redirected"), (2, -54, "expired"), (2, -49, "cancelled"), (2, -329, "cancelled"), (2, -63, "failed")],
)
def test_codes_of_queries(code: int, sub: int, status: str) -> None:
    reply = said(return_code=code, sub_return_code=sub, is_processing=False)

    answer = converse(query(query_ask(), SECRETS), lambda _: reply)

    assert [seen.status for seen in answer.evidence if isinstance(seen, AttemptSeen)] == [AttemptStatus(status)]


def test_money_on_its_way_is_not_called_unpaid() -> None:
    reply = said(return_code=3, sub_return_code=0, is_processing=True)

    answer = converse(query(query_ask(), SECRETS), lambda _: reply)

    assert [seen.not_paid for seen in answer.evidence if isinstance(seen, AttemptSeen)] == [False]


@pytest.mark.parametrize("sub", [-401, -429, -500, -999])
def test_trouble_says_nothing_of_the_payment(sub: int) -> None:
    answer = converse(query(query_ask(), SECRETS), lambda _: said(return_code=2, sub_return_code=sub))

    assert (answer.contact, answer.evidence) == (Contact.UNKNOWN, ())


def test_an_order_that_is_not_found_is_waited_for() -> None:
    answer = converse(query(query_ask(), SECRETS), lambda _: said(return_code=2, sub_return_code=-101))

    assert (answer.contact, answer.evidence) == (Contact.PENDING, ())


def test_a_refund_keeps_its_day() -> None:
    ask = refund_ask(bank_txn_id="1", asked_at=LATE, now=NOW + timedelta(days=3))
    sent = [json.loads(next(dialogue(ask, SECRETS)).body)["m_refund_id"] for dialogue in (refund, query_refund)]

    assert sent == ["261120_2553_R-1", "261120_2553_R-1"]


def test_a_refund_id_of_the_providers_form_stays() -> None:
    ask = refund_ask(refund_ref="260116_2553_0000000001", bank_txn_id="260115000000389")

    assert json.loads(next(refund(ask, SECRETS)).body)["m_refund_id"] == "260116_2553_0000000001"


@pytest.mark.parametrize(("code", "status"), [(1, "succeeded"), (2, "failed"), (3, "pending")])
def test_codes_of_refunds(code: int, status: str) -> None:
    answer = converse(refund(refund_ask(bank_txn_id="1"), SECRETS), lambda _: said(return_code=code))

    assert [seen.status for seen in answer.evidence if isinstance(seen, RefundSeen)] == [RefundNewsStatus(status)]


def test_a_refund_is_not_sent_twice_by_itself() -> None:
    assert not next(refund(refund_ask(bank_txn_id="1"), SECRETS)).repeatable


def returned(told: str, **changes: str) -> HttpRequest:
    """The browser comes back."""
    fields = {"appid": "2553", "apptransid": "260115_A-1", "pmcid": "38", "bankcode": "", "amount": "150000",
              "discountamount": "0", "status": told}  # fmt: skip
    fields["checksum"] = hmac_hex(KEY2, signed_text("return", fields))
    return HttpRequest(method="GET", url=f"https://hub.example/pay/t?{urlencode({**fields, **changes})}")


@pytest.mark.parametrize(
    ("status", "contact"), [("1", Contact.SUCCEEDED), ("-49", Contact.DECLINED), ("7", Contact.UNKNOWN)]
)
def test_a_return_is_read_for_display(status: str, contact: Contact) -> None:
    assert parse_return(returned(status), SECRETS).contact is contact


def test_a_changed_return_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse_return(returned("-49", status="1"), SECRETS)


def test_a_merchant_that_is_no_number_sends_nothing() -> None:
    with pytest.raises(StopIteration) as end:
        next(query(query_ask(), replace(SECRETS, merchant="SHOP")))

    assert end.value.value.contact is Contact.NOT_SENT
