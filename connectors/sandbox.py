"""The pretend bank, protocol "paygw sandbox bank v1" (docs/api/sandbox-bank.md, version 1, 2026-11).

JSON over HTTP. Every message is signed with HMAC-SHA256 over kind, time, head and body, one per line, of which only the
body may hold a line feed; an answer signs the signature of the request it answers. Each payment has its own bank
reference, so one attempt may receive several. Two flows, told apart by the option `flow`: `redirect` signs a URL and
calls nobody, `server` opens a session first.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    BadSignature,
    Connector,
    Contact,
    Credential,
    FetchedFile,
    FileAsk,
    FileDialogue,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Malformed,
    Notice,
    QueryAsk,
    RefundAsk,
    Secrets,
    Session,
    SessionAsk,
    SessionDialogue,
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
    ReversalSeen,
)
from paygw.kernel.framing import signature, signed_at, target_of, verified
from paygw.kernel.settled import read_settlement
from paygw.kernel.wire import AMOUNT_MAX_VND, Json, amount, moment, objects, parsed, text, text_or_none

SIGNATURE = "x-sandbox-signature"
WINDOW = timedelta(seconds=300)

# Section 5 of the document. "open" adds nothing to what we did ourselves: the payer was sent there.
_UNPAID = {
    "open": (Contact.PENDING, AttemptStatus.REDIRECTED),
    "pending": (Contact.PENDING, AttemptStatus.PENDING),
    "failed": (Contact.DECLINED, AttemptStatus.FAILED),
    "expired": (Contact.DECLINED, AttemptStatus.EXPIRED),
    "cancelled": (Contact.DECLINED, AttemptStatus.CANCELLED),
}
# Section 4: errors that prove no session was opened. Any other error is unknown.
_NO_SESSION = frozenset({"amount_not_allowed", "merchant_unknown", "maintenance"})
# Section 6.
_REFUNDS = {
    "pending": (Contact.PENDING, RefundNewsStatus.PENDING),
    "succeeded": (Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED),
    "failed": (Contact.DECLINED, RefundNewsStatus.FAILED),
    "returned": (Contact.SUCCEEDED, RefundNewsStatus.RETURNED),
}
# Section 7: the bank stops on any 2xx and sends again after anything else.
_FILES = {200: Contact.SUCCEEDED, 404: Contact.PENDING}
_REFUSALS = {Verdict.BAD_SIGNATURE: 401, Verdict.MALFORMED: 400, Verdict.UNAVAILABLE: 503}


def open_session(ask: SessionAsk, secrets: Secrets) -> SessionDialogue:
    """A signed URL without any call (flow `redirect`), or the page of a session the bank opened (flow `server`)."""
    if not (_known(secrets) and ask.is_payable):
        why = "amount_out_of_range" if _known(secrets) else "unconfigured"
        return Session(contact=Contact.NOT_SENT, bank_code=why)
    names = ("attempt_ref", "amount_vnd", "description", "return_url", "webhook_url", "locale")
    wanted = {name: getattr(ask, name) for name in names}
    wanted |= {"merchant": secrets.merchant, "expires_at": _stamp(ask.expires_at)}
    if secrets.options.get("flow", "redirect") == "redirect":
        packed = urlsafe_b64encode(json.dumps(wanted).encode()).decode().rstrip("=")
        url = f"{secrets.base_url}/pay?session={packed}"
        signed = signature(secrets.values["secret"], "request", ask.created_at, f"GET {target_of(url)}", b"")
        return Session(contact=Contact.SUCCEEDED, redirect_url=f"{url}&{signed.replace(',', '&')}")
    replied = yield from _call(secrets, "POST", "/v1/sessions", ask.created_at, wanted)
    if replied is None:
        return Session(contact=Contact.UNKNOWN)
    status, fields = replied
    code = _code(fields)
    if status not in {200, 201} or fields.get("attempt_ref") != ask.attempt_ref:
        refused = status == 422 and code in _NO_SESSION  # noqa: PLR2004 - the document's figure
        return Session(contact=Contact.DECLINED if refused else Contact.UNKNOWN, bank_code=code)
    page, session_id = fields.get("pay_url"), fields.get("session_id")
    if not (isinstance(page, str) and isinstance(session_id, str) and page.startswith(("https://", "http://"))):
        return Session(contact=Contact.UNKNOWN)
    return Session(contact=Contact.SUCCEEDED, redirect_url=page, bank_session_id=session_id)


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """Evidence of one event. Raises BadSignature before the body is looked at, Malformed after."""
    given = request.headers.get(SIGNATURE, "")
    if not verified(given, _known(secrets), "webhook", f"{request.method} {target_of(request.url)}", request.body):
        raise BadSignature
    if abs(now - signed_at(given)) > WINDOW:
        raise BadSignature("outside the time window")
    event = parsed(request.body)
    read = _NEWS.get(text(event, "type"))
    if read is None:
        return Ignored(reason="a type of event that is not listed")
    data = event.get("data")
    if not isinstance(data, dict):
        raise Malformed("data is no object")
    evidence = read(data, moment(event))
    return Notice(evidence=(evidence,), authority=Authority.NOTICE, event_id=text(event, "event_id"))


def acknowledge(verdict: Verdict) -> HttpReply:
    """Any 2xx ends the bank's resending."""
    body = json.dumps({"result": verdict.value}).encode()
    return HttpReply(status=_REFUSALS.get(verdict, 200), headers={"content-type": "application/json"}, body=body)


def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
    """Everything the bank knows of an attempt: each payment and reversal, or an authentic "not paid"."""
    path = f"/v1/sessions/{quote(ask.attempt_ref, safe='')}"
    return (yield from _answered(partial(_session_state, ask), secrets, "GET", path, ask.now))


def refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """Ask for a refund; the bank answers the same again for the same `refund_ref`."""
    if not ask.is_possible:
        return Answer(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    names = ("refund_ref", "attempt_ref", "bank_txn_id", "amount_vnd", "reason")
    wanted = {name: getattr(ask, name) for name in names}
    return (yield from _answered(partial(_refund_state, ask), secrets, "POST", "/v1/refunds", ask.now, wanted))


def query_refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
    """What became of a refund. One the bank does not know is unknown: our request may still be under way."""
    path = f"/v1/refunds/{quote(ask.refund_ref, safe='')}"
    return (yield from _answered(partial(_refund_state, ask), secrets, "GET", path, ask.now))


def fetch_file(ask: FileAsk, secrets: Secrets) -> FileDialogue:
    """The settlement or the statement of a day (section 8). A signature on the file, if there is one, must be right."""
    if not _known(secrets):
        return FetchedFile(contact=Contact.NOT_SENT)
    url = f"{secrets.base_url}/v1/{ask.kind}s/{ask.day.isoformat()}.csv"
    signed = signature(secrets.values["secret"], "request", ask.now, f"GET {target_of(url)}", b"")
    reply = yield HttpRequest(method="GET", url=url, headers={SIGNATURE: signed, "accept": "text/csv"}, repeatable=True)
    given = reply.headers.get(SIGNATURE, "")
    if given and not verified(given, _known(secrets), "answer", f"{reply.status} {signed}", reply.body):
        return FetchedFile(contact=Contact.UNKNOWN)
    contact = _FILES.get(reply.status, Contact.UNKNOWN)
    return FetchedFile(contact=contact, body=reply.body if contact is Contact.SUCCEEDED else b"")


def _known(secrets: Secrets) -> tuple[str, ...]:
    """The current secret and, in rotation, the previous one; nothing at all without a current one."""
    current = secrets.values.get("secret", "")
    previous = secrets.previous.get("secret", "")
    return tuple(key for key in (current, previous) if key) if current else ()


def _call(
    secrets: Secrets, method: str, path: str, now: datetime, content: object = None
) -> Generator[HttpRequest, HttpReply, tuple[int, Json] | None]:
    """One signed request; its status and fields, or None unless the answer is authentic and readable."""
    url = f"{secrets.base_url}{path}"
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    signed = signature(secrets.values["secret"], "request", now, f"{method} {target_of(url)}", body)
    headers = {SIGNATURE: signed, "accept": "application/json"} | ({"content-type": "application/json"} if body else {})
    reply = yield HttpRequest(method=method, url=url, headers=headers, body=body, repeatable=True)
    given = reply.headers.get(SIGNATURE, "")
    if not verified(given, _known(secrets), "answer", f"{reply.status} {signed}", reply.body):
        return None
    try:
        return reply.status, parsed(reply.body)
    except Malformed:
        return None


def _answered(
    read: Callable[[int, Json], Answer], secrets: Secrets, method: str, path: str, now: datetime, content: object = None
) -> AnswerDialogue:
    if not _known(secrets):
        return Answer(contact=Contact.NOT_SENT, bank_code="unconfigured")
    replied = yield from _call(secrets, method, path, now, content)
    try:
        return read(*replied) if replied else Answer(contact=Contact.UNKNOWN)
    except Malformed:
        return Answer(contact=Contact.UNKNOWN, bank_code="unreadable")


def _session_state(ask: QueryAsk, status: int, fields: Json) -> Answer:
    code = _code(fields)
    if (status, code) == (404, "unknown_session"):
        seen = AttemptSeen(
            attempt_ref=ask.attempt_ref,
            status=AttemptStatus.CREATED,
            occurred_at=ask.now,
            not_paid=True,
            bank_code=code,
        )
        return Answer(contact=Contact.PENDING, evidence=(seen,), bank_code=code)
    if status != 200 or fields.get("attempt_ref") != ask.attempt_ref:  # noqa: PLR2004 - the document's figure
        return Answer(contact=Contact.UNKNOWN, bank_code=code)
    payments = tuple(_payment(item, moment(item)) for item in objects(fields, "payments"))
    reversals = tuple(_reversal(item, moment(item)) for item in objects(fields, "reversals"))
    if payments or reversals:
        return Answer(contact=Contact.SUCCEEDED, evidence=payments + reversals, bank_code=code)
    if code not in _UNPAID:
        return Answer(contact=Contact.UNKNOWN, bank_code=code)
    contact, state = _UNPAID[code]
    seen = AttemptSeen(
        attempt_ref=ask.attempt_ref,
        status=state,
        occurred_at=moment(fields, "as_of"),
        not_paid=state is not AttemptStatus.PENDING,  # money on its way is neither there nor absent
        bank_code=code,
    )
    return Answer(contact=contact, evidence=(seen,), bank_code=code)


def _refund_state(ask: RefundAsk, status: int, fields: Json) -> Answer:
    code = _code(fields)
    if status not in {200, 201} or fields.get("refund_ref") != ask.refund_ref or code not in _REFUNDS:
        return Answer(contact=Contact.UNKNOWN, bank_code=code)
    contact, state = _REFUNDS[code]
    seen = _refund(state, fields, moment(fields))
    if seen.amount_vnd != ask.amount_vnd:
        return Answer(contact=Contact.UNKNOWN, bank_code="other_amount")
    return Answer(contact=contact, evidence=(seen,), bank_code=code)


def _payment(data: Json, at: datetime) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=text_or_none(data, "attempt_ref"),
        bank_txn_id=text(data, "bank_txn_id"),
        amount_vnd=amount(data),
        occurred_at=at,
        currency=text(data, "currency"),
        merchant=text(data, "merchant"),
        account=text(data, "account"),
        memo=text_or_none(data, "memo") or "",
    )


def _attempt(status: AttemptStatus, data: Json, at: datetime) -> AttemptSeen:
    code = text_or_none(data, "code") or ""
    return AttemptSeen(attempt_ref=text(data, "attempt_ref"), status=status, occurred_at=at, bank_code=code)


def _reversal(data: Json, at: datetime) -> ReversalSeen:
    return ReversalSeen(
        reversal_id=text(data, "reversal_id"),
        attempt_ref=text_or_none(data, "attempt_ref"),
        bank_txn_id=text(data, "bank_txn_id"),
        amount_vnd=amount(data),
        occurred_at=at,
    )


def _refund(status: RefundNewsStatus, data: Json, at: datetime) -> RefundSeen:
    return RefundSeen(
        refund_ref=text(data, "refund_ref"),
        status=status,
        amount_vnd=amount(data),
        occurred_at=at,
        bank_txn_id=text_or_none(data, "refund_txn_id"),
    )


_NEWS: dict[str, Callable[[Json, datetime], Evidence]] = {
    "payment.succeeded": _payment,
    "payment.pending": partial(_attempt, AttemptStatus.PENDING),
    "payment.failed": partial(_attempt, AttemptStatus.FAILED),
    "payment.expired": partial(_attempt, AttemptStatus.EXPIRED),
    "payment.cancelled": partial(_attempt, AttemptStatus.CANCELLED),
    "payment.reversed": _reversal,
    "refund.succeeded": partial(_refund, RefundNewsStatus.SUCCEEDED),
    "refund.failed": partial(_refund, RefundNewsStatus.FAILED),
    "refund.returned": partial(_refund, RefundNewsStatus.RETURNED),
}


def _code(fields: Json) -> str:
    """The bank's own word for the outcome, kept for the case file."""
    value = fields.get("error") or fields.get("status")
    return value[:64] if isinstance(value, str) else ""


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


CONNECTOR = Connector(
    name="sandbox",
    title="Ngân hàng thử nghiệm",
    grade="A",
    source="docs/api/sandbox-bank.md, version 1, 2026-11",
    methods=("card", "wallet", "transfer"),
    receipts_per_attempt="many",
    credentials=(
        Credential(name="secret", secret=True, pattern=r"[!-~]{16,128}", help="Shared HMAC key, 16 to 128 characters"),
        Credential(name="flow", secret=False, pattern="redirect|server", help="How a payment starts at this bank"),
    ),
    limits=Limits(amount_min_vnd=1, amount_max_vnd=AMOUNT_MAX_VND, reference_max_chars=64, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    open_session=open_session,
    query=query,
    refund=refund,
    query_refund=query_refund,
    fetch_file=fetch_file,
    parse_settlement=read_settlement,
    disputes=True,
)
