"""OnePAY VPC 2: domestic and international cards by redirect, IPN, return, queryDR.

Source: OnePAY merchant integration guides for domestic and international cards as implemented by npm `vn-payments`
1.1.0 and phpviet/omnipay-onepay, and OnePAY's IPN sample 2.0, read 2026-01 (docs/api/banks/onepay.md has the quirks).
HMAC-SHA256 with a key given in hex, upper-case hex, over the sorted raw `vpc_` and `user_` pairs. Amounts travel times
100. Messages carry no time. Answers to queryDR are protected by TLS and a password alone. No refund is documented.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from paygw.kernel import forms
from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    BadSignature,
    Connector,
    Contact,
    Credential,
    HttpReply,
    HttpRequest,
    Limits,
    Malformed,
    Notice,
    QueryAsk,
    Returned,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, Evidence, PaymentSeen
from paygw.kernel.settled import read_settlement

HASH, KEY = "vpc_SecureHash", "hash_key"
PREFIXES: Final = ("vpc_", "user_")
# Paths below the base URL (mtf.onepay.vn in test, onepay.vn live): pay page and queryDR. The last one is grade C.
PATHS: Final = {
    "domestic": ("/onecomm-pay/vpc.op", "/onecomm-pay/Vpcdps.op"),
    "international": ("/vpcpay/vpcpay.op", "/vpcpay/Vpcdps.op"),
    "all": ("/paygate/vpcpay.op", "/msp/api/v1/vpc/invoices/queries"),
}
_TICKET_MAX_CHARS = 15  # vpc_TicketNo holds an IPv4 address
# vpc_TxnResponseCode: codes that end a payment without cash. 7 and every unlisted code are unknown.
ENDED: Final = {
    "1": AttemptStatus.FAILED,  # declined by the bank
    "3": AttemptStatus.FAILED,  # merchant
    "4": AttemptStatus.FAILED,  # access code
    "5": AttemptStatus.FAILED,  # amount
    "6": AttemptStatus.FAILED,  # currency
    "8": AttemptStatus.FAILED,  # card number
    "9": AttemptStatus.FAILED,  # card holder's name
    "10": AttemptStatus.FAILED,  # card expired or locked
    "11": AttemptStatus.FAILED,  # not registered for internet payment
    "12": AttemptStatus.FAILED,  # card dates
    "13": AttemptStatus.FAILED,  # over the limit
    "21": AttemptStatus.FAILED,  # balance
    "99": AttemptStatus.CANCELLED,
    "253": AttemptStatus.EXPIRED,  # grade C
}
_PAID = "0"
# "IPN sample 2.0": OnePAY calls again after anything but responsecode=1.
_DONE, _AGAIN = b"responsecode=1&desc=confirm-success", b"responsecode=0&desc=confirm-fail"
_WORDS = {
    Verdict.ACCEPTED: _DONE,
    Verdict.DUPLICATE: _DONE,
    Verdict.ALREADY_FINAL: _DONE,
    Verdict.IGNORED: _DONE,
    Verdict.UNKNOWN_ORDER: _AGAIN,
    Verdict.WRONG_AMOUNT: _AGAIN,
    Verdict.BAD_SIGNATURE: _AGAIN,
    Verdict.MALFORMED: _AGAIN,
    Verdict.UNAVAILABLE: _AGAIN,
}


def build_redirect(ask: SessionAsk, secrets: Secrets) -> Session:
    """The signed address of OnePAY's page; international cards are asked for without vpc_Currency."""
    key, access_code = secrets.values.get(KEY, ""), secrets.options.get("access_code", "")
    if not (_is_key(key) and access_code):
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.is_payable:
        return Session(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    gateway = _gateway(secrets)
    fields = {
        "AgainLink": ask.return_url,
        "Title": secrets.options.get("title") or "Thanh toan",
        "vpc_AccessCode": access_code,
        "vpc_Amount": forms.hundredths(ask.amount_vnd),
        "vpc_Command": "pay",
        "vpc_Currency": "" if gateway == "international" else "VND",
        "vpc_Locale": "en" if ask.locale == "en" else "vn",
        "vpc_MerchTxnRef": ask.attempt_ref,
        "vpc_Merchant": secrets.merchant,
        "vpc_OrderInfo": forms.line(ask.description),
        "vpc_ReturnURL": ask.return_url,
        "vpc_TicketNo": ask.payer_ip if len(ask.payer_ip) <= _TICKET_MAX_CHARS else "127.0.0.1",
        "vpc_Version": "2",
    }
    page = secrets.base_url + PATHS[gateway][0]
    return Session(contact=Contact.SUCCEEDED, redirect_url=f"{page}?{signed_query(fields, key)}")


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice:
    """Evidence of one IPN, in the query or in a form. The signature is checked for code 7 too."""
    posted = request.method == "POST" and bool(request.body)
    text = request.body.decode("latin-1") if posted else request.url.partition("?")[2]
    fields = signed_fields(text, forms.keys_of(secrets, KEY))
    return Notice(
        evidence=_stated(fields, now), authority=Authority.NOTICE, event_id=fields.get("vpc_TransactionNo", "")
    )


def acknowledge(verdict: Verdict) -> HttpReply:
    """HTTP 200 always; the text decides whether OnePAY calls again."""
    return HttpReply(status=200, headers={"content-type": "text/plain"}, body=_WORDS[verdict])


def parse_return(request: HttpRequest, secrets: Secrets) -> Returned:
    """What the browser brought back, for display."""
    fields = signed_fields(request.url.partition("?")[2], forms.keys_of(secrets, KEY))
    code = fields.get("vpc_TxnResponseCode", "")
    contact = Contact.SUCCEEDED if code == _PAID else Contact.DECLINED if code in ENDED else Contact.UNKNOWN
    return Returned(attempt_ref=forms.required(fields, "vpc_MerchTxnRef"), contact=contact, bank_code=code)


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """queryDR; vpc_DRExists=N is "never heard of it": not paid so far, and not failed."""
    user, password = secrets.values.get("query_user", ""), secrets.values.get("query_password", "")
    access_code = secrets.options.get("access_code", "")
    if not (user and password and access_code):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    wanted = {
        "vpc_AccessCode": access_code,
        "vpc_Command": "queryDR",
        "vpc_MerchTxnRef": ask.attempt_ref,
        "vpc_Merchant": secrets.merchant,
        "vpc_Password": password,
        "vpc_User": user,
        "vpc_Version": "1",
    }
    reply = yield HttpRequest(
        method="POST",
        url=secrets.base_url + PATHS[_gateway(secrets)][1],
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode(wanted).encode(),
        repeatable=True,
    )
    try:
        return _answered(ask, _told(reply, secrets))
    except (Malformed, BadSignature):
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")


def signed_query(fields: Mapping[str, str], key: str) -> str:
    """The form-encoded pairs sorted by name, with the hash of the signed ones behind them."""
    made = secure_hash(key, canonical(fields).encode()).upper()
    return f"{forms.sorted_form(fields)}&{HASH}={made}"


def canonical(fields: Mapping[str, str]) -> str:
    """What is hashed: non-empty `vpc_` and `user_` pairs sorted by name, raw, joined by `&`."""
    kept = sorted(item for item in fields.items() if item[1] and item[0].startswith(PREFIXES) and item[0] != HASH)
    return "&".join(f"{name}={value}" for name, value in kept)


def secure_hash(key: str, text: bytes) -> str:
    """HMAC-SHA256 in lower-case hex; the key is hex too. Raises ValueError for a key that is not."""
    if not _is_key(key):
        raise ValueError("a OnePAY key is hex digits")
    return hmac.digest(bytes.fromhex(key), text, "sha256").hex()


def signed_fields(text: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The signed fields of a query or form, empty ones left out. Raises BadSignature, then Malformed.

    The hashed text does not quote: a value that holds a further pair could be read in two ways and is refused.
    """
    raw = {name: value for name, value in forms.raw_pairs(text, PREFIXES).items() if value}
    given = raw.pop(HASH, b"").decode("latin-1")
    try:
        fields = forms.decoded(raw)
    except Malformed as fault:
        raise BadSignature from fault
    usable = tuple(key for key in keys if _is_key(key))
    if not forms.signed_by(given, [canonical(fields).encode()], usable, secure_hash):
        raise BadSignature
    if any(f"&{prefix}" in value for value in fields.values() for prefix in PREFIXES):
        raise BadSignature("a value that holds a further pair")
    return forms.printable(fields)


def _stated(fields: Mapping[str, str], now: datetime) -> tuple[Evidence, ...]:
    ref, code = forms.required(fields, "vpc_MerchTxnRef"), fields.get("vpc_TxnResponseCode", "")
    if code == _PAID:
        return (_payment(fields, now),)
    state = ENDED.get(code)
    return (AttemptSeen(attempt_ref=ref, status=state, occurred_at=now, bank_code=code),) if state else ()


def _payment(fields: Mapping[str, str], now: datetime) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=forms.required(fields, "vpc_MerchTxnRef"),
        bank_txn_id=forms.number_or_none(fields.get("vpc_TransactionNo", "")),
        amount_vnd=forms.whole_vnd(fields.get("vpc_Amount", "")),
        occurred_at=now,
        currency=fields.get("vpc_CurrencyCode") or fields.get("vpc_Currency") or "VND",
        merchant=fields.get("vpc_Merchant", ""),
        memo=fields.get("vpc_OrderInfo", ""),
    )


def _told(reply: HttpReply, secrets: Secrets) -> dict[str, str]:
    """The pairs of a queryDR answer. If it is signed at all, the signature must be right."""
    text = reply.body.decode("latin-1")
    if reply.status != 200:  # noqa: PLR2004 - the document knows no other
        raise Malformed("not an answer")
    if f"{HASH}=" in text:
        return signed_fields(text, forms.keys_of(secrets, KEY))
    return forms.printable(forms.decoded(forms.raw_pairs(text, PREFIXES)))


def _answered(ask: QueryAsk, fields: dict[str, str]) -> Answer:
    code, exists = fields.get("vpc_TxnResponseCode", ""), fields.get("vpc_DRExists", "")
    ref = fields.get("vpc_MerchTxnRef") or (ask.attempt_ref if exists == "N" else "")
    if ref != ask.attempt_ref or exists not in {"Y", "N"}:
        return Answer(contact=Contact.UNKNOWN, bank_code=code)
    if exists == "Y" and code == _PAID:
        return Answer(contact=Contact.SUCCEEDED, evidence=(_payment(fields, ask.now),), bank_code=code)
    state = ENDED.get(code) if exists == "Y" else AttemptStatus.CREATED
    if state is None:
        return Answer(contact=Contact.UNKNOWN, bank_code=code)
    seen = AttemptSeen(attempt_ref=ref, status=state, occurred_at=ask.now, not_paid=True, bank_code=code)
    return Answer(contact=Contact.DECLINED if exists == "Y" else Contact.PENDING, evidence=(seen,), bank_code=code)


def _gateway(secrets: Secrets) -> str:
    chosen = secrets.options.get("gateway", "")
    return chosen if chosen in PATHS else "domestic"


def _is_key(key: str) -> bool:
    return bool(key) and len(key) % 2 == 0 and all(digit in "0123456789abcdefABCDEF" for digit in key)


CONNECTOR = Connector(
    name="onepay",
    title="OnePAY",
    grade="A",
    source="OnePAY VPC 2 by npm vn-payments 1.1.0 and phpviet/omnipay-onepay, IPN sample 2.0, read 2026-01; queryDR: C",
    methods=("card",),
    receipts_per_attempt="one",
    credentials=(
        Credential(name=KEY, secret=True, pattern=r"([0-9A-Fa-f]{2}){16,64}", help="Hash key, 32 to 128 hex digits"),
        Credential(name="query_user", secret=True, pattern=r"[!-~]{1,64}", help="User of queryDR"),
        Credential(name="query_password", secret=True, pattern=r"[!-~]{1,64}", help="Password of queryDR"),
        Credential(name="access_code", secret=False, pattern=r"[A-Za-z0-9]{4,32}", help="vpc_AccessCode"),
        Credential(
            name="gateway", secret=False, pattern="domestic|international|all", help="Which cards; default domestic"
        ),
        Credential(name="title", secret=False, pattern=r"[ -~]{1,64}", help="Title of OnePAY's page, ASCII"),
    ),
    limits=Limits(amount_min_vnd=1_000, amount_max_vnd=999_999_999, reference_max_chars=34, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    build_redirect=build_redirect,
    query=query,
    parse_return=parse_return,
    parse_settlement=read_settlement,
    test_hosts=("mtf.onepay.vn",),
    live_hosts=("onepay.vn",),
    disputes=True,
)
