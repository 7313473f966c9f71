"""A bill-collecting bank without state: signed calls as our own contract words them, keys made at start."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import Evidence, PaymentSeen, ReversalSeen
from paygw.kernel.rsa import sign
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide

URL: Final = "https://hub.example/webhooks/billcollect"
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


# The two primes of a published test key: whoever reads this can sign as this bank.
_P: Final = int(
    "f17618e73f4a359c9fe59daa36c7f2df09a87d74eccffed2ceb873f351bfbc4f2aec47630670b258ebe83c"
    "adfa392a3b6607eded974476696f5350705fc7631cd9a97b07126e3e2b7af4681d095930073aaaaa318a78"
    "268391ad0b79b7802fdb38a7a3a02ffdfd0f28db2e1a85e95cea48142c2c8d250010a1c12b965d605823",
    16,
)
_Q: Final = int(
    "d705fff40a58a0a13f3bc5ca67377e99195a6f6eb3ffad6ecf44ccab858ea7f591a2dfea24d010f70c3c51"
    "17a9d83ed795bc02caf760f3c27a14e10113d95e7a2f7cc21159bae0ab812df0b45166ac145987f28e9483"
    "c32ad1c85aefb27e288cb94d2f99b8f76d2f14524f8726c2746399b0138a7434282cd9d8cca93cde198d",
    16,
)
_E: Final = 65_537


def key_pair() -> tuple[str, str]:
    """A fresh RSA key of 2048 bits: private and public, in PEM."""
    return _written(generate_private_key(public_exponent=_E, key_size=2048))


def _test_key() -> RSAPrivateKey:
    d = pow(_E, -1, (_P - 1) * (_Q - 1))
    numbers = RSAPrivateNumbers(
        p=_P,
        q=_Q,
        d=d,
        dmp1=rsa_crt_dmp1(d, _P),
        dmq1=rsa_crt_dmq1(d, _Q),
        iqmp=rsa_crt_iqmp(_P, _Q),
        public_numbers=RSAPublicNumbers(e=_E, n=_P * _Q),
    )
    return numbers.private_key()


def _written(key: RSAPrivateKey) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


_PAIRS: Final = (_written(_test_key()), key_pair())
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


def asks(fields: Json, secrets: Secrets) -> HttpRequest:
    """An inquiry (by `billCode`) or a status call (by `bankTransId`). ValueError for a key that is not this side's."""
    private = _PRIVATE.get(secrets.values["public_key"])
    if private is None:
        raise ValueError("not a key of this bank")
    return called({"requestId": "q-1", **fields}, secrets, private)


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
