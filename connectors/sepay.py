"""SePay bank webhooks (developer.sepay.vn: Webhooks, Authentication, Security; read 2026): an observer of accounts.

Mode `hmac`: `X-SePay-Signature: sha256=` and HMAC-SHA256 over `timestamp.body`, 300 s of skew. Mode `apikey`: a shared
token, which proves nothing about the body: such a notice waits for another observer or the statement. SePay resends
one transaction under the same `id`, up to seven times, until it hears `{"success": true}` with 200 or 201.

Confirm with the provider: header names (C); whether a refusal is sent again (documents disagree). The mode without any
authentication is not accepted, multipart bodies neither: choose JSON or urlencoded.
"""

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl

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
from paygw.kernel.observed import account_number, as_debit, header, local_time, reference
from paygw.kernel.wire import AMOUNT_MAX_VND, Json, parsed, sum_vnd, text, text_or_none, whole

WINDOW: Final = timedelta(seconds=300)
_STAMP: Final = re.compile(r"[1-9][0-9]{9}", re.ASCII)
_REFUSALS: Final = {Verdict.BAD_SIGNATURE: 401, Verdict.MALFORMED: 400, Verdict.UNAVAILABLE: 503}
_FIELDS_MAX: Final = 60


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The value of `X-SePay-Signature`. `stamp` is the time in seconds as its header has it."""
    return (
        "sha256=" + hmac.new(secret.encode(), stamp.encode("utf-8", "surrogatepass") + b"." + body, sha256).hexdigest()
    )


def form_signature(secret: str, fields: Mapping[str, object]) -> str:
    """The signature of SePay's payment form (another product): `name=value` joined by commas in the form's order."""
    signed = ",".join(f"{name}={value}" for name, value in fields.items())
    return b64encode(hmac.digest(secret.encode(), signed.encode(), sha256)).decode()


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """One movement on an account."""
    authority = _authority(request, secrets, now)
    fields = _fields(request)
    number = whole(fields, "id")
    amount_vnd = sum_vnd(fields, "transferAmount")
    direction = text(fields, "transferType")
    if direction not in {"in", "out"}:
        raise Malformed("transferType is none we know")
    seen = PaymentSeen(
        attempt_ref=text_or_none(fields, "code"),
        observed_id=str(number),
        bank_txn_id=reference(fields, "referenceCode"),
        amount_vnd=amount_vnd,
        occurred_at=local_time(fields.get("transactionDate")),
        account=account_number(fields, "accountNumber"),
        memo=text_or_none(fields, "content") or "",
        virtual_account=account_number(fields, "subAccount"),
    )
    evidence = as_debit(seen) if direction == "out" else seen
    return Notice(evidence=(evidence,), authority=authority, event_id=str(number))


def acknowledge(verdict: Verdict) -> HttpReply:
    """`success` for everything that is kept."""
    body = json.dumps({"success": verdict not in _REFUSALS}).encode()
    return HttpReply(status=_REFUSALS.get(verdict, 200), headers={"content-type": "application/json"}, body=body)


def _authority(request: HttpRequest, secrets: Secrets, now: datetime) -> Authority:
    """How far the message is believed. Raises BadSignature."""
    keys = keys_of(secrets, "secret")
    if secrets.options.get("auth", "hmac") == "apikey":
        given = header(request, "authorization")
        if not any([_equal(given, f"Apikey {key}") for key in keys]):  # noqa: C419 - all are compared, whichever fits
            raise BadSignature
        return Authority.BEARER
    stamp, given = header(request, "x-sepay-timestamp"), header(request, "x-sepay-signature").lower()
    if not _STAMP.fullmatch(stamp):
        raise BadSignature
    if not any([_equal(given, signature(key, stamp, request.body)) for key in keys]):  # noqa: C419 - as above
        raise BadSignature
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > WINDOW:
        raise BadSignature("outside the time window")
    return Authority.NOTICE


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))


def _fields(request: HttpRequest) -> Json:
    """The body as JSON or as a form. Raises Malformed."""
    if "urlencoded" not in header(request, "content-type").lower():
        return parsed(request.body)
    try:
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=_FIELDS_MAX,
            errors="strict",
        )
    except ValueError as fault:
        raise Malformed("not the form we expect") from fault
    fields: Json = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("a name occurs twice")
    return fields


CONNECTOR = Connector(
    name="sepay",
    title="SePay",
    grade="B",
    source="developer.sepay.vn, pages Webhooks and Authentication, read 2026",
    methods=(),
    receipts_per_attempt="many",
    credentials=(
        Credential(
            name="secret", secret=True, pattern=r"[!-~]{8,128}", help="Webhook secret or API key, 8 to 128 characters"
        ),
        Credential(
            name="accounts",
            secret=False,
            pattern=r"[0-9A-Z]{1,24}(,[0-9A-Z]{1,24})*",
            help="The receiving accounts it reports on, with commas",
        ),
        Credential(
            name="auth",
            secret=False,
            pattern="hmac|apikey",
            help="hmac (default), or apikey: then notices wait for the statement",
        ),
    ),
    limits=Limits(amount_min_vnd=1, amount_max_vnd=AMOUNT_MAX_VND, reference_max_chars=64, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
)
