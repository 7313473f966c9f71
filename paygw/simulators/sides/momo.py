"""MoMo without state: notifications and answers as its pages word them, signed with published test keys."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from connectors.momo import PREFIX, signed_text
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
)
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json, milliseconds
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://test-payment.momo.example",
    merchant="MOMOPGTEST01",
    values={"accessKey": "F8BBA842ECF85", "secretKey": "K951B6PE1waDMi640xX08PD3vg6EkVlz"},
    options={"requestType": "captureWallet", "partnerName": "Cổng thu phí", "storeId": "S-1", "refundQuery": "refund"},
)
PAYMENT = PaymentSeen(
    attempt_ref="A-1", bank_txn_id="2588659987", amount_vnd=150_000, occurred_at=NOON, merchant=SECRETS.merchant
)
# One code for each state; the first that applies is sent.
CODES: Final[Mapping[AttemptStatus, str]] = {
    AttemptStatus.REDIRECTED: "1000",
    AttemptStatus.PENDING: "7000",
    AttemptStatus.EXPIRED: "1005",
    AttemptStatus.CANCELLED: "1006",
    AttemptStatus.FAILED: "1001",
}
REFUND_CODES: Final = {
    RefundNewsStatus.SUCCEEDED: 0,
    RefundNewsStatus.PENDING: 7002,
    RefundNewsStatus.FAILED: 1088,
}


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A notification. Raises ValueError for a kind that MoMo sends none of."""
    del at
    match evidence:
        case PaymentSeen():
            return _notice(evidence, 0, int(evidence.bank_txn_id or 0), evidence.amount_vnd, secrets, evidence.memo)
        case AttemptSeen():
            return _notice(evidence, _code(evidence), 0, PAYMENT.amount_vnd, secrets, "")
        case _:
            raise ValueError("MoMo sends no such notification")


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A notification with a code that no page lists."""
    return _notice(replace(PAYMENT, occurred_at=at), 31415, 1, PAYMENT.amount_vnd, secrets, "")


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The answer of a MoMo that knows exactly `truth`."""
    asked: Json = json.loads(request.body)
    match request.url.removeprefix(secrets.base_url + PREFIX):
        case "/create":
            page = f"{secrets.base_url}/v2/gateway/pay?t={asked['orderId']}"
            return answer(asked, 0, at, amount=asked["amount"], payUrl=page, deeplink="momo://", qrCodeUrl="")
        case "/refund" | "/refund/query":
            return _refund_answer(asked, truth, at)
        case _:
            return _query_answer(asked, truth, at)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """An answer with a code that no page lists."""
    del secrets
    return answer(json.loads(request.body), 31415, at, amount=150_000, transId=1)


def _query_answer(asked: Json, truth: tuple[Evidence, ...], at: datetime) -> HttpReply:
    mine = [s for s in truth if isinstance(s, PaymentSeen | AttemptSeen) and s.attempt_ref == asked["orderId"]]
    for seen in sorted(mine, key=lambda one: not isinstance(one, PaymentSeen)):
        if isinstance(seen, PaymentSeen):
            paid = {"amount": seen.amount_vnd, "transId": int(seen.bank_txn_id or 0), "payType": "qr"}
            return answer(asked, 0, seen.occurred_at, **paid)
        return answer(asked, _code(seen), at, amount=PAYMENT.amount_vnd, transId=0)
    return answer(asked, 42, at, amount=0, transId=0)


def _refund_answer(asked: Json, truth: tuple[Evidence, ...], at: datetime) -> HttpReply:
    for seen in truth:
        if isinstance(seen, RefundSeen) and seen.refund_ref == asked["orderId"]:
            code = REFUND_CODES[seen.status]
            line: Json = {"orderId": seen.refund_ref, "amount": seen.amount_vnd, "transId": 1, "resultCode": code}
            return answer(asked, code, at, amount=seen.amount_vnd, transId=1, refundTrans=[line])
    return answer(asked, 42, at, amount=0, transId=0)


def returned(evidence: Evidence, secrets: Secrets, at: datetime) -> str:
    """The query string the browser brings back: the fields of a notification."""
    return urlencode(json.loads(tell(evidence, secrets, at).body))


def _code(seen: AttemptSeen) -> int:
    """The code that was given, or one for the state."""
    return int(seen.bank_code if seen.bank_code.isdecimal() else CODES[seen.status])


def _notice(
    evidence: PaymentSeen | AttemptSeen, code: int, transaction: int, amount_vnd: int, secrets: Secrets, memo: str
) -> HttpRequest:
    fields: Json = {
        "partnerCode": secrets.merchant,
        "orderId": evidence.attempt_ref,
        "requestId": evidence.attempt_ref,
        "amount": amount_vnd,
        "orderInfo": memo or "Nộp lệ phí hộ chiếu",
        "orderType": "momo_wallet",
        "transId": transaction,
        "resultCode": code,
        "message": "Giao dịch thành công." if code == 0 else "Giao dịch không thành công.",
        "payType": "qr" if transaction else "",
        "responseTime": milliseconds(evidence.occurred_at),
        "extraData": "",
    }
    access, key = secrets.values["accessKey"], secrets.values["secretKey"]
    fields["signature"] = hmac_hex(key, signed_text("notice", fields, access))
    body = json.dumps(fields, ensure_ascii=False).encode()
    headers = {"content-type": "application/json; charset=UTF-8"}
    return HttpRequest(method="POST", url="https://hub.example/webhooks/momo", headers=headers, body=body)


def answer(asked: Json, code: int, at: datetime, **more: object) -> HttpReply:
    """An answer to this request."""
    fields: Json = {name: asked[name] for name in ("partnerCode", "requestId", "orderId") if name in asked}
    fields |= {"resultCode": code, "message": "", "responseTime": milliseconds(at), **more}
    body = json.dumps(fields, ensure_ascii=False).encode()
    return HttpReply(status=200, headers={"content-type": "application/json; charset=UTF-8"}, body=body)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"accessKey": "mTCKt9W3eU1m39TW", "secretKey": "SetA5RDnLHvt51AULf51DyauxUo3kDU6"},
    samples=(
        PAYMENT,
        *(
            AttemptSeen(attempt_ref="A-1", status=status, occurred_at=NOON, bank_code=code)
            for status, code in CODES.items()
            if status is not AttemptStatus.REDIRECTED
        ),
    ),
    answers=tuple(
        RefundSeen(refund_ref="R-1", status=status, amount_vnd=50_000, occurred_at=NOON) for status in REFUND_CODES
    ),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    signs_answers=False,
)
