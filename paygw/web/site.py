"""What the hub serves: the list of its routes, and the application made of them (ADR 19)."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from paygw.kernel.errors import Refused, Unavailable
from paygw.store.away import AWAY
from paygw.web import bank_ingress, checkout, fees, ops, pages, problems, reference
from paygw.web.context import request_id_of
from paygw.web.errors import CODES, Problem, code_of_status
from paygw.web.outage import failure_reply
from paygw.web.portal_api import (
    banks,
    books,
    breaks,
    decisions,
    events,
    files,
    finance,
    nights,
    orders,
    payouts,
    procedures,
    quotes,
    refunds,
)
from paygw.web.reference.manual import Manual
from paygw.web.routes import Route
from paygw.web.table import Table

_log = logging.getLogger("paygw.http")

# First come, first matched; hot ones are found before all others.
ROUTES: Final[tuple[Route, ...]] = (
    *orders.api.all,
    *bank_ingress.api.all,
    *quotes.api.all,
    *refunds.api.all,
    *events.api.all,
    *finance.api.all,
    *books.api.all,
    *breaks.api.all,
    *banks.api.all,
    *nights.api.all,
    *payouts.api.all,
    *decisions.api.all,
    *files.api.all,
    *procedures.api.all,
    *ops.api.all,
    *checkout.api.all,
    *fees.api.all,
    *pages.assets.all,
    *problems.api.all,
    *reference.api.all,
)


class Site(FastAPI):
    """The application. The only way in is a Route: its guard stands before its endpoint.

    FastAPI serves every route; the few that a country calls all day are found by one look and skip its layers.
    """

    def __init__(self, routes: tuple[Route, ...]) -> None:
        super().__init__(
            docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, exception_handlers=_HANDLERS
        )
        self.state.manual = Manual(routes)
        self._hot = Table(route for route in routes if route.hot)
        for route in routes:
            self.add_api_route(
                route.path,
                route.endpoint,
                methods=[route.method, "HEAD"] if route.method == "GET" else [route.method],
                dependencies=[Depends(route.guard)],
                name=getattr(route.endpoint, "__name__", route.path),
                response_model=None,
                include_in_schema=False,  # web/openapi.py writes the description from the same routes
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. What nobody foresaw rises to the edge, which reports it."""
        found = self._hot.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        route, scope["path_params"] = found
        scope["route"] = route
        request = Request(scope, receive, send)
        try:
            await route.guard(request)
            response = await route.endpoint(request)
        except Exception as error:
            foreseen = _answer(request, error)
            if foreseen is None:
                raise
            response = foreseen
        await response(scope, receive, send)


def build_site(routes: tuple[Route, ...] = ROUTES) -> Site:
    """The application, without a hub yet."""
    return Site(routes)


def _answer(request: Request, error: Exception) -> Response | None:
    """The answer to a foreseen error, by the most special of its classes."""
    answer = next((_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS), None)
    return answer(request, error) if answer else None


def _refused(request: Request, error: Exception) -> Response | None:
    """A code the table does not know is a defect."""
    known = isinstance(error, Refused) and error.code in CODES
    return failure_reply(request, error) if known else None


def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("unavailable", extra={"request_id": request_id_of(request.scope), "outcome": str(error)})
    return failure_reply(request, error)


def _database_away(request: Request, error: Exception) -> Response:
    """A use case lost its database on the way: nothing was confirmed, the caller may repeat."""
    _log.error("unavailable", extra={"request_id": request_id_of(request.scope), "code": type(error).__name__})
    return failure_reply(request, Unavailable("the database does not answer"))


def _framework(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such path, no such method."""
    code = code_of_status(error.status_code if isinstance(error, HTTPException) else 500)
    headers = {"allow": _allowed(request)} if code == "method_not_allowed" else {}
    return failure_reply(request, Problem(code, f"{CODES[code].title}.", headers=headers))


def _allowed(request: Request) -> str:
    """Every method of the address; one path may be several routes."""
    known = request.app.router.routes
    methods = [route.methods for route in known if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted(set().union(*methods)))


_ANSWERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Response | None]]] = MappingProxyType(
    {
        Problem: failure_reply,
        Refused: _refused,
        Unavailable: _unavailable,
        HTTPException: _framework,
        **dict.fromkeys((*AWAY, asyncpg.QueryCanceledError), _database_away),
    }
)


async def _handled(request: Request, error: Exception) -> Response:
    """The same answers where FastAPI catches; what nobody foresaw rises to the edge."""
    answer = _answer(request, error)
    if answer is None:
        raise error
    return answer


_HANDLERS: Final[dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]] = {
    **dict.fromkeys((*_ANSWERS, Exception), _handled)
}
