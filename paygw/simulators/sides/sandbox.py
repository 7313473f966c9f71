"""The sandbox bank without state: signed events and answers as docs/api/sandbox-bank.md words them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from connectors.sandbox import SIGNATURE
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    DebitSeen,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.kernel.framing import signature, target_of
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://bank.example/sandbox-a",
    merchant="HUB",
    values={"secret": "test-secret-of-sandbox-a"},
    options={"flow": "server"},
)
PAYMENT = PaymentSeen(
    attempt_ref="A-1",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    merchant="HUB",
    account="1020304050",
    memo="Nộp lệ phí hộ chiếu",
)
ATTEMPT = AttemptSeen(attempt_ref="A-1", status=AttemptStatus.PENDING, occurred_at=NOON, bank_code="otp")
REVERSAL = ReversalSeen(
    reversal_id="RV-1", attempt_ref="A-1", bank_txn_id="FT26325000001", amount_vnd=150_000, occurred_at=NOON
)
REFUND = RefundSeen(
    refund_ref="R-1",
    status=RefundNewsStatus.SUCCEEDED,
    amount_vnd=50_000,
    occurred_at=NOON,
    bank_txn_id="FT26325000002",
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed webhook that states this evidence. Raises ValueError for a kind this bank does not speak of."""
    kind, data = _stated(evidence)
    return _webhook(kind, data, evidence.occurred_at, secrets, at)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed webhook of a type that the document does not list."""
    return _webhook("payment.pondered", {"attempt_ref": "A-1"}, at, secrets, at)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The signed answer of a bank that knows exactly `truth`."""
    path = request.url.removeprefix(secrets.base_url)
    asked: Mapping[str, str] = json.loads(request.body) if request.body else {}
    ref = unquote(path.rpartition("/")[2])
    if path == "/v1/sessions":
        page: Json = {
            "session_id": "S-1",
            "pay_url": f"{secrets.base_url}/pay/S-1",
            "attempt_ref": asked["attempt_ref"],
        }
        return _answer(request, 201, page, secrets, at)
    if path.startswith("/v1/refunds"):
        return _answer(request, *_refund_view(asked.get("refund_ref", ref), truth), secrets, at)
    return _answer(request, *_session_view(ref, truth, at), secrets, at)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """A signed answer whose status and error the document does not list."""
    return _answer(request, 418, {"status": "pondering", "error": "teapot"}, secrets, at)


def _webhook(kind: str, data: Json, occurred_at: datetime, secrets: Secrets, at: datetime) -> HttpRequest:
    event = {"event_id": f"evt-{kind}", "type": kind, "occurred_at": occurred_at.isoformat(), "data": data}
    url, body = "https://hub.example/webhooks/sandbox-a", json.dumps(event, ensure_ascii=False).encode()
    signed = signature(secrets.values["secret"], "webhook", at, f"POST {target_of(url)}", body)
    headers = {SIGNATURE: signed, "content-type": "application/json"}
    return HttpRequest(method="POST", url=url, headers=headers, body=body)


def _answer(request: HttpRequest, status: int, fields: Json, secrets: Secrets, at: datetime) -> HttpReply:
    body = json.dumps(fields, ensure_ascii=False).encode()
    head = f"{status} {request.headers[SIGNATURE]}"
    signed = signature(secrets.values["secret"], "answer", at, head, body)
    return HttpReply(status=status, headers={SIGNATURE: signed, "content-type": "application/json"}, body=body)


def _stated(evidence: Evidence) -> tuple[str, Json]:
    """Type and data of an event: the fields of the evidence under the document's names."""
    data = {name: value for name, value in asdict(evidence).items() if name not in {"occurred_at", "status"}}
    match evidence:
        case PaymentSeen():
            return "payment.succeeded", data
        case ReversalSeen():
            return "payment.reversed", data
        case AttemptSeen(status=status, bank_code=code):
            return f"payment.{status}", data | {"code": code}
        case RefundSeen(status=status, bank_txn_id=txn_id):
            return f"refund.{status}", data | {"refund_txn_id": txn_id}
        case _:
            raise ValueError("the sandbox bank does not speak of this")


def _session_view(ref: str, truth: tuple[Evidence, ...], at: datetime) -> tuple[int, Json]:
    mine = [seen for seen in truth if not isinstance(seen, RefundSeen | DebitSeen) and seen.attempt_ref == ref]
    if not mine:
        return 404, {"error": "unknown_session"}
    closed = [seen.status.value for seen in mine if isinstance(seen, AttemptSeen)]
    payments = [_item(seen) for seen in mine if isinstance(seen, PaymentSeen)]
    reversals = [_item(seen) for seen in mine if isinstance(seen, ReversalSeen)]
    state = "paid" if payments else {"redirected": "open"}.get(closed[-1], closed[-1]) if closed else "open"
    view: Json = {"attempt_ref": ref, "status": state, "as_of": at.isoformat()}
    return 200, view | {"payments": payments, "reversals": reversals}


def _refund_view(ref: str, truth: tuple[Evidence, ...]) -> tuple[int, Json]:
    for seen in truth:
        if isinstance(seen, RefundSeen) and seen.refund_ref == ref:
            return 200, _item(seen) | {"status": seen.status.value}
    return 404, {"error": "unknown_refund"}


def _item(evidence: Evidence) -> Json:
    return _stated(evidence)[1] | {"occurred_at": evidence.occurred_at.isoformat()}


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"secret": "another-secret-of-sandbox"},
    samples=(
        PAYMENT,
        replace(PAYMENT, attempt_ref=None, memo=""),
        *(replace(ATTEMPT, status=AttemptStatus(word)) for word in ("pending", "failed", "expired", "cancelled")),
        REVERSAL,
        *(replace(REFUND, status=RefundNewsStatus(word)) for word in ("succeeded", "failed", "returned")),
    ),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
)
