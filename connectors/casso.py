r"""Casso webhook v2 (Casso's public verification sample, whose data and signature are reproduced): an observer.

`X-Casso-Signature: t=<ms>,v1=<hex>`: HMAC-SHA512 over `t`, a dot and the body as compact JSON with its keys sorted at
every depth. Senders in PHP write `\/` and `\u1ed7` where senders in JavaScript write `/` and `ỗ`: both are accepted.
No age limit is documented and a resent message may keep its time, so none is set: receipts have their own identity.
Mode `token` (older, grade C): header `secure-token` and `data` as a list; a shared token proves nothing about the body,
so its notices wait for another observer or the statement.

Confirm with the provider: the form of debits (an amount below zero is read as one); retries.
"""

import hmac
import json
import re
from datetime import datetime
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
from paygw.kernel.evidence import Authority, Evidence, PaymentSeen
from paygw.kernel.forms import keys_of
from paygw.kernel.macs import hmac_hex, made_with
from paygw.kernel.observed import account_number, as_debit, header, local_time, reference
from paygw.kernel.wire import AMOUNT_MAX_VND, Json, objects, parsed, signed_vnd, text_or_none, whole

_HEADER: Final = re.compile(r"t=([0-9]{1,17}),v1=([0-9a-fA-F]{128})", re.ASCII)
_REFUSALS: Final = {Verdict.BAD_SIGNATURE: 401, Verdict.MALFORMED: 400, Verdict.UNAVAILABLE: 503}


def signed_texts(stamp: str, body: Json) -> tuple[str, ...]:
    """The exact texts that may have been signed: as JavaScript writes the sorted JSON, and as PHP does by its flags."""
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    escaped = json.dumps(body, sort_keys=True, separators=(",", ":"))
    forms = (plain, escaped.replace("/", "\\/"), escaped, plain.replace("/", "\\/"))
    return tuple(dict.fromkeys(f"{stamp}.{form}" for form in forms))


def signature(secret: str, stamp: str, body: Json) -> str:
    """The value of `X-Casso-Signature` as JavaScript senders make it. `stamp` is in milliseconds."""
    return f"t={stamp},v1={hmac_hex(secret, signed_texts(stamp, body)[0], 'sha512')}"


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """The movements of a message: one in v2, a list in the older mode."""
    del now
    keys = keys_of(secrets, "secret")
    if secrets.options.get("auth", "v2") == "token":
        given = header(request, "secure-token").encode("utf-8", "surrogatepass")
        if not any([hmac.compare_digest(given, key.encode()) for key in keys]):  # noqa: C419 - all are compared
            raise BadSignature
        items = objects(parsed(request.body), "data")
        return _notice([_older(item) for item in items], Authority.BEARER)
    found = _HEADER.fullmatch(header(request, "x-casso-signature"))
    if found is None or not keys:
        raise BadSignature
    try:
        body = parsed(request.body)
        texts = signed_texts(found[1], body)
    except (Malformed, RecursionError, TypeError):  # TypeError: a fraction, of which no two senders agree
        raise BadSignature from None  # nothing that cannot be read was signed
    if not any(made_with(found[2], keys, one, "sha512") for one in texts):
        raise BadSignature
    data = body.get("data")
    if not isinstance(data, dict):
        raise Malformed("data is no object")
    return _notice([_movement(data)], Authority.NOTICE)


def acknowledge(verdict: Verdict) -> HttpReply:
    """200 ends the sending."""
    body = json.dumps({"error": 1 if verdict in _REFUSALS else 0}).encode()
    return HttpReply(status=_REFUSALS.get(verdict, 200), headers={"content-type": "application/json"}, body=body)


def _notice(seen: list[Evidence], authority: Authority) -> Notice | Ignored:
    if not seen:
        return Ignored(reason="no movement in it")
    return Notice(evidence=tuple(seen), authority=authority, event_id=getattr(seen[0], "observed_id", ""))


def _movement(data: Json) -> Evidence:
    return _seen(
        data,
        ref=reference(data, "reference"),
        at=local_time(data.get("transactionDateTime")),
        account=account_number(data, "accountNumber"),
        virtual=account_number(data, "virtualAccountNumber"),
    )


def _older(item: Json) -> Evidence:
    """A row of the older mode: `tid`, `when`, `bank_sub_acc_id`."""
    return _seen(
        item,
        ref=reference(item, "tid"),
        at=local_time(item.get("when")),
        account=account_number(item, "bank_sub_acc_id"),
        virtual="",
    )


def _seen(data: Json, *, ref: str | None, at: datetime, account: str, virtual: str) -> Evidence:
    number, amount_vnd = whole(data, "id"), signed_vnd(data, "amount")
    seen = PaymentSeen(
        attempt_ref=None,
        observed_id=str(number),
        bank_txn_id=ref,
        amount_vnd=abs(amount_vnd),
        occurred_at=at,
        account=account,
        memo=text_or_none(data, "description") or "",
        virtual_account=virtual,
    )
    return as_debit(seen) if amount_vnd < 0 else seen


CONNECTOR = Connector(
    name="casso",
    title="Casso",
    grade="A",
    source="Casso's public webhook v2 verification sample, reproduced 2026",
    methods=(),
    receipts_per_attempt="many",
    credentials=(
        Credential(
            name="secret",
            secret=True,
            pattern=r"[!-~]{8,128}",
            help="Checksum key or secure token, 8 to 128 characters",
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
            pattern="v2|token",
            help="v2 (default), or token: then notices wait for the statement",
        ),
    ),
    limits=Limits(amount_min_vnd=1, amount_max_vnd=AMOUNT_MAX_VND, reference_max_chars=64, session_max_s=86_400),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
)
