"""Orders: create, read, find, cancel, applied."""

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.keyed import keyed
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.orders import applied, cancel_order, find_orders, get_order, read_cursor
from paygw.hub.quotes import FeeQuestion
from paygw.hub.registry import Portal
from paygw.store.orders import OrderFilter
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, portal_of
from paygw.web.errors import Problem
from paygw.web.portal_api.models import OrderIn, OrderLineIn, OrderPage, OrderView
from paygw.web.portal_api.quotes import FEE_PROBLEMS
from paygw.web.query import (
    AFTER,
    LIMIT,
    Parameter,
    idempotency_key,
    path_id,
    read_instant,
    read_limit,
    read_query,
)
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Orders")
_REPLAYED = {"Idempotent-Replayed": "true"}
REFERENCE = Parameter(name="reference", pattern=r"[A-Za-z0-9._/-]{1,64}", description="The portal's id of the order.")
DOSSIER = Parameter(name="dossier_code", pattern=r"[^\x00-\x1f]{1,64}", description="Dossier code, exactly.")
STATUS = Parameter(
    name="status",
    pattern=r"open|partially_paid|paid|cancelled|expired",
    description="Order status.",
    schema={"enum": ["open", "partially_paid", "paid", "cancelled", "expired"]},
)
CREATED_FROM = Parameter(
    name="created_from",
    pattern=r"\S{10,40}",
    description="From this moment on, RFC 3339.",
    schema={"format": "date-time"},
)
CREATED_TO = Parameter(
    name="created_to", pattern=r"\S{10,40}", description="Before this moment, RFC 3339.", schema={"format": "date-time"}
)
_FILTERS = (REFERENCE, DOSSIER, STATUS, CREATED_FROM, CREATED_TO, AFTER, LIMIT)


@api.post(
    "/orders",
    permission=Permission.PORTAL,
    summary="Create an order",
    idempotent=True,
    body=OrderIn,
    answers={201: OrderView, 200: OrderView},
    hot=True,
    problems=(
        "order_exists",
        "obligation_already_paid",
        "obligation_in_payment",
        "nothing_to_pay",
        "obligation_repeated",
        "expiry_not_allowed",
        "return_url_not_allowed",
        "quote_invalid",
        "quote_expired",
        "quote_outdated",
        "assessment_not_allowed",
        "assessment_required",
        *FEE_PROBLEMS,
    ),
)
async def create(request: Request) -> Response:
    """Propose to pay one or more obligations; the answer holds the address of the pay page."""
    body = await read_json(request, OrderIn)
    key = idempotency_key(request)
    portal = portal_of(request)
    hub = hub_of(request)
    answer = await keyed(hub, create_order(hub, portal, ask_of(body, portal), key=key))
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})


def ask_of(body: OrderIn, portal: Portal) -> OrderAsk:
    """The request as the hub understands it. Raises Problem where it is well formed JSON and yet no order."""
    _check_return_url(body.return_url, portal)
    if body.expires_at is not None and body.expires_at.tzinfo is None:
        raise Problem("invalid_body", "Times carry an offset.", errors=(("/expires_at", "offset_missing"),))
    payer = body.payer
    named: dict[str, str | None] = {}
    if payer is not None:
        named = {"name": payer.name, "identity_no": payer.identity_no, "phone": payer.phone, "email": payer.email}
    return OrderAsk(
        reference=body.reference,
        lines=tuple(_line(index, line) for index, line in enumerate(body.lines)),
        return_url=body.return_url,
        expires_at=body.expires_at,
        payer={name: value for name, value in named.items() if value is not None} or None,
        metadata=dict(body.metadata),
    )


def _line(index: int, line: OrderLineIn) -> LineAsk:
    question = None
    asked = line.procedure is not None and line.as_of is not None
    if (line.quote_token is None) != asked:
        code = "quote_or_question"
        raise Problem(
            "invalid_body",
            "A line names quote_token, or procedure, as_of and facts.",
            errors=((f"/lines/{index}", code),),
        )
    if line.procedure is not None and line.as_of is not None:
        question = FeeQuestion(
            procedure=line.procedure, province=line.province, as_of=line.as_of, facts=dict(line.facts or {})
        )
    return LineAsk(
        dossier_code=line.dossier_code,
        collecting_body=line.collecting_body,
        assessment_no=line.assessment_no,
        quote_token=line.quote_token,
        question=question,
        assessed_vnd=line.assessed_vnd,
    )


def _check_return_url(url: str, portal: Portal) -> None:
    """The browser goes back to a registered origin, exactly."""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" not in portal.return_origins:
        raise Problem(
            "return_url_not_allowed",
            "return_url is on an origin that an administrator registered for this portal.",
            errors=(("/return_url", "origin_not_registered"),),
        )


@api.get(
    "/orders/{order_id}", permission=Permission.PORTAL, summary="Read an order", answers={200: OrderView}, hot=True
)
async def read(request: Request) -> Response:
    """One order of this portal."""
    order_id = path_id(request, "order_id", "ord")
    return reply(await get_order(hub_of(request), order_id, portal_id=portal_of(request).id))


@api.get("/orders", permission=Permission.PORTAL, summary="Find orders", query=_FILTERS, answers={200: OrderPage})
async def find(request: Request) -> Response:
    """Orders of this portal, newest first, narrowed by what is asked."""
    given = read_query(request, _FILTERS)
    wanted = OrderFilter(
        reference=given.get("reference"),
        dossier_code=given.get("dossier_code"),
        status=given.get("status"),
        created_from=read_instant(given, "created_from"),
        created_to=read_instant(given, "created_to"),
        before=read_cursor(given["after"]) if "after" in given else None,
    )
    page: dict[str, Any] = await find_orders(
        hub_of(request), portal_of(request).id, wanted, limit=read_limit(request, given)
    )
    return reply(page)


@api.post(
    "/orders/{order_id}/cancel",
    permission=Permission.PORTAL,
    summary="Cancel an order that nobody is paying",
    answers={200: OrderView},
    problems=("order_closed", "attempt_in_flight"),
)
async def cancel(request: Request) -> Response:
    """Cancelling twice is the same as once. A session that its bank can close is closed first, which takes seconds."""
    order_id = path_id(request, "order_id", "ord")
    return reply(await cancel_order(hub_of(request), order_id, portal_id=portal_of(request).id))


@api.post(
    "/orders/{order_id}/applied",
    permission=Permission.PORTAL,
    summary="Say that a paid order was applied to its dossier",
    answers={200: OrderView},
    problems=("order_not_paid",),
)
async def mark_applied(request: Request) -> Response:
    """Saying it twice is the same as once."""
    order_id = path_id(request, "order_id", "ord")
    return reply(await applied(hub_of(request), order_id, portal_id=portal_of(request).id))
