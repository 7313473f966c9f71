"""VNPAY without state: signed IPNs and answers as its documents word them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from connectors.vnpay import ENDED, HASH, QUERY_REPLY, REFUND_REPLY, request_id_of, signed_query
from paygw.kernel import forms
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
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://sandbox.vnpayment.example",
    merchant="PAYGWTST",
    values={"hash_secret": "TESTSECRETVNPAYSHARED0000000001"},
    options={"server_ip": "203.0.113.10"},
)
PAYMENT = PaymentSeen(
    attempt_ref="A-1",
    bank_txn_id="14226112",
    amount_vnd=150_000,
    occurred_at=NOON,
    merchant="PAYGWTST",
    memo="Nop le phi ho so HS000123",
)
_FALLBACKS = {AttemptStatus.FAILED: "51", AttemptStatus.CANCELLED: "24", AttemptStatus.EXPIRED: "11"}
_REFUNDS = {
    RefundNewsStatus.PENDING: ("00", "05"),
    RefundNewsStatus.SUCCEEDED: ("00", "00"),
    RefundNewsStatus.FAILED: ("00", "09"),
}
_STATES = {
    AttemptStatus.PENDING: "01",
    AttemptStatus.EXPIRED: "02",
    AttemptStatus.CANCELLED: "02",
    AttemptStatus.FAILED: "02",
}


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed IPN that states this evidence. Raises ValueError for a kind VNPAY does not speak of."""
    del at  # an IPN names the time of the payment only
    match evidence:
        case PaymentSeen(attempt_ref=str()):
            fields = _ipn(evidence, ("00", "00")) | {
                "vnp_TransactionNo": evidence.bank_txn_id or "0",
                "vnp_BankTranNo": f"VNP{evidence.bank_txn_id}",
                "vnp_Amount": forms.hundredths(evidence.amount_vnd),
                "vnp_TmnCode": evidence.merchant,
                "vnp_OrderInfo": evidence.memo,
            }
        case AttemptSeen(status=AttemptStatus.PENDING):
            fields = _ipn(evidence, ("00", "01"))
        case AttemptSeen(status=status, bank_code=code) if status in _FALLBACKS:
            fields = _ipn(evidence, (code if ENDED.get(code) is status else _FALLBACKS[status], "02"))
        case _:
            raise ValueError("VNPAY does not tell this")
    return _get({"vnp_TmnCode": secrets.merchant} | fields, secrets)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed IPN with a code that no document lists."""
    seen = AttemptSeen(attempt_ref="A-1", status=AttemptStatus.FAILED, occurred_at=at)
    return _get(_ipn(seen, ("88", "02")) | {"vnp_TmnCode": secrets.merchant}, secrets)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The signed answer of a VNPAY that knows exactly `truth`: to querydr about a refund if there was one."""
    asked = _asked(request)
    refunds = [seen for seen in truth if isinstance(seen, RefundSeen)]
    if asked["vnp_Command"] == "refund":
        mine = [seen for seen in refunds if request_id_of(seen.refund_ref) == asked["vnp_RequestId"]]
        said = _refunded(mine[-1], truth) if mine else {"vnp_ResponseCode": "99"}
        refused = {"vnp_ResponseCode": "95"} if said.get("vnp_TransactionStatus") == "09" else {}
        return answer(request, said | refused, secrets, at)
    if refunds:
        return answer(request, _refunded(refunds[-1], truth), secrets, at)
    return answer(request, _payment_state(asked["vnp_TxnRef"], truth), secrets, at)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """A signed answer whose code the document does not list."""
    return answer(request, {"vnp_ResponseCode": "77", "vnp_TransactionStatus": "77"}, secrets, at)


def answer(request: HttpRequest, said: Mapping[str, str], secrets: Secrets, at: datetime) -> HttpReply:
    """An answer of the API with its hash; what is not said is empty."""
    asked = _asked(request)
    names = REFUND_REPLY if asked["vnp_Command"] == "refund" else QUERY_REPLY
    same = {name: asked[name] for name in ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_OrderInfo")}
    fields = dict.fromkeys(names, "") | same | {"vnp_ResponseId": f"{int(at.timestamp())}", "vnp_Message": "OK", **said}
    signed = fields | {HASH: forms.hmac_sha512(secrets.values["hash_secret"], forms.piped(fields, names).encode())}
    body = json.dumps(signed, ensure_ascii=False).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


def _asked(request: HttpRequest) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in json.loads(request.body).items()}


def _get(fields: Mapping[str, str], secrets: Secrets) -> HttpRequest:
    url = f"https://hub.example/webhooks/vnpay-main?{signed_query(fields, secrets.values['hash_secret'])}"
    return HttpRequest(method="GET", url=url)


def _ipn(evidence: PaymentSeen | AttemptSeen, codes: tuple[str, str]) -> dict[str, str]:
    return {
        "vnp_Amount": forms.hundredths(150_000),
        "vnp_BankCode": "NCB",
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": "Nop le phi",
        "vnp_PayDate": forms.stamp(evidence.occurred_at),
        "vnp_ResponseCode": codes[0],
        "vnp_TransactionNo": "0",
        "vnp_TransactionStatus": codes[1],
        "vnp_TxnRef": evidence.attempt_ref or "",
    }


def _payment_state(ref: str, truth: tuple[Evidence, ...]) -> dict[str, str]:
    mine = [seen for seen in truth if not isinstance(seen, RefundSeen | DebitSeen) and seen.attempt_ref == ref]
    paid = next((seen for seen in mine if isinstance(seen, PaymentSeen)), None)
    states = [_STATES[seen.status] for seen in mine if isinstance(seen, AttemptSeen) and seen.status in _STATES]
    if paid is None and not states:
        return {"vnp_ResponseCode": "91", "vnp_Message": "Transaction not found"}
    said = {"vnp_ResponseCode": "00", "vnp_TransactionType": "01", "vnp_BankCode": "NCB"}
    if paid is None:
        return said | {"vnp_TransactionStatus": states[-1], "vnp_TransactionNo": "0"}
    reversed_ = any(isinstance(seen, ReversalSeen) for seen in mine)
    return said | {
        "vnp_Amount": forms.hundredths(paid.amount_vnd),
        "vnp_PayDate": forms.stamp(paid.occurred_at),
        "vnp_TransactionNo": paid.bank_txn_id or "0",
        "vnp_TransactionStatus": "04" if reversed_ else "00",
    }


def _refunded(seen: RefundSeen, truth: tuple[Evidence, ...]) -> dict[str, str]:
    code, status = _REFUNDS.get(seen.status, ("99", ""))
    whole = any(isinstance(paid, PaymentSeen) and paid.amount_vnd == seen.amount_vnd for paid in truth)
    return {
        "vnp_ResponseCode": code,
        "vnp_Amount": forms.hundredths(seen.amount_vnd),
        "vnp_PayDate": forms.stamp(seen.occurred_at),
        "vnp_TransactionNo": seen.bank_txn_id or "0",
        "vnp_TransactionType": "02" if whole else "03",
        "vnp_TransactionStatus": status,
    }


def _attempt(status: AttemptStatus, code: str) -> AttemptSeen:
    return AttemptSeen(attempt_ref="A-1", status=status, occurred_at=NOON, bank_code=code)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"hash_secret": "ANOTHERSECRETVNPAY0000000000002"},
    samples=(
        PAYMENT,
        replace(PAYMENT, memo="", bank_txn_id="14226113"),
        _attempt(AttemptStatus.PENDING, "00"),
        *(_attempt(state, code) for code, state in ENDED.items()),
    ),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    answers=tuple(
        RefundSeen(refund_ref="R-1", status=status, amount_vnd=50_000, occurred_at=NOON) for status in _REFUNDS
    ),
)
