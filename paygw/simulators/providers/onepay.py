"""OnePAY: pay pages of both kinds of cards and queryDR under one address, IPN by GET until responsecode=1."""

from datetime import datetime
from hmac import compare_digest
from urllib.parse import parse_qsl

from connectors.onepay import KEY, PATHS, signed_fields
from paygw.kernel import forms
from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.simulators.provider import Asked, Enquiry, Opening, Provider
from paygw.simulators.sides.onepay import BANK_SIDE, FORM

_PAGES = frozenset(page for page, _ in PATHS.values())
_QUERIES = frozenset(queries for _, queries in PATHS.values())
_FIRST_NUMBER = 1_400_000


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """What a pay address or queryDR asks."""
    path, _, query = request.url.removeprefix(secrets.base_url).partition("?")
    if request.method == "GET" and path in _PAGES:
        return _opening(signed_fields(query, forms.keys_of(secrets, KEY)))
    if request.method == "POST" and path in _QUERIES:
        return _enquiry(dict(parse_qsl(request.body.decode("latin-1"))), secrets)
    raise Malformed("no such address")


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """A bare text: what OnePAY's own page would say is not documented."""
    del request, secrets, at
    return HttpReply(status=200, headers=FORM, body=f"vpc_Message={reason}".encode())


def _opening(fields: dict[str, str]) -> Opening:
    return Opening(
        attempt_ref=forms.required(fields, "vpc_MerchTxnRef"),
        amount_vnd=forms.whole_vnd(fields.get("vpc_Amount", "")),
        merchant=forms.required(fields, "vpc_Merchant"),
        return_url=forms.required(fields, "vpc_ReturnURL"),
        description=fields.get("vpc_OrderInfo", ""),
        locale="en" if fields.get("vpc_Locale") == "en" else "vi",
    )


def _enquiry(fields: dict[str, str], secrets: Secrets) -> Enquiry:
    wanted = {"vpc_User": secrets.values["query_user"], "vpc_Password": secrets.values["query_password"]}
    if not all(compare_digest(fields.get(name, "").encode(), value.encode()) for name, value in wanted.items()):
        raise BadSignature
    return Enquiry(attempt_ref=forms.required(fields, "vpc_MerchTxnRef"))


PROVIDER = Provider(
    side=BANK_SIDE,
    read=read,
    refuse=refuse,
    stops=lambda reply: reply.body.startswith(b"responsecode=1"),
    schedule_s=(0, *(60,) * 9),
    number=lambda _, serial, __: str(_FIRST_NUMBER + serial),
)
