"""Refunds: a portal asks, or finance of unapplied money; a person decides, with a key of its own."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.keyed import keyed
from paygw.hub.refunds import (
    RefundAsk,
    UnappliedAsk,
    approve_refund,
    find_refunds,
    get_refund,
    reject_refund,
    request_refund,
    request_unapplied_refund,
)
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, portal_of, principal_of
from paygw.web.portal_api.book_models import ApproveIn
from paygw.web.portal_api.decision_models import RefundList
from paygw.web.portal_api.models import RefundIn, RefundView, UnappliedRefundIn
from paygw.web.portal_api.night_models import PersonIn
from paygw.web.query import Parameter, idempotency_key, path_id, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Refunds")
STATUS: Final = Parameter(name="status", pattern="[a-z]{1,20}", description="Only in this state.")
_DECIDED: Final = (
    "not_found", "refund_state", "refund_same_person", "role_missing", "refund_exceeds_source", "receipt_frozen",
    "receipt_taken_back",
)  # fmt: skip
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
    hub = hub_of(request)
    answer = await keyed(hub, request_refund(hub, portal_of(request), order_id, ask, key=key))
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})


@api.get("/refunds/{refund_id}", permission=Permission.PORTAL, summary="Read a refund", answers={200: RefundView})
async def read_refund(request: Request) -> Response:
    """One refund of this portal."""
    refund_id = path_id(request, "refund_id", "rfd")
    return reply(await get_refund(hub_of(request), refund_id, portal_id=portal_of(request).id))


@api.get(
    "/refunds",
    permission=Permission.FINANCE,
    summary="Find refunds to decide on",
    query=(STATUS,),
    answers={200: RefundList},
)
async def find(request: Request) -> Response:
    """The newest first, with the hash an approval is bound to."""
    given = read_query(request, (STATUS,))
    return reply({"items": await find_refunds(hub_of(request), status=given.get("status"))})


@api.post(
    "/refunds/{refund_id}/approve",
    permission=Permission.FINANCE,
    summary="Approve a refund as it was shown",
    body=ApproveIn,
    answers={200: RefundView},
    problems=_DECIDED,
)
async def approve(request: Request) -> Response:
    """Neither the person nor the key that asked."""
    body = await read_json(request, ApproveIn)
    refund_id, via = path_id(request, "refund_id", "rfd"), principal_of(request).id
    return reply(await approve_refund(hub_of(request), refund_id, by=body.by, shown=body.content_hash, via=via))


@api.post(
    "/refunds/{refund_id}/reject",
    permission=Permission.FINANCE,
    summary="Reject a refund",
    body=PersonIn,
    answers={200: RefundView},
    problems=_DECIDED,
)
async def reject(request: Request) -> Response:
    """Once; the portal is told."""
    body = await read_json(request, PersonIn)
    refund_id, via = path_id(request, "refund_id", "rfd"), principal_of(request).id
    return reply(await reject_refund(hub_of(request), refund_id, by=body.by, via=via))


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
    ask = UnappliedAsk(receipt_id=receipt_id, amount_vnd=body.amount_vnd, reason=body.reason, of=body.of)
    hub = hub_of(request)
    answer = await keyed(hub, request_unapplied_refund(hub, principal_of(request).id, ask, key=key))
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})
