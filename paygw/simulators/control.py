"""The control plane: what a drill or a curious developer makes a bank and its customers do."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paygw.simulators.bank import Impossible
from paygw.simulators.config import BEHAVED, Amount, Misbehaviour, Ref, Text
from paygw.simulators.courier import ReleaseOrder
from paygw.simulators.desk import Desk, desk_of, is_admin
from paygw.simulators.facts import ClosingStatus, RefundStatus
from paygw.simulators.wire import body_of

Command = Callable[[Desk, Any], Awaitable[object]]


class PaymentWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person pays without a browser. Without an amount: what the session asks. Late money is welcome."""

    attempt_ref: Ref | None = None
    amount_vnd: Amount | None = None
    memo: Text = ""
    occurred_at: datetime | None = None
    payments: Annotated[int, Meta(ge=1, le=20)] = 1


class ReversalWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bank takes a payment back."""

    bank_txn_id: Ref


class ClosingWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session is pending, fails, expires or is cancelled."""

    attempt_ref: Ref
    status: ClosingStatus
    code: Text = ""


class OutcomeWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a refund."""

    refund_ref: Ref
    status: RefundStatus


class ReleaseWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send the held webhooks."""

    order: ReleaseOrder = "as_is"


class ResendWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell a payment again under new event ids."""

    bank_txn_id: Ref
    copies: Annotated[int, Meta(ge=1, le=20)] = 1


class MisbehaviourWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Misbehave from now on; without `attempt_ref` the whole bank does."""

    misbehaviour: Misbehaviour = BEHAVED
    attempt_ref: Ref | None = None


def routes() -> list[Route]:
    """Everything below `/control/{bank}`."""
    return [
        _command("/payments", PaymentWanted, _pay),
        _command("/reversals", ReversalWanted, _reverse),
        _command("/closings", ClosingWanted, _close),
        _command("/refund-outcome", OutcomeWanted, _settle_refund),
        _command("/misbehaviour", MisbehaviourWanted, _misbehave),
        _command("/webhooks/release", ReleaseWanted, _release),
        _command("/webhooks/resend", ResendWanted, _resend),
        Route("/webhooks", webhooks, methods=["GET"]),
    ]


async def webhooks(request: Request) -> Response:
    """How many webhooks wait, are held and are done."""
    return _json(200, _admitted(request).courier.counts)


def _command(path: str, kind: type[Struct], command: Command) -> Route:
    async def endpoint(request: Request) -> Response:
        desk = _admitted(request)
        try:
            done = await command(desk, msgspec.json.decode(await body_of(request), type=kind))
        except msgspec.DecodeError as wrong:
            return _json(422, {"error": "malformed", "detail": str(wrong)[:200]})
        except Impossible as no:
            return _json(no.status, {"error": no.code})
        return _json(201, done)

    return Route(path, endpoint, methods=["POST"])


async def _pay(desk: Desk, wanted: PaymentWanted) -> object:
    session = desk.bank.sessions.get(wanted.attempt_ref or "")
    amount_vnd = wanted.amount_vnd or (session.amount_vnd if session else None)
    if amount_vnd is None:
        raise Impossible("amount_missing")
    if wanted.occurred_at is not None and wanted.occurred_at.tzinfo is None:
        raise Impossible("malformed")
    memo = wanted.memo or (session.description if session else "")
    paid = [
        await desk.bank.pay(wanted.attempt_ref, amount_vnd, memo=memo, occurred_at=wanted.occurred_at)
        for _ in range(wanted.payments)
    ]
    return {"payments": paid}


async def _reverse(desk: Desk, wanted: ReversalWanted) -> object:
    return await desk.bank.reverse(wanted.bank_txn_id)


async def _close(desk: Desk, wanted: ClosingWanted) -> object:
    return await desk.bank.close(wanted.attempt_ref, wanted.status, wanted.code or wanted.status)


async def _settle_refund(desk: Desk, wanted: OutcomeWanted) -> object:
    return await desk.bank.settle_refund(wanted.refund_ref, wanted.status)


async def _misbehave(desk: Desk, wanted: MisbehaviourWanted) -> object:
    desk.bank.set_fault(wanted.attempt_ref, wanted.misbehaviour)
    if wanted.attempt_ref is None:
        if wanted.misbehaviour.down == "refused":
            desk.door.close()
        else:
            await desk.door.open()
    return wanted


async def _release(desk: Desk, wanted: ReleaseWanted) -> object:
    return {"released": desk.courier.release(wanted.order)}


async def _resend(desk: Desk, wanted: ResendWanted) -> object:
    payment = desk.bank.payments.get(wanted.bank_txn_id)
    if payment is None:
        raise Impossible("payment_unknown", 404)
    desk.courier.tell_again(payment, wanted.copies)
    return payment


def _admitted(request: Request) -> Desk:
    desk = desk_of(request)
    if not is_admin(request, desk.bank):
        raise HTTPException(401)
    return desk


def _json(status: int, content: object) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
