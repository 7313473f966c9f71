"""POST /v1/quotes: what a procedure costs, one at a time or in batches. Creates nothing."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.hub import Hub
from paygw.hub.quotes import FeeQuestion, quote, quote_view
from paygw.kernel.errors import Refused
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of
from paygw.web.errors import Problem
from paygw.web.portal_api.models import QuoteBatchView, QuoteIn, QuoteItemIn, QuoteView
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Quotes")
FEE_PROBLEMS = (
    "unknown_procedure",
    "bad_request",
    "unknown_fact",
    "missing_fact",
    "bad_type",
    "bad_enum",
    "out_of_range",
    "inconsistent_facts",
    "province_required",
    "no_schedule_in_force",
    "no_case_matches",
)
_BATCH_MAX_BYTES = 1_048_576


@api.post(
    "/quotes",
    permission=Permission.PORTAL,
    summary="Ask what a procedure costs",
    body=QuoteIn,
    answers={200: QuoteView | QuoteBatchView},
    hot=True,
    problems=FEE_PROBLEMS,
)
async def ask_quote(request: Request) -> Response:
    """Compute one quote, or a batch in the order asked."""
    body = await read_json(request, QuoteIn, max_bytes=_BATCH_MAX_BYTES)
    hub = hub_of(request)
    if body.items is not None:
        if body.procedure is not None or body.as_of is not None or body.facts or body.province is not None:
            raise Problem("invalid_body", "Send one question, or items.", errors=(("/items", "not_alone"),))
        return reply({"items": [_item(hub, item) for item in body.items]})
    if body.procedure is None or body.as_of is None:
        missing = "/procedure" if body.procedure is None else "/as_of"
        raise Problem("invalid_body", "The body is not what is asked for.", errors=((missing, "required"),))
    question = FeeQuestion(procedure=body.procedure, province=body.province, as_of=body.as_of, facts=dict(body.facts))
    return reply(quote_view(hub, question, quote(hub, question), hub.clock()))


def _item(hub: Hub, item: QuoteItemIn) -> dict[str, Any]:
    """One answer of a batch; a question without an answer does not spoil the others."""
    question = FeeQuestion(procedure=item.procedure, province=item.province, as_of=item.as_of, facts=dict(item.facts))
    try:
        return quote_view(hub, question, quote(hub, question), hub.clock())
    except Refused as error:
        return {"error": {"code": error.code, "detail": error.detail}}
