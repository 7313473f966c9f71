"""GET and POST /pay/{token}: every page is read from what is stored, every form ends in a redirect.

A bank's page is never the answer to a form: browsers hold redirects after a form to the `form-action` of its page, and
a bank may redirect again to wherever it likes. The payer leaves by a page of our own that takes them on (`/go`).
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paygw.hub.checkout import Checkout, Stage, Wish, ask_banks, look, page_of_bank, pay
from paygw.hub.returning import ask_about, read_return
from paygw.kernel.errors import Refused
from paygw.web.checkout.view import leave_page, order_page, scan_page, slip_page, sorry_page
from paygw.web.checkout.visit import Form, Sorry, Visit, locale_of, may_ask, read_form, visit_of
from paygw.web.context import Permission, message_of
from paygw.web.pages import HEADERS
from paygw.web.routes import Routes

Endpoint = Callable[[Request], Awaitable[Response]]

api = Routes(prefix="/pay", tag="Payers")

_SEE_OTHER: Final = 303


def _friendly(endpoint: Endpoint) -> Endpoint:
    """A visit that cannot go on ends on a page, not on a problem document."""

    @wraps(endpoint)
    async def visited(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Sorry as sorry:
            return sorry_page(sorry, locale_of(request))

    return visited


@api.get("/{token}", permission=Permission.PAYER, summary="What is to be paid", documented=False)
@_friendly
async def show_order(request: Request) -> Response:
    """The order, and what its payer can do now."""
    visit = visit_of(request)
    return order_page(visit, await _seen(visit), request.query_params)


@api.post("/{token}/attempts", permission=Permission.PAYER, summary="Pay through a bank", documented=False)
@_friendly
async def start_payment(request: Request) -> Response:
    """Open one try, then go on to the bank, or back to the page that tells what came of it."""
    visit = visit_of(request)
    form = await read_form(request, visit)
    seen = await _seen(visit)
    wish, error = _wish(visit, form)
    if wish is None:
        return order_page(visit, seen, {**request.query_params, "step": _step(form)}, error=error)
    try:
        await pay(visit.hub, visit.order_id, wish)
    except Refused as refused:
        return _to(visit.path(why=refused.code))
    return _to(visit.path("/go"))


@api.get("/{token}/go", permission=Permission.PAYER, summary="On to the bank", documented=False)
@_friendly
async def go_on(request: Request) -> Response:
    """The way out to the bank's page or its QR code; back to the order where there is none."""
    visit = visit_of(request)
    looks = _looks(request) and request.method == "GET"  # the code's page looks by itself
    if looks and may_ask(request, f"enquiry {visit.order_id}"):
        await ask_banks(visit.hub, visit.order_id)
    seen = await _seen(visit)
    for item in seen.under_way if seen.stage is Stage.STARTED else ():
        if url := page_of_bank(visit.hub, item):
            return leave_page(visit, item, url)
        if not item.session.qr_text or item.expires_at <= visit.hub.clock():
            continue
        if item.method == "bill":
            return slip_page(visit, item, seen)
        return scan_page(visit, item, request.query_params)
    return _to(visit.path())


@api.get("/{token}/return", permission=Permission.PAYER, summary="Back from the bank", documented=False)
@_friendly
async def come_back(request: Request) -> Response:
    """The browser is back, which proves nothing: ask the bank, then show what is stored. A forgery asks nobody."""
    visit = visit_of(request)
    if request.method == "GET":
        hint = await read_return(visit.hub, visit.order_id, message_of(request, visit.hub.settings.origin))
        if hint.attempt and may_ask(request, f"return {hint.attempt.id}"):
            await ask_about(visit.hub, hint.attempt)
        elif not hint.forged and not hint.attempt and may_ask(request, f"enquiry {visit.order_id}"):
            await ask_banks(visit.hub, visit.order_id)
    return _to(visit.path(n=_looks(request)))


async def _seen(visit: Visit) -> Checkout:
    seen = await look(visit.hub, visit.order_id, visit.locale)
    if seen is None:
        raise Sorry("not_found", 404)
    return seen


def _wish(visit: Visit, form: Form) -> tuple[Wish | None, str]:
    """What a form asks for, or what is missing in it."""
    bank_id, _, method = form.get("way", [""])[0].partition(":")
    given_up = frozenset(form.get("given_up", ()))
    if not bank_id:
        return None, "must_choose"
    if given_up and form.get("confirmed") != ["yes"]:
        return None, "must_confirm"
    back = f"{visit.hub.settings.origin}{visit.path('/return')}"
    wish = Wish(
        bank_id=bank_id,
        method=method,
        payer_ip=visit.address,
        locale=visit.locale,
        return_url=back,
        given_up=given_up,
    )
    return wish, ""


def _step(form: Form) -> str:
    return "another" if "given_up" in form else ""


def _looks(request: Request) -> int:
    """How often this page has looked by itself already."""
    given = request.query_params.get("n", "0")
    return min(int(given), 99) if given.isascii() and given.isdigit() and len(given) < 4 else 0  # noqa: PLR2004 - three digits


def _to(path: str) -> Response:
    return RedirectResponse(path, _SEE_OTHER, headers=dict(HEADERS))
