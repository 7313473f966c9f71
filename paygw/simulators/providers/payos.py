"""payOS: links that are made, looked at and cancelled; webhooks for each transfer until any 2xx."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlencode

from connectors.payos import creation_text, data_text
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.kernel.evidence import Evidence, PaymentSeen
from paygw.kernel.macs import made_with
from paygw.kernel.wire import EPOCH, Json, parsed, text, text_or_none, whole
from paygw.simulators.facts import Session
from paygw.simulators.provider import Asked, Cancelling, Enquiry, Opening, Provider
from paygw.simulators.sides.payos import BANK_SIDE, answer, link

_PATH = "/v2/payment-requests"
_STATUSES = {"bad_signature": 401, "malformed": 400, "merchant_unknown": 403, "not_found": 404}


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """What a call of the API asks; its keys travel in headers."""
    given = (request.headers.get("x-client-id"), request.headers.get("x-api-key"))
    if given != (secrets.merchant, secrets.values["apiKey"]):
        raise BadSignature
    below = request.url.removeprefix(secrets.base_url + _PATH)
    if request.method == "POST" and not below:
        return _opening(parsed(request.body), secrets)
    code, _, action = below.strip("/").partition("/")
    if not code.isdecimal():
        raise Malformed("no such address")
    if request.method == "POST" and action == "cancel":
        fields = parsed(request.body or b"{}")
        signature = fields.pop("signature", None)
        if signature is not None and not _signed(
            signature, data_text(fields), secrets
        ):  # the JavaScript client signs none
            raise BadSignature
        return Cancelling(attempt_ref=code, reason=text_or_none(fields, "cancellationReason") or "")
    return Enquiry(attempt_ref=code)


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """An unsigned refusal with a code of its own."""
    del request, secrets, at
    status = _STATUSES.get(reason, 400)
    body = json.dumps({"code": str(status), "desc": reason}).encode()
    return HttpReply(status=status, headers={"content-type": "application/json"}, body=body)


def opened(request: HttpRequest, session: Session, page_url: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The link: its page and its code."""
    del session, at
    return answer(link(parsed(request.body), page_url), secrets)


def shown(evidence: Evidence, secrets: Secrets, at: datetime) -> str:
    """What the browser brings back; payOS does not sign it."""
    del secrets, at
    paid = isinstance(evidence, PaymentSeen)
    code = getattr(evidence, "attempt_ref", "") or ""
    fields = {"code": "00", "id": "a1b2c3", "cancel": str(not paid).lower(), "orderCode": code}
    return urlencode(fields | {"status": "PAID" if paid else "CANCELLED"})


def _opening(fields: Json, secrets: Secrets) -> Opening:
    if not _signed(fields.get("signature"), creation_text(fields), secrets):
        raise BadSignature
    ends_s = whole(fields, "expiredAt") if "expiredAt" in fields else 0
    with suppress(OverflowError):
        return Opening(
            attempt_ref=str(whole(fields, "orderCode", least=1)),
            amount_vnd=whole(fields, "amount", least=1),
            merchant=secrets.merchant,
            return_url=text(fields, "returnUrl"),
            expires_at=EPOCH + timedelta(seconds=ends_s) if ends_s else None,
            description=text(fields, "description"),
        )
    raise Malformed("expiredAt is no time")


def _signed(given: object, said: str, secrets: Secrets) -> bool:
    return made_with(given, [secrets.values["checksumKey"]], said)


PROVIDER = Provider(side=BANK_SIDE, read=read, refuse=refuse, opened=opened, shown=shown)
