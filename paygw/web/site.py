"""What the hub serves: the list of its routes, and the application made of them.

Plain ASGI with Starlette's Request and Response: the layers of a framework between socket and endpoint cost as much as
a quote (ADR 19).
"""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import asyncpg
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paygw.kernel.errors import Refused, Unavailable
from paygw.store.engine import AWAY
from paygw.web import bank_ingress, checkout, fees, ops, pages, problems, reference
from paygw.web.context import request_id_of
from paygw.web.errors import CODES, Problem, code_of_status
from paygw.web.outage import failure_reply
from paygw.web.portal_api import (
    banks,
    books,
    breaks,
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

# Of addresses with parameters the first that fits is served: the hot ones stand first.
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
    *files.api.all,
    *procedures.api.all,
    *ops.api.all,
    *checkout.api.all,
    *fees.api.all,
    *pages.assets.all,
    *problems.api.all,
    *reference.api.all,
)


class Site:
    """The application. The only way in is a Route: its guard stands before its endpoint."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.state = State()
        self._table = Table(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. What nobody foresaw rises to the edge, which reports it."""
        scope["app"] = self
        request = Request(scope, receive, send)
        try:
            route, scope["path_params"] = self._table.find(scope["method"], scope["path"])
            scope["route"] = route
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
    site = Site(routes)
    site.state.manual = Manual(routes)
    return site


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
    """What Starlette refuses while it reads a form."""
    code = code_of_status(error.status_code if isinstance(error, HTTPException) else 500)
    return failure_reply(request, Problem(code, f"{CODES[code].title}."))


_ANSWERS: Final[Mapping[type, Callable[[Request, Exception], Response | None]]] = MappingProxyType(
    {
        Problem: failure_reply,
        Refused: _refused,
        Unavailable: _unavailable,
        HTTPException: _framework,
        **dict.fromkeys((*AWAY, asyncpg.QueryCanceledError), _database_away),
    }
)
