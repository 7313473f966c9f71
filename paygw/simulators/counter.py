"""Conversation with a hub in a provider's own protocol: read, work, answer, and misbehave on the way."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paygw.kernel.connector import BadSignature, HttpReply, HttpRequest, Malformed, Secrets
from paygw.simulators.bank import Bank, Impossible, new_session_id
from paygw.simulators.courier import Event, Post
from paygw.simulators.desk import Desk, desk_of, pay_session, spoken_with
from paygw.simulators.facts import Session
from paygw.simulators.faults import spoil
from paygw.simulators.provider import (
    OPERATIONS,
    Asked,
    Cancelling,
    Enquiry,
    Opening,
    Provider,
    Refunding,
    a_strangers,
    letter,
    secrets_of,
    truth_of,
)
from paygw.simulators.wire import body_of, target

# where the protocol does not say
METHODS = ["GET", "POST", "PUT", "DELETE"]


def routes() -> list[Route]:
    """Every other address below a provider's base URL."""
    return [Route("/{path:path}", converse, methods=METHODS)]


def provider_post(bank: Bank, provider: Provider) -> Post:
    """How this provider tells: by its own messages and its own rule for sending again."""
    secrets = secrets_of(provider, bank.config, "")

    def write(event: Event, url: str) -> HttpRequest | None:
        signing = a_strangers(provider, secrets) if event.forged else secrets
        return letter(provider, event.news, url, signing, bank.clock())

    return Post(write=write, stops=provider.stops, schedule_s=provider.schedule_s)


async def converse(request: Request) -> Response:
    """One message of the protocol. Money moves before the answer is worded, as the core does it."""
    desk = desk_of(request)
    provider, secrets = desk.provider, spoken_with(request, desk)
    if provider is None or secrets is None:
        raise Impossible("not_found", 404)
    message = await _message(request, secrets)
    try:
        asked = _located(desk.bank, provider.read(message, secrets))
    except (BadSignature, Malformed, Impossible) as refused:
        said = refused.code if isinstance(refused, Impossible) else "malformed"
        reason = "bad_signature" if isinstance(refused, BadSignature) else said
        return _response(provider.refuse(message, reason, secrets, desk.bank.clock()))
    fault = desk.bank.fault(asked.attempt_ref)
    operation = "query_refund" if isinstance(asked, Enquiry) and asked.refund_ref else OPERATIONS[type(asked)]
    if not fault.spoils(operation):
        return await _answered(desk, message, asked, secrets)
    desk.bank.use_fault(asked.attempt_ref)
    await asyncio.sleep(fault.slow_ms / 1000)
    if fault.without_effect or fault.down == "refused":
        return spoil(Response(b"", 503), fault)
    signing = a_strangers(provider, secrets) if fault.unsigned else secrets
    on_the_wire = msgspec.structs.replace(fault, unsigned=False)  # an unsigned answer is one signed by a stranger
    return spoil(await _answered(desk, message, asked, signing), on_the_wire)


def _located(bank: Bank, asked: Asked) -> Asked:
    """The same with its attempt, where the protocol names only a refund or the payment it gives back."""
    if isinstance(asked, Enquiry) and not asked.attempt_ref and asked.refund_ref in bank.refunds:
        return replace(asked, attempt_ref=bank.refunds[asked.refund_ref].attempt_ref)
    if isinstance(asked, Refunding) and not asked.attempt_ref:
        payment = bank.payments.get(asked.bank_txn_id)
        if payment is None or payment.attempt_ref is None:
            raise Impossible("payment_unknown")
        return replace(asked, attempt_ref=payment.attempt_ref)
    return asked


async def _message(request: Request, secrets: Secrets) -> HttpRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
    _, _, below = target(request).removeprefix("/").partition("/")
    url = f"{secrets.base_url}/{below}"
    return HttpRequest(method=request.method, url=url, headers=headers, body=await body_of(request))


async def _answered(desk: Desk, message: HttpRequest, asked: Asked, secrets: Secrets) -> Response:
    provider, now = desk.provider, desk.bank.clock()
    if provider is None:
        raise Impossible("not_found", 404)
    try:
        if isinstance(asked, Opening):
            return await _opened(desk, provider, message, asked, secrets)
        if isinstance(asked, Refunding):
            await _refund(desk.bank, asked)
        if isinstance(asked, Cancelling) and desk.bank.state(asked.attempt_ref) in {"open", "pending"}:
            await desk.bank.close(asked.attempt_ref, "cancelled", asked.reason or "cancelled_by_merchant")
    except Impossible as no:
        return _response(provider.refuse(message, no.code, secrets, now))
    return _response(provider.side.reply(message, truth_of(desk.bank, asked.attempt_ref), secrets, now))


async def _opened(desk: Desk, provider: Provider, message: HttpRequest, asked: Opening, secrets: Secrets) -> Response:
    """A session opens; a browser goes on to the page, a hub is told where that is."""
    session, is_new = await _open(desk.bank, asked)
    if is_new and desk.bank.fault(session.attempt_ref).pay_at_open:
        await pay_session(desk, session, early=True)
    path = f"/pay/{quote(session.session_id)}"
    if provider.opened is None:
        return RedirectResponse(f"/{desk.bank.config.name}{path}", 303)
    return _response(provider.opened(message, session, secrets.base_url + path, secrets, desk.bank.clock()))


async def _open(bank: Bank, asked: Opening) -> tuple[Session, bool]:
    if asked.merchant != bank.config.merchant:
        raise Impossible("merchant_unknown")
    known = bank.sessions.get(asked.attempt_ref)
    by_default = known.expires_at if known else bank.clock() + timedelta(seconds=asked.lifetime_s)
    wanted = {
        "kind": "session",
        "attempt_ref": asked.attempt_ref,
        "session_id": new_session_id(),
        "amount_vnd": asked.amount_vnd,
        "description": asked.description,
        "return_url": asked.return_url,
        "webhook_url": asked.webhook_url,
        "locale": asked.locale,
        "opened_at": bank.clock(),
        "expires_at": asked.expires_at or by_default,
    }
    try:
        return await bank.open(msgspec.convert(wanted, Session))
    except msgspec.ValidationError as wrong:
        raise Impossible("malformed") from wrong


async def _refund(bank: Bank, asked: Refunding) -> None:
    paid = [payment.bank_txn_id for payment in bank.payments_of(asked.attempt_ref)]
    only = paid[0] if len(paid) == 1 else ""
    await bank.refund(
        refund_ref=asked.refund_ref,
        attempt_ref=asked.attempt_ref,
        bank_txn_id=asked.bank_txn_id or only,
        amount_vnd=asked.amount_vnd,
    )


def _response(reply: HttpReply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
