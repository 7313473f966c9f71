"""VNPAY: pay page, querydr and refund under one address, IPN by GET until 00 or 02, ten times every five minutes."""

import json
from contextlib import suppress
from datetime import datetime

from connectors.vnpay import API_PATH, HASH, KEY, PAY_PATH, QUERY_REQUEST, REFUND_REQUEST, signed_fields
from paygw.kernel import forms
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.kernel.wire import parsed
from paygw.simulators.provider import Asked, Enquiry, Opening, Provider, Refunding
from paygw.simulators.sides.vnpay import BANK_SIDE, answer

_STOPS = frozenset({"00", "02"})
_CODES = {"bad_signature": "97", "malformed": "03", "merchant_unknown": "02", "payment_unknown": "91"}
_FIRST_NUMBER = 14_000_000


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """What a pay address or a call of the API asks."""
    path = request.url.removeprefix(secrets.base_url).partition("?")[0]
    if request.method == "GET" and path == PAY_PATH:
        return _opening(signed_fields(request.url, forms.keys_of(secrets, KEY)))
    if request.method == "POST" and path == API_PATH:
        return _called(request, secrets)
    raise Malformed("no such address")


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """The API's own code; a browser gets a bare page."""
    code = _CODES.get(reason, "99")
    with suppress(Malformed, KeyError, ValueError):
        if request.method == "POST" and reason != "malformed":
            return answer(request, {"vnp_ResponseCode": code, "vnp_Message": reason}, secrets, at)
    body = json.dumps({"vnp_ResponseCode": code, "vnp_Message": reason}).encode()
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=body)


def stops(reply: HttpReply) -> bool:
    """VNPAY reads RspCode and nothing else."""
    try:
        return parsed(reply.body).get("RspCode") in _STOPS
    except Malformed:
        return False


def _opening(fields: dict[str, str]) -> Opening:
    expires_at = forms.unstamped(fields.get("vnp_ExpireDate", ""))
    if expires_at is None or fields.get("vnp_Command") != "pay":
        raise Malformed("no payment with an end")
    return Opening(
        attempt_ref=forms.required(fields, "vnp_TxnRef"),
        amount_vnd=forms.whole_vnd(fields.get("vnp_Amount", "")),
        merchant=forms.required(fields, "vnp_TmnCode"),
        return_url=forms.required(fields, "vnp_ReturnUrl"),
        expires_at=expires_at,
        description=fields.get("vnp_OrderInfo", ""),
        locale="en" if fields.get("vnp_Locale") == "en" else "vi",
    )


def _called(request: HttpRequest, secrets: Secrets) -> Enquiry | Refunding:
    """A call of the API. A client that leaves the transaction number out may sign 0 in its place."""
    said = parsed(request.body)
    names = REFUND_REQUEST if said.get("vnp_Command") == "refund" else QUERY_REQUEST
    fields = forms.texts_of(said, (*names, HASH))
    texts = [forms.piped(fields, names).encode()]
    if not fields.get("vnp_TransactionNo"):
        texts.append(forms.piped(fields | {"vnp_TransactionNo": "0"}, names).encode())
    if not forms.signed_by(fields[HASH], texts, forms.keys_of(secrets, KEY), forms.hmac_sha512):
        raise BadSignature
    if fields["vnp_Command"] != "refund":
        return Enquiry(attempt_ref=forms.required(fields, "vnp_TxnRef"))
    number = fields["vnp_TransactionNo"]
    return Refunding(
        refund_ref=forms.required(fields, "vnp_RequestId"),
        attempt_ref=forms.required(fields, "vnp_TxnRef"),
        amount_vnd=forms.whole_vnd(fields["vnp_Amount"]),
        bank_txn_id=number if number.strip("0") else "",
    )


PROVIDER = Provider(
    side=BANK_SIDE,
    read=read,
    refuse=refuse,
    stops=stops,
    schedule_s=(0, *(300,) * 9),
    number=lambda _, serial, __: str(_FIRST_NUMBER + serial),
)
