"""payOS payment links, v2 (payos.vn documents on signatures and webhooks; clients payos 1.1 and @payos/node 2.0).

JSON over HTTPS, keys in headers. A link is a page and a VietQR code for one order code; the money is a bank transfer to
a real account, so **a link can be paid several times** and each transfer is a receipt of its own. `amountPaid` is a
sum, never a receipt. HMAC-SHA256 over `key=value` joined by `&`, raw: five fields at creation, every key of `data` in a
webhook or answer, sorted, as received: null and the texts "null" and "undefined" count as empty. Only `data` is signed,
so nothing outside it is believed. Order codes are numbers of at most 53 bits. There is no refund and the browser's
return is not signed: refunds go by transfer.

Confirm with the provider: whether every answer is signed (option `answers`; both public clients refuse one that is
not); the codes of refusals, of which none are published; how often a webhook is sent again; the length of the memo.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

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
    Secrets,
    Session,
    SessionAsk,
    SessionDialogue,
    Verdict,
)
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, Evidence, PaymentSeen, TotalAsserted
from paygw.kernel.macs import hmac_hex, made_with
from paygw.kernel.settled import read_settlement
from paygw.kernel.wire import Json, objects, parsed, sum_vnd, text, text_or_none, whole, word

VIETNAM: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
SIGNED_AT_CREATION: Final = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
DONE: Final = "00"
# Status of a link. UNDERPAID has partial credit; what is in no table is unknown.
_STATES: Final[Mapping[str, tuple[Contact, AttemptStatus]]] = {
    "PENDING": (Contact.PENDING, AttemptStatus.REDIRECTED),
    "PROCESSING": (Contact.PENDING, AttemptStatus.PENDING),
    "UNDERPAID": (Contact.PENDING, AttemptStatus.PENDING),
    "PAID": (Contact.SUCCEEDED, AttemptStatus.PENDING),
    "CANCELLED": (Contact.DECLINED, AttemptStatus.CANCELLED),
    "EXPIRED": (Contact.DECLINED, AttemptStatus.EXPIRED),
    "FAILED": (Contact.DECLINED, AttemptStatus.FAILED),
}
_UNPAID: Final = frozenset({"PENDING", "CANCELLED", "EXPIRED", "FAILED"})
_REFUSALS: Final = {Verdict.BAD_SIGNATURE: 401, Verdict.MALFORMED: 400, Verdict.UNAVAILABLE: 503}
# What we read of the signed data: each name stands once in the signed text.
_READ: Final = (
    "accountNumber", "amount", "code", "currency", "description", "orderCode", "paymentLinkId", "reference",
    "transactionDateTime",
)  # fmt: skip
_KEYS_REFUSED: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_MEMO_CHARS_MAX: Final = 25
_ORDER_CODE_MAX: Final = 2**53 - 1
# The event with which payOS tries an address before it registers it, as its documentation prints it: no money moved.
_TRIAL: Final = {
    "orderCode": 123,
    "amount": 3000,
    "accountNumber": "12345678",
    "reference": "TF230204212323",
    "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
}


def creation_text(fields: Mapping[str, object]) -> str:
    """The exact text that is signed when a link is made."""
    return "&".join(f"{name}={word(fields.get(name))}" for name in SIGNED_AT_CREATION)


def data_text(data: Mapping[str, object]) -> str:
    """The exact text that is signed in a webhook or an answer: every key that is there, and no other.

    Raises Malformed for a value that payOS has no way to write.
    """
    return "&".join(f"{name}={_value(data[name])}" for name in sorted(data))


def open_session(ask: SessionAsk, secrets: Secrets) -> SessionDialogue:
    """Make a link; the payer scans its code or goes to its page."""
    if not _keys(secrets) or not secrets.values.get("apiKey"):
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    code = _order_code(ask.attempt_ref)
    if code is None or not ask.is_payable:
        why = "reference_is_no_number" if code is None else "amount_out_of_range"
        return Session(contact=Contact.NOT_SENT, bank_code=why)
    fields: Json = {
        "orderCode": code,
        "amount": ask.amount_vnd,
        "description": ask.description if len(ask.description) <= _MEMO_CHARS_MAX else f"TT {ask.attempt_ref}",
        "cancelUrl": ask.return_url,
        "returnUrl": ask.return_url,
        "expiredAt": int(ask.expires_at.timestamp()),
    }
    fields["signature"] = hmac_hex(_keys(secrets)[0], creation_text(fields))
    reply = yield _request(secrets, "POST", "/v2/payment-requests", fields)
    data = _data(reply, secrets)
    if data is None:
        refused = reply.status in _KEYS_REFUSED
        return Session(contact=Contact.DECLINED if refused else Contact.UNKNOWN, bank_code=_told_code(reply))
    page, link, picture = (data.get(name) for name in ("checkoutUrl", "paymentLinkId", "qrCode"))
    named = (data.get("orderCode"), data.get("amount")) == (code, ask.amount_vnd)
    if not named or not isinstance(page, str) or not page.startswith(("https://", "http://")):
        return Session(contact=Contact.UNKNOWN, bank_code="unreadable")
    return Session(
        contact=Contact.SUCCEEDED,
        redirect_url=page,
        qr_text=picture if isinstance(picture, str) else "",
        bank_session_id=link[:64] if isinstance(link, str) else "",
    )


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """One transfer that came in. Only the signed `data` is read."""
    envelope = parsed(request.body)
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise BadSignature
    signed = data_text(data)
    if not made_with(envelope.get("signature"), _keys(secrets), signed):
        raise BadSignature
    if any(f"&{signed}".count(f"&{name}=") > 1 for name in _READ):  # a memo that imitates fields makes it ambiguous
        raise Malformed("the signed text can be read in two ways")
    if data.get("code") != DONE:
        return Ignored(reason="no credit")
    if all(data.get(name) == value for name, value in _TRIAL.items()):
        return Ignored(reason="the trial event of a registration")
    seen = _payment(data, str(whole(data, "orderCode")), now)
    return Notice(evidence=(seen,), authority=Authority.NOTICE, event_id=text(data, "reference"))


def acknowledge(verdict: Verdict) -> HttpReply:
    """`success` for everything that is kept, also for an order code we do not know: a registration tries with one."""
    status = _REFUSALS.get(verdict, 200)
    body = json.dumps({"success": verdict not in _REFUSALS}).encode()
    return HttpReply(status=status, headers={"content-type": "application/json"}, body=body)


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """The link with its transfers."""
    code = _order_code(ask.attempt_ref)
    if code is None or not _keys(secrets) or not secrets.values.get("apiKey"):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    reply = yield _request(secrets, "GET", f"/v2/payment-requests/{code}")
    return _state(ask, reply, secrets)


def cancel(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """Close a link; transfers that came before are in the answer."""
    code = _order_code(ask.attempt_ref)
    if code is None or not _keys(secrets) or not secrets.values.get("apiKey"):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    fields: Json = {"cancellationReason": "Dong phien thanh toan"}
    fields["signature"] = hmac_hex(_keys(secrets)[0], data_text(fields))
    reply = yield _request(secrets, "POST", f"/v2/payment-requests/{code}/cancel", fields)
    return _state(ask, reply, secrets)


def _keys(secrets: Secrets) -> tuple[str, ...]:
    """The current checksum key and, in rotation, the previous one; nothing at all without a current one."""
    current = secrets.values.get("checksumKey", "")
    return tuple(key for key in (current, secrets.previous.get("checksumKey", "")) if key) if current else ()


def _order_code(ref: str) -> int | None:
    code = int(ref) if ref.isascii() and ref.isdigit() and len(ref) <= len(str(_ORDER_CODE_MAX)) else 0
    return code if 0 < code <= _ORDER_CODE_MAX else None


def _request(secrets: Secrets, method: str, path: str, fields: Json | None = None) -> HttpRequest:
    headers = {
        "x-client-id": secrets.merchant,
        "x-api-key": secrets.values["apiKey"],
        "accept": "application/json",
        **({"content-type": "application/json"} if fields else {}),
    }
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    url = f"{secrets.base_url}{path}"
    return HttpRequest(method=method, url=url, headers=headers, body=body if fields else b"", repeatable=not fields)


def _data(reply: HttpReply, secrets: Secrets) -> Json | None:
    """The data of an answer that says "00" and whose signature, where there is one, is right."""
    try:
        envelope = parsed(reply.body)
    except Malformed:
        return None
    data, given = envelope.get("data"), envelope.get("signature")
    if reply.status not in {200, 201} or envelope.get("code") != DONE or not isinstance(data, dict):
        return None
    if given is None and secrets.options.get("answers") != "signed":
        return data
    try:
        return data if made_with(given, _keys(secrets), data_text(data)) else None
    except Malformed:
        return None


def _told_code(reply: HttpReply) -> str:
    """The provider's own code of a refusal, kept for the case file."""
    try:
        value = parsed(reply.body).get("code")
    except Malformed:
        value = None
    return value[:64] if isinstance(value, str) else ""


def _state(ask: QueryAsk, reply: HttpReply, secrets: Secrets) -> Answer:
    data = _data(reply, secrets)
    if data is None:  # a link that is not there makes no claim about money: it may not have been made yet
        code = _told_code(reply)
        missing = reply.status == _NOT_FOUND and code not in {"", DONE}
        return Answer(contact=Contact.PENDING if missing else Contact.UNKNOWN, bank_code=code)
    try:
        return _link(ask, data)
    except Malformed:
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")


def _link(ask: QueryAsk, data: Json) -> Answer:
    status = text(data, "status")[:64]
    if status not in _STATES or str(whole(data, "orderCode")) != ask.attempt_ref:
        return Answer(contact=Contact.UNKNOWN, bank_code=status)
    contact, state = _STATES[status]
    paid_vnd = whole(data, "amountPaid")
    items = objects(data, "transactions") if data.get("transactions") is not None else []
    evidence: tuple[Evidence, ...] = tuple(_payment(item, ask.attempt_ref, ask.now) for item in items)
    if paid_vnd:
        evidence += (TotalAsserted(attempt_ref=ask.attempt_ref, total_vnd=paid_vnd, occurred_at=ask.now),)
    if not evidence or status not in {"PAID", "UNDERPAID"}:
        seen = AttemptSeen(
            attempt_ref=ask.attempt_ref,
            status=state,
            occurred_at=ask.now,
            not_paid=not evidence and status in _UNPAID,
            bank_code=status,
        )
        evidence += (seen,)
    return Answer(contact=contact, evidence=evidence, bank_code=status)


def _payment(data: Json, ref: str, now: datetime) -> PaymentSeen:
    """One transfer; its identity is the account and the bank's reference. Without a time of its own it came now."""
    told = text_or_none(data, "transactionDateTime")
    return PaymentSeen(
        attempt_ref=ref,
        bank_txn_id=text(data, "reference").strip(),
        amount_vnd=sum_vnd(data, "amount"),
        occurred_at=_moment(told) if told else now,
        currency=text_or_none(data, "currency") or "VND",
        account=text(data, "accountNumber").strip(),
        memo=text_or_none(data, "description") or "",
    )


def _moment(told: str) -> datetime:
    """`2026-01-15 10:31:12` in Vietnam, or a time with its offset."""
    try:
        at = datetime.fromisoformat(told)
        return (at if at.tzinfo else at.replace(tzinfo=VIETNAM)).astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Malformed("transactionDateTime is no time") from fault


def _value(value: object) -> str:
    """A value as payOS writes it into a signed text."""
    if isinstance(value, list | dict):
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        except (TypeError, RecursionError) as fault:  # a fraction inside, or too deep
            raise Malformed("a value that cannot be written") from fault
    return "" if value in {None, "null", "undefined"} else word(value)


CONNECTOR = Connector(
    name="payos",
    title="Chuyển khoản QR (payOS)",
    grade="A",
    source="payos.vn/docs, payment requests v2, read 2026-11",
    methods=("transfer",),
    receipts_per_attempt="many",
    credentials=(
        Credential(
            name="checksumKey", secret=True, pattern=r"[!-~]{16,128}", help="Checksum key, 16 to 128 characters"
        ),
        Credential(name="apiKey", secret=True, pattern=r"[!-~]{8,128}", help="x-api-key, 8 to 128 characters"),
        Credential(
            name="pageOrigin", secret=False, pattern=r"https?://[a-z0-9.:-]{1,253}", help="Origin of the pages of links"
        ),
        Credential(
            name="answers",
            secret=False,
            pattern="signed|any",
            help="Whether answers without signature are refused (signed) or left to TLS; any if not given",
        ),
    ),
    limits=Limits(
        amount_min_vnd=1,
        amount_max_vnd=10_000_000_000,
        reference_max_chars=16,
        session_max_s=2_592_000,
        reference_alphabet="digits",
    ),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    open_session=open_session,
    query=query,
    cancel=cancel,
    parse_settlement=read_settlement,
    page_option="pageOrigin",
    live_hosts=("api-merchant.payos.vn", "pay.payos.vn"),  # there is no test host: every link there takes real money
)
