"""The protocol's endpoints: sessions, refunds, files and the bank's own truth."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paygw.simulators.bank import Bank, Impossible, new_session_id
from paygw.simulators.config import Amount, Ref, Text
from paygw.simulators.courier import SIGNATURE
from paygw.simulators.desk import desk_of, is_admin, pay_session
from paygw.simulators.facts import Session
from paygw.simulators.files import settlement_csv, statement_csv
from paygw.simulators.wire import View, asking_secret, converse, target

Url = Annotated[str, Meta(max_length=2048)]


class SessionWanted(Struct, frozen=True, kw_only=True):
    """Body of `POST /v1/sessions` and query of the signed redirect."""

    attempt_ref: Ref
    amount_vnd: Amount
    merchant: Text
    return_url: Url
    expires_at: datetime
    webhook_url: Url = ""
    description: Text = ""
    locale: Literal["vi", "en"] = "vi"


class RefundWanted(Struct, frozen=True, kw_only=True):
    """Body of `POST /v1/refunds`."""

    refund_ref: Ref
    attempt_ref: Ref
    bank_txn_id: Ref
    amount_vnd: Amount
    reason: Text = ""


def routes() -> list[Route]:
    """Everything below a bank's base URL that a machine calls."""
    return [
        Route("/v1/sessions", open_session, methods=["POST"]),
        Route("/v1/sessions/{attempt_ref}", query, methods=["GET"]),
        Route("/v1/refunds", refund, methods=["POST"]),
        Route("/v1/refunds/{refund_ref}", query_refund, methods=["GET"]),
        Route("/v1/settlements/{day}.csv", settlement, methods=["GET"]),
        Route("/v1/statements/{day}.csv", statement, methods=["GET"]),
        Route("/v1/truth", truth, methods=["GET"]),
    ]


async def open_session(request: Request) -> Response:
    """Open a session, or give the same one again."""
    desk = desk_of(request)

    async def work(body: bytes) -> View:
        session, is_new = await opened(desk.bank, msgspec.json.decode(body, type=SessionWanted))
        if is_new and desk.bank.fault(session.attempt_ref).pay_at_open:
            await pay_session(desk, session, early=True)
        page = str(request.url.replace(path=f"/{desk.bank.config.name}/pay/{session.session_id}", query=""))
        fields = {"attempt_ref": session.attempt_ref, "session_id": session.session_id, "pay_url": page}
        return 201 if is_new else 200, fields | {"expires_at": session.expires_at}

    def attempt_of(body: bytes) -> str:
        return msgspec.json.decode(body, type=SessionWanted).attempt_ref

    return await converse(request, desk, "open_session", attempt_of=attempt_of, work=work)


async def query(request: Request) -> Response:
    """Everything that happened to an attempt."""
    desk, attempt_ref = desk_of(request), request.path_params["attempt_ref"]

    async def work(_: bytes) -> View:
        bank = desk.bank
        payments, session = bank.payments_of(attempt_ref), bank.sessions.get(attempt_ref)
        if session is None and not payments:
            raise Impossible("unknown_session", 404)
        return 200, {
            "attempt_ref": attempt_ref,
            "status": bank.state(attempt_ref),
            "session_id": session.session_id if session else None,
            "as_of": bank.clock(),
            "payments": payments,
            "reversals": [bank.reversals[paid.bank_txn_id] for paid in payments if paid.bank_txn_id in bank.reversals],
        }

    return await converse(request, desk, "query", attempt_of=lambda _: attempt_ref, work=work)


async def refund(request: Request) -> Response:
    """Refund a part of a payment, once per `refund_ref`."""
    desk = desk_of(request)

    async def work(body: bytes) -> View:
        wanted = msgspec.json.decode(body, type=RefundWanted)
        is_new = wanted.refund_ref not in desk.bank.refunds
        made = await desk.bank.refund(
            refund_ref=wanted.refund_ref,
            attempt_ref=wanted.attempt_ref,
            bank_txn_id=wanted.bank_txn_id,
            amount_vnd=wanted.amount_vnd,
        )
        return 201 if is_new else 200, msgspec.to_builtins(made)

    def attempt_of(body: bytes) -> str:
        return msgspec.json.decode(body, type=RefundWanted).attempt_ref

    return await converse(request, desk, "refund", attempt_of=attempt_of, work=work)


async def query_refund(request: Request) -> Response:
    """What became of a refund."""
    desk = desk_of(request)
    known = desk.bank.refunds.get(request.path_params["refund_ref"])

    async def work(_: bytes) -> View:
        if known is None:
            raise Impossible("unknown_refund", 404)
        return 200, msgspec.to_builtins(known)

    attempt_ref = known.attempt_ref if known else None
    return await converse(request, desk, "query_refund", attempt_of=lambda _: attempt_ref, work=work)


async def settlement(request: Request) -> Response:
    """The provider's file of one Vietnamese day, with control totals in its last line."""
    return _file(request, settlement_csv)


async def statement(request: Request) -> Response:
    """The account statement of one Vietnamese day, with control totals in its last line."""
    return _file(request, statement_csv)


async def truth(request: Request) -> Response:
    """All money the bank moved, in the words of its truth file."""
    bank = _trusted(request)
    facts = {
        "payments": list(bank.payments.values()),
        "reversals": list(bank.reversals.values()),
        "refunds": list(bank.refunds.values()),
    }
    return Response(msgspec.json.encode(facts), media_type="application/json")


async def opened(bank: Bank, wanted: SessionWanted) -> tuple[Session, bool]:
    """A session as wanted. Raises Impossible."""
    if wanted.merchant != bank.config.merchant:
        raise Impossible("merchant_unknown")
    urls = [url for url in (wanted.return_url, wanted.webhook_url or None) if url is not None]
    if wanted.expires_at.tzinfo is None or not all(_is_web(url) for url in urls):
        raise Impossible("malformed")
    session = Session(
        attempt_ref=wanted.attempt_ref,
        session_id=new_session_id(),
        amount_vnd=wanted.amount_vnd,
        description=wanted.description,
        return_url=wanted.return_url,
        webhook_url=wanted.webhook_url,
        locale=wanted.locale,
        opened_at=bank.clock(),
        expires_at=wanted.expires_at,
    )
    return await bank.open(session)


def _file(request: Request, written: Callable[[Bank, date], str]) -> Response:
    bank = _trusted(request)
    try:
        day = date.fromisoformat(request.path_params["day"])
    except ValueError as fault:
        raise HTTPException(404) from fault
    return Response(written(bank, day), media_type="text/csv; charset=utf-8")


def _trusted(request: Request) -> Bank:
    """The bank, for its hub (a signed request) or its master (the token). Raises HTTPException 401."""
    bank = desk_of(request).bank
    head = f"{request.method} {target(request)}"
    if is_admin(request, bank) or asking_secret(bank, request.headers.get(SIGNATURE, ""), head, b""):
        return bank
    raise HTTPException(401)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
