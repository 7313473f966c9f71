"""OnePAY without state: signed IPNs, and queryDR answers that only TLS protects."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from connectors.onepay import ENDED, KEY, signed_query
from paygw.kernel import forms
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Evidence, PaymentSeen
from paygw.simulators.side import BankSide

NOON = datetime(2026, 11, 20, 5, 0, 7, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://mtf.onepay.example",
    merchant="ONEPAY",
    values={
        "hash_key": "A3EFDFABA8653DF2342E8DAC29B51AF0",
        "query_user": "op-query-01",
        "query_password": "op-password-123456",
    },
    options={"access_code": "D67342C2", "gateway": "domestic"},
)
PAYMENT = PaymentSeen(
    attempt_ref="A-1",
    bank_txn_id="1431785",
    amount_vnd=150_000,
    occurred_at=NOON,
    merchant="ONEPAY",
    memo="HS000123",
)
FORM = {"content-type": "application/x-www-form-urlencoded"}
_FALLBACKS = {AttemptStatus.FAILED: "21", AttemptStatus.CANCELLED: "99", AttemptStatus.EXPIRED: "253"}


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed IPN that states this evidence. Raises ValueError for a kind OnePAY does not speak of."""
    del at  # no message of OnePAY holds a time
    return _get(_told(evidence, secrets), secrets)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed IPN with a code that no document lists."""
    seen = AttemptSeen(attempt_ref="A-1", status=AttemptStatus.FAILED, occurred_at=at)
    return _get(_told(seen, secrets) | {"vpc_TxnResponseCode": "88"}, secrets)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """The answer to queryDR of a OnePAY that knows exactly `truth`."""
    del at
    ref = dict(parse_qsl(request.body.decode())).get("vpc_MerchTxnRef", "")
    mine = [seen for seen in truth if isinstance(seen, PaymentSeen | AttemptSeen) and seen.attempt_ref == ref]
    paid = next((seen for seen in mine if isinstance(seen, PaymentSeen)), None)
    ended = [seen for seen in mine if isinstance(seen, AttemptSeen) and seen.status in _FALLBACKS]
    known: Evidence | None = paid or (ended[-1] if ended else None)
    said = {"vpc_DRExists": "Y", **_told(known, secrets)} if known else {"vpc_DRExists": "N", "vpc_MerchTxnRef": ref}
    return HttpReply(status=200, headers=FORM, body=urlencode(said).encode())


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """An answer whose code no document lists."""
    del secrets, at
    ref = dict(parse_qsl(request.body.decode())).get("vpc_MerchTxnRef", "")
    said = {"vpc_DRExists": "Y", "vpc_MerchTxnRef": ref, "vpc_TxnResponseCode": "88"}
    return HttpReply(status=200, headers=FORM, body=urlencode(said).encode())


def _told(evidence: Evidence, secrets: Secrets) -> dict[str, str]:
    fields = {
        "vpc_Command": "pay",
        "vpc_CurrencyCode": "VND",
        "vpc_Locale": "vn",
        "vpc_Merchant": secrets.merchant,
        "vpc_Version": "2",
    }
    match evidence:
        case PaymentSeen(attempt_ref=str()):
            return fields | {
                "vpc_AdditionData": "970436",
                "vpc_Amount": forms.hundredths(evidence.amount_vnd),
                "vpc_MerchTxnRef": evidence.attempt_ref or "",
                "vpc_Merchant": evidence.merchant,
                "vpc_Message": "Approved",
                "vpc_OrderInfo": evidence.memo,
                "vpc_TransactionNo": evidence.bank_txn_id or "",
                "vpc_TxnResponseCode": "0",
            }
        case AttemptSeen(status=status, bank_code=code) if status in _FALLBACKS:
            return fields | {
                "vpc_Amount": forms.hundredths(150_000),
                "vpc_MerchTxnRef": evidence.attempt_ref,
                "vpc_TxnResponseCode": code if ENDED.get(code) is status else _FALLBACKS[status],
            }
        case _:
            raise ValueError("OnePAY does not tell this")


def _get(fields: Mapping[str, str], secrets: Secrets) -> HttpRequest:
    return HttpRequest(
        method="GET", url=f"https://hub.example/webhooks/onepay-main?{signed_query(fields, secrets.values[KEY])}"
    )


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={
        "hash_key": "6D0870CDE5F24F34F3915FB0045120DB",
        "query_user": "op-query-02",
        "query_password": "op-password-654321",
    },
    samples=(
        PAYMENT,
        replace(PAYMENT, memo="", bank_txn_id="1431786"),
        *(
            AttemptSeen(attempt_ref="A-1", status=state, occurred_at=NOON, bank_code=code)
            for code, state in ENDED.items()
        ),
    ),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    signs_answers=False,
    unsigned=frozenset({"occurred_at"}),  # messages hold no time
    bearer=frozenset({"query_user", "query_password"}),
)
