"""Money out over the API. Needs a key with scope finance; who proposes and who approves use different keys."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub import payees, payouts
from paygw.hub.days import day_of
from paygw.hub.payout_refunds import TransferAsk
from paygw.hub.slips import export_slips
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, path_text, principal_of
from paygw.web.portal_api.night_models import (
    PayeeList,
    PayoutApproveIn,
    PayoutList,
    PayoutOrderIn,
    PayoutProposeIn,
    PayoutView,
    PersonIn,
    RefundTransfersIn,
    RemittanceList,
)
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Payouts")
_BATCH: Final = "/payouts/{batch}"
_DECIDED: Final = ("not_found", "payout_state", "same_person", "role_missing", "stale_version")
_MONEY: Final = (
    "slice_not_payable",
    "receipt_frozen",
    "settlement_differs",
    "account_short",
    "account_owes_fee",
    "account_stopped",
)


@api.get(
    "/remittances", permission=Permission.FINANCE, summary="What waits for its owner", answers={200: RemittanceList}
)
async def remittances(request: Request) -> Response:
    """By beneficiary, with the statutory day."""
    return reply({"items": await payees.list_due(hub_of(request))})


@api.get("/payees", permission=Permission.FINANCE, summary="Where money goes", answers={200: PayeeList})
async def find_payees(request: Request) -> Response:
    """With who said so; a change is a decision (`set_payee`)."""
    return reply({"items": await payees.list_payees(hub_of(request))})


@api.post(
    "/payouts",
    permission=Permission.FINANCE,
    summary="Propose a payout batch",
    body=PayoutProposeIn,
    answers={201: PayoutView},
    problems=("receipt_held", "nothing_selected", "payee_missing", "payee_resting", "role_missing", "bad_time"),
)
async def propose(request: Request) -> Response:
    """Nothing moves before another person approves with another key."""
    body = await read_json(request, PayoutProposeIn)
    until = day_of(body.until) if body.until else None
    via = principal_of(request).id
    made = await payouts.propose_payout(
        hub_of(request), body.account, by=body.by, beneficiary=body.beneficiary, until=until, via=via
    )
    return reply(made, 201)


@api.post(
    "/payouts/refunds",
    permission=Permission.FINANCE,
    summary="Propose refunds by transfer",
    body=RefundTransfersIn,
    answers={201: PayoutView},
    problems=("not_found", "refund_route", "refund_state", "receipt_not_settled", "invalid_value", "role_missing"),
)
async def propose_refunds(request: Request) -> Response:
    """Funded refunds that their channel cannot carry back, to the accounts their payers named."""
    body = await read_json(request, RefundTransfersIn)
    asks = [TransferAsk(one.refund_id, one.to) for one in body.refunds]
    made = await payouts.propose_refunds(hub_of(request), asks, by=body.by, via=principal_of(request).id)
    return reply(made, 201)


@api.post(
    f"{_BATCH}/again",
    permission=Permission.FINANCE,
    summary="Propose what came back of a payment order once more",
    body=PayoutOrderIn,
    answers={201: PayoutView},
    problems=("not_found", "payout_state", "disbursement_state", "payee_missing", "payee_resting", "role_missing"),
)
async def propose_again(request: Request) -> Response:
    """A batch of its own, to the payee's account as it is now."""
    body = await read_json(request, PayoutOrderIn)
    batch, via = path_text(request, "batch"), principal_of(request).id
    return reply(await payouts.propose_again(hub_of(request), batch, body.group, by=body.by, via=via), 201)


@api.get("/payouts", permission=Permission.FINANCE, summary="List the latest batches", answers={200: PayoutList})
async def find(request: Request) -> Response:
    """The newest first, with how far their entries are."""
    return reply({"items": await payouts.list_payouts(hub_of(request))})


@api.get(
    _BATCH,
    permission=Permission.FINANCE,
    summary="Read a payout batch",
    answers={200: PayoutView},
    problems=("not_found",),
)
async def read(request: Request) -> Response:
    """Its payment orders, their states, its hash."""
    return reply(await payouts.show_payout(hub_of(request), path_text(request, "batch")))


@api.post(
    f"{_BATCH}/approve",
    permission=Permission.FINANCE,
    summary="Approve exactly what was shown",
    body=PayoutApproveIn,
    answers={200: PayoutView},
    problems=(*_DECIDED, *_MONEY),
)
async def approve(request: Request) -> Response:
    """Every slice is posted, or none."""
    body = await read_json(request, PayoutApproveIn)
    done = await payouts.approve_payout(
        hub_of(request),
        path_text(request, "batch"),
        by=body.by,
        shown=body.content_hash,
        document=body.document,
        via=principal_of(request).id,
    )
    return reply(done)


@api.post(
    f"{_BATCH}/reject",
    permission=Permission.FINANCE,
    summary="Drop a proposed batch",
    body=PersonIn,
    answers={200: PayoutView},
    problems=_DECIDED,
)
async def reject(request: Request) -> Response:
    """Another person than who proposed."""
    body = await read_json(request, PersonIn)
    batch, via = path_text(request, "batch"), principal_of(request).id
    return reply(await payouts.reject_payout(hub_of(request), batch, by=body.by, via=via))


@api.post(
    f"{_BATCH}/export",
    permission=Permission.FINANCE,
    summary="Export the payment orders as pain.001.001.09",
    body=PersonIn,
    answers={200: None},
    problems=("not_found", "payout_state", "role_missing", "invalid_value"),
)
async def export(request: Request) -> Response:
    """An XML document; again gives the same bytes."""
    body = await read_json(request, PersonIn)
    made = await payouts.export_payout(hub_of(request), path_text(request, "batch"), by=body.by)
    return Response(made, media_type="application/xml")


@api.post(
    f"{_BATCH}/slips",
    permission=Permission.FINANCE,
    summary="Print the C1-02/NS slips of what goes into the budget",
    body=PersonIn,
    answers={200: None},
    problems=("not_found", "payout_state", "role_missing", "nothing_selected"),
)
async def slips(request: Request) -> Response:
    """A PDF/A document, one page per payment order; again gives the same bytes."""
    body = await read_json(request, PersonIn)
    made = await export_slips(hub_of(request), path_text(request, "batch"), by=body.by)
    return Response(made, media_type="application/pdf")


@api.post(
    f"{_BATCH}/confirm",
    permission=Permission.FINANCE,
    summary="The bank paid a payment order",
    body=PayoutOrderIn,
    answers={200: PayoutView},
    problems=("not_found", "payout_state", "role_missing", "disbursement_state"),
)
async def confirm(request: Request) -> Response:
    """Again is nothing."""
    body = await read_json(request, PayoutOrderIn)
    batch = path_text(request, "batch")
    return reply(await payouts.confirm_group(hub_of(request), batch, body.group, by=body.by))


@api.post(
    f"{_BATCH}/return",
    permission=Permission.FINANCE,
    summary="A payment order came back",
    body=PayoutOrderIn,
    answers={200: PayoutView},
    problems=("not_found", "payout_state", "role_missing", "disbursement_state"),
)
async def give_back(request: Request) -> Response:
    """Its money waits for the right account."""
    body = await read_json(request, PayoutOrderIn)
    batch = path_text(request, "batch")
    return reply(await payouts.return_group(hub_of(request), batch, body.group, by=body.by))
