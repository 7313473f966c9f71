"""What the hub serves: the list of its routes, and the application made of them."""

import logging
from typing import Final

import asyncpg
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from paygw.kernel.errors import Alarm, Refused, Unavailable
from paygw.store.engine import AWAY
from paygw.web import bank_ingress, checkout, fees, ops, pages, problems, reference
from paygw.web.context import request_id_of
from paygw.web.errors import CODES, Problem, code_of_status
from paygw.web.outage import failure_reply
from paygw.web.portal_api import books, breaks, events, files, finance, orders, procedures, quotes, refunds
from paygw.web.reference.manual import Manual
from paygw.web.routes import Route, is_guarded, mount

_log = logging.getLogger("paygw.http")

# First come, first matched: the hot ones stand first.
ROUTES: Final[tuple[Route, ...]] = (
    *orders.api.all,
    *bank_ingress.api.all,
    *quotes.api.all,
    *refunds.api.all,
    *events.api.all,
    *finance.api.all,
    *books.api.all,
    *breaks.api.all,
    *files.api.all,
    *procedures.api.all,
    *ops.api.all,
    *checkout.api.all,
    *fees.api.all,
    *pages.assets.all,
    *problems.api.all,
    *reference.api.all,
)


def build_site(routes: tuple[Route, ...] = ROUTES) -> FastAPI:
    """The application, without a hub yet."""
    site = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={
            Problem: _answer,
            Refused: _refused,
            Unavailable: _unavailable,
            HTTPException: _framework,
            **dict.fromkeys((*AWAY, asyncpg.QueryCanceledError), _database_away),
            Exception: _answer,
        },
    )
    for route in routes:
        mount(site, route)
    require_guards(site)
    site.state.manual = Manual(routes)
    return site


def require_guards(site: FastAPI) -> None:
    """Raise Alarm if a part of the application can be reached without a declared permission."""
    if open_doors := [route for route in site.router.routes if not is_guarded(route)]:
        raise Alarm(f"these routes declare no permission: {open_doors}")


async def _answer(request: Request, error: Exception) -> Response:
    return failure_reply(request, error)


async def _refused(request: Request, error: Exception) -> Response:
    """A code the table does not know is a defect: let it rise to the edge, which reports it."""
    if isinstance(error, Refused) and error.code not in CODES:
        raise error
    return failure_reply(request, error)


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("unavailable", extra={"request_id": request_id_of(request.scope), "outcome": str(error)})
    return failure_reply(request, error)


async def _database_away(request: Request, error: Exception) -> Response:
    """A use case lost its database on the way: nothing was confirmed, the caller may repeat."""
    _log.error("unavailable", extra={"request_id": request_id_of(request.scope), "code": type(error).__name__})
    return failure_reply(request, Unavailable("the database does not answer"))


async def _framework(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such path, no such method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = code_of_status(status)
    headers = {"allow": _allowed(request)} if code == "method_not_allowed" else {}
    return failure_reply(request, Problem(code, f"{CODES[code].title}.", headers=headers))


def _allowed(request: Request) -> str:
    """Every method of the address; one path may be several routes."""
    known = request.app.router.routes
    methods = [route.methods for route in known if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted(set().union(*methods)))
