"""What a request carries besides its bytes: the hub, its id, who sent it. Set by the edge and by the guard."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast
from uuid import uuid4

from starlette.requests import Request
from starlette.types import Scope

from paygw.hub.hub import Hub
from paygw.hub.registry import Portal
from paygw.kernel.connector import HttpRequest

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ID_KEY: Final = "paygw.request_id"
_PRINCIPAL_KEY: Final = "paygw.principal"


class Permission(StrEnum):
    """What a route asks of its caller; every route names one."""

    PUBLIC = "public"  # anybody; bounded by its own limits
    PAYER = "payer"  # whoever holds the unguessable token in the address
    BANK = "bank"  # the signature of the message decides
    PORTAL = "portal"  # an API key of a portal
    FINANCE = "finance"  # an API key with scope finance
    OPERATOR = "operator"  # an API key with scope operator
    STAFF = "staff"  # a session of the console
    METRICS = "metrics"  # the metrics token, or loopback where none is set


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `id` scopes idempotency and audit: `portal:x` or `key:sk_test_…`."""

    id: str
    scopes: frozenset[str]
    portal: Portal | None = None


def hub_of(request: Request) -> Hub:
    """The hub this process serves."""
    return cast("Hub", request.app.state.hub)


def principal_of(request: Request) -> Principal:
    """Who sent this. Only on routes whose permission is PORTAL, FINANCE or OPERATOR; KeyError elsewhere is a defect."""
    return cast("Principal", request.scope[_PRINCIPAL_KEY])


def portal_of(request: Request) -> Portal:
    """The portal that sent this. Only on routes whose permission is PORTAL."""
    portal = principal_of(request).portal
    if portal is None:
        raise KeyError("this route did not ask for a portal's key")
    return portal


def set_principal(scope: Scope, principal: Principal) -> None:
    """Remember who was let in."""
    scope[_PRINCIPAL_KEY] = principal


def known_principal(scope: Scope) -> Principal | None:
    """Who was let in, if the request came that far; for logs."""
    return cast("Principal | None", scope.get(_PRINCIPAL_KEY))


def message_of(request: Request, origin: str) -> HttpRequest:
    """A request as connectors read it, without its body: address and headers byte for byte, as they were signed.

    A header that came twice is one value, joined: two signatures are none.
    """
    path, query = request.scope["raw_path"], request.scope["query_string"]
    target = (path + b"?" + query if query else path).decode("latin-1")
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return HttpRequest(method=request.method, url=origin + target, headers=headers)


def request_id_of(scope: Scope) -> str:
    """The id of this request: the caller's `X-Request-Id` if it is well formed, else one of ours."""
    known = scope.get(_ID_KEY)
    if known is None:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        known = scope[_ID_KEY] = given.decode("ascii") if _REQUEST_ID.fullmatch(given) else uuid4().hex
    return cast("str", known)


def path_of(scope: Scope) -> str:
    """The template of the route that matched, for labels and logs; never the path itself, which may hold ids."""
    route = scope.get("route")
    return str(getattr(route, "path", "unmatched"))


def path_text(request: Request, name: str) -> str:
    """A parameter of the path."""
    return str(cast("Mapping[str, str]", request.path_params)[name])
