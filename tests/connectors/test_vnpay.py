"""VNPAY: the published vectors in both directions, its tables, and what its documents warn of."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from connectors.vnpay import (
    ENDED,
    HASH,
    acknowledge,
    build_redirect,
    parse_return,
    parse_webhook,
    signed_query,
)
from paygw.kernel import forms
from paygw.kernel.connector import (
    BadSignature,
    Contact,
    HttpRequest,
    Malformed,
    Notice,
    Secrets,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    PaymentSeen,
    TotalAsserted,
)
from tests.conformance.pairs import session_ask
from tests.connectors.published import named, vectors

NOW = datetime(2026, 1, 15, 4, 0, tzinfo=UTC)
KEY = "TESTSECRETVNPAYSHARED0000000001"
SECRETS = Secrets(
    base_url="https://sandbox.vnpayment.vn",
    merchant="PAYGWTST",
    values={"hash_secret": KEY},
    options={"server_ip": "113.160.1.10"},
)
IPN: dict[str, str] = vectors("vnpay", "ipn_or_return")[0]["input"]


def ipn(changes: Mapping[str, str], key: str = KEY) -> HttpRequest:
    """The first published IPN with other values, signed anew; an empty value is left out."""
    fields = {name: value for name, value in {**IPN, **changes}.items() if name != HASH}
    return HttpRequest(method="GET", url=f"https://hub.example/webhooks/vnpay-main?{signed_query(fields, key)}")


def sent(raw_query: str) -> HttpRequest:
    """A query string exactly as it stands."""
    return HttpRequest(method="GET", url=f"https://hub.example/webhooks/vnpay-main?{raw_query}")


def read(request: HttpRequest, secrets: Secrets = SECRETS) -> Notice:
    return parse_webhook(request, secrets, NOW)


def ask_of(fields: Mapping[str, str]) -> SessionAsk:
    """What the hub would have asked to get this pay address."""
    created_at = forms.unstamped(fields["vnp_CreateDate"])
    expires_at = forms.unstamped(fields.get("vnp_ExpireDate", ""))
    assert created_at is not None
    return session_ask(
        attempt_ref=fields["vnp_TxnRef"],
        amount_vnd=int(fields["vnp_Amount"]) // 100,
        description=fields["vnp_OrderInfo"],
        return_url=fields["vnp_ReturnUrl"],
        payer_ip=fields["vnp_IpAddr"],
        locale="en" if fields["vnp_Locale"] == "en" else "vi",
        created_at=created_at,
        expires_at=expires_at or created_at + timedelta(minutes=15),
    )


@pytest.mark.parametrize("vector", vectors("vnpay", "pay_url"), ids=named)
def test_published_pay_addresses_are_signed_alike(vector: dict[str, Any]) -> None:
    fields = vector["input"]

    assert forms.sorted_form(fields) == vector["canonical"]
    assert vector["expected"]["url"].endswith(signed_query(fields, KEY))


@pytest.mark.parametrize(
    "vector", [v for v in vectors("vnpay", "pay_url") if "vnp_ExpireDate" in v["input"]], ids=named
)
def test_published_pay_addresses_are_built(vector: dict[str, Any]) -> None:
    fields = vector["input"]
    options = {"order_type": fields["vnp_OrderType"], "bank_code": fields.get("vnp_BankCode", "")}

    session = build_redirect(ask_of(fields), replace(SECRETS, options=options))

    assert (session.contact, session.redirect_url) == (Contact.SUCCEEDED, vector["expected"]["url"])


@pytest.mark.parametrize("vector", vectors("vnpay", "ipn_or_return"), ids=named)
def test_published_ipns_are_read(vector: dict[str, Any]) -> None:
    notice = read(sent(vector["query_string"]))

    payments = [seen for seen in notice.evidence if isinstance(seen, PaymentSeen)]
    assert bool(payments) is vector["expected"]["paid"]
    assert all(seen.amount_vnd == vector["expected"]["amount_vnd"] for seen in payments)
    assert all(getattr(seen, "attempt_ref", "") == vector["input"]["vnp_TxnRef"] for seen in notice.evidence)


@pytest.mark.parametrize("vector", vectors("vnpay", "ipn_or_return"), ids=named)
def test_published_ipns_with_another_amount_are_refused(vector: dict[str, Any]) -> None:
    amount = vector["input"]["vnp_Amount"]
    other = vector["query_string"].replace(f"vnp_Amount={amount}", f"vnp_Amount={int(amount) + 100}")

    with pytest.raises(BadSignature):
        read(sent(other))


def test_a_payment_is_read_whole() -> None:
    assert read(ipn({})).evidence == (
        PaymentSeen(
            attempt_ref="HS000-22-12-2025-0001",
            bank_txn_id="14226112",
            amount_vnd=150_000,
            occurred_at=datetime(2026, 1, 15, 3, 31, 12, tzinfo=UTC),
            merchant="PAYGWTST",
            memo="Nop le phi ho so HS000123",
        ),
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("00", "01"),
        ("00", "02"),
        ("00", "04"),
        ("00", ""),
        ("", "00"),
        ("24", "00"),
        ("07", "00"),
        ("00", "05"),
        ("01", "00"),
    ],
)
def test_paid_needs_both_codes(code: str, status: str) -> None:
    notice = read(ipn({"vnp_ResponseCode": code, "vnp_TransactionStatus": status}))

    assert not any(isinstance(seen, PaymentSeen) for seen in notice.evidence)


@pytest.mark.parametrize(("code", "state"), ENDED.items())
def test_listed_codes_end_a_payment(code: str, state: AttemptStatus) -> None:
    notice = read(ipn({"vnp_ResponseCode": code, "vnp_TransactionStatus": "02"}))

    assert [(seen.status, seen.bank_code) for seen in notice.evidence if isinstance(seen, AttemptSeen)] == [
        (state, code)
    ]


@pytest.mark.parametrize("status", ["00", "01", "04", "07", "42", ""])
def test_a_code_alone_ends_nothing(status: str) -> None:
    notice = read(ipn({"vnp_ResponseCode": "24", "vnp_TransactionStatus": status}))

    ended = {AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED}
    assert not [seen for seen in notice.evidence if isinstance(seen, AttemptSeen) and seen.status in ended]


@pytest.mark.parametrize("code", ["01", "02", "03", "04", "05", "06", "08", "42", "99", "0", "000"])
def test_old_and_unlisted_codes_are_no_evidence(code: str) -> None:
    assert read(ipn({"vnp_ResponseCode": code, "vnp_TransactionStatus": "02"})).evidence == ()


def test_suspected_fraud_is_pending_and_asserted_for_a_person() -> None:
    held, asserted = read(ipn({"vnp_ResponseCode": "07", "vnp_TransactionStatus": "07"})).evidence

    assert isinstance(held, AttemptSeen)
    assert held.status is AttemptStatus.PENDING
    assert isinstance(asserted, TotalAsserted)
    assert asserted.total_vnd == 150_000


def test_escapes_in_lower_case_are_hashed_as_they_stand() -> None:
    text = urlencode(sorted((name, value) for name, value in IPN.items() if name != HASH)).replace("%2F", "%2f")
    text = text.replace("Nop+le+phi", "N%e1%bb%99p%20ph%c3%ad")

    notice = read(sent(f"{text}&{HASH}={forms.hmac_sha512(KEY, text.encode())}"))

    assert [seen.memo for seen in notice.evidence if isinstance(seen, PaymentSeen)] == ["Nộp phí ho so HS000123"]


def test_a_proxy_that_encodes_anew_does_not_break_the_signature() -> None:
    as_sent = ipn({"vnp_OrderInfo": "phí ~ 'x' (1) + 2"})
    again = as_sent.url.replace("+", "%20").replace("%7E", "~").replace("%28", "(").replace("%27", "'")

    assert read(replace(as_sent, url=again)) == read(as_sent)


def test_pairs_in_another_order_say_the_same() -> None:
    pairs = urlsplit(ipn({}).url).query.split("&")

    assert read(sent("&".join(reversed(pairs)))) == read(ipn({}))


def test_what_does_not_begin_with_vnp_takes_no_part() -> None:
    assert read(sent(f"utm=1&{urlsplit(ipn({}).url).query}&x=%zz")) == read(ipn({}))


def test_the_hash_is_read_in_any_case() -> None:
    text, _, given = urlsplit(ipn({}).url).query.rpartition("=")

    assert read(sent(f"{text}={given.upper()}&vnp_SecureHashType=HmacSHA512")) == read(ipn({}))


@pytest.mark.parametrize(
    "more",
    [
        "&vnp_Amount=15000000",
        "&vnp_Amount=1",
        "&vnp_ResponseCode=00",
        "&vnp%5FAmount=1",
        "&%76np_Amount=1",
        "&vnp_New=1",
        f"&{HASH}={'0' * 128}",
    ],
)
def test_nothing_can_be_added_or_repeated(more: str) -> None:
    with pytest.raises(BadSignature):
        read(sent(urlsplit(ipn({}).url).query + more))


def test_an_empty_parameter_is_none() -> None:
    assert read(sent(f"{urlsplit(ipn({}).url).query}&vnp_Extra=")) == read(ipn({}))


@pytest.mark.parametrize("name", ["vnp_BankTranNo", "vnp_CardType", "vnp_OrderInfo", "vnp_BankCode"])
def test_optional_fields_may_be_missing(name: str) -> None:
    assert [seen.amount_vnd for seen in read(ipn({name: ""})).evidence if isinstance(seen, PaymentSeen)] == [150_000]


@pytest.mark.parametrize("date", ["", "soon", "20261301000000", "2026011510311", "99999999999999"])
def test_without_a_date_it_happened_now(date: str) -> None:
    assert [
        seen.occurred_at for seen in read(ipn({"vnp_PayDate": date})).evidence if isinstance(seen, PaymentSeen)
    ] == [NOW]


@pytest.mark.parametrize("number", ["", "0", "000"])
def test_a_transaction_without_number_has_no_alias(number: str) -> None:
    assert [
        seen.bank_txn_id for seen in read(ipn({"vnp_TransactionNo": number})).evidence if isinstance(seen, PaymentSeen)
    ] == [None]


@pytest.mark.parametrize("amount", ["", "0", "-15000000", "15000050", "150000.00", "1e9", "٣٠٠", "9" * 16, "15 000"])
def test_an_odd_amount_is_malformed(amount: str) -> None:
    with pytest.raises(Malformed):
        read(ipn({"vnp_Amount": amount}))


def test_a_message_without_reference_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(ipn({"vnp_TxnRef": ""}))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.ACCEPTED, "00"),
        (Verdict.UNKNOWN_ORDER, "01"),
        (Verdict.DUPLICATE, "02"),
        (Verdict.ALREADY_FINAL, "02"),
        (Verdict.WRONG_AMOUNT, "04"),
        (Verdict.BAD_SIGNATURE, "97"),
        (Verdict.MALFORMED, "99"),
        (Verdict.UNAVAILABLE, "99"),
    ],
)
def test_acknowledgements_are_the_documents_words(verdict: Verdict, code: str) -> None:
    reply = acknowledge(verdict)

    said = json.loads(reply.body)
    assert (reply.status, said["RspCode"], set(said)) == (200, code, {"RspCode", "Message"})
    assert isinstance(said["Message"], str)


def test_a_star_is_never_sent() -> None:
    url = build_redirect(session_ask(description="2 * 3"), SECRETS).redirect_url

    assert "*" not in url
    assert "%2A" not in url


def test_dates_are_those_of_vietnam() -> None:
    late = datetime(2026, 12, 31, 17, 30, tzinfo=UTC)
    url = build_redirect(session_ask(created_at=late, expires_at=late + timedelta(minutes=15)), SECRETS).redirect_url

    fields = parse_qs(urlsplit(url).query)
    assert (fields["vnp_CreateDate"], fields["vnp_ExpireDate"]) == (["20270101003000"], ["20270101004500"])


@pytest.mark.parametrize(
    ("codes", "contact"),
    [
        (("00", "00"), Contact.SUCCEEDED),
        (("24", "02"), Contact.DECLINED),
        (("00", "01"), Contact.PENDING),
        (("07", "07"), Contact.PENDING),
        (("42", "02"), Contact.UNKNOWN),
        (("24", "00"), Contact.UNKNOWN),
    ],
)
def test_a_return_is_shown(codes: tuple[str, str], contact: Contact) -> None:
    back = ipn({"vnp_ResponseCode": codes[0], "vnp_TransactionStatus": codes[1]})
    if codes == ("24", "00"):
        assert parse_return(back, SECRETS).contact is not Contact.SUCCEEDED
    else:
        assert parse_return(back, SECRETS).contact is contact


def test_a_forged_return_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse_return(ipn({}, "a strangers secret of VNPAY"), SECRETS)


def test_published_ipn_pairs_survive_a_framework_that_decodes_and_encodes() -> None:
    pairs = parse_qsl(vectors("vnpay", "ipn_or_return")[2]["query_string"])

    assert read(sent(urlencode(pairs))).evidence
