"""Decisions of two persons about money over the API; who proposes and who approves use different keys."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub import cases, decisions
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, path_text, principal_of
from paygw.web.portal_api.book_models import ApproveIn
from paygw.web.portal_api.decision_models import CaseList, DecisionIn, DecisionList, DecisionView
from paygw.web.portal_api.night_models import PersonIn
from paygw.web.query import Parameter, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Decisions")
STATUS: Final = Parameter(name="status", pattern="open|approved|rejected", description="Only in this state.")
CASE_STATUS: Final = Parameter(name="status", pattern="open|closed", description="Only in this state.")
_PLACE: Final = "/decisions/{decision_id}"
_DECIDED: Final = ("not_found", "proposal_decided", "same_person", "role_missing", "stale_version")
_MONEY: Final = (
    "slice_not_payable", "receipt_frozen", "receipt_not_settled", "receipt_without_holder", "receipt_not_disputable",
    "receipt_disputed", "dispute_amount", "no_open_dispute", "bank_unknown", "refund_state", "refund_route",
    "refund_not_withdrawable", "refund_not_fundable", "funding_exceeds_need", "prefunding_short", "return_short",
    "netting_not_allowed", "nothing_unclaimed", "receipt_not_disprovable", "receipt_identified", "receipt_not_blocked",
    "obligation_not_releasable",
)  # fmt: skip


@api.get(
    "/decisions",
    permission=Permission.FINANCE,
    summary="Find decisions",
    query=(STATUS,),
    answers={200: DecisionList},
)
async def find(request: Request) -> Response:
    """The newest first."""
    given = read_query(request, (STATUS,))
    return reply({"items": await decisions.list_decisions(hub_of(request), status=given.get("status"))})


@api.get(
    "/cases",
    permission=Permission.FINANCE,
    summary="Find cases",
    query=(CASE_STATUS,),
    answers={200: CaseList},
)
async def find_all_cases(request: Request) -> Response:
    """What does not explain itself and waits for a person; the oldest first, a thousand at most."""
    given = read_query(request, (CASE_STATUS,))
    return reply({"items": await cases.find_cases(hub_of(request), status=given.get("status"))})


@api.post(
    "/decisions",
    permission=Permission.FINANCE,
    summary="Propose what two persons decide about money",
    body=DecisionIn,
    answers={201: DecisionView},
    problems=("role_missing", "invalid_value", "nothing_selected"),
)
async def propose(request: Request) -> Response:
    """Nothing moves before another person approves with another key."""
    body = await read_json(request, DecisionIn)
    via = principal_of(request).id
    made = await decisions.propose(hub_of(request), body.asked, document=body.document, by=body.by, via=via)
    return reply(made, 201)


@api.get(
    _PLACE,
    permission=Permission.FINANCE,
    summary="Read a decision",
    answers={200: DecisionView},
    problems=("not_found",),
)
async def read(request: Request) -> Response:
    """Its content and its hash."""
    return reply(await decisions.show_decision(hub_of(request), path_text(request, "decision_id")))


@api.post(
    f"{_PLACE}/approve",
    permission=Permission.FINANCE,
    summary="Approve exactly what was shown",
    body=ApproveIn,
    answers={200: DecisionView},
    problems=(*_DECIDED, *_MONEY),
)
async def approve(request: Request) -> Response:
    """The money moves and the decision ends, or nothing happens."""
    body = await read_json(request, ApproveIn)
    decision_id, via = path_text(request, "decision_id"), principal_of(request).id
    return reply(await decisions.approve(hub_of(request), decision_id, by=body.by, shown=body.content_hash, via=via))


@api.post(
    f"{_PLACE}/reject",
    permission=Permission.FINANCE,
    summary="Say no to a decision",
    body=PersonIn,
    answers={200: DecisionView},
    problems=_DECIDED,
)
async def reject(request: Request) -> Response:
    """Once; nothing moves."""
    body = await read_json(request, PersonIn)
    decision_id, via = path_text(request, "decision_id"), principal_of(request).id
    return reply(await decisions.reject(hub_of(request), decision_id, by=body.by, via=via))
