"""MoMo: create, query, refund and confirm under one prefix; notifications until any 2xx (no public schedule)."""

from datetime import datetime

from connectors.momo import PREFIX, SIGNED, Message, signed_text
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.kernel.macs import made_with
from paygw.kernel.wire import Json, parsed, text, whole
from paygw.simulators.facts import Session
from paygw.simulators.provider import Asked, Cancelling, Enquiry, Opening, Provider, Refunding
from paygw.simulators.sides.momo import BANK_SIDE, answer, returned

_MESSAGES: dict[str, Message] = {
    "/create": "create",
    "/query": "query",
    "/refund": "refund",
    "/refund/query": "query",
    "/confirm": "confirm",
}
# What the pretend MoMo cannot do, as result codes of page "result codes".
_CODES = {
    "bad_signature": 13,
    "malformed": 20,
    "merchant_unknown": 11,
    "session_differs": 41,
    "refund_differs": 41,
    "payment_unknown": 42,
}
_SYSTEM_ERROR = 99
_FIRST_NUMBER = 2_588_600_000


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """What a call of the API asks."""
    path = request.url.removeprefix(secrets.base_url + PREFIX)
    message = _MESSAGES.get(path)
    if request.method != "POST" or message is None:
        raise Malformed("no such address")
    fields = parsed(request.body)
    access, key = secrets.values["accessKey"], secrets.values["secretKey"]
    if not made_with(fields.get("signature"), [key], signed_text(message, fields, access)):
        raise BadSignature
    missing = [name for name in SIGNED[message] if name not in fields]
    if missing:
        raise Malformed(f"missing: {', '.join(missing)}")
    if path == "/create":
        return _opening(fields)
    ref = text(fields, "orderId")
    if path == "/refund":
        number, amount_vnd = str(whole(fields, "transId")), whole(fields, "amount", least=1_000)
        return Refunding(refund_ref=ref, attempt_ref="", amount_vnd=amount_vnd, bank_txn_id=number)
    if path == "/refund/query":
        return Enquiry(attempt_ref="", refund_ref=ref)
    if fields.get("requestType") == "cancel":
        return Cancelling(attempt_ref=ref)
    return Enquiry(attempt_ref=ref)


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The result code for what cannot be done."""
    del secrets
    try:
        asked = parsed(request.body)
    except Malformed:
        asked = {}
    return answer(asked, _CODES.get(reason, _SYSTEM_ERROR), at)


def opened(request: HttpRequest, session: Session, page_url: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The payment with its page."""
    del secrets
    more = {"amount": session.amount_vnd, "payUrl": page_url, "deeplink": "", "qrCodeUrl": ""}
    return answer(parsed(request.body), 0, at, **more)


def _opening(fields: Json) -> Opening:
    return Opening(
        attempt_ref=text(fields, "orderId"),
        amount_vnd=whole(fields, "amount", least=1_000),
        merchant=text(fields, "partnerCode"),
        return_url=text(fields, "redirectUrl"),
        webhook_url=text(fields, "ipnUrl"),
        lifetime_s=60 * (whole(fields, "orderExpireTime", least=1) if "orderExpireTime" in fields else 100),
        description=text(fields, "orderInfo"),
        locale="en" if fields.get("lang") == "en" else "vi",
    )


PROVIDER = Provider(
    side=BANK_SIDE,
    read=read,
    refuse=refuse,
    opened=opened,
    shown=returned,
    number=lambda _, serial, __: str(_FIRST_NUMBER + serial),
)
