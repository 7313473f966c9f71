"""Refunds: a portal asks, a person decides; finance asks for unapplied money."""

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.refunds import RefundAsk, UnappliedAsk, get_refund, request_refund, request_unapplied_refund
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, portal_of, principal_of
from paygw.web.portal_api.models import RefundIn, RefundView, UnappliedRefundIn
from paygw.web.query import idempotency_key, path_id
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Refunds")
_REPLAYED = {"Idempotent-Replayed": "true"}


@api.post(
    "/orders/{order_id}/refunds",
    permission=Permission.PORTAL,
    summary="Ask for a refund",
    idempotent=True,
    body=RefundIn,
    answers={201: RefundView},
    problems=("refund_line_missing", "refund_source_missing", "refund_exceeds_source"),
)
async def ask_refund(request: Request) -> Response:
    """Nothing moves before another person approves."""
    body = await read_json(request, RefundIn)
    key = idempotency_key(request)
    order_id = path_id(request, "order_id", "ord")
    ask = RefundAsk(
        source=body.source, amount_vnd=body.amount_vnd, reason=body.reason, line=body.line, component=body.component
    )
    answer = await request_refund(hub_of(request), portal_of(request), order_id, ask, key=key)
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})


@api.get("/refunds/{refund_id}", permission=Permission.PORTAL, summary="Read a refund", answers={200: RefundView})
async def read_refund(request: Request) -> Response:
    """One refund of this portal."""
    refund_id = path_id(request, "refund_id", "rfd")
    return reply(await get_refund(hub_of(request), refund_id, portal_id=portal_of(request).id))


@api.post(
    "/unapplied/{receipt_id}/refunds",
    permission=Permission.FINANCE,
    summary="Ask to give unapplied money back",
    idempotent=True,
    body=UnappliedRefundIn,
    answers={201: RefundView},
    problems=("refund_exceeds_source",),
)
async def ask_unapplied_refund(request: Request) -> Response:
    """The same for money without an order, or with one that did not want it."""
    body = await read_json(request, UnappliedRefundIn)
    key = idempotency_key(request)
    receipt_id = path_id(request, "receipt_id", "rcp")
    ask = UnappliedAsk(receipt_id=receipt_id, amount_vnd=body.amount_vnd, reason=body.reason)
    answer = await request_unapplied_refund(hub_of(request), principal_of(request).id, ask, key=key)
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})
