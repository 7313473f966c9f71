"""A bill-collecting bank without state: signed calls as our own contract words them, keys made at start."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import Evidence, PaymentSeen, ReversalSeen
from paygw.kernel.rsa import sign
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide

URL: Final = "https://hub.example/webhooks/billcollect"
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def key_pair() -> tuple[str, str]:
    """A fresh RSA key of 2048 bits: private and public, in PEM."""
    key = generate_private_key(public_exponent=65_537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


_PAIRS: Final = (key_pair(), key_pair())
_PRIVATE: Final = {public: private for private, public in _PAIRS}

SECRETS = Secrets(
    base_url="https://bank.example",
    merchant="PAYGW",
    values={"public_key": _PAIRS[0][1]},
    options={
        "signature_header": "x-bank-signature",
        "codes": "expired=05",
        "reversal_window_s": "3600",
        "client_certificate": "ab" * 32,
        "certificate_header": "x-client-sha256",
    },
)
PAYMENT = PaymentSeen(
    attempt_ref="12345678901234567895",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    memo="QUAY",
)
REVERSAL = ReversalSeen(
    reversal_id="reversal:FT26325000001",
    attempt_ref=None,
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
)


def called(fields: Json, secrets: Secrets, private_pem: str, *, url: str = URL) -> HttpRequest:
    """One signed call of a bank set up like this."""
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        secrets.options.get("signature_header", "x-signature"): sign(private_pem, body),
    }
    if fingerprint := secrets.options.get("client_certificate"):
        headers[secrets.options.get("certificate_header", "x-client-certificate-sha256")] = fingerprint
    return HttpRequest(method="POST", url=url, headers=headers, body=body)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A payment or reversal call. Raises ValueError for another kind, or a key that is not one of this side's."""
    del at
    private = _PRIVATE.get(secrets.values["public_key"])
    if private is None:
        raise ValueError("not a key of this bank")
    match evidence:
        case PaymentSeen():
            fields: Json = {
                "requestId": "r-1",
                "bankTransId": evidence.bank_txn_id,
                "billCode": evidence.attempt_ref,
                "amount": evidence.amount_vnd,
                "paidAt": evidence.occurred_at.isoformat(),
                "channel": evidence.memo,
            }
        case ReversalSeen():
            fields = {
                "requestId": "r-2",
                "bankTransId": evidence.bank_txn_id,
                "reason": "Khách hàng hủy",
                "amount": evidence.amount_vnd,
                "reversedAt": evidence.occurred_at.isoformat(),
            }
        case _:
            raise ValueError("this bank tells of payments and reversals only")
    return called(fields, secrets, private)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """An inquiry with members that no contract lists."""
    del at
    fields: Json = {"requestId": "r-3", "billCode": "HS000124", "note": "lệ phí / đợt 1", "mood": "pensive"}
    return called(fields, secrets, _PRIVATE[secrets.values["public_key"]])


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The bank calls us, we never call it."""
    del request, truth, secrets, at
    return HttpReply(status=404)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same."""
    return reply(request, (), secrets, at)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"public_key": _PAIRS[1][1]},
    samples=(PAYMENT, replace(PAYMENT, memo=""), REVERSAL),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_target=False,
    attempt_ref="12345678901234567895",
)
