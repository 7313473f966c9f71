"""ZaloPay OpenAPI v2 (docs.zalopay.vn, general pages and status codes; client zalopay-oss/zalopay-nodejs).

JSON over HTTPS. Requests carry a `mac`, HMAC-SHA256 with `key1` over chosen values joined by `|`, raw. A callback is
`{data, mac, type}`: `data` is a JSON text that `key2` signs exactly as received, before it is read; `type` is not
signed and therefore not looked at. Answers carry no mac and do not repeat what they are about: TLS protects them.
`app_trans_id` must begin with today's date in Vietnam: it is `yymmdd_` and our reference. Callbacks tell
only successes.

Confirm with the provider: the mac of the browser's return (field order from public integrations); 2 as the answer to a
callback that was taken before; sub code -49 (cancelled) and -101 (read as "not found", so that nothing is closed on
it); that `m_refund_id` may carry the day of the decision; your contract's limits (`paygw bank limit`): none are public.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final
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
    AMOUNT_MAX_VND,
    Json,
    milliseconds,
    number_or_none,
    parsed,
    result_code,
    since_1970,
    sum_vnd,
    text,
    whole,
    word,
)

VIETNAM: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
# What each mac covers, joined by "|". A query closes with the key itself.
SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item"),
    "query": ("app_id", "app_trans_id"),
    "refund": ("app_id", "zp_trans_id", "amount", "description", "timestamp"),
    "query_refund": ("app_id", "m_refund_id", "timestamp"),
    "return": ("appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status"),
}
_LIFETIME_S: Final = (300, 2_592_000)
_DESCRIPTION_CHARS_MAX: Final = 256
_REF_CHARS_MAX: Final = 33  # 40 with the day before it
# return_code of all answers: 1 done, 2 not done, 3 under way. What is in no table is unknown.
_DONE, _NOT_DONE, _UNDER_WAY = 1, 2, 3
# sub_return_code of an order that is not paid; any other one that is listed nowhere says that it failed.
_CLOSED: Final[Mapping[int, AttemptStatus]] = {
    -54: AttemptStatus.EXPIRED,
    -49: AttemptStatus.CANCELLED,
    -329: AttemptStatus.CANCELLED,
}
_NOT_FOUND: Final = -101
# Our request was refused, or they are in trouble: nothing is said of the payment.
_REFUSED: Final = frozenset({-401, -402, -403, -405, -406, 406})
_UNSAID: Final = _REFUSED | {-429, -500, -999}
_PREFIX = re.compile(r"[0-9]{6}_")
# Callback page: 200 with these words. 0 makes ZaloPay call again; -1 is its word for a wrong mac.
_TAKEN = (1, "success")
_WORDS: Final[Mapping[Verdict, tuple[int, str]]] = {
    Verdict.ACCEPTED: _TAKEN,
    Verdict.DUPLICATE: (2, "duplicate"),
    Verdict.UNKNOWN_ORDER: _TAKEN,
    Verdict.WRONG_AMOUNT: _TAKEN,
    Verdict.ALREADY_FINAL: _TAKEN,
    Verdict.IGNORED: _TAKEN,
    Verdict.BAD_SIGNATURE: (-1, "mac not equal"),
    Verdict.MALFORMED: (0, "unreadable"),
    Verdict.UNAVAILABLE: (0, "try again"),
}


def signed_text(message: str, fields: Mapping[str, object], key1: str = "") -> str:
    """The exact text under a mac; a missing or null value counts as empty. A query needs `key1`."""
    values = [word(fields.get(name)) for name in SIGNED[message]]
    return "|".join([*values, key1] if message == "query" else values)


def open_session(ask: SessionAsk, secrets: Secrets) -> SessionDialogue:
    """Create an order; the payer goes to its page."""
    if not _keys(secrets, "key1") or not secrets.merchant.isdecimal():
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not (ask.is_payable and 0 < len(ask.attempt_ref) <= _REF_CHARS_MAX):
        why = "amount_out_of_range" if not ask.is_payable else "reference_not_allowed"
        return Session(contact=Contact.NOT_SENT, bank_code=why)
    least_s, most_s = _LIFETIME_S
    fields: Json = {
        "app_id": int(secrets.merchant),
        "app_user": secrets.options.get("appUser", "paygw"),
        "app_trans_id": _transaction(ask.attempt_ref, ask.created_at),
        "app_time": milliseconds(ask.created_at),
        "expire_duration_seconds": min(max((ask.expires_at - ask.created_at) // timedelta(seconds=1), least_s), most_s),
        "amount": ask.amount_vnd,
        "item": "[]",
        "description": ask.description[:_DESCRIPTION_CHARS_MAX],
        "embed_data": json.dumps({"redirecturl": ask.return_url}, ensure_ascii=False, separators=(",", ":")),
        "bank_code": secrets.options.get("bankCode", ""),
        "callback_url": ask.webhook_url,
    }
    answer = _answer((yield _request(secrets, "create", "/v2/create", fields)))
    code, sub = _codes(answer)
    page = answer.get("order_url") if answer else None
    if code == _DONE and isinstance(page, str) and page.startswith(("https://", "http://")):
        return Session(contact=Contact.SUCCEEDED, redirect_url=page, bank_session_id=_text(answer, "zp_trans_token"))
    refused = code == _NOT_DONE and sub in _REFUSED
    return Session(contact=Contact.DECLINED if refused else Contact.UNKNOWN, bank_code=_shown(code, sub))


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """A callback: money came. The mac is over the text of `data` as it travelled."""
    envelope = parsed(request.body)
    data = envelope.get("data")
    if not isinstance(data, str) or not made_with(envelope.get("mac"), _keys(secrets, "key2"), data):
        raise BadSignature
    fields = parsed(data.encode("utf-8", "surrogatepass"))
    if "amount" not in fields and "zp_trans_id" not in fields:
        return Ignored(reason="a callback without money, as of a binding")
    seen = PaymentSeen(
        attempt_ref=_PREFIX.sub("", text(fields, "app_trans_id"), count=1),
        bank_txn_id=number_or_none(fields, "zp_trans_id"),
        amount_vnd=sum_vnd(fields, "amount"),
        occurred_at=since_1970(fields, "server_time") if fields.get("server_time") else now,
        merchant=str(whole(fields, "app_id")),
    )
    return Notice(evidence=(seen,), authority=Authority.NOTICE, event_id=seen.bank_txn_id or "")


def acknowledge(verdict: Verdict) -> HttpReply:
    """Always 200; the word in the body says whether ZaloPay calls again."""
    code, message = _WORDS[verdict]
    body = json.dumps({"return_code": code, "return_message": message}, separators=(",", ":")).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


def parse_return(request: HttpRequest, secrets: Secrets) -> Returned:
    """What the browser brought back, for display."""
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    fields: Json = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("a name occurs twice")
    if not made_with(fields.get("checksum"), _keys(secrets, "key2"), signed_text("return", fields)):
        raise BadSignature
    status = word(fields.get("status"))
    contact = {"1": Contact.SUCCEEDED, **dict.fromkeys(map(str, _CLOSED), Contact.DECLINED)}.get(
        status, Contact.UNKNOWN
    )
    ref = _PREFIX.sub("", text(fields, "apptransid"), count=1)
    return Returned(attempt_ref=ref, contact=contact, bank_code=status[:64])


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """The state of an order."""
    if not _keys(secrets, "key1") or not secrets.merchant.isdecimal():
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    fields: Json = {
        "app_id": int(secrets.merchant),
        "app_trans_id": _transaction(ask.attempt_ref, ask.created_at),
    }
    answer = _answer((yield _request(secrets, "query", "/v2/query", fields)))
    return _state(ask, answer, secrets)


def refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """Give back a part or all of a payment."""
    if not _keys(secrets, "key1") or not secrets.merchant.isdecimal():
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.bank_txn_id:
        return Answer(contact=Contact.NOT_SENT, bank_code="original_unknown")
    if not ask.is_possible:
        return Answer(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    fields: Json = {
        "m_refund_id": _refund_id(ask, secrets),
        "app_id": int(secrets.merchant),
        "zp_trans_id": ask.bank_txn_id,
        "amount": ask.amount_vnd,
        "timestamp": milliseconds(ask.now),
        "description": ask.reason,
    }
    answer = _answer((yield _request(secrets, "refund", "/v2/refund", fields)))
    return _refund_state(ask, answer)


def query_refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """What became of a refund."""
    if not _keys(secrets, "key1") or not secrets.merchant.isdecimal():
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    fields: Json = {
        "m_refund_id": _refund_id(ask, secrets),
        "app_id": int(secrets.merchant),
        "timestamp": milliseconds(ask.now),
    }
    answer = _answer((yield _request(secrets, "query_refund", "/v2/query_refund", fields)))
    return _refund_state(ask, answer)


def _keys(secrets: Secrets, name: str) -> tuple[str, ...]:
    """The current key and, in rotation, the previous one; nothing at all without a current one."""
    current = secrets.values.get(name, "")
    return tuple(key for key in (current, secrets.previous.get(name, "")) if key) if current else ()


def _transaction(ref: str, created_at: datetime) -> str:
    return f"{created_at.astimezone(VIETNAM):%y%m%d}_{ref}"


def _refund_id(ask: RefundAsk, secrets: Secrets) -> str:
    """`yymmdd_appid_` and our reference, under the day it was decided; one that has this form stays as it is."""
    if re.fullmatch(rf"[0-9]{{6}}_{secrets.merchant}_.+", ask.refund_ref):
        return ask.refund_ref
    return f"{(ask.asked_at or ask.now).astimezone(VIETNAM):%y%m%d}_{secrets.merchant}_{ask.refund_ref}"


def _request(secrets: Secrets, message: str, path: str, fields: Json) -> HttpRequest:
    """Signed with the current key; only questions may be sent again."""
    key = _keys(secrets, "key1")[0]
    signed = fields | {"mac": hmac_hex(key, signed_text(message, fields, key))}
    body = json.dumps(signed, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    headers = {"content-type": "application/json", "accept": "application/json"}
    asks = message in {"query", "query_refund"}
    return HttpRequest(method="POST", url=f"{secrets.base_url}{path}", headers=headers, body=body, repeatable=asks)


def _answer(reply: HttpReply) -> Json | None:
    if reply.status != 200:  # noqa: PLR2004 - ZaloPay answers everything with 200
        return None
    try:
        return parsed(reply.body)
    except Malformed:
        return None


def _state(ask: QueryAsk, answer: Json | None, secrets: Secrets) -> Answer:
    code, sub = _codes(answer)
    shown = _shown(code, sub)
    if answer is not None and code == _DONE:
        return _paid(ask, answer, secrets)
    if answer is not None and code == _UNDER_WAY:
        busy = answer.get("is_processing") is True
        return _unpaid(ask, Contact.PENDING, AttemptStatus.PENDING if busy else AttemptStatus.REDIRECTED, shown)
    if code != _NOT_DONE or sub in _UNSAID:
        return Answer(contact=Contact.UNKNOWN, bank_code=shown)
    if sub == _NOT_FOUND:  # no claim about money: the order may not have arrived yet
        return Answer(contact=Contact.PENDING, bank_code=shown)
    return _unpaid(ask, Contact.DECLINED, _CLOSED.get(sub or 0, AttemptStatus.FAILED), shown)


def _paid(ask: QueryAsk, answer: Json, secrets: Secrets) -> Answer:
    try:
        seen = PaymentSeen(
            attempt_ref=ask.attempt_ref,
            bank_txn_id=str(whole(answer, "zp_trans_id", least=1)),
            amount_vnd=sum_vnd(answer, "amount"),
            occurred_at=since_1970(answer, "server_time") if answer.get("server_time") else ask.now,
            merchant=secrets.merchant,
        )
    except Malformed:
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")
    return Answer(contact=Contact.SUCCEEDED, evidence=(seen,), bank_code="1")


def _unpaid(ask: QueryAsk, contact: Contact, state: AttemptStatus, code: str) -> Answer:
    seen = AttemptSeen(
        attempt_ref=ask.attempt_ref,
        status=state,
        occurred_at=ask.now,
        not_paid=state is not AttemptStatus.PENDING,  # money on its way is neither there nor absent
        bank_code=code,
    )
    return Answer(contact=contact, evidence=(seen,), bank_code=code)


_REFUNDS: Final[Mapping[int | None, tuple[Contact, RefundNewsStatus]]] = {
    _DONE: (Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED),
    _NOT_DONE: (Contact.DECLINED, RefundNewsStatus.FAILED),
    _UNDER_WAY: (Contact.PENDING, RefundNewsStatus.PENDING),
}


def _refund_state(ask: RefundAsk, answer: Json | None) -> Answer:
    code, sub = _codes(answer)
    unsaid = code == _NOT_DONE and (sub in _UNSAID or sub == _NOT_FOUND)
    if code not in _REFUNDS or unsaid:
        return Answer(contact=Contact.UNKNOWN, bank_code=_shown(code, sub))
    contact, state = _REFUNDS[code]
    seen = RefundSeen(refund_ref=ask.refund_ref, status=state, amount_vnd=ask.amount_vnd, occurred_at=ask.now)
    return Answer(contact=contact, evidence=(seen,), bank_code=_shown(code, sub))


def _codes(answer: Json | None) -> tuple[int | None, int | None]:
    """return_code and sub_return_code (which may be missing); nothing where one of them is no whole number."""
    code, sub = (result_code(answer or {}, name) for name in ("return_code", "sub_return_code"))
    if code is None or (sub is None and answer and answer.get("sub_return_code") is not None):
        return None, None
    return code, sub


def _shown(code: int | None, sub: int | None) -> str:
    return "" if code is None else f"{code}/{sub}"[:64] if sub is not None else str(code)[:64]


def _text(answer: Json | None, name: str) -> str:
    """A text of an answer, empty where it is missing."""
    value = answer.get(name) if answer else None
    return value[:200] if isinstance(value, str) else ""


_KEY = r"[!-~]{8,128}"
CONNECTOR = Connector(
    name="zalopay",
    title="Ví ZaloPay",
    grade="A",
    source="docs.zalopay.vn, OpenAPI v2, read 2026-11",
    methods=("wallet",),
    receipts_per_attempt="one",
    credentials=(
        Credential(name="key1", secret=True, pattern=_KEY, help="key1 of the application, 8 to 128 characters"),
        Credential(
            name="key2", secret=True, pattern=_KEY, help="key2 of the application (callbacks), 8 to 128 characters"
        ),
        Credential(
            name="appUser", secret=False, pattern=r"[A-Za-z0-9._-]{1,50}", help="app_user of every order; paygw"
        ),
        Credential(name="bankCode", secret=False, pattern=r"[A-Za-z0-9]{1,20}", help="What the payer is offered; all"),
        Credential(
            name="pageOrigin",
            secret=False,
            pattern=r"https?://[a-z0-9.:-]{1,253}",
            help="Origin of ZaloPay's pay pages",
        ),
    ),
    limits=Limits(
        amount_min_vnd=1_000, amount_max_vnd=AMOUNT_MAX_VND, reference_max_chars=_REF_CHARS_MAX, session_max_s=2_592_000
    ),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    open_session=open_session,
    query=query,
    refund=refund,
    query_refund=query_refund,
    parse_return=parse_return,
    parse_settlement=read_settlement,
    page_option="pageOrigin",
    test_hosts=("sb-openapi.zalopay.vn", "sbgateway.zalopay.vn", "qcgateway.zalopay.vn"),
    live_hosts=("openapi.zalopay.vn", "gateway.zalopay.vn"),
)
