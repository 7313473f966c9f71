"""ZaloPay without state: callbacks and answers as its pages word them, under published test keys."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from connectors.zalopay import VIETNAM, signed_text
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Evidence, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json, milliseconds
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://sb-openapi.zalopay.example",
    merchant="2553",
    values={"key1": "PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL", "key2": "kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz"},
    options={"appUser": "paygw", "bankCode": "zalopayapp", "pageOrigin": "https://qcgateway.zalopay.example"},
)
PAYMENT = PaymentSeen(
    attempt_ref="A-1", bank_txn_id="261120000000389", amount_vnd=150_000, occurred_at=NOON, merchant=SECRETS.merchant
)
# return_code, sub_return_code and is_processing of each state.
STATES: Final = {
    AttemptStatus.REDIRECTED: (3, 0, False),
    AttemptStatus.PENDING: (3, 0, True),
    AttemptStatus.EXPIRED: (2, -54, False),
    AttemptStatus.CANCELLED: (2, -329, False),
    AttemptStatus.FAILED: (2, -63, False),
}
REFUNDS: Final = {RefundNewsStatus.SUCCEEDED: 1, RefundNewsStatus.FAILED: 2, RefundNewsStatus.PENDING: 3}


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A callback. Raises ValueError for a kind that ZaloPay sends none of."""
    del at
    if not isinstance(evidence, PaymentSeen):
        raise ValueError("ZaloPay calls back for payments only")  # noqa: TRY004 - the value, not its type, is wrong
    data = {
        "app_id": int(secrets.merchant),
        "app_trans_id": f"{evidence.occurred_at.astimezone(VIETNAM):%y%m%d}_{evidence.attempt_ref}",
        "app_time": milliseconds(evidence.occurred_at),
        "app_user": "paygw",
        "amount": evidence.amount_vnd,
        "embed_data": json.dumps({"memo": evidence.memo}, ensure_ascii=False),
        "item": "[]",
        "zp_trans_id": int(evidence.bank_txn_id or 0),
        "server_time": milliseconds(evidence.occurred_at),
        "channel": 38,
        "merchant_user_id": "u1",
        "user_fee_amount": 0,
        "discount_amount": 0,
    }
    return _callback(data, secrets)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A callback about something that is no payment."""
    return _callback({"app_id": int(secrets.merchant), "binding_id": "B-1", "server_time": milliseconds(at)}, secrets)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The answer of a ZaloPay that knows exactly `truth`."""
    asked: Json = json.loads(request.body)
    match request.url.removeprefix(secrets.base_url):
        case "/v2/create":
            page = f"{secrets.options['pageOrigin']}/openinapp?order={asked['app_trans_id']}"
            return answer(1, 1, zp_trans_token="T-1", order_url=page, order_token="T-1")  # noqa: S106 - not secret
        case "/v2/query":
            return _query_answer(str(asked["app_trans_id"]), truth, at)
        case _:
            return _refund_answer(str(asked["m_refund_id"]), truth)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """An answer with a code that no page lists."""
    del request, secrets, at
    return answer(31415, 31415, amount=150_000, zp_trans_id=1, order_url="https://elsewhere.example/")


def _query_answer(transaction: str, truth: tuple[Evidence, ...], at: datetime) -> HttpReply:
    ref = re.sub(r"^[0-9]{6}_", "", transaction)
    mine = [seen for seen in truth if isinstance(seen, PaymentSeen | AttemptSeen) and seen.attempt_ref == ref]
    for seen in sorted(mine, key=lambda one: not isinstance(one, PaymentSeen)):
        if isinstance(seen, PaymentSeen):
            paid = {"amount": seen.amount_vnd, "zp_trans_id": int(seen.bank_txn_id or 0), "discount_amount": 0}
            return answer(1, 1, is_processing=False, server_time=milliseconds(seen.occurred_at), **paid)
        code, sub, busy = STATES[seen.status]
        return answer(code, sub, is_processing=busy, amount=PAYMENT.amount_vnd, zp_trans_id=0)
    return answer(2, -101, is_processing=False, amount=0, zp_trans_id=0, server_time=milliseconds(at))


def _refund_answer(refund_id: str, truth: tuple[Evidence, ...]) -> HttpReply:
    for seen in truth:
        if isinstance(seen, RefundSeen) and refund_id.endswith(f"_{seen.refund_ref}"):
            return answer(REFUNDS[seen.status], 1, refund_id=261120000000001)
    return answer(2, -101)


def returned(evidence: Evidence, secrets: Secrets, at: datetime) -> str:
    """The query string the browser brings back, with its checksum."""
    del at
    paid = isinstance(evidence, PaymentSeen)
    fields: Json = {
        "appid": secrets.merchant,
        "apptransid": f"{evidence.occurred_at.astimezone(VIETNAM):%y%m%d}_{getattr(evidence, 'attempt_ref', '')}",
        "pmcid": "38",
        "bankcode": "",
        "amount": str(evidence.amount_vnd if isinstance(evidence, PaymentSeen) else 0),
        "discountamount": "0",
        "status": "1" if paid else "-49",
    }
    return urlencode(fields | {"checksum": hmac_hex(secrets.values["key2"], signed_text("return", fields))})


def _callback(data: Json, secrets: Secrets) -> HttpRequest:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    body = json.dumps({"data": text, "mac": hmac_hex(secrets.values["key2"], text), "type": 1}, ensure_ascii=False)
    headers = {"content-type": "application/json"}
    url = "https://hub.example/webhooks/zalopay"
    return HttpRequest(method="POST", url=url, headers=headers, body=body.encode())


def answer(code: int, sub: int, **more: object) -> HttpReply:
    """An answer of the API."""
    fields = {"return_code": code, "return_message": "", "sub_return_code": sub, "sub_return_message": "", **more}
    body = json.dumps(fields, ensure_ascii=False).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"key1": "uUfsWgfLkRLzq6W2uNXTCxrfxs51auny", "key2": "eG4r0GcoNtRGbO8RC2e4vPpHvz6b0nHu"},
    samples=(PAYMENT, replace(PAYMENT, amount_vnd=20_000, bank_txn_id="261120000000390")),
    answers=tuple(
        RefundSeen(refund_ref="R-1", status=status, amount_vnd=50_000, occurred_at=NOON) for status in REFUNDS
    ),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    signs_answers=False,
    names_answers=False,
    other_refs=("A.1_b-2", "aaaaaaaaaaaaaaaaaaaa", "260115_A-1"),
)
