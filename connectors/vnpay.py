"""VNPAY payment gateway 2.1.0: pay URL, IPN, return, querydr, refund.

Source: VNPAY merchant documents "pay", "querydr&refund" and "changeTypeHash" as read in 2026-01 on
sandbox.vnpayment.vn; checked with the npm client `vnpay` 2.5.0 (docs/api/banks/vnpay.md has the quirks).
HMAC-SHA512, lower-case hex. Pay and IPN sign the sorted form-encoded pairs, querydr and refund a fixed order of raw
values between pipes. Amounts travel times 100, dates are GMT+7 without offset. Outside this module neither exists.
"""

import json
import re
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha512
from typing import Final

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
    RefundAsk,
    Returned,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    Authority,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    TotalAsserted,
)
from paygw.kernel.settled import read_settlement
from paygw.kernel.wire import parsed

VERSION: Final = "2.1.0"
PAY_PATH: Final = "/paymentv2/vpcpay.html"
API_PATH: Final = "/merchant_webapi/api/transaction"
HASH, KEY = "vnp_SecureHash", "hash_secret"
_UNSIGNED = frozenset({HASH, "vnp_SecureHashType"})
_REQUEST_ID_MAX_CHARS, _INFO_MAX_CHARS = 32, 255
_AMOUNT_MAX_VND = 9_999_999_999  # vnp_Amount has at most 12 digits

# "querydr&refund": what is hashed, in this order.
QUERY_REQUEST: Final = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate",
    "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
REFUND_REQUEST: Final = (
    "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType", "vnp_TxnRef", "vnp_Amount",
    "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo",
)  # fmt: skip
REFUND_REPLY: Final = (
    "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount",
    "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus",
    "vnp_OrderInfo",
)  # fmt: skip
QUERY_REPLY: Final = (*REFUND_REPLY, "vnp_PromotionCode", "vnp_PromotionAmount")

# "pay", table of vnp_ResponseCode: codes that end a payment without cash, if vnp_TransactionStatus says so too.
# 99 and the codes of older lists (01 to 06, 08) are not among them: unknown, to be asked about.
ENDED: Final = {
    "09": AttemptStatus.FAILED,  # no internet banking
    "10": AttemptStatus.FAILED,  # wrong card data three times
    "11": AttemptStatus.EXPIRED,
    "12": AttemptStatus.FAILED,  # card locked
    "13": AttemptStatus.FAILED,  # wrong OTP
    "24": AttemptStatus.CANCELLED,
    "51": AttemptStatus.FAILED,  # balance
    "65": AttemptStatus.FAILED,  # daily limit
    "75": AttemptStatus.FAILED,  # bank under maintenance
    "79": AttemptStatus.FAILED,  # wrong password too often
}
_PAID, _ENDED, _SUSPECT = "00", "02", "07"
_UNDER_WAY = {("00", "01"): AttemptStatus.PENDING, ("01", "01"): AttemptStatus.PENDING}
# "querydr&refund", table of vnp_TransactionStatus of a refund (vnp_TransactionType 02, 03).
REFUNDS: Final = {
    "00": (Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED),
    "05": (Contact.PENDING, RefundNewsStatus.PENDING),
    "06": (Contact.PENDING, RefundNewsStatus.PENDING),
    "09": (Contact.DECLINED, RefundNewsStatus.FAILED),
}
# The same table of a payment (type 01) without cash, and 91 of the API: VNPAY has never heard of it. Then `not_paid`.
_UNPAID = {
    "01": (Contact.PENDING, AttemptStatus.PENDING, False),
    "02": (Contact.DECLINED, AttemptStatus.FAILED, True),
    "91": (Contact.PENDING, AttemptStatus.CREATED, True),
}
_REFUND_TYPES = frozenset({"02", "03"})
# The same document, vnp_ResponseCode of the API: refusals of a refund. 94, 97, 99 and unlisted ones prove nothing.
_REFUND_REFUSED, _NOT_FOUND, _IN_PROGRESS = frozenset({"02", "03", "91", "95"}), "91", "94"
# "pay", table of RspCode. VNPAY stops on 00 and 02 and calls again after the others, at most 10 times.
_WORDS = {
    Verdict.ACCEPTED: ("00", "Confirm Success"),
    Verdict.IGNORED: ("00", "Confirm Success"),
    Verdict.DUPLICATE: ("02", "Order already confirmed"),
    Verdict.ALREADY_FINAL: ("02", "Order already confirmed"),
    Verdict.UNKNOWN_ORDER: ("01", "Order not found"),
    Verdict.WRONG_AMOUNT: ("04", "Invalid amount"),
    Verdict.BAD_SIGNATURE: ("97", "Invalid signature"),
    Verdict.MALFORMED: ("99", "Unknown error"),
    Verdict.UNAVAILABLE: ("99", "Unknown error"),
}


def build_redirect(ask: SessionAsk, secrets: Secrets) -> Session:
    """The signed address of VNPAY's page. Texts are sent as given, but for `*`, which clients encode differently."""
    key = secrets.values.get(KEY, "")
    if not key:
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.is_payable or ask.amount_vnd > _AMOUNT_MAX_VND:
        return Session(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    fields = {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": secrets.merchant,
        "vnp_Amount": forms.hundredths(ask.amount_vnd),
        "vnp_CreateDate": forms.stamp(ask.created_at),
        "vnp_ExpireDate": forms.stamp(ask.expires_at),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": ask.payer_ip,
        "vnp_Locale": "en" if ask.locale == "en" else "vn",
        "vnp_OrderInfo": forms.line(ask.description, chars_max=_INFO_MAX_CHARS).replace("*", " "),
        "vnp_OrderType": secrets.options.get("order_type") or "other",
        "vnp_ReturnUrl": ask.return_url,
        "vnp_TxnRef": ask.attempt_ref,
        "vnp_BankCode": secrets.options.get("bank_code", ""),
    }
    page = secrets.base_url + (secrets.options.get("pay_path") or PAY_PATH)
    return Session(contact=Contact.SUCCEEDED, redirect_url=f"{page}?{signed_query(fields, key)}")


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice:
    """Evidence of one IPN (a GET). Raises BadSignature before anything is read, Malformed after."""
    fields = signed_fields(request.url, forms.keys_of(secrets, KEY))
    number = fields.get("vnp_TransactionNo", "")
    return Notice(evidence=_stated(fields, now), authority=Authority.NOTICE, event_id=number)


def acknowledge(verdict: Verdict) -> HttpReply:
    """HTTP 200 always; `RspCode` decides whether VNPAY calls again. Cash of a wrong amount is booked all the same."""
    code, message = _WORDS[verdict]
    body = json.dumps({"RspCode": code, "Message": message}).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


def parse_return(request: HttpRequest, secrets: Secrets) -> Returned:
    """What the browser brought back, for display."""
    fields = signed_fields(request.url, forms.keys_of(secrets, KEY))
    code, status = fields.get("vnp_ResponseCode", ""), fields.get("vnp_TransactionStatus", "")
    ended = Contact.DECLINED if code in ENDED and status == _ENDED else Contact.UNKNOWN
    known = {_PAID: Contact.SUCCEEDED if code == _PAID else ended, "01": Contact.PENDING, _SUSPECT: Contact.PENDING}
    return Returned(attempt_ref=forms.required(fields, "vnp_TxnRef"), contact=known.get(status, ended), bank_code=code)


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """querydr: paid, or authentically not. A refund in the answer says nothing of the payment itself."""
    if not secrets.values.get(KEY):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    dates = {"created_at": ask.created_at, "now": ask.now}
    fields = yield from _querydr(secrets, ref=ask.attempt_ref, request_id=ask.request_id, **dates)
    if fields is None:
        return Answer(contact=Contact.UNKNOWN)
    try:
        return _payment_state(ask, fields)
    except Malformed:
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")


def refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """Ask once for a refund; 00 means accepted, not returned. Never sent again: a request id lives for one day only."""
    if not secrets.values.get(KEY):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.is_possible:
        return Answer(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    wanted = {
        "vnp_RequestId": request_id_of(ask.refund_ref),
        "vnp_Version": VERSION,
        "vnp_Command": "refund",
        "vnp_TmnCode": secrets.merchant,
        "vnp_TransactionType": "02" if ask.amount_vnd == ask.original_vnd else "03",
        "vnp_TxnRef": ask.attempt_ref,
        "vnp_Amount": forms.hundredths(ask.amount_vnd),
        "vnp_TransactionNo": ask.bank_txn_id,
        "vnp_TransactionDate": forms.stamp(ask.created_at or ask.paid_at),
        "vnp_CreateBy": secrets.options.get("create_by") or "paygw",
        "vnp_CreateDate": forms.stamp(ask.now),
        "vnp_IpAddr": secrets.options.get("server_ip") or "127.0.0.1",
        "vnp_OrderInfo": forms.line(ask.reason, chars_max=_INFO_MAX_CHARS),
    }
    fields = yield from _called(secrets, wanted, REFUND_REQUEST, REFUND_REPLY, repeatable=False)
    if fields is None:
        return Answer(contact=Contact.UNKNOWN)
    code = fields["vnp_ResponseCode"]
    if code == _IN_PROGRESS:
        return Answer(contact=Contact.PENDING, bank_code=code)
    if code in _REFUND_REFUSED:
        no, ref, vnd = RefundNewsStatus.FAILED, ask.refund_ref, ask.amount_vnd
        seen = RefundSeen(refund_ref=ref, status=no, amount_vnd=vnd, occurred_at=ask.now)
        return Answer(contact=Contact.DECLINED, evidence=(seen,), bank_code=code)
    accepted = code == _PAID and fields["vnp_TransactionStatus"] in {"", _PAID}
    return _refund_state(ask, fields | ({"vnp_TransactionStatus": "05"} if accepted else {}))


def query_refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """Querydr again: VNPAY names a refund by its payment and amount only, so one of two equal ones stays unknown."""
    if not secrets.values.get(KEY):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    request_id = sha512(f"{ask.refund_ref}|{ask.now.isoformat()}".encode()).hexdigest()[:_REQUEST_ID_MAX_CHARS]
    dates = {"created_at": ask.created_at or ask.paid_at, "now": ask.now}
    fields = yield from _querydr(secrets, ref=ask.attempt_ref, request_id=request_id, **dates)
    if fields is None or fields["vnp_TransactionType"] not in _REFUND_TYPES:
        return Answer(contact=Contact.UNKNOWN, bank_code=fields["vnp_ResponseCode"] if fields else "")
    if ask.has_twin:
        return Answer(contact=Contact.UNKNOWN, bank_code="twin")
    return _refund_state(ask, fields)


def signed_query(fields: Mapping[str, str], secret: str) -> str:
    """That text with its hash behind it: the query string of a pay URL or an IPN."""
    text = forms.sorted_form(fields, without=_UNSIGNED)
    return f"{text}&{HASH}={forms.hmac_sha512(secret, text.encode())}"


def signed_fields(url: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The vnp_ fields of an IPN or return address, empty ones left out. Raises BadSignature, then Malformed.

    Hashed as they stand, with the empty ones or without, and decoded and encoded again as our own clients would.
    """
    raw = forms.raw_pairs(url.partition("?")[2], ("vnp_",))
    given = raw.get(HASH, b"").decode("latin-1")
    raw = {name: raw[name] for name in sorted(raw) if name not in _UNSIGNED}
    filled = {name: value for name, value in raw.items() if value}
    texts = {forms.joined(filled), forms.joined(raw)}
    with suppress(Malformed):
        texts.add(forms.sorted_form(forms.decoded(filled)).encode())
    if not forms.signed_by(given, texts, keys, forms.hmac_sha512):
        raise BadSignature
    return forms.printable(forms.decoded(filled))


def request_id_of(ref: str) -> str:
    """A reference as a vnp_RequestId: letters and digits, at most 32, the last ones where there are more."""
    return re.sub(r"[^0-9A-Za-z]", "", ref)[-_REQUEST_ID_MAX_CHARS:]


def _stated(fields: Mapping[str, str], now: datetime) -> tuple[Evidence, ...]:
    """Paid needs both codes; an end without cash needs a listed code and the status 02; all else is no evidence."""
    code, status = fields.get("vnp_ResponseCode", ""), fields.get("vnp_TransactionStatus", "")
    ref, at = forms.required(fields, "vnp_TxnRef"), forms.unstamped(fields.get("vnp_PayDate", "")) or now
    if (code, status) == (_PAID, _PAID):
        return (_payment(fields, at),)
    if _SUSPECT in {code, status} and {code, status} <= {_SUSPECT, _PAID}:
        return _suspect(ref, forms.whole_vnd(fields.get("vnp_Amount", "")), at)
    end = ENDED.get(code) if status == _ENDED else _UNDER_WAY.get((code, status))
    vnd = forms.whole_vnd_or_none(fields.get("vnp_Amount", ""))
    return (AttemptSeen(attempt_ref=ref, status=end, occurred_at=at, bank_code=code, amount_vnd=vnd),) if end else ()


def _payment(fields: Mapping[str, str], at: datetime) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=forms.required(fields, "vnp_TxnRef"),
        bank_txn_id=forms.number_or_none(fields.get("vnp_TransactionNo", "")),
        amount_vnd=forms.whole_vnd(fields.get("vnp_Amount", "")),
        occurred_at=at,
        merchant=fields.get("vnp_TmnCode", ""),
        memo=fields.get("vnp_OrderInfo", ""),
    )


def _suspect(ref: str, amount_vnd: int, at: datetime) -> tuple[Evidence, ...]:
    """07: VNPAY took the money and holds it back. Not paid, not unpaid; the assertion opens a case for a person."""
    seen = AttemptSeen(attempt_ref=ref, status=AttemptStatus.PENDING, occurred_at=at, bank_code=_SUSPECT)
    return seen, TotalAsserted(attempt_ref=ref, total_vnd=amount_vnd, occurred_at=at)


def _querydr(
    secrets: Secrets, *, ref: str, request_id: str, created_at: datetime, now: datetime
) -> Generator[HttpRequest, HttpReply, dict[str, str] | None]:
    wanted = {
        "vnp_RequestId": request_id_of(request_id),
        "vnp_Version": VERSION,
        "vnp_Command": "querydr",
        "vnp_TmnCode": secrets.merchant,
        "vnp_TxnRef": ref,
        "vnp_OrderInfo": f"Truy van GD {ref}",
        "vnp_TransactionDate": forms.stamp(created_at),
        "vnp_CreateDate": forms.stamp(now),
        "vnp_IpAddr": secrets.options.get("server_ip") or "127.0.0.1",
    }
    return (yield from _called(secrets, wanted, QUERY_REQUEST, QUERY_REPLY, repeatable=True))


def _called(
    secrets: Secrets, wanted: dict[str, str], asks: tuple[str, ...], says: tuple[str, ...], *, repeatable: bool
) -> Generator[HttpRequest, HttpReply, dict[str, str] | None]:
    """One signed call; the fields of the answer, or None unless it is authentic and about the same transaction."""
    signed = wanted | {HASH: forms.hmac_sha512(secrets.values[KEY], forms.piped(wanted, asks).encode())}
    reply = yield HttpRequest(
        method="POST",
        url=secrets.options.get("api_url") or secrets.base_url + API_PATH,
        headers={"content-type": "application/json", "accept": "application/json"},
        body=json.dumps(signed, ensure_ascii=False).encode(),
        repeatable=repeatable,
    )
    if reply.status != 200:  # noqa: PLR2004 - the document knows no other
        return None
    try:
        fields = forms.texts_of(parsed(reply.body), (*says, HASH))
    except Malformed:
        return None
    text = forms.piped(fields, says).encode()
    if not forms.signed_by(fields[HASH], [text], forms.keys_of(secrets, KEY), forms.hmac_sha512):
        return None
    same = all(fields[name] == wanted[name] for name in ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef"))
    return fields if same else None


def _payment_state(ask: QueryAsk, fields: dict[str, str]) -> Answer:
    code, status = fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]
    paying = code == _PAID and fields["vnp_TransactionType"] == "01"
    word = status if paying else code if code == _NOT_FOUND else ""
    if word in _UNPAID:
        contact, state, not_paid = _UNPAID[word]
        ref, at = ask.attempt_ref, ask.now
        seen = AttemptSeen(attempt_ref=ref, status=state, occurred_at=at, not_paid=not_paid, bank_code=word)
        return Answer(contact=contact, evidence=(seen,), bank_code=word)
    if word not in {_PAID, _SUSPECT}:
        return Answer(contact=Contact.UNKNOWN, bank_code=status if paying else code)
    at = forms.unstamped(fields["vnp_PayDate"]) or ask.now
    if word == _SUSPECT:
        held = _suspect(ask.attempt_ref, forms.whole_vnd(fields["vnp_Amount"]), at)
        return Answer(contact=Contact.PENDING, evidence=held, bank_code=word)
    return Answer(contact=Contact.SUCCEEDED, evidence=(_payment(fields, at),), bank_code=word)


def _refund_state(ask: RefundAsk, fields: dict[str, str]) -> Answer:
    code, status = fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]
    if code != _PAID or status not in REFUNDS or fields["vnp_TransactionType"] not in _REFUND_TYPES:
        return Answer(contact=Contact.UNKNOWN, bank_code=code if code != _PAID else status)
    if fields["vnp_Amount"] != forms.hundredths(ask.amount_vnd):
        return Answer(contact=Contact.UNKNOWN, bank_code="other_amount")
    contact, state = REFUNDS[status]
    seen = RefundSeen(
        refund_ref=ask.refund_ref,
        status=state,
        amount_vnd=ask.amount_vnd,
        occurred_at=forms.unstamped(fields["vnp_PayDate"]) or ask.now,
        bank_txn_id=forms.number_or_none(fields["vnp_TransactionNo"]),
    )
    return Answer(contact=contact, evidence=(seen,), bank_code=status)


_SETTINGS = (
    (KEY, r"[!-~]{16,128}", "vnp_HashSecret, 16 to 128 characters"),
    ("pay_path", r"/[!-~]{1,200}", "Path of the pay page below the base URL, as VNPAY gave it"),
    ("api_url", r"https?://[!-~]{1,300}", "Address of querydr and refund, as VNPAY gave it"),
    ("server_ip", r"[0-9a-fA-F:.]{3,45}", "Our own address as VNPAY sees it"),
    ("create_by", r"[A-Za-z0-9._@-]{1,245}", "Who asks for refunds, default paygw"),
    ("order_type", r"[A-Za-z0-9]{1,100}", "vnp_OrderType, default other"),
    ("bank_code", r"[A-Za-z0-9]{3,20}", "vnp_BankCode, to choose a bank or method beforehand"),
)
CONNECTOR = Connector(
    name="vnpay",
    title="VNPAY",
    grade="A",
    source="VNPAY pay, querydr&refund, changeTypeHash 2.1.0, read 2026-01; npm vnpay 2.5.0",
    methods=("card", "wallet", "transfer"),
    receipts_per_attempt="one",
    credentials=tuple(
        Credential(name=name, secret=name == KEY, pattern=form, help=told) for name, form, told in _SETTINGS
    ),
    limits=Limits(amount_min_vnd=5_000, amount_max_vnd=999_999_999, reference_max_chars=100, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    build_redirect=build_redirect,
    query=query,
    refund=refund,
    query_refund=query_refund,
    parse_return=parse_return,
    parse_settlement=read_settlement,
    test_hosts=("sandbox.vnpayment.vn",),
    live_hosts=("vnpay.vn",),  # grade C: VNPAY gives the addresses with the contract
    disputes=True,
)
