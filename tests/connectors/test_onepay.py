"""OnePAY: the published vectors in both directions, its tables, and a hashed text that does not quote."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from connectors.onepay import (
    ENDED,
    HASH,
    acknowledge,
    build_redirect,
    canonical,
    parse_return,
    parse_webhook,
    query,
    secure_hash,
    signed_query,
)
from paygw.kernel.connector import (
    Answer,
    BadSignature,
    Contact,
    HttpReply,
    HttpRequest,
    Malformed,
    Notice,
    Secrets,
    Verdict,
)
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen
from tests.conformance.pairs import query_ask, session_ask
from tests.conformance.test_dialogues import converse
from tests.connectors.published import named, vectors

NOW = datetime(2026, 1, 15, 4, 0, tzinfo=UTC)
KEY = "A3EFDFABA8653DF2342E8DAC29B51AF0"
SECRETS = Secrets(
    base_url="https://mtf.onepay.vn",
    merchant="ONEPAY",
    values={"hash_key": KEY, "query_user": "op01", "query_password": "op123456"},
    options={"access_code": "D67342C2"},
)
IPN: dict[str, str] = vectors("onepay", "return_or_ipn")[0]["input"]


def sent(fields: Mapping[str, str]) -> HttpRequest:
    """These fields as a query string, under whatever hash they hold."""
    return HttpRequest(method="GET", url=f"https://hub.example/webhooks/onepay-main?{urlencode(fields)}")


def ipn(changes: Mapping[str, str], key: str = KEY) -> HttpRequest:
    """The first published message with other values, signed anew; an empty value is left out."""
    fields = {name: value for name, value in {**IPN, **changes}.items() if name != HASH}
    return HttpRequest(method="GET", url=f"https://hub.example/webhooks/onepay-main?{signed_query(fields, key)}")


def read(request: HttpRequest, secrets: Secrets = SECRETS) -> Notice:
    return parse_webhook(request, secrets, NOW)


@pytest.mark.parametrize("vector", vectors("onepay", "pay_url"), ids=named)
def test_published_pay_addresses_are_signed_alike(vector: dict[str, Any]) -> None:
    fields = vector["input"]

    assert canonical(fields) == vector["canonical"]
    assert vector["expected"]["url"].endswith(signed_query(fields, KEY))


@pytest.mark.parametrize(
    "vector", [v for v in vectors("onepay", "pay_url") if "vpc_Customer_Email" not in v["input"]], ids=named
)
def test_published_hashes_are_those_of_our_addresses(vector: dict[str, Any]) -> None:
    fields = vector["input"]
    ask = session_ask(
        attempt_ref=fields["vpc_MerchTxnRef"],
        amount_vnd=int(fields["vpc_Amount"]) // 100,
        description=fields["vpc_OrderInfo"],
        return_url=fields["vpc_ReturnURL"],
        payer_ip=fields["vpc_TicketNo"],
        locale="en" if fields["vpc_Locale"] == "en" else "vi",
    )
    gateway = "domestic" if "vpc_Currency" in fields else "international"

    session = build_redirect(ask, replace(SECRETS, options={**SECRETS.options, "gateway": gateway}))

    url = urlsplit(session.redirect_url)
    assert url.geturl().partition("?")[0] == vector["expected"]["url"].partition("?")[0]
    assert dict(parse_qsl(url.query))[HASH] == vector["expected"][HASH]


@pytest.mark.parametrize("vector", vectors("onepay", "return_or_ipn"), ids=named)
def test_published_messages_are_read(vector: dict[str, Any]) -> None:
    notice = read(sent(vector["input"]))

    payments = [seen for seen in notice.evidence if isinstance(seen, PaymentSeen)]
    assert bool(payments) is vector["expected"]["paid"]
    assert all(seen.amount_vnd == vector["expected"]["amount_vnd"] for seen in payments)
    assert acknowledge(Verdict.ACCEPTED).body.decode() == vector["expected"]["ack_text"]


@pytest.mark.parametrize("vector", vectors("onepay", "return_or_ipn"), ids=named)
@pytest.mark.parametrize("name", ["vpc_Amount", "vpc_MerchTxnRef", "vpc_TxnResponseCode", "vpc_TransactionNo", HASH])
def test_a_changed_field_is_noticed(vector: dict[str, Any], name: str) -> None:
    fields = vector["input"]

    with pytest.raises(BadSignature):
        read(sent(fields | {name: fields[name] + "0"}))


@pytest.mark.parametrize("name", [name for name in IPN if name != HASH])
def test_a_dropped_field_is_noticed(name: str) -> None:
    with pytest.raises(BadSignature):
        read(sent({key: value for key, value in IPN.items() if key != name}))


@pytest.mark.parametrize("more", ["&vpc_New=1", "&user_x=1", "&vpc_Amount=1", "&vpc%5FAmount=1", f"&{HASH}={'0' * 64}"])
def test_nothing_can_be_added_or_repeated(more: str) -> None:
    message = sent(IPN)

    with pytest.raises(BadSignature):
        read(replace(message, url=message.url + more))


def test_the_hash_is_read_in_any_case_and_beside_foreign_parameters() -> None:
    message = sent({**IPN, HASH: IPN[HASH].lower(), "utm": "1"})

    assert read(message) == read(sent(IPN))


def test_a_value_that_holds_a_further_pair_is_refused() -> None:
    """Signed as one text, `Message=x&vpc_TxnResponseCode=99` inside a value would leave room for another code."""
    fields = {"vpc_Amount": "15000000", "vpc_MerchTxnRef": "A-1", "vpc_TransactionNo": "1&vpc_TxnResponseCode=99"}
    stolen = secure_hash(KEY, canonical(fields).encode()).upper()

    with pytest.raises(BadSignature):
        read(sent(fields | {HASH: stolen}))


@pytest.mark.parametrize("text", ["Phí & lệ phí = 3", "a+b c%20 ~ *", "😀", "' or 1=1"])
def test_texts_are_hashed_raw(text: str) -> None:
    assert [seen.memo for seen in read(ipn({"vpc_OrderInfo": text})).evidence if isinstance(seen, PaymentSeen)] == [
        text
    ]


def test_a_form_says_the_same_as_a_query() -> None:
    message = sent(IPN)
    posted = HttpRequest(
        method="POST", url="https://hub.example/webhooks/onepay-main", body=message.url.partition("?")[2].encode()
    )

    assert read(posted) == read(message)


@pytest.mark.parametrize(("code", "state"), ENDED.items())
def test_listed_codes_end_a_payment(code: str, state: AttemptStatus) -> None:
    notice = read(ipn({"vpc_TxnResponseCode": code}))

    assert [(seen.status, seen.bank_code) for seen in notice.evidence if isinstance(seen, AttemptSeen)] == [
        (state, code)
    ]


@pytest.mark.parametrize("code", ["7", "2", "300", "00", "F", "", "No Value Returned"])
def test_other_codes_are_no_evidence(code: str) -> None:
    assert read(ipn({"vpc_TxnResponseCode": code})).evidence == ()


@pytest.mark.parametrize("code", ["7", "99", "No Value Returned"])
def test_no_code_excuses_a_wrong_signature(code: str) -> None:
    with pytest.raises(BadSignature):
        read(sent(IPN | {"vpc_TxnResponseCode": code}))


@pytest.mark.parametrize("amount", ["", "0", "15000050", "1.5", "-100", "9" * 16])
def test_an_odd_amount_is_malformed(amount: str) -> None:
    with pytest.raises(Malformed):
        read(ipn({"vpc_Amount": amount}))


def test_money_in_another_currency_is_said_to_be() -> None:
    seen = read(ipn({"vpc_CurrencyCode": "USD"})).evidence[0]

    assert isinstance(seen, PaymentSeen)
    assert seen.currency == "USD"


@pytest.mark.parametrize("key", ["", "zz", "ABC", "A3EFDFABA8653DF2342E8DAC29B51AF"])
def test_a_key_that_is_no_hex_opens_nothing(key: str) -> None:
    bare = replace(SECRETS, values={**SECRETS.values, "hash_key": key})

    with pytest.raises(BadSignature):
        read(sent(IPN), bare)
    assert build_redirect(session_ask(), bare).contact is Contact.NOT_SENT


@pytest.mark.parametrize(
    ("verdict", "done"),
    [
        (Verdict.ACCEPTED, True),
        (Verdict.DUPLICATE, True),
        (Verdict.ALREADY_FINAL, True),
        (Verdict.WRONG_AMOUNT, False),
        (Verdict.UNKNOWN_ORDER, False),
        (Verdict.BAD_SIGNATURE, False),
        (Verdict.UNAVAILABLE, False),
    ],
)
def test_acknowledgements(verdict: Verdict, *, done: bool) -> None:
    reply = acknowledge(verdict)

    words = b"responsecode=1&desc=confirm-success" if done else b"responsecode=0&desc=confirm-fail"
    assert (reply.status, reply.body) == (200, words)


def test_a_payer_behind_ipv6_is_not_turned_away() -> None:
    url = build_redirect(session_ask(payer_ip="2405:4802:1:2:3:4:5:6"), SECRETS).redirect_url

    assert dict(parse_qsl(urlsplit(url).query))["vpc_TicketNo"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("code", "contact"), [("0", Contact.SUCCEEDED), ("99", Contact.DECLINED), ("7", Contact.UNKNOWN)]
)
def test_a_return_is_shown(code: str, contact: Contact) -> None:
    shown = parse_return(ipn({"vpc_TxnResponseCode": code}), SECRETS)

    assert (shown.attempt_ref, shown.contact) == ("HS000123-1", contact)


def answered(fields: Mapping[str, str], *, status: int = 200) -> Answer:
    reply = HttpReply(status=status, body=urlencode(fields).encode())
    return converse(query(query_ask(attempt_ref="HS000123-1"), SECRETS), lambda _: reply)


def test_query_dr_asks_with_user_and_password_in_the_body() -> None:
    request = next(query(query_ask(attempt_ref="HS000123-1"), SECRETS))

    assert (request.method, request.url) == ("POST", "https://mtf.onepay.vn/onecomm-pay/Vpcdps.op")
    assert dict(parse_qsl(request.body.decode())) == {
        "vpc_AccessCode": "D67342C2",
        "vpc_Command": "queryDR",
        "vpc_MerchTxnRef": "HS000123-1",
        "vpc_Merchant": "ONEPAY",
        "vpc_Password": "op123456",
        "vpc_User": "op01",
        "vpc_Version": "1",
    }


PAID = {name: value for name, value in IPN.items() if name != HASH} | {"vpc_DRExists": "Y"}


def test_query_dr_finds_a_payment() -> None:
    found = answered(PAID)

    assert found.contact is Contact.SUCCEEDED
    assert [seen.amount_vnd for seen in found.evidence if isinstance(seen, PaymentSeen)] == [150_000]


@pytest.mark.parametrize(
    ("changes", "contact"),
    [
        ({"vpc_DRExists": "N", "vpc_TxnResponseCode": ""}, Contact.PENDING),
        ({"vpc_DRExists": "N", "vpc_MerchTxnRef": "", "vpc_TxnResponseCode": ""}, Contact.PENDING),
        ({"vpc_TxnResponseCode": "99"}, Contact.DECLINED),
        ({"vpc_TxnResponseCode": "21"}, Contact.DECLINED),
        ({"vpc_TxnResponseCode": "7"}, Contact.UNKNOWN),
        ({"vpc_TxnResponseCode": "88"}, Contact.UNKNOWN),
        ({"vpc_DRExists": ""}, Contact.UNKNOWN),
        ({"vpc_DRExists": "X"}, Contact.UNKNOWN),
        ({"vpc_MerchTxnRef": "OTHER"}, Contact.UNKNOWN),
        ({"vpc_MerchTxnRef": ""}, Contact.UNKNOWN),
        ({"vpc_Amount": "1"}, Contact.UNKNOWN),
        ({HASH: "0" * 64}, Contact.UNKNOWN),
    ],
)
def test_other_answers_to_query_dr(changes: dict[str, str], contact: Contact) -> None:
    found = answered(PAID | changes)

    assert found.contact is contact
    assert not [seen for seen in found.evidence if isinstance(seen, PaymentSeen)]
    assert all(isinstance(seen, AttemptSeen) and seen.not_paid for seen in found.evidence)


def test_an_answer_that_is_signed_must_be_signed_rightly() -> None:
    signed = PAID | {HASH: secure_hash(KEY, canonical(PAID).encode()).upper()}

    assert answered(signed).contact is Contact.SUCCEEDED
    assert answered(PAID, status=502).contact is Contact.UNKNOWN
