"""Quotes: what a procedure costs on a legal date, and the signed token that carries the question to an order.

A quote creates nothing. Its token holds the facts, so no table is needed; an order made from it computes the amount
again and refuses if the answer is no longer the one that was shown.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from paygw.hub.hub import Hub
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import calculate
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.explain import explain_both
from paygw.kernel.fees.quote import Quote, document

_MAC_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeQuestion:
    """What a portal asks: a procedure, a place, the legal date, the facts."""

    procedure: str
    as_of: str
    facts: dict[str, Any]
    province: str | None = None


class _Token(msgspec.Struct, frozen=True):
    question: FeeQuestion
    total_vnd: int
    schedule_hash: str
    expires_at: datetime


def quote(hub: Hub, question: FeeQuestion) -> Quote:
    """The engine's answer. Raises Refused with the engine's own code when there is none."""
    try:
        return calculate(
            hub.tariffs,
            procedure=question.procedure,
            province=question.province,
            as_of=question.as_of,
            facts=question.facts,
        )
    except FeeError as error:
        facts = {"fact": error.fact} if error.fact else {}
        raise Refused(error.code, error.detail, **facts) from None


def quote_view(hub: Hub, question: FeeQuestion, answer: Quote, now: datetime) -> dict[str, Any]:
    """The public quote: components, total, shares, explanation and a token that becomes an order."""
    expires_at = now + timedelta(seconds=hub.settings.quote_lifetime_s)
    return {
        **document(answer),
        "explanation": explain_both(answer),
        "quote_token": sign_token(hub, question, answer, expires_at),
        "expires_at": instant(expires_at),
    }


def sign_token(hub: Hub, question: FeeQuestion, answer: Quote, expires_at: datetime) -> str:
    """A self-contained token: the question, the answer's total and the hash of its rules."""
    token = _Token(question, answer.total_vnd, answer.schedule_hash, expires_at)
    body = msgspec.json.encode(token)
    return urlsafe_b64encode(_mac(hub, body) + body).rstrip(b"=").decode()


def read_token(hub: Hub, text: str, now: datetime) -> tuple[FeeQuestion, Quote]:
    """The question of a token and its answer today.

    Raises Refused: `quote_invalid`, `quote_expired`, `quote_outdated`.
    """
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, Base64Error, ValueError):
        raw = b""
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not body or not hmac.compare_digest(mac, _mac(hub, body)):
        raise Refused("quote_invalid", "This quote token was not made by this hub; ask for a new quote.")
    token = msgspec.json.decode(body, type=_Token)
    if token.expires_at <= now:
        raise Refused("quote_expired", "This quote has expired; ask for a new one.")
    answer = quote(hub, token.question)
    if (answer.total_vnd, answer.schedule_hash) != (token.total_vnd, token.schedule_hash):
        raise Refused("quote_outdated", "The tariff changed since this quote; ask for a new one.")
    return token.question, answer


def _mac(hub: Hub, body: bytes) -> bytes:
    return hmac.digest(hub.vault.derive("quote token"), body, sha256)
