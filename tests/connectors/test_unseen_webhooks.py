"""Messages no document prints: odd texts, missing and further fields, other types, moved bytes, rightly signed."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Final

import pytest

from connectors import discover
from paygw.kernel.connector import BadSignature, HttpRequest, Malformed, Notice, Secrets
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, DebitSeen, PaymentSeen, TotalAsserted
from tests.conformance.pairs import NOW
from tests.connectors.wires import PAID, SECRETS, SIGNED, Fields, as_json, form, got, mac, posted

CONNECTORS = discover()
TEXTS: Final = {
    "vietnamese": "Nộp lệ phí hộ chiếu – Đặng Ứng",
    "spaces": "  hai  khoảng trắng ",
    "reserved": "~ + & % * = ' \" / ? #",
    "percent": "100%25 %41 %zz",
    "markup": "<b>&amp;</b>",
    "emoji": "phí 🧾",
    "long": "ộ" * 2_000,
}
# The field of free text, of the amount, and a further one, in each protocol.
FREE: Final = {
    "momo": "orderInfo", "zalopay": "embed_data", "payos": "description", "casso": "description", "sepay": "content",
    "vietqr_vn": "content", "vnpay": "vnp_OrderInfo", "onepay": "vpc_OrderInfo",
}  # fmt: skip
AMOUNT: Final = {
    "vnpay": "vnp_Amount", "onepay": "vpc_Amount", "sepay": "transferAmount",
    **dict.fromkeys(("momo", "zalopay", "payos", "casso", "vietqr_vn"), "amount"),
}  # fmt: skip
FURTHER: Final = {"vnpay": "vnp_New", "onepay": "vpc_New"}
OPTIONAL: Final = {
    "momo": ("extraData", "payType", "orderType", "message", "orderInfo"),
    "zalopay": ("server_time", "app_time", "channel", "embed_data", "item", "discount_amount"),
    "payos": ("currency", "description", "transactionDateTime", "counterAccountName", "virtualAccountNumber", "desc"),
    "casso": ("reference", "description", "runningBalance", "virtualAccountNumber"),
    "sepay": ("code", "content", "subAccount", "referenceCode", "accumulated", "gateway"),
    "vietqr_vn": ("referencenumber", "content", "orderId"),
    "vnpay": ("vnp_BankCode", "vnp_PayDate", "vnp_OrderInfo", "vnp_TransactionNo"),
    "onepay": ("vpc_Message", "vpc_OrderInfo", "vpc_TransactionNo"),
}
each_protocol = pytest.mark.parametrize("name", sorted(PAID))


def heard(name: str, request: HttpRequest, secrets: Secrets | None = None) -> PaymentSeen | DebitSeen:
    """The one movement a message tells of."""
    read = CONNECTORS[name].parse_webhook(request, secrets or SECRETS[name], NOW)
    assert isinstance(read, Notice)
    (seen,) = read.evidence
    assert isinstance(seen, PaymentSeen | DebitSeen)
    return seen


def told(name: str, **changes: object) -> HttpRequest:
    """The payment with other fields; `...` leaves one out."""
    fields: Fields = {key: value for key, value in {**PAID[name], **changes}.items() if value is not ...}
    return SIGNED[name](fields)


@each_protocol
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_any_text_leaves_the_payment_as_it_is(name: str, text: str) -> None:
    seen = heard(name, told(name, **{FREE[name]: text}))

    assert (seen.amount_vnd, type(seen)) == (150_000, PaymentSeen)


@each_protocol
@pytest.mark.parametrize("value", [..., "", None], ids=["missing", "empty", "null"])
def test_an_optional_field_may_be_missing_empty_or_null(name: str, value: object) -> None:
    for field in OPTIONAL[name]:
        assert heard(name, told(name, **{field: value})).amount_vnd == 150_000, field


@each_protocol
@pytest.mark.parametrize("value", ["x", "", 1, None, True, 0.5, -3], ids=str)
def test_a_field_nobody_knows_does_no_harm(name: str, value: object) -> None:
    """Also a fraction: another product's fee rate beside a payment is no reason to lose the payment."""
    if name == "casso" and isinstance(value, float):
        pytest.skip("no two senders write a fraction alike, and the text is made anew from what was read")
    value = str(value) if name in FURTHER and value is not None else value

    assert heard(name, told(name, **{FURTHER.get(name, "zNew"): value})).amount_vnd == 150_000


@each_protocol
@pytest.mark.parametrize(
    "amount",
    [
        0, -150_000, 150_000.5, 150_000.0, True, "150000.0", "1e5", "-150000", " 150000", "١٥٠٠٠٠", 10**13 * 100,
        "9" * 40, [150_000], {}, "x",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_amount_is_refused(name: str, amount: object) -> None:
    if name == "casso" and amount in (-150_000, "-150000"):
        pytest.skip("money that left")

    with pytest.raises((Malformed, BadSignature)):
        CONNECTORS[name].parse_webhook(told(name, **{AMOUNT[name]: amount}), SECRETS[name], NOW)


@each_protocol
def test_an_amount_in_digits_is_that_amount(name: str) -> None:
    digits = str(PAID[name][AMOUNT[name]])

    assert heard(name, told(name, **{AMOUNT[name]: digits})).amount_vnd == 150_000


@pytest.mark.parametrize("amount", [-150_000, "-150000"])
def test_money_that_left_is_no_payment(amount: object) -> None:
    seen = heard("casso", told("casso", amount=amount))

    assert (type(seen), seen.amount_vnd) == (DebitSeen, 150_000)


@pytest.mark.parametrize(
    ("name", "field"),
    [("momo", "transId"), ("zalopay", "zp_trans_id"), ("vnpay", "vnp_TransactionNo"), ("onepay", "vpc_TransactionNo")],
)
@pytest.mark.parametrize("number", ["0", 0])
def test_nought_is_the_number_of_no_transaction(name: str, field: str, number: object) -> None:
    """Two payments told before they had a number would otherwise share one."""
    assert heard(name, told(name, **{field: number})).bank_txn_id is None


@each_protocol
def test_a_signature_in_capitals_or_small_letters_is_the_same(name: str) -> None:
    request = told(name)
    for change in (str.upper, str.lower):
        headers = {
            key: f"{value.rpartition('=')[0]}={change(value.rpartition('=')[2])}"
            if key.endswith("signature")
            else value
            for key, value in request.headers.items()
        }
        base, hashed, digits = request.url.partition("SecureHash=")
        body = json.loads(request.body) if request.body else {}
        turned = {key: change(value) if key in {"signature", "mac"} else value for key, value in body.items()}
        other = HttpRequest(
            method=request.method, url=f"{base}{hashed}{change(digits)}", headers=headers,
            body=request.body if headers else as_json(turned) if body else b"",
        )  # fmt: skip
        assert heard(name, other).amount_vnd == 150_000


@each_protocol
def test_a_field_told_twice_is_refused(name: str) -> None:
    request = told(name)
    field, amount = AMOUNT[name], PAID[name][AMOUNT[name]]
    twice = replace(
        request,
        url=f"{request.url}&{field}={amount}" if request.method == "GET" else request.url,
        body=request.body.replace(f'"{field}":'.encode(), f'"{field}": 1, "{field}":'.encode(), 1)
        .replace(f'\\"{field}\\":'.encode(), f'\\"{field}\\": 1, \\"{field}\\":'.encode(), 1),
    )  # fmt: skip
    assert twice != request

    with pytest.raises((BadSignature, Malformed)):
        CONNECTORS[name].parse_webhook(twice, SECRETS[name], NOW)


@pytest.mark.parametrize("field", ["message", "orderId", "partnerCode"])
@pytest.mark.parametrize("depth", [1, 200, *range(930, 1_000)])
def test_nesting_at_any_depth_raises_nothing_else(field: str, depth: int) -> None:
    """One depth in a hundred was read as JSON and then too deep to be written: RecursionError, which is a 500."""
    body = f'{{"{field}": {"[" * depth}1{"]" * depth}, "signature": "00"}}'.encode()

    with pytest.raises((BadSignature, Malformed)):
        CONNECTORS["momo"].parse_webhook(posted(body), SECRETS["momo"], NOW)


# VNPAY


def _vnpay(pairs: str) -> HttpRequest:
    return got(f"{pairs}&vnp_SecureHash={mac(SECRETS['vnpay'].values['hash_secret'], pairs, 'sha512')}")


@pytest.mark.parametrize("empty", ["vnp_BankTranNo=", "vnp_CardType="])
def test_vnpay_may_sign_empty_pairs_as_they_stand(empty: str) -> None:
    """The PHP sample hashes every pair that came, the JavaScript one only those with a value."""
    fields = {name: str(value) for name, value in PAID["vnpay"].items()}
    pairs = "&".join(sorted([empty, *(f"{name}={form(value)}" for name, value in fields.items())]))

    assert heard("vnpay", _vnpay(pairs)).amount_vnd == 150_000


@pytest.mark.parametrize("written", ["N%C3%B4p", "N%c3%b4p", "a*b", "a%2Ab", "a%20b", "a+b", "a~b", "a%7Eb", "(a)'!"])
def test_vnpay_is_read_as_it_encoded(written: str) -> None:
    fields = {name: str(value) for name, value in PAID["vnpay"].items()} | {"vnp_OrderInfo": written}

    assert heard("vnpay", _vnpay("&".join(f"{key}={fields[key]}" for key in sorted(fields)))).amount_vnd == 150_000


@pytest.mark.parametrize("written", ["N%C3%B4p ti%E1%BB%81n", "a%20b", "a~b", "%61"])
def test_vnpay_is_read_behind_a_proxy_that_encodes_anew(written: str) -> None:
    signed = told("vnpay", vnp_OrderInfo="Nôp tiền" if written[0] == "N" else "a b" if "20" in written else written)
    plain = {"%61": "a"}.get(written, "")
    request = told("vnpay", vnp_OrderInfo=plain) if plain else signed
    head, _, tail = request.url.partition("vnp_OrderInfo=")
    proxied = replace(request, url=f"{head}vnp_OrderInfo={written}&{tail.partition('&')[2]}")

    assert heard("vnpay", proxied).amount_vnd == 150_000


@pytest.mark.parametrize("name", ["vnpay", "onepay"])
@pytest.mark.parametrize("odd", ["\ud800=1", "vnp_\ud800=1", "%ud800=\udfff", "vpc_a\n=1"])
def test_broken_characters_in_an_address_raise_nothing_else(name: str, odd: str) -> None:
    request = told(name)

    with suppress(BadSignature, Malformed):
        CONNECTORS[name].parse_webhook(replace(request, url=f"{request.url}&{odd}"), SECRETS[name], NOW)


@pytest.mark.parametrize(("code", "status"), [("07", "07"), ("07", "00"), ("00", "07")])
def test_money_vnpay_holds_back_is_pending_and_a_case(code: str, status: str) -> None:
    read = CONNECTORS["vnpay"].parse_webhook(
        told("vnpay", vnp_ResponseCode=code, vnp_TransactionStatus=status), SECRETS["vnpay"], NOW
    )

    assert isinstance(read, Notice)
    pending, asserted = read.evidence
    assert isinstance(pending, AttemptSeen)
    assert isinstance(asserted, TotalAsserted)
    assert (pending.status, pending.not_paid, asserted.total_vnd) == (AttemptStatus.PENDING, False, 150_000)


# payOS


def test_a_payos_memo_cannot_move_the_amount() -> None:
    """A memo with a second amount and code in it gives the same signed text in two ways: neither is believed."""
    memo = "x&amount=99000000&code=00&desc=y"
    honest = json.loads(told("payos", amount=1_000, description=memo).body)
    data = honest["data"]
    before = "&".join(f"{key}={data[key] or ''}" for key in sorted(data) if key < "description")
    forged = {
        "accountNumber": before.removeprefix("accountNumber=") + "&description=x", "amount": 99_000_000, "code": "00",
        "desc": "y", **{key: value for key, value in data.items() if key > "description"},
    }  # fmt: skip
    assert honest["signature"] == json.loads(SIGNED["payos"](forged).body)["signature"]

    for spoken in (data, forged):
        with pytest.raises(Malformed):
            CONNECTORS["payos"].parse_webhook(
                posted(as_json({"data": spoken, "signature": honest["signature"]})), SECRETS["payos"], NOW
            )


def test_a_payos_webhook_with_a_fraction_inside_a_list_is_refused() -> None:
    body = as_json({"data": {**PAID["payos"], "items": [{"price": 0.5}]}, "signature": "00"})

    with pytest.raises(Malformed):
        CONNECTORS["payos"].parse_webhook(posted(body), SECRETS["payos"], NOW)


# vietqr.vn


@pytest.mark.parametrize(
    "moved",
    [
        {"transactionId": "T1000", "amount": "0150000176", "transactionTime": 3_614_800_000},  # three digits on
        {"transactionId": "T", "amount": "1000015000", "transactionTime": "01763614800000"},  # one digit back
        {"transactionId": "T100", "amount": "0015000017", "transactionTime": "63614800000"},
    ],
)
def test_digits_moved_between_the_values_of_vietqr_vn_are_noticed(moved: dict[str, object]) -> None:
    """Nothing stands between the values it signs: another amount and time under the same signature."""
    honest = json.loads(told("vietqr_vn").body)

    with pytest.raises(Malformed):
        CONNECTORS["vietqr_vn"].parse_webhook(posted(as_json({**honest, **moved})), SECRETS["vietqr_vn"], NOW)


# Casso and SePay


@pytest.mark.parametrize("unicode", [True, False], ids=["unicode as is", "unicode escaped"])
@pytest.mark.parametrize("slashes", [True, False], ids=["slashes as they are", "slashes escaped"])
def test_casso_is_read_whatever_flags_its_writer_has(*, unicode: bool, slashes: bool) -> None:
    body = {"error": 0, "data": {**PAID["casso"], "description": "Lệ phí / đợt 1"}}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=not unicode)
    text = text if slashes else text.replace("/", "\\/")
    signature = mac(SECRETS["casso"].values["secret"], f"1763614800000.{text}", "sha512")
    request = posted(as_json(body), {"x-casso-signature": f"t=1763614800000,v1={signature}"})

    assert heard("casso", request).amount_vnd == 150_000


@pytest.mark.parametrize("name", ["casso", "sepay"])
def test_numbers_that_are_texts_and_texts_that_are_numbers_are_read(name: str) -> None:
    reference = "reference" if name == "casso" else "referenceCode"

    seen = heard(name, told(name, id="1", accountNumber=11001234567, **{reference: 26325000001}))

    assert isinstance(seen, PaymentSeen)
    assert (seen.observed_id, seen.account, seen.bank_txn_id) == ("1", "11001234567", "26325000001")


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_sepay_message_outside_its_window_is_refused(seconds: int) -> None:
    body, stamp = as_json(PAID["sepay"]), str(int(NOW.timestamp()) + seconds)
    signature = mac(SECRETS["sepay"].values["secret"], stamp.encode() + b"." + body, "sha256")

    with pytest.raises(BadSignature):
        heard("sepay", posted(body, {"x-sepay-timestamp": stamp, "x-sepay-signature": f"sha256={signature}"}))
