"""MoMo All-In-One, protocol v2 (developers.momo.vn, pages "v3": onetime, query, refund, notification, result codes).

JSON over HTTPS. A request is signed with HMAC-SHA256 over `name=value` pairs in a fixed order, joined by `&`, values
raw; `accessKey` stands in that text but travels in no message. Answers of the API carry no signature: TLS protects
them. Our reference is `orderId` and, at creation, also `requestId`, under which MoMo answers the same again.

Confirm with the provider: which `orderId` `/refund/query` wants (option `refundQuery`); how long notifications are sent
again (none is needed: we ask); code 42 read as "no such order". We always ask for `autoCapture`, so that 9000 is paid
and `/confirm` (capture or cancel of what is only authorised) has nothing to do; it closes no session either.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    BadSignature,
    Connector,
    Contact,
    Credential,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Malformed,
    Notice,
    QueryAsk,
    RefundAsk,
    Returned,
    Secrets,
    Session,
    SessionAsk,
    SessionDialogue,
    Verdict,
)
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.macs import hmac_hex, made_with
from paygw.kernel.settled import read_settlement
from paygw.kernel.wire import (
    Json,
    milliseconds,
    number_or_none,
    objects,
    parsed,
    result_code,
    since_1970,
    sum_vnd,
    text,
    whole,
    word,
)

PREFIX = "/v2/gateway/api"
Message = Literal["create", "notice", "query", "refund", "confirm"]

# What is signed, after accessKey, in this order. A return in the browser is signed as a notice is.
SIGNED: Final[Mapping[Message, tuple[str, ...]]] = {
    "create": ("amount", "extraData", "ipnUrl", "orderId", "orderInfo", "partnerCode", "redirectUrl", "requestId",
               "requestType"),
    "notice": ("amount", "extraData", "message", "orderId", "orderInfo", "orderType", "partnerCode", "payType",
               "requestId", "responseTime", "resultCode", "transId"),
    "query": ("orderId", "partnerCode", "requestId"),
    "refund": ("amount", "description", "orderId", "partnerCode", "requestId", "transId"),
    # Takes or lets go of what is only authorised: never sent, for we always ask for autoCapture (the provider's side).
    "confirm": ("amount", "description", "orderId", "partnerCode", "requestId", "requestType"),
}  # fmt: skip
# Page "onetime": what each kind of payment takes, in đồng.
_AMOUNTS_VND: Final = {
    "captureWallet": (1_000, 50_000_000),
    "payWithATM": (10_000, 50_000_000),
    "payWithCC": (1_000, 10_000_000),
    "payWithMethod": (1_000, 50_000_000),
}
_ORDER_ID: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,48}[0-9A-Za-z])?", re.ASCII)
_REFUND_VND: Final = (1_000, 50_000_000)
# Page "result codes". What is in no table is unknown.
_PAID: Final = frozenset({0, 9000})
_FAILED: Final = (98, 1001, 1002, 1003, 1004, 1007, 1026, 2019, 4001, 4002, 4100)
_STATES: Final[Mapping[int, tuple[Contact, AttemptStatus]]] = {
    1000: (Contact.PENDING, AttemptStatus.REDIRECTED),  # the user has not confirmed yet
    7000: (Contact.PENDING, AttemptStatus.PENDING),
    7002: (Contact.PENDING, AttemptStatus.PENDING),
    8000: (Contact.PENDING, AttemptStatus.PENDING),
    1005: (Contact.DECLINED, AttemptStatus.EXPIRED),
    1006: (Contact.DECLINED, AttemptStatus.CANCELLED),
    1017: (Contact.DECLINED, AttemptStatus.CANCELLED),
    **dict.fromkeys(_FAILED, (Contact.DECLINED, AttemptStatus.FAILED)),
}
_NO_SUCH_ORDER: Final = 42
# A creation that was refused opened nothing; 40, 41 and 43 name an earlier one, which the query finds.
_NOT_OPENED: Final = frozenset({10, 11, 12, 13, 20, 21, 22, 42, 45, 47, *_FAILED, 1005, 1006, 1017})
_REFUNDS: Final[Mapping[int, tuple[Contact, RefundNewsStatus]]] = {
    0: (Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED),
    7000: (Contact.PENDING, RefundNewsStatus.PENDING),
    7002: (Contact.PENDING, RefundNewsStatus.PENDING),
    1080: (Contact.DECLINED, RefundNewsStatus.FAILED),  # a new refund may be tried after an hour
    1081: (Contact.DECLINED, RefundNewsStatus.FAILED),
    1088: (Contact.DECLINED, RefundNewsStatus.FAILED),
}
# Page "notification": 204 without a body within 15 s. A refusal is our own word; MoMo documents none.
_REFUSALS: Final = {Verdict.BAD_SIGNATURE: 401, Verdict.MALFORMED: 400, Verdict.UNAVAILABLE: 503}
_DIGITS_MAX: Final = 18
_NONE: Final = -1


def signed_text(message: Message, fields: Mapping[str, object], access_key: str) -> str:
    """The exact text that is signed; a missing or null value counts as empty."""
    pairs = [f"{name}={word(fields.get(name))}" for name in SIGNED[message]]
    return "&".join([f"accessKey={access_key}", *pairs])


def open_session(ask: SessionAsk, secrets: Secrets) -> SessionDialogue:
    """Create a payment; the payer goes to its page."""
    kind = secrets.options.get("requestType", "captureWallet")
    least_vnd, most_vnd = _AMOUNTS_VND.get(kind, (0, 0))
    if not _keys(secrets) or not most_vnd:
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not (ask.is_payable and least_vnd <= ask.amount_vnd <= most_vnd):
        return Session(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    if not _ORDER_ID.fullmatch(ask.attempt_ref):
        return Session(contact=Contact.NOT_SENT, bank_code="reference_not_allowed")
    fields: Json = {
        "partnerCode": secrets.merchant,
        "partnerName": secrets.options.get("partnerName", secrets.merchant),
        "storeId": secrets.options.get("storeId", secrets.merchant),
        "requestId": ask.attempt_ref,
        "amount": ask.amount_vnd,
        "orderId": ask.attempt_ref,
        "orderInfo": ask.description,
        "redirectUrl": ask.return_url,
        "ipnUrl": ask.webhook_url,
        "requestType": kind,
        "extraData": "",
        "autoCapture": True,
        "orderExpireTime": max(1, (ask.expires_at - ask.created_at) // timedelta(minutes=1)),
        "lang": ask.locale,
    }
    reply = yield _request(secrets, "create", "/create", fields)
    answer = _answer(reply, fields)
    code = _code(answer)
    if answer is None or code != 0:
        refused = code in _NOT_OPENED
        return Session(contact=Contact.DECLINED if refused else Contact.UNKNOWN, bank_code=_shown(code))
    page = answer.get("payUrl")
    named = (answer.get("orderId"), answer.get("amount")) == (ask.attempt_ref, ask.amount_vnd)
    if not named or not isinstance(page, str) or not page.startswith(("https://", "http://")):
        return Session(contact=Contact.UNKNOWN, bank_code="unreadable")
    return Session(contact=Contact.SUCCEEDED, redirect_url=page, bank_session_id=ask.attempt_ref)


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """What a notification says. The numbers before and after the free texts keep the signed text unambiguous."""
    del now  # an old notice says nothing that a new one would not
    fields = parsed(request.body)
    _require_signature(fields, secrets)
    ref, code, at = text(fields, "orderId"), whole(fields, "resultCode"), since_1970(fields, "responseTime")
    transaction, amount_vnd = number_or_none(fields, "transId"), sum_vnd(fields, "amount")
    seen: PaymentSeen | AttemptSeen
    if code in _PAID:
        merchant = text(fields, "partnerCode")
        seen = PaymentSeen(
            attempt_ref=ref, bank_txn_id=transaction, amount_vnd=amount_vnd, occurred_at=at, merchant=merchant
        )
    elif code in _STATES:
        contact, state = _STATES[code]
        status = AttemptStatus.PENDING if contact is Contact.PENDING else state
        seen = AttemptSeen(attempt_ref=ref, status=status, occurred_at=at, bank_code=str(code))
    else:
        return Ignored(reason=f"result code {code} says nothing of money")
    return Notice(evidence=(seen,), authority=Authority.NOTICE, event_id=text(fields, "requestId"))


def acknowledge(verdict: Verdict) -> HttpReply:
    """204 without a body for everything that is kept."""
    return HttpReply(status=_REFUSALS.get(verdict, 204))


def parse_return(request: HttpRequest, secrets: Secrets) -> Returned:
    """What the browser brought back, for display."""
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    fields: Json = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("a name occurs twice")
    _require_signature(fields, secrets)
    code = whole(fields, "resultCode")
    contact = Contact.SUCCEEDED if code in _PAID else _STATES.get(code, (Contact.UNKNOWN,))[0]
    return Returned(attempt_ref=text(fields, "orderId"), contact=contact, bank_code=str(code))


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """The state of a payment."""
    if not _keys(secrets):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    fields: Json = {
        "partnerCode": secrets.merchant,
        "requestId": ask.request_id,
        "orderId": ask.attempt_ref,
        "lang": "vi",
    }
    reply = yield _request(secrets, "query", "/query", fields)
    return _state(ask, _answer(reply, fields), secrets)


def refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """Give back a part or all of a payment; MoMo answers the same again for the same `refund_ref`."""
    least_vnd, most_vnd = _REFUND_VND
    if not _keys(secrets):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.bank_txn_id.isascii() or not ask.bank_txn_id.isdigit() or len(ask.bank_txn_id) > _DIGITS_MAX:
        return Answer(contact=Contact.NOT_SENT, bank_code="original_unknown")
    if not (ask.is_possible and least_vnd <= ask.amount_vnd <= most_vnd):
        return Answer(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    fields: Json = {
        "partnerCode": secrets.merchant,
        "orderId": ask.refund_ref,
        "requestId": ask.refund_ref,
        "amount": ask.amount_vnd,
        "transId": int(ask.bank_txn_id),
        "lang": "vi",
        "description": ask.reason,
    }
    reply = yield _request(secrets, "refund", "/refund", fields)
    answer = _answer(reply, fields)
    return _refund_state(ask, answer if answer and answer.get("orderId") == ask.refund_ref else None)


def query_refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """What became of a refund: its line in `refundTrans`, or the answer itself where that names it."""
    if not _keys(secrets):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    by_payment = secrets.options.get("refundQuery") == "payment"
    fields: Json = {
        "partnerCode": secrets.merchant,
        "requestId": f"Q{milliseconds(ask.now)}-{ask.refund_ref}"[:50],
        "orderId": ask.attempt_ref if by_payment else ask.refund_ref,
        "lang": "vi",
    }
    reply = yield _request(secrets, "query", "/refund/query", fields)
    answer = _answer(reply, fields)
    try:
        items = objects(answer, "refundTrans") if answer and answer.get("refundTrans") else []
    except Malformed:
        items = []
    lines = [item for item in (*items, *([answer] if answer else [])) if item.get("orderId") == ask.refund_ref]
    return _refund_state(ask, lines[0] if lines else None)


def _keys(secrets: Secrets) -> tuple[tuple[str, str], ...]:
    """Pairs of access key and secret key: the current ones and, in rotation, the previous ones."""
    access, key = secrets.values.get("accessKey", ""), secrets.values.get("secretKey", "")
    before = (secrets.previous.get("accessKey", access), secrets.previous.get("secretKey", ""))
    return tuple(pair for pair in ((access, key), before) if all(pair)) if access and key else ()


def _require_signature(fields: Json, secrets: Secrets) -> None:
    given = fields.get("signature")
    if not any(made_with(given, [key], signed_text("notice", fields, access)) for access, key in _keys(secrets)):
        raise BadSignature


def _request(secrets: Secrets, message: Message, path: str, fields: dict[str, object]) -> HttpRequest:
    """Signed with the current keys. Everything may be sent again under the same `requestId`."""
    access, key = _keys(secrets)[0]
    signed = fields | {"signature": hmac_hex(key, signed_text(message, fields, access))}
    body = json.dumps(signed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    headers = {"content-type": "application/json; charset=utf-8", "accept": "application/json"}
    url = f"{secrets.base_url}{PREFIX}{path}"
    return HttpRequest(method="POST", url=url, headers=headers, body=body, repeatable=True)


def _answer(reply: HttpReply, asked: Mapping[str, object]) -> Json | None:
    """The fields of an answer to this request, or None where it cannot be read or names another one."""
    if reply.status >= 500:  # noqa: PLR2004 - the class of server faults
        return None
    try:
        fields = parsed(reply.body)
    except Malformed:
        return None
    names = ("partnerCode", "requestId", "orderId")
    return fields if all(fields.get(name, asked[name]) == asked[name] for name in names) else None


def _state(ask: QueryAsk, answer: Json | None, secrets: Secrets) -> Answer:
    code = _code(answer)
    if answer is None or (answer.get("orderId") != ask.attempt_ref and code != _NO_SUCH_ORDER):
        return Answer(contact=Contact.UNKNOWN, bank_code=_shown(code))
    if code == _NO_SUCH_ORDER:  # no claim about money: it may not have arrived yet
        return Answer(contact=Contact.PENDING, bank_code=_shown(code))
    try:
        at = since_1970(answer, "responseTime")
        if code in _PAID:
            paid = PaymentSeen(
                attempt_ref=ask.attempt_ref,
                bank_txn_id=number_or_none(answer, "transId"),
                amount_vnd=sum_vnd(answer, "amount"),
                occurred_at=at,
                merchant=secrets.merchant,
            )
            return Answer(contact=Contact.SUCCEEDED, evidence=(paid,), bank_code=_shown(code))
    except Malformed:
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")
    if code not in _STATES:
        return Answer(contact=Contact.UNKNOWN, bank_code=_shown(code))
    contact, state = _STATES[code]
    seen = AttemptSeen(
        attempt_ref=ask.attempt_ref,
        status=state,
        occurred_at=at,
        not_paid=state is not AttemptStatus.PENDING,  # money on its way is neither there nor absent
        bank_code=_shown(code),
    )
    return Answer(contact=contact, evidence=(seen,), bank_code=_shown(code))


def _refund_state(ask: RefundAsk, line: Json | None) -> Answer:
    code = _code(line)
    if line is None or code not in _REFUNDS or str(line.get("amount")) != str(ask.amount_vnd):
        return Answer(contact=Contact.UNKNOWN, bank_code=_shown(code))
    contact, state = _REFUNDS[code]
    transaction = line.get("transId")
    seen = RefundSeen(
        refund_ref=ask.refund_ref,
        status=state,
        amount_vnd=ask.amount_vnd,
        occurred_at=ask.now,
        bank_txn_id=str(transaction) if type(transaction) is int and transaction else None,
    )
    return Answer(contact=contact, evidence=(seen,), bank_code=_shown(code))


def _code(fields: Json | None) -> int:
    """The result code, or one that no page lists."""
    value = result_code(fields, "resultCode") if fields else None
    return _NONE if value is None else value


def _shown(code: int) -> str:
    return "" if code == _NONE else str(code)[:64]


_KEY = r"[!-~]{4,128}"
CONNECTOR = Connector(
    name="momo",
    title="Ví MoMo",
    grade="A",
    source="developers.momo.vn, payment gateway pages v3 (protocol v2), read 2026-11",
    methods=("wallet",),
    receipts_per_attempt="one",
    credentials=(
        Credential(
            name="accessKey", secret=True, pattern=_KEY, help="accessKey of the merchant page, 4 to 128 characters"
        ),
        Credential(
            name="secretKey", secret=True, pattern=_KEY, help="secretKey of the merchant page, 4 to 128 characters"
        ),
        Credential(
            name="requestType",
            secret=False,
            pattern="captureWallet|payWithATM|payWithCC|payWithMethod",
            help="What MoMo offers the payer; captureWallet if not given",
        ),
        Credential(
            name="partnerName", secret=False, pattern=r"[^\x00-\x1f]{1,100}", help="Name the payer sees, up to 100"
        ),
        Credential(
            name="storeId", secret=False, pattern=r"[^\x00-\x1f]{1,100}", help="Store of the merchant, up to 100"
        ),
        Credential(
            name="refundQuery",
            secret=False,
            pattern="refund|payment",
            help="Whether /refund/query wants the orderId of the refund or of the payment; refund if not given",
        ),
    ),
    limits=Limits(
        amount_min_vnd=1_000,
        amount_max_vnd=50_000_000,
        reference_max_chars=50,
        session_max_s=6_000,  # 100 minutes
    ),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    open_session=open_session,
    query=query,
    refund=refund,
    query_refund=query_refund,
    parse_return=parse_return,
    parse_settlement=read_settlement,
    test_hosts=("test-payment.momo.vn",),
    live_hosts=("payment.momo.vn",),
)
