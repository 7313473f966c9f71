"""ZaloPay: create, query, refund and query_refund; callbacks for payments until 1 or 2, four times."""

import json
import re
from datetime import datetime, timedelta

from connectors.zalopay import VIETNAM, signed_text
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.kernel.macs import made_with
from paygw.kernel.wire import Json, parsed, since_1970, text, whole
from paygw.simulators.facts import Session
from paygw.simulators.provider import Asked, Enquiry, Opening, Provider, Refunding
from paygw.simulators.sides.zalopay import BANK_SIDE, answer, returned

_MESSAGES = {"/v2/create": "create", "/v2/query": "query", "/v2/refund": "refund", "/v2/query_refund": "query_refund"}
_CODES = {"bad_signature": -402, "malformed": -401, "merchant_unknown": -401, "session_differs": -68}
_NOT_FOUND = -101
_NUMBERS = 261_120_000_000_000
_TRANSACTION = re.compile(r"(?P<day>[0-9]{6})_(?P<ref>[A-Za-z0-9._-]{1,33})")
_REFUND = re.compile(r"[0-9]{6}_[0-9]+_(?P<ref>[A-Za-z0-9._-]+)")
_TAKEN = frozenset({1, 2})


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """What a call of the API asks."""
    message = _MESSAGES.get(request.url.removeprefix(secrets.base_url))
    if request.method != "POST" or message is None:
        raise Malformed("no such address")
    fields = parsed(request.body)
    key = secrets.values["key1"]
    if not made_with(fields.get("mac"), [key], signed_text(message, fields, key)):
        raise BadSignature
    if message == "create":
        return _opening(fields)
    if message == "query":
        return Enquiry(attempt_ref=_matched(_TRANSACTION, text(fields, "app_trans_id"))["ref"])
    ref = _matched(_REFUND, text(fields, "m_refund_id"))["ref"]
    if message == "query_refund":
        return Enquiry(attempt_ref="", refund_ref=ref)
    number = str(whole(fields, "zp_trans_id", least=1))
    return Refunding(refund_ref=ref, attempt_ref="", amount_vnd=whole(fields, "amount", least=1), bank_txn_id=number)


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The sub code for what cannot be done."""
    del request, secrets, at
    return answer(2, _CODES.get(reason, _NOT_FOUND))


def opened(request: HttpRequest, session: Session, page_url: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The order with its page."""
    del request, secrets, at
    return answer(1, 1, order_url=page_url, zp_trans_token=session.session_id, order_token=session.session_id)


def stops(reply: HttpReply) -> bool:
    """ZaloPay reads return_code: 1 and 2 end the calls."""
    try:
        return parsed(reply.body).get("return_code") in _TAKEN
    except Malformed:
        return False


def _opening(fields: Json) -> Opening:
    named = _matched(_TRANSACTION, text(fields, "app_trans_id"))
    begun_at = since_1970(fields, "app_time")
    if named["day"] != f"{begun_at.astimezone(VIETNAM):%y%m%d}":
        raise Malformed("app_trans_id does not begin with the day")
    data = json.loads(text(fields, "embed_data"))
    return Opening(
        attempt_ref=named["ref"],
        amount_vnd=whole(fields, "amount", least=1),
        merchant=str(whole(fields, "app_id")),
        return_url=str(data["redirecturl"]) if isinstance(data, dict) and "redirecturl" in data else "",
        webhook_url=text(fields, "callback_url"),
        expires_at=begun_at + timedelta(seconds=whole(fields, "expire_duration_seconds", least=300)),
        description=text(fields, "description"),
    )


def _matched(form: re.Pattern[str], value: str) -> "re.Match[str]":
    found = form.fullmatch(value)
    if found is None:
        raise Malformed("an id that has not its form")
    return found


PROVIDER = Provider(
    side=BANK_SIDE,
    read=read,
    refuse=refuse,
    opened=opened,
    stops=stops,
    schedule_s=(0, 60, 300, 900),
    shown=returned,
    number=lambda _, serial, __: str(_NUMBERS + serial),
)
