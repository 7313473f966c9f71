"""A payer's visit: which order, in which language, how often, and whether a form is really ours.

The token in the address is all that a payer shows; there is no cookie and no session, so another site that does not
know the token has nothing to ride on. Forms are nevertheless taken only from our own pages (Sec-Fetch-Site, or Origin
where a browser is too old for it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request

from paygw.hub.checkout import Locale
from paygw.hub.hub import Hub
from paygw.hub.writing import token_key
from paygw.kernel.refs import order_of_token
from paygw.web.auth import client_address, limits_of
from paygw.web.body import read_bytes
from paygw.web.context import hub_of, path_text

Form = Mapping[str, list[str]]

_OWN_SITES: Final = frozenset({"same-origin", "none"})
_FORM_BYTES_MAX: Final = 8_192
_FORM_FIELDS_MAX: Final = 40
_READS: Final = frozenset({"GET", "HEAD"})
_ASKS_BURST: Final = 3
_ASK_EVERY_S: Final = 5


class Sorry(Exception):
    """A visit that ends on a friendly page of its own: its kind, its status."""

    def __init__(self, kind: str, status: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """A payer at an order."""

    hub: Hub
    token: str
    order_id: str
    locale: Locale
    address: str

    def path(self, below: str = "", **query: object) -> str:
        """A path of this order's pages, in the language of the visit."""
        asked = {name: str(value) for name, value in query.items() if value not in {"", None}}
        if self.locale != "vi":
            asked["lang"] = self.locale
        return f"/pay/{self.token}{below}" + (f"?{urlencode(asked)}" if asked else "")


def locale_of(request: Request) -> Locale:
    """Vietnamese unless the address says otherwise."""
    return "en" if request.query_params.get("lang") == "en" else "vi"


def visit_of(request: Request) -> Visit:
    """Who came where. Raises Sorry for a token we did not make, or a source that comes too often."""
    hub, address = hub_of(request), client_address(request)
    reads = request.method in _READS
    wait_s = limits_of(request).requests.wait_s(
        f"payer {address} {'GET' if reads else 'POST'}",
        rate=hub.settings.rate_get if reads else hub.settings.rate_post,
        burst=hub.settings.rate_burst,
    )
    if wait_s:
        hub.observe.count("paygw_rate_limited_total", kind="payer")
        raise Sorry("rate_limited", 429)
    token = path_text(request, "token")
    order_id = order_of_token(token_key(hub), token)
    if order_id is None:
        raise Sorry("not_found", 404)
    return Visit(hub, token, order_id, locale_of(request), address)


def may_ask(request: Request, about: str) -> bool:
    """Whether this look may trigger an enquiry about that: a page reloaded all day is not a load on a bank."""
    limiter = limits_of(request).requests
    return not limiter.wait_s(about, rate=1 / _ASK_EVERY_S, burst=_ASKS_BURST)


async def read_form(request: Request, visit: Visit) -> Form:
    """The fields of one of our own forms. Raises Sorry."""
    origin = request.headers.get("origin", "null")  # no-referrer makes a browser send "null" here
    site = request.headers.get("sec-fetch-site")
    ours = site in _OWN_SITES if site is not None else origin in {"null", visit.hub.settings.origin}
    if not ours:
        raise Sorry("forbidden", 403)
    body = await read_bytes(request, max_bytes=_FORM_BYTES_MAX, timeout_s=visit.hub.settings.body_timeout_s)
    try:
        return parse_qs(body.decode("ascii"), strict_parsing=bool(body), max_num_fields=_FORM_FIELDS_MAX)
    except ValueError:
        raise Sorry("malformed", 400) from None
