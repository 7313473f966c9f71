"""GET /phi-le-phi, GET and POST /phi-le-phi/{code}.

The calculator is a POST although it changes nothing: its facts tell of poverty and disability, and an address ends in
histories and logs. Its answer is kept by nobody; the pages themselves may be cached by anybody.
"""

from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.procedures import search
from paygw.kernel.fees.speech import Language
from paygw.web.auth import client_address, limits_of
from paygw.web.body import read_bytes
from paygw.web.caching import cached
from paygw.web.context import Permission, hub_of, path_text
from paygw.web.errors import Problem
from paygw.web.fees.form import Form
from paygw.web.fees.view import PATH, list_page, missing_page, procedure_page
from paygw.web.limits import rate_limited
from paygw.web.routes import Routes

api = Routes(prefix=PATH, tag="Payers")

_WORDS_CHARS_MAX: Final = 100
_FORM_BYTES_MAX: Final = 16_384
_FORM_FIELDS_MAX: Final = 100


@api.get("", permission=Permission.PUBLIC, summary="Fees of procedures", documented=False)
async def show_fees(request: Request) -> Response:
    """Search procedures by words."""
    hub = hub_of(request)
    _admit(request, rate=hub.settings.rate_get)
    asked = request.query_params.get("q", "").replace("\x00", "")[:_WORDS_CHARS_MAX]
    return cached(request, list_page(hub, search(hub, asked), asked, _language(request)), hub.clock())


@api.get("/{code}", permission=Permission.PUBLIC, summary="Fees of one procedure", documented=False)
async def show_procedure(request: Request) -> Response:
    """Tariffs and calculator of a procedure."""
    hub = hub_of(request)
    _admit(request, rate=hub.settings.rate_get)
    procedure = hub.tariffs.procedures.get(path_text(request, "code"))
    if procedure is None:
        return missing_page(hub, _language(request))
    return cached(request, procedure_page(hub, procedure, _language(request)), hub.clock())


@api.post("/{code}", permission=Permission.PUBLIC, summary="Calculate a fee", documented=False)
async def calculate_fee(request: Request) -> Response:
    """The same page with the result."""
    hub = hub_of(request)
    _admit(request, rate=hub.settings.rate_post)
    procedure = hub.tariffs.procedures.get(path_text(request, "code"))
    if procedure is None:
        return missing_page(hub, _language(request))
    return procedure_page(hub, procedure, _language(request), await _read_form(request))


def _language(request: Request) -> Language:
    return "en" if request.query_params.get("lang") == "en" else "vi"


def _admit(request: Request, *, rate: float) -> None:
    """Each address has its rate."""
    wait_s = limits_of(request).requests.wait_s(
        f"fees {request.method} {client_address(request)}", rate=rate, burst=hub_of(request).settings.rate_burst
    )
    if wait_s:
        raise rate_limited(wait_s)


async def _read_form(request: Request) -> Form:
    settings = hub_of(request).settings
    body = await read_bytes(request, max_bytes=_FORM_BYTES_MAX, timeout_s=settings.body_timeout_s)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_FORM_FIELDS_MAX, errors="strict")
    except ValueError:
        raise Problem("malformed_request", "This is not a form of ours.") from None
    return {name: values[-1] for name, values in fields.items()}
