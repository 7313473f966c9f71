"""payOS without state: webhooks and answers as its clients read them, under test keys."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from connectors.payos import DONE, VIETNAM, data_text
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Evidence, PaymentSeen
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://api-merchant.payos.example",
    merchant="client-0001",
    values={
        "checksumKey": "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675",
        "apiKey": "api-key-of-the-test-shop",
    },
    options={"pageOrigin": "https://pay.payos.example", "answers": "signed"},
)
PAYMENT = PaymentSeen(
    attempt_ref="5998320000001",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="Nop le phi ho chieu",
)
STATES: Final = {
    AttemptStatus.REDIRECTED: "PENDING",
    AttemptStatus.PENDING: "PROCESSING",
    AttemptStatus.EXPIRED: "EXPIRED",
    AttemptStatus.CANCELLED: "CANCELLED",
    AttemptStatus.FAILED: "FAILED",
}
_LINK = "a1b2c3"


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A webhook. Raises ValueError for a kind that payOS sends none of."""
    del at
    if not isinstance(evidence, PaymentSeen):
        raise ValueError("payOS tells of transfers only")  # noqa: TRY004 - the value, not its type, is wrong
    data = {
        "orderCode": int(evidence.attempt_ref or 0),
        **_transfer(evidence),
        "currency": evidence.currency,
        "paymentLinkId": _LINK,
        "code": DONE,
        "desc": "Thành công",
    }
    return _webhook(data, secrets)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A webhook with a code that no document lists."""
    data = _transfer(replace(PAYMENT, occurred_at=at)) | {"orderCode": int(PAYMENT.attempt_ref or 0)}
    return _webhook(data | {"code": "31415", "desc": "pondering"}, secrets)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The signed answer of a payOS that knows exactly `truth`."""
    path = request.url.removeprefix(f"{secrets.base_url}/v2/payment-requests").strip("/")
    if not path:
        return answer(link(json.loads(request.body), f"{secrets.options['pageOrigin']}/web/{_LINK}"), secrets)
    ref = path.removesuffix("/cancel")
    mine = [seen for seen in truth if isinstance(seen, PaymentSeen | AttemptSeen) and seen.attempt_ref == ref]
    if not mine:
        body = json.dumps({"code": "101", "desc": "Mã thanh toán không tồn tại"}, ensure_ascii=False).encode()
        return HttpReply(status=404, headers={"content-type": "application/json"}, body=body)
    paid = [seen for seen in mine if isinstance(seen, PaymentSeen)]
    paid_vnd = sum(seen.amount_vnd for seen in paid)
    closed = [STATES[seen.status] for seen in mine if isinstance(seen, AttemptSeen)]
    due_vnd = PAYMENT.amount_vnd
    status = "PAID" if paid_vnd >= due_vnd else "UNDERPAID" if paid else closed[-1]
    data: Json = {
        "id": _LINK,
        "orderCode": int(ref),
        "amount": due_vnd,
        "amountPaid": paid_vnd,
        "amountRemaining": max(0, due_vnd - paid_vnd),
        "status": status,
        "createdAt": at.astimezone(VIETNAM).isoformat(),
        "transactions": [_transfer(seen) for seen in paid],
        "cancellationReason": None,
        "canceledAt": None,
    }
    return answer(data, secrets)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """A signed answer with a status that no document lists."""
    del request, at
    data: Json = {"orderCode": int(PAYMENT.attempt_ref or 0), "amount": 150_000, "amountPaid": 0, "status": "PONDERING"}
    return answer(data, secrets)


def link(asked: Json, page_url: str) -> Json:
    """A new link as its maker is told of it."""
    names = ("orderCode", "amount", "description", "expiredAt")
    return {
        "bin": "970422",
        "accountNumber": "V3CAS0001",
        "accountName": "CONG THU PHI",
        "currency": "VND",
        "paymentLinkId": _LINK,
        "status": "PENDING",
        "checkoutUrl": page_url,
        "qrCode": "00020101021238530010A0000007270123000697042201090011001230208QRIBFTTA53037045802VN6304AAAA",
        **{name: asked[name] for name in names if name in asked},
    }


def _transfer(seen: PaymentSeen) -> Json:
    return {
        "accountNumber": seen.account,
        "amount": seen.amount_vnd,
        "description": seen.memo,
        "reference": seen.bank_txn_id,
        "transactionDateTime": f"{seen.occurred_at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "counterAccountBankId": "970436",
        "counterAccountBankName": None,
        "counterAccountName": "ĐỖ VĂN ỨNG",
        "counterAccountNumber": "0123456789",
        "virtualAccountName": "",
        "virtualAccountNumber": "V3CAS0001",
    }


def _webhook(data: Json, secrets: Secrets) -> HttpRequest:
    signature = hmac_hex(secrets.values["checksumKey"], data_text(data))
    envelope = {"code": DONE, "desc": "success", "success": True, "data": data, "signature": signature}
    body, url = json.dumps(envelope, ensure_ascii=False).encode(), "https://hub.example/webhooks/payos"
    return HttpRequest(method="POST", url=url, headers={"content-type": "application/json"}, body=body)


def answer(data: Json, secrets: Secrets) -> HttpReply:
    """A signed answer of the API."""
    signature = hmac_hex(secrets.values["checksumKey"], data_text(data))
    envelope = {"code": DONE, "desc": "success", "data": data, "signature": signature}
    body = json.dumps(envelope, ensure_ascii=False).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={
        "checksumKey": "8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd76751a54716c",
        "apiKey": "another-key-of-the-test-shop",
    },
    samples=(PAYMENT, replace(PAYMENT, amount_vnd=1_000, bank_txn_id="FT26325000002", memo="")),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    attempt_ref=PAYMENT.attempt_ref or "",
    other_refs=("5998320000002", "9007199254740991"),
    bearer=frozenset({"apiKey"}),
)
