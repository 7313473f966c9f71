"""What we send under odd texts and sums: signed as the documents say, computed anew from the bytes that leave."""

import json
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from connectors import discover
from paygw.kernel.connector import Answer, Contact, HttpRequest, Session
from paygw.kernel.vietqr import Transfer, write
from tests.conformance.pairs import query_ask, refund_ask, session_ask
from tests.connectors.wires import SECRETS, form, mac, pairs_of, written

CONNECTORS = discover()
TEXTS: Final = {
    "plain": "Nop le phi HS000123",
    "vietnamese": "Nộp lệ phí hộ chiếu – Đặng Ứng",
    "reserved": "~ + & % = ' \" / ? # | ; : @",
    "percent": "100%25 %41 %zz",
    "markup": "<b>&amp;</b>",
    "emoji": "phí 🧾",
    "empty": "",
    "long": "ộ" * 700,
    "broken": "a\nb\x00c\ud800d",
}
BACK: Final = "https://hub.example/pay/a~b/return?lang=en&x=1 2"
REFS: Final = {"payos": "5998320000001", "billcollect": "12345678901234567890", "vietqr": "PG2345678923456"}
STARTS: Final = sorted(name for name, connector in CONNECTORS.items() if connector.methods)
REFUNDS: Final = sorted(name for name, connector in CONNECTORS.items() if connector.refund)


def started(name: str, **changes: object) -> Session | HttpRequest:
    """A session, or the request that asks for one."""
    connector, given = CONNECTORS[name], {"attempt_ref": REFS.get(name, "HS0001"), "return_url": BACK, **changes}
    if connector.build_redirect is not None:
        return connector.build_redirect(session_ask(**given), SECRETS[name])
    assert connector.open_session is not None
    dialogue = connector.open_session(session_ask(**given), SECRETS[name])
    try:
        return next(dialogue)
    except StopIteration as end:
        session: Session = end.value
        return session


def refunding(name: str, **changes: object) -> Answer | HttpRequest:
    """The request for a refund, or why none leaves."""
    refund = CONNECTORS[name].refund
    assert refund is not None
    dialogue = refund(refund_ask(bank_txn_id="14000001", **changes), SECRETS[name])
    try:
        return next(dialogue)
    except StopIteration as end:
        answer: Answer = end.value
        return answer


def sent(request: object) -> dict[str, object]:
    """The fields of a JSON body."""
    assert isinstance(request, HttpRequest)
    fields: dict[str, object] = json.loads(request.body.decode("utf-8", "surrogatepass"))
    return fields


def joined(fields: Mapping[str, object], names: str, glue: str) -> str:
    """These values between pipes, or these pairs between ampersands."""
    values = [(name, written(fields.get(name))) for name in names.split()]
    return glue.join(value if glue == "|" else f"{name}={value}" for name, value in values)


def mac_of(key: str, text: str, algorithm: str = "sha256") -> str:
    """HMAC over a text in which broken characters are kept."""
    return mac(key, text.encode("utf-8", "surrogatepass"), algorithm)


def vnpay_signed(request: Session | HttpRequest) -> None:
    """Sorted, form-encoded pairs; what is sent is what was hashed."""
    assert isinstance(request, Session)
    query = request.redirect_url.partition("?")[2]
    pairs, _, made = query.rpartition("&vnp_SecureHash=")
    again = "&".join(f"{form(name)}={form(value)}" for name, value in sorted(pairs_of(f"?{pairs}").items()) if value)
    assert pairs == again
    assert made == mac(SECRETS["vnpay"].values["hash_secret"], pairs, "sha512")
    assert "*" not in pairs
    assert len(pairs_of(f"?{pairs}").get("vnp_OrderInfo", "")) <= 255


def onepay_signed(request: Session | HttpRequest) -> None:
    """Sorted raw pairs, key in hex, capitals."""
    assert isinstance(request, Session)
    fields = pairs_of(request.redirect_url)
    made = fields.pop("vpc_SecureHash")
    signed = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name.startswith("vpc_") and fields[name])
    assert made == mac(bytes.fromhex(SECRETS["onepay"].values["hash_key"]), signed, "sha256").upper()


def momo_signed(request: Session | HttpRequest) -> None:
    fields, keys = sent(request), SECRETS["momo"].values
    names = "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType"
    text = f"accessKey={keys['accessKey']}&{joined(fields, names, '&')}"
    assert fields["signature"] == mac_of(keys["secretKey"], text)


def zalopay_signed(request: Session | HttpRequest) -> None:
    fields = sent(request)
    text = joined(fields, "app_id app_trans_id app_user amount app_time embed_data item", "|")
    assert fields["mac"] == mac_of(SECRETS["zalopay"].values["key1"], text)
    assert json.loads(str(fields["embed_data"]))["redirecturl"] == BACK


def payos_signed(request: Session | HttpRequest) -> None:
    fields = sent(request)
    text = joined(fields, "amount cancelUrl description orderCode returnUrl", "&")
    assert fields["signature"] == mac_of(SECRETS["payos"].values["checksumKey"], text)


SIGNED: Final[Mapping[str, Callable[[Session | HttpRequest], None]]] = {
    "vnpay": vnpay_signed, "onepay": onepay_signed, "momo": momo_signed, "zalopay": zalopay_signed,
    "payos": payos_signed,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SIGNED))
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
@pytest.mark.parametrize("amount_vnd", [5_000, 150_000, 9_999_999])
def test_a_session_is_signed_over_what_leaves(name: str, text: str, amount_vnd: int) -> None:
    SIGNED[name](started(name, description=text, amount_vnd=amount_vnd))


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(
    "amount", [0, -1, -150_000, 150_000.5, 150_000.0, True, "150000", 10**12 + 1, 10**30], ids=repr
)
def test_no_session_is_asked_for_over_a_sum_that_is_none(name: str, amount: object) -> None:
    session = started(name, amount_vnd=amount)

    assert isinstance(session, Session)
    assert (session.contact, session.bank_code) == (Contact.NOT_SENT, "amount_out_of_range")


def test_vnpay_has_no_room_for_more_than_twelve_digits() -> None:
    largest, over = started("vnpay", amount_vnd=9_999_999_999), started("vnpay", amount_vnd=10_000_000_000)

    assert isinstance(largest, Session)
    assert isinstance(over, Session)
    assert (largest.contact, over.contact) == (Contact.SUCCEEDED, Contact.NOT_SENT)


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_no_text_makes_a_session_fail(name: str, text: str) -> None:
    session = started(name, description=text)

    assert isinstance(session, HttpRequest) or session.contact is Contact.SUCCEEDED


@pytest.mark.parametrize("ref", ["", "A B", "A&orderId=B", "Đ1", "-A", "A-", "A" * 51])
def test_momo_takes_no_reference_of_another_form(ref: str) -> None:
    session = started("momo", attempt_ref=ref)

    assert isinstance(session, Session)
    assert (session.contact, session.bank_code) == (Contact.NOT_SENT, "reference_not_allowed")


@pytest.mark.parametrize("ref", ["", "A" * 34])
def test_zalopay_takes_no_reference_that_does_not_fit_behind_its_day(ref: str) -> None:
    session = started("zalopay", attempt_ref=ref)

    assert isinstance(session, Session)
    assert (session.contact, session.bank_code) == (Contact.NOT_SENT, "reference_not_allowed")


@pytest.mark.parametrize("name", REFUNDS)
@pytest.mark.parametrize("amount", [0, -50_000, 150_001, 50_000.5, 50_000.0, True, "50000"], ids=repr)
def test_no_refund_is_asked_for_over_a_sum_that_was_not_paid(name: str, amount: object) -> None:
    answer = refunding(name, amount_vnd=amount)

    assert isinstance(answer, Answer)
    assert (answer.contact, answer.bank_code) == (Contact.NOT_SENT, "amount_out_of_range")


@pytest.mark.parametrize("reason", TEXTS.values(), ids=list(TEXTS))
def test_refunds_are_signed_over_what_leaves(reason: str) -> None:
    vnpay, momo, zalopay = (sent(refunding(name, reason=reason)) for name in ("vnpay", "momo", "zalopay"))
    names = (
        "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TransactionType vnp_TxnRef vnp_Amount vnp_TransactionNo "
        "vnp_TransactionDate vnp_CreateBy vnp_CreateDate vnp_IpAddr vnp_OrderInfo"
    )
    keys = SECRETS["momo"].values
    pairs = joined(momo, "amount description orderId partnerCode requestId transId", "&")

    assert vnpay["vnp_SecureHash"] == mac_of(
        SECRETS["vnpay"].values["hash_secret"], joined(vnpay, names, "|"), "sha512"
    )
    assert momo["signature"] == mac_of(keys["secretKey"], f"accessKey={keys['accessKey']}&{pairs}")
    assert zalopay["mac"] == mac_of(
        SECRETS["zalopay"].values["key1"], joined(zalopay, "app_id zp_trans_id amount description timestamp", "|")
    )


@pytest.mark.parametrize("ref", ["HS0001", "HS-22_12.2025-0001"])
def test_enquiries_are_signed_over_what_leaves(ref: str) -> None:
    asked = {name: CONNECTORS[name].query for name in ("vnpay", "momo", "zalopay")}
    vnpay, momo, zalopay = (
        sent(next(query(query_ask(attempt_ref=ref), SECRETS[name]))) for name, query in asked.items() if query
    )
    names = (
        "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TxnRef vnp_TransactionDate vnp_CreateDate vnp_IpAddr "
        "vnp_OrderInfo"
    )
    keys, key1 = SECRETS["momo"].values, SECRETS["zalopay"].values["key1"]

    assert vnpay["vnp_SecureHash"] == mac_of(
        SECRETS["vnpay"].values["hash_secret"], joined(vnpay, names, "|"), "sha512"
    )
    assert momo["signature"] == mac_of(
        keys["secretKey"], f"accessKey={keys['accessKey']}&{joined(momo, 'orderId partnerCode requestId', '&')}"
    )
    assert zalopay["mac"] == mac_of(key1, f"{joined(zalopay, 'app_id app_trans_id', '|')}|{key1}")


@pytest.mark.parametrize("amount", [0, -1, 150_000.5, True, 10**13], ids=repr)
def test_a_vietqr_code_holds_whole_sums_above_zero(amount: int) -> None:
    with pytest.raises(ValueError, match="positive amount"):
        write(Transfer(bank_bin="970436", account="0011001234567", amount_vnd=amount, purpose="PG1"))


@pytest.mark.parametrize(
    ("purpose", "memo"),
    [("Nộp lệ phí Đặng", "Nop le phi Dang"), ("a+b&c~d%e", "abcde"), ("  x   y ", "x y"), ("ộ" * 40, "o" * 25)],
)
def test_a_vietqr_memo_is_ascii_of_at_most_25_characters(purpose: str, memo: str) -> None:
    text = write(Transfer(bank_bin="970436", account="0011001234567", amount_vnd=150_000, purpose=purpose))

    assert f"62{len(memo) + 4:02d}08{len(memo):02d}{memo}6304" in text
    assert text.isascii()
