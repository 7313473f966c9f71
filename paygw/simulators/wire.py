"""Signed conversation with the hub: who asks is checked, what is answered is signed, and spoilt where it shall be."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from paygw.kernel.framing import signature, signed_at, verified
from paygw.simulators.bank import Bank, Impossible
from paygw.simulators.config import Operation
from paygw.simulators.courier import SIGNATURE
from paygw.simulators.desk import Desk
from paygw.simulators.faults import spoil

BODY_MAX_BYTES = 65_536
AGE_MAX = timedelta(hours=24)
SKEW = timedelta(seconds=300)

View = tuple[int, dict[str, Any]]


async def body_of(request: Request) -> bytes:
    """The body. Raises Impossible beyond the limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX_BYTES:
            raise Impossible("too_large", 413)
    return bytes(body)


def target(request: Request) -> str:
    """Path and query exactly as they came."""
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (raw + (b"?" + query if query else b"")).decode("latin-1")


def asking_secret(bank: Bank, given: str, head: str, body: bytes) -> str | None:
    """The secret a request is signed with, if it is authentic and not from another time."""
    known = [key for key in (bank.config.secret, bank.config.previous_secret) if key]
    secret = verified(given, known, "request", head, body)
    if secret is None or not -SKEW <= bank.clock() - signed_at(given) <= AGE_MAX:
        return None
    return secret


async def converse(
    request: Request,
    desk: Desk,
    operation: Operation,
    *,
    attempt_of: Callable[[bytes], str | None],
    work: Callable[[bytes], Awaitable[View]],
) -> Response:
    """One operation of the protocol: check, work, sign, and misbehave on the way. Raises Impossible beyond limits."""
    bank, body = desk.bank, await body_of(request)
    secret = asking_secret(bank, request.headers.get(SIGNATURE, ""), f"{request.method} {target(request)}", body)
    if secret is None:
        return Response(b'{"error":"bad_signature"}', 401, media_type="application/json")
    try:
        attempt_ref = attempt_of(body)
    except msgspec.DecodeError as wrong:
        return _signed(request, bank, secret, (422, {"error": "malformed", "detail": str(wrong)[:200]}))
    fault = bank.fault(attempt_ref)
    if not fault.spoils(operation):
        return _signed(request, bank, secret, await _worked(work, body))
    bank.use_fault(attempt_ref)
    await asyncio.sleep(fault.slow_ms / 1000)
    view = (
        (503, {"error": "no_effect"}) if fault.without_effect or fault.down == "refused" else await _worked(work, body)
    )
    return spoil(_signed(request, bank, secret, view), fault)


async def _worked(work: Callable[[bytes], Awaitable[View]], body: bytes) -> View:
    try:
        return await work(body)
    except Impossible as no:
        return no.status, {"error": no.code}


def _signed(request: Request, bank: Bank, secret: str, view: View) -> Response:
    """An answer bound to the request it answers, with the secret the hub used."""
    status, fields = view
    body = msgspec.json.encode(fields)
    signed = signature(secret, "answer", bank.clock(), f"{status} {request.headers[SIGNATURE]}", body)
    return Response(body, status, {SIGNATURE: signed}, "application/json")
