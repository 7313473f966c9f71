"""Routes as values: each says its permission, its body and its answers; the guard stands before the endpoint.

An endpoint takes the Request and returns a Response, 5 to 15 lines: parse, call one use case, shape the answer.

    api = Routes(prefix="/v1", tag="Orders")

    @api.post(
        "/orders/{order_id}/cancel",
        permission=Permission.PORTAL,
        summary="Cancel an order nobody has paid",
        idempotent=True,
        body=CancelIn,                        # a msgspec struct, base `paygw.web.body.In`
        answers={200: OrderView},             # structs too; problems are added to every operation
        problems=("order_closed", "attempt_in_flight"),
    )
    async def cancel_order(request: Request) -> Response:
        body = await read_json(request, CancelIn)             # strict; 400, 413, 415, 422 as Problem
        key = idempotency_key(request)                        # 400 where it is missing or not visible ASCII
        portal = portal_of(request)                           # authenticated and within its rate by now
        order_id = path_uuid(request, "order_id")             # 404 where it is none
        answer = await cancel(hub_of(request), portal.id, order_id, key, body.reason)
        return reply(answer.body, answer.status, answer.headers)

    @api.get("/orders", permission=Permission.PORTAL, summary="Find orders", query=(REFERENCE, STATUS, AFTER, LIMIT),
             answers={200: OrderPage})
    async def find_orders(request: Request) -> Response:
        asked = read_query(request, (REFERENCE, STATUS, AFTER, LIMIT))   # unknown or repeated names are refused
        ...

Refused, Unavailable and Problem are raised, never caught here: the edge makes them problems (web/errors.py).
`paygw/web/site.py` lists the modules whose routes are served.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from starlette.requests import Request
from starlette.responses import Response

from paygw.web.auth import GUARDS, Guard, closed
from paygw.web.context import Permission
from paygw.web.query import Parameter

Endpoint = Callable[[Request], Awaitable[Response]]
Answers = Mapping[int, Any]  # status -> struct type, or None for an answer without a described body


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. `documented` ones are in openapi.yaml; pages for people are not."""

    method: str
    path: str
    endpoint: Endpoint
    permission: Permission
    tag: str
    guard: Guard = closed
    summary: str = ""
    body: Any = None
    answers: Answers = field(default_factory=dict)
    query: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()  # media types of a body that is bytes, not JSON
    idempotent: bool = False
    documented: bool = True
    hot: bool = False  # called all day by everybody: found before the framework is asked


class Said(TypedDict, total=False):
    """What a declaration may add; fields of Route, and `guard` for a permission whose guard stands elsewhere."""

    guard: Guard
    summary: str
    body: Any
    answers: Answers
    query: tuple[Parameter, ...]
    problems: tuple[str, ...]
    raw: tuple[str, ...]
    idempotent: bool
    documented: bool
    hot: bool


class Routes:
    """A list of routes that fills itself by decorators."""

    def __init__(self, *, tag: str, prefix: str = "") -> None:
        self.tag = tag
        self.prefix = prefix
        self.all: list[Route] = []

    def add(
        self, method: str, path: str, *, permission: Permission, **said: Unpack[Said]
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare the function below as an endpoint. A permission without a guard lets nobody in."""
        said.setdefault("guard", GUARDS.get(permission, closed))

        def declare(endpoint: Endpoint) -> Endpoint:
            self.all.append(
                Route(
                    method=method,
                    path=self.prefix + path,
                    endpoint=endpoint,
                    permission=permission,
                    tag=self.tag,
                    **said,
                )
            )
            return endpoint

        return declare

    def get(self, path: str, *, permission: Permission, **said: Unpack[Said]) -> Callable[[Endpoint], Endpoint]:
        """A read. Keywords as in Said."""
        return self.add("GET", path, permission=permission, **said)

    def post(self, path: str, *, permission: Permission, **said: Unpack[Said]) -> Callable[[Endpoint], Endpoint]:
        """A change. Keywords as in Said."""
        return self.add("POST", path, permission=permission, **said)
