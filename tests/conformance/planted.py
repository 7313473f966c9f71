"""Faults of whole connectors, planted to see whether the suite finds them (test_planted_faults.py)."""

from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl

from paygw.kernel.connector import (
    AnswerDialogue,
    BadSignature,
    Connector,
    Contact,
    HttpRequest,
    Malformed,
    QueryAsk,
    Returned,
    Secrets,
    Session,
    SessionAsk,
)
from paygw.kernel.evidence import AttemptSeen, AttemptStatus


def trusting_totals(honest: Connector) -> Connector:
    """The trailer of a settlement file is not compared."""

    def parse(body: bytes, options: object) -> object:
        del options
        assert honest.parse_settlement is not None
        try:
            return honest.parse_settlement(body, {})
        except Malformed:
            rows = [row for row in body.decode("utf-8", "replace").splitlines() if row]
            amounts = sum(int(row.split(",")[3]) for row in rows[1:-1])
            trailer = f"TRAILER,{len(rows) - 2},,{amounts},2200,,,2026-11-21"
            return honest.parse_settlement("\n".join([*rows[:-1], trailer]).encode(), {})

    return replace(honest, parse_settlement=parse)  # type: ignore[arg-type]  # faulty on purpose


def closed_whatever_is_said(honest: Connector) -> Connector:
    """A session counts as closed once its closing was asked for."""

    def cancel(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
        assert honest.cancel is not None
        answer = yield from honest.cancel(ask, secrets)
        status = AttemptStatus.CANCELLED
        seen = AttemptSeen(attempt_ref=ask.attempt_ref, status=status, occurred_at=ask.now, not_paid=True)
        return replace(answer, evidence=(seen,))

    return replace(honest, cancel=cancel)


def returns_believed_unsigned(honest: Connector) -> Connector:
    """The browser's return is read for display, so nobody looked at its signature."""

    def read(request: HttpRequest, secrets: Secrets) -> Returned:
        assert honest.parse_return is not None
        with suppress(BadSignature):
            return honest.parse_return(request, secrets)
        fields = dict(parse_qsl(request.url.partition("?")[2]))
        return Returned(attempt_ref=fields.get("orderId", ""), contact=Contact.SUCCEEDED)

    return replace(honest, parse_return=read)


def leaking(honest: Connector) -> Connector:
    def build(ask: SessionAsk, secrets: Secrets) -> Session:
        assert honest.build_redirect is not None
        session = honest.build_redirect(ask, secrets)
        secret = next(iter(secrets.values.values()))
        return replace(session, redirect_url=f"{session.redirect_url}#{secret}")

    return replace(honest, build_redirect=build)


def unscaled(honest: Connector) -> Connector:
    def build(ask: SessionAsk, secrets: Secrets) -> Session:
        assert honest.build_redirect is not None
        return honest.build_redirect(replace(ask, amount_vnd=ask.amount_vnd * 100), secrets)

    return replace(honest, build_redirect=build)
