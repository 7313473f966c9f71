"""VietQR VN balance callback (doc.vietqr.vn, read 2026): an observer of accounts.

`signature` is HMAC-SHA256 in hex over transactionId, the amount in ten digits, transactionTime and orderId. It covers
neither account, direction, reference nor memo: a message replayed with other ones is known by its transactionId, which
is signed and taken once, and `accounts` limits what it may speak about. The values stand in the signed text without
anything between, so digits could move from one to the next: what makes a time that is none, or that has not come, is
refused. TLS and, in doubt, the statement do the rest.

Confirm with the provider: the name of the signature member (`signature`, `sign`); whether callbacks also carry a token
that we would have to issue; how often they are sent again.
"""

import json
from datetime import datetime, timedelta
from typing import Final

from paygw.kernel.connector import (
    BadSignature,
    Connector,
    Credential,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Malformed,
    Notice,
    Secrets,
    Verdict,
)
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.forms import keys_of
from paygw.kernel.macs import hmac_hex, made_with
from paygw.kernel.observed import account_number, as_debit, local_time, reference
from paygw.kernel.wire import AMOUNT_MAX_VND, Json, parsed, sum_vnd, text, text_or_none, word

_AMOUNT_DIGITS: Final = 10
_AHEAD: Final = timedelta(days=1)
_REFUSALS: Final = {
    Verdict.BAD_SIGNATURE: (401, "INVALID_SIGNATURE"),
    Verdict.MALFORMED: (400, "MALFORMED"),
    Verdict.UNAVAILABLE: (503, "TRY_AGAIN"),
}


def signed_text(fields: Json) -> str:
    """The exact text that is signed."""
    amount = word(fields.get("amount")).zfill(_AMOUNT_DIGITS)
    return (
        f"{word(fields.get('transactionId'))}{amount}{word(fields.get('transactionTime'))}{word(fields.get('orderId'))}"
    )


def signature(secret: str, fields: Json) -> str:
    """The value of `signature`."""
    return hmac_hex(secret, signed_text(fields))


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """One movement on an account."""
    fields = parsed(request.body)
    if not made_with(fields.get("signature", fields.get("sign")), keys_of(secrets, "secret"), signed_text(fields)):
        raise BadSignature
    direction = text_or_none(fields, "transType")
    if direction not in {"C", "D", None}:
        raise Malformed("transType is none we know")
    at = local_time(fields.get("transactionTime"))
    if at > now + _AHEAD:  # digits moved from one value to the next leave the signed text as it was
        raise Malformed("transactionTime has not come yet")
    number = text(fields, "transactionId")
    seen = PaymentSeen(
        attempt_ref=text_or_none(fields, "orderId"),
        observed_id=number,
        bank_txn_id=reference(fields, "referencenumber"),
        amount_vnd=sum_vnd(fields, "amount"),
        occurred_at=at,
        account=account_number(fields, "bankAccount"),
        memo=text_or_none(fields, "content") or "",
    )
    evidence = as_debit(seen) if direction == "D" else seen
    # A message that does not say which way the money went may not book any: it waits for somebody who does.
    authority = Authority.NOTICE if direction else Authority.BEARER
    return Notice(evidence=(evidence,), authority=authority, event_id=number)


def acknowledge(verdict: Verdict) -> HttpReply:
    """`error: false` for everything that is kept."""
    status, reason = _REFUSALS.get(verdict, (200, ""))
    told = {
        "error": bool(reason),
        "errorReason": reason,
        "toastMessage": reason or "Transaction processed successfully",
        "object": None,
    }
    body = json.dumps(told).encode()
    return HttpReply(status=status, headers={"content-type": "application/json"}, body=body)


CONNECTOR = Connector(
    name="vietqr_vn",
    title="VietQR VN",
    grade="B",
    source="doc.vietqr.vn, balance change callback, read 2026",
    methods=(),
    receipts_per_attempt="many",
    credentials=(
        Credential(name="secret", secret=True, pattern=r"[!-~]{8,128}", help="Signing key, 8 to 128 characters"),
        Credential(
            name="accounts",
            secret=False,
            pattern=r"[0-9A-Z]{1,24}(,[0-9A-Z]{1,24})*",
            help="The receiving accounts it reports on, with commas",
        ),
    ),
    limits=Limits(amount_min_vnd=1, amount_max_vnd=AMOUNT_MAX_VND, reference_max_chars=64, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
)
