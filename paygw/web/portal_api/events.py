"""Events: the feed of a portal, and what was told about one order."""

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.events import list_events, list_order_events
from paygw.web.context import Permission, hub_of, portal_of
from paygw.web.portal_api.models import EventPage, OrderEventPage
from paygw.web.query import AFTER, LIMIT, path_id, read_limit, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Events")


@api.get(
    "/events",
    permission=Permission.PORTAL,
    summary="Read what happened",
    query=(AFTER, LIMIT),
    answers={200: EventPage},
)
async def read_events(request: Request) -> Response:
    """Every event of this portal once, in order; keep `next` and ask again."""
    given = read_query(request, (AFTER, LIMIT))
    limit = read_limit(request, given)
    return reply(await list_events(hub_of(request), portal_of(request).id, given.get("after"), limit=limit))


@api.get(
    "/orders/{order_id}/events",
    permission=Permission.PORTAL,
    summary="Read what was told about an order",
    answers={200: OrderEventPage},
)
async def read_order_events(request: Request) -> Response:
    """The events of one order with the state of their delivery."""
    order_id = path_id(request, "order_id", "ord")
    return reply(await list_order_events(hub_of(request), order_id, portal_id=portal_of(request).id))
