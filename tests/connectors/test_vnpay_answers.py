"""VNPAY's querydr and refund: what is asked, which answers are believed, and what they mean."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.vnpay import (
    HASH,
    QUERY_REPLY,
    QUERY_REQUEST,
    REFUND_REPLY,
    REFUND_REQUEST,
    build_redirect,
    query,
    query_refund,
    refund,
    request_id_of,
)
from paygw.kernel import forms
from paygw.kernel.connector import Answer, Contact, HttpReply, QueryAsk, RefundAsk
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.simulators.sides.vnpay import answer
from tests.conformance.pairs import refund_ask, session_ask
from tests.conformance.test_dialogues import converse
from tests.connectors.published import vectors
from tests.connectors.test_vnpay import KEY, NOW, SECRETS


def query_ask_of(fields: Mapping[str, Any]) -> QueryAsk:
    created_at, now = (forms.unstamped(str(fields[name])) for name in ("vnp_TransactionDate", "vnp_CreateDate"))
    assert created_at is not None
    assert now is not None
    return QueryAsk(
        attempt_ref=fields["vnp_TxnRef"],
        amount_vnd=150_000,
        created_at=created_at,
        now=now,
        request_id=fields["vnp_RequestId"],
    )


def test_the_published_querydr_is_hashed_alike() -> None:
    vector = vectors("vnpay", "querydr_request")[0]
    fields = {name: str(value) for name, value in vector["input"].items()}

    assert forms.piped(fields, QUERY_REQUEST) == vector["canonical"]
    assert forms.hmac_sha512(KEY, vector["canonical"].encode()) == vector["expected"][HASH]


def test_the_published_querydr_is_asked() -> None:
    fields = vectors("vnpay", "querydr_request")[0]["input"]

    request = next(query(query_ask_of(fields), SECRETS))

    body = json.loads(request.body)
    assert (request.method, request.url) == ("POST", "https://sandbox.vnpayment.vn/merchant_webapi/api/transaction")
    assert {name: body[name] for name in QUERY_REQUEST if name != "vnp_OrderInfo"} == {
        name: str(fields[name]) for name in QUERY_REQUEST if name != "vnp_OrderInfo"
    }
    assert body[HASH] == forms.hmac_sha512(KEY, forms.piped(body, QUERY_REQUEST).encode())


def published(kind: str) -> dict[str, str]:
    fields: dict[str, str] = vectors("vnpay", kind)[0]["input"]
    return fields


def said(fields: Mapping[str, object]) -> HttpReply:
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=json.dumps(fields).encode())


def asked(reply: HttpReply) -> Answer:
    return converse(query(query_ask_of(published("querydr_request")), SECRETS), lambda _: reply)


def signed_answer(changes: Mapping[str, object]) -> HttpReply:
    fields = {**published("querydr_response"), **changes}
    texts = {name: str(value) for name, value in fields.items()}
    return said(fields | {HASH: forms.hmac_sha512(KEY, forms.piped(texts, QUERY_REPLY).encode())})


def test_the_published_answer_to_querydr_is_a_payment() -> None:
    answered = asked(said(published("querydr_response")))

    assert answered.contact is Contact.SUCCEEDED
    assert [(seen.amount_vnd, seen.bank_txn_id) for seen in answered.evidence if isinstance(seen, PaymentSeen)] == [
        (150_000, "14226112")
    ]


@pytest.mark.parametrize("name", QUERY_REPLY)
def test_a_changed_field_of_the_answer_is_noticed(name: str) -> None:
    fields = published("querydr_response")

    assert asked(said(fields | {name: fields.get(name, "") + "1"})).contact is Contact.UNKNOWN


def test_whole_numbers_in_the_answer_are_their_digits() -> None:
    assert asked(signed_answer({"vnp_Amount": 15000000, "vnp_TransactionNo": 14226112})).contact is Contact.SUCCEEDED


@pytest.mark.parametrize(
    ("changes", "contact", "states"),
    [
        ({"vnp_TransactionStatus": "01"}, Contact.PENDING, [(AttemptStatus.PENDING, False)]),
        ({"vnp_TransactionStatus": "02"}, Contact.DECLINED, [(AttemptStatus.FAILED, True)]),
        ({"vnp_TransactionStatus": "04"}, Contact.UNKNOWN, []),
        ({"vnp_TransactionStatus": "07"}, Contact.PENDING, [(AttemptStatus.PENDING, False)]),
        ({"vnp_TransactionStatus": "42"}, Contact.UNKNOWN, []),
        ({"vnp_TransactionType": "02"}, Contact.UNKNOWN, []),
        ({"vnp_ResponseCode": "91", "vnp_TransactionStatus": ""}, Contact.PENDING, [(AttemptStatus.CREATED, True)]),
        ({"vnp_ResponseCode": "94"}, Contact.UNKNOWN, []),
        ({"vnp_ResponseCode": "97"}, Contact.UNKNOWN, []),
        ({"vnp_TxnRef": "OTHER"}, Contact.UNKNOWN, []),
        ({"vnp_TmnCode": "OTHER"}, Contact.UNKNOWN, []),
        ({"vnp_Command": "refund"}, Contact.UNKNOWN, []),
        ({"vnp_Amount": "15000001"}, Contact.UNKNOWN, []),
    ],
)
def test_answers_to_querydr(
    changes: dict[str, object], contact: Contact, states: list[tuple[AttemptStatus, bool]]
) -> None:
    answered = asked(signed_answer(changes))

    assert answered.contact is contact
    assert [(seen.status, seen.not_paid) for seen in answered.evidence if isinstance(seen, AttemptSeen)] == states
    assert not [seen for seen in answered.evidence if isinstance(seen, PaymentSeen)]


REFUND = refund_ask(
    refund_ref="RF0001",
    attempt_ref="HS000-22-12-2025-0001",
    bank_txn_id="14226112",
    original_vnd=150_000,
    amount_vnd=150_000,
    reason="Hoan tien ho so HS000123",
    paid_at=datetime(2026, 1, 15, 3, 31, 12, tzinfo=UTC),
    created_at=datetime(2026, 1, 15, 3, 30, tzinfo=UTC),
    now=datetime(2026, 1, 16, 2, 0, tzinfo=UTC),
)


def test_the_published_refund_is_asked() -> None:
    vector = vectors("vnpay", "refund_request")[0]
    options = {"create_by": "ketoan01", "server_ip": "10.0.0.9"}

    request = next(refund(REFUND, replace(SECRETS, options=options)))

    body = json.loads(request.body)
    assert forms.piped(body, REFUND_REQUEST) == vector["canonical"]
    assert body[HASH] == vector["expected"][HASH]
    assert not request.repeatable


def test_a_part_is_another_type_of_refund() -> None:
    assert json.loads(next(refund(replace(REFUND, amount_vnd=50_000), SECRETS)).body)["vnp_TransactionType"] == "03"


def test_a_long_reference_becomes_a_request_id_of_its_own() -> None:
    ref = "R" + "0123456789ABCDEF" * 2

    assert request_id_of(ref) == "0123456789ABCDEF" * 2


def refunded(changes: Mapping[str, str], ask: RefundAsk = REFUND) -> Answer:
    fields = {**published("refund_response"), **changes}
    signed = fields | {HASH: forms.hmac_sha512(KEY, forms.piped(fields, REFUND_REPLY).encode())}
    return converse(refund(ask, SECRETS), lambda _: said(signed))


def test_the_published_answer_to_a_refund_is_accepted_and_no_more() -> None:
    answered = converse(refund(REFUND, SECRETS), lambda _: said(published("refund_response")))

    assert answered.contact is Contact.PENDING
    assert [seen.status for seen in answered.evidence if isinstance(seen, RefundSeen)] == [RefundNewsStatus.PENDING]


@pytest.mark.parametrize(
    ("changes", "contact", "states"),
    [
        ({"vnp_TransactionStatus": "00"}, Contact.PENDING, [RefundNewsStatus.PENDING]),
        ({"vnp_TransactionStatus": ""}, Contact.PENDING, [RefundNewsStatus.PENDING]),
        ({"vnp_TransactionStatus": "09"}, Contact.DECLINED, [RefundNewsStatus.FAILED]),
        ({"vnp_TransactionStatus": "42"}, Contact.UNKNOWN, []),
        ({"vnp_ResponseCode": "94"}, Contact.PENDING, []),
        ({"vnp_ResponseCode": "95"}, Contact.DECLINED, [RefundNewsStatus.FAILED]),
        ({"vnp_ResponseCode": "91"}, Contact.DECLINED, [RefundNewsStatus.FAILED]),
        ({"vnp_ResponseCode": "97"}, Contact.UNKNOWN, []),
        ({"vnp_ResponseCode": "99"}, Contact.UNKNOWN, []),
        ({"vnp_ResponseCode": "42"}, Contact.UNKNOWN, []),
        ({"vnp_Amount": "14999900"}, Contact.UNKNOWN, []),
        ({"vnp_TxnRef": "OTHER"}, Contact.UNKNOWN, []),
    ],
)
def test_answers_to_a_refund(changes: dict[str, str], contact: Contact, states: list[RefundNewsStatus]) -> None:
    answered = refunded(changes)

    assert answered.contact is contact
    assert [seen.status for seen in answered.evidence if isinstance(seen, RefundSeen)] == states


@pytest.mark.parametrize(
    ("status", "contact"),
    [
        ("05", Contact.PENDING),
        ("06", Contact.PENDING),
        ("00", Contact.SUCCEEDED),
        ("09", Contact.DECLINED),
        ("04", Contact.UNKNOWN),
    ],
)
def test_what_became_of_a_refund(status: str, contact: Contact) -> None:
    state = {
        "vnp_ResponseCode": "00",
        "vnp_TransactionType": "02",
        "vnp_TransactionStatus": status,
        "vnp_Amount": "15000000",
    }

    answered = converse(query_refund(REFUND, SECRETS), lambda request: answer(request, state, SECRETS, NOW))

    assert answered.contact is contact


def test_one_of_two_equal_refunds_cannot_be_told_from_the_other() -> None:
    state = {
        "vnp_ResponseCode": "00",
        "vnp_TransactionType": "03",
        "vnp_TransactionStatus": "00",
        "vnp_Amount": "5000000",
    }
    twin = replace(REFUND, amount_vnd=50_000, has_twin=True)

    answered = converse(query_refund(twin, SECRETS), lambda request: answer(request, state, SECRETS, NOW))

    assert (answered.contact, answered.evidence) == (Contact.UNKNOWN, ())


def test_other_addresses_are_settings() -> None:
    options = {"pay_path": "/vpcpay.html", "api_url": "https://merchant.example.vn/api"}
    live = replace(SECRETS, base_url="https://pay.example.vn", options=options)

    assert build_redirect(session_ask(), live).redirect_url.startswith("https://pay.example.vn/vpcpay.html?")
    assert next(refund(REFUND, live)).url == "https://merchant.example.vn/api"
