"""A provider's protocol around the bank core: one `Provider` value per protocol, in `paygw.simulators.providers`.

The core (bank, journal, courier, page, faults, files, control plane) is the same for every provider: money is on the
disk before anybody hears of it. A provider says how its messages are read (`read`) and, through its `BankSide`, how
they are written. To add one: a module in `sides/` with `BANK_SIDE` and one in `providers/` with `PROVIDER`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Final, Literal

import paygw.simulators.providers
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.simulators.bank import Bank
from paygw.simulators.config import Operation, SandboxBankConfig
from paygw.simulators.facts import Closing, News, Payment, Refund, Reversal, Session
from paygw.simulators.side import BankSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A session is wanted, by the hub or by a browser that comes with a signed address.

    Without `expires_at` it lives `lifetime_s` from when it was opened.
    """

    attempt_ref: str
    amount_vnd: int
    merchant: str
    return_url: str
    expires_at: datetime | None = None
    lifetime_s: int = 900
    webhook_url: str = ""  # empty: the address configured at the provider
    description: str = ""
    locale: Literal["vi", "en"] = "vi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquiry:
    """What became of an attempt, or of a refund under it; a refund may be named alone."""

    attempt_ref: str
    refund_ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunding:
    """A refund is wanted, once per `refund_ref`.

    Without `bank_txn_id` the only payment of the attempt is meant, without `attempt_ref` the attempt of that payment.
    """

    refund_ref: str
    attempt_ref: str
    amount_vnd: int
    bank_txn_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelling:
    """The hub closes a session."""

    attempt_ref: str
    reason: str = ""


Asked = Opening | Enquiry | Refunding | Cancelling
Reason = str  # "bad_signature", "malformed", or the core's own word (`Impossible.code`)


def _stops_on_2xx(reply: HttpReply) -> bool:
    return 200 <= reply.status < 300  # noqa: PLR2004 - the class of success


def numbered(prefix: str, serial: int, day: str) -> str:
    """`FT26325` and seven digits."""
    return f"{prefix}{day}{serial:07d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One protocol, the provider's side.

    `read` tells what a request asks, authentically: it raises BadSignature or Malformed. Answers are `side.reply`
    with the truth about the attempt, except that `opened` words the answer to an `Opening` (None: the payer's browser
    came, and is sent on to the page) and `refuse` what cannot be done. Webhooks are `side.tell`; kinds it raises
    ValueError for are not told. `schedule_s` are the waits before each try until `stops`. `shown` makes what the
    browser carries back: pairs for the return URL, by default the query of the webhook. `number` words a new bank
    reference from a prefix (FT payment, RF refund, RV reversal), a serial and the day as yyddd.
    """

    side: BankSide
    read: Callable[[HttpRequest, Secrets], Asked]
    refuse: Callable[[HttpRequest, Reason, Secrets, datetime], HttpReply]
    opened: Callable[[HttpRequest, Session, str, Secrets, datetime], HttpReply] | None = None
    stops: Callable[[HttpReply], bool] = _stops_on_2xx
    schedule_s: tuple[float, ...] = (0, 60, 300, 900, 3600)
    shown: Callable[[Evidence, Secrets, datetime], str] | None = None
    number: Callable[[str, int, str], str] = numbered
    has_page: bool = True  # a payer is sent to this provider; others are met at a phone or a counter, or only watch


OPERATIONS: Final[Mapping[type[Asked], Operation]] = {
    Opening: "open_session",
    Enquiry: "query",
    Refunding: "refund",
    Cancelling: "query",
}


def providers() -> Mapping[str, Provider]:
    """Every provider by the name of its connector. Raises TypeError for a module that holds none."""
    found: dict[str, Provider] = {}
    for info in iter_modules(paygw.simulators.providers.__path__):
        value = getattr(import_module(f"paygw.simulators.providers.{info.name}"), "PROVIDER", None)
        if not isinstance(value, Provider):
            raise TypeError(f"paygw.simulators.providers.{info.name} has no PROVIDER")
        found[info.name] = value
    return MappingProxyType(found)


def secrets_of(provider: Provider, config: SandboxBankConfig, base_url: str) -> Secrets:
    """What provider and hub both know: the published test configuration, with what the bank's own says otherwise."""
    known = provider.side.secrets
    return replace(
        known,
        base_url=base_url,
        merchant=config.merchant or known.merchant,
        values={**known.values, **config.values},
        options={**known.options, **config.options},
    )


def a_strangers(provider: Provider, secrets: Secrets) -> Secrets:
    """The same configuration with keys nobody shares: what a forger signs with."""
    return replace(secrets, values=dict(provider.side.other_values))


def evidence_of(news: News) -> Evidence:
    """A fact of the bank as what a connector should read of it."""
    at = news.occurred_at
    match news:
        case Payment():
            return PaymentSeen(
                attempt_ref=news.attempt_ref,
                bank_txn_id=news.bank_txn_id,
                amount_vnd=news.amount_vnd,
                occurred_at=at,
                currency=news.currency,
                merchant=news.merchant,
                account=news.account,
                memo=news.memo,
                virtual_account=news.virtual_account,
            )
        case Reversal():
            return ReversalSeen(
                reversal_id=news.reversal_id,
                attempt_ref=news.attempt_ref,
                bank_txn_id=news.bank_txn_id,
                amount_vnd=news.amount_vnd,
                occurred_at=at,
            )
        case Refund():
            return RefundSeen(
                refund_ref=news.refund_ref,
                status=RefundNewsStatus(news.status),
                amount_vnd=news.amount_vnd,
                occurred_at=at,
                bank_txn_id=news.refund_txn_id,
            )
        case Closing():
            state = AttemptStatus(news.status)
            return AttemptSeen(attempt_ref=news.attempt_ref, status=state, occurred_at=at, bank_code=news.code)


def truth_of(bank: Bank, attempt_ref: str) -> tuple[Evidence, ...]:
    """All the bank knows of an attempt: its state, payments, reversals, refunds in the order they were asked for."""
    payments = bank.payments_of(attempt_ref)
    facts: list[News] = [*payments]
    facts += [bank.reversals[paid.bank_txn_id] for paid in payments if paid.bank_txn_id in bank.reversals]
    facts += [refund for refund in bank.refunds.values() if refund.attempt_ref == attempt_ref]
    closing, session = bank.closings.get(attempt_ref), bank.sessions.get(attempt_ref)
    if closing is not None:
        return (evidence_of(closing), *map(evidence_of, facts))
    if session is None:
        return tuple(map(evidence_of, facts))
    is_open = AttemptSeen(attempt_ref=attempt_ref, status=AttemptStatus.REDIRECTED, occurred_at=session.opened_at)
    return (is_open, *map(evidence_of, facts))


def letter(provider: Provider, news: News, url: str, secrets: Secrets, at: datetime) -> HttpRequest | None:
    """The webhook that tells a fact, addressed to `url`; None where the provider does not tell it."""
    try:
        message = provider.side.tell(evidence_of(news), secrets, at)
    except ValueError:
        return None
    return replace(message, url=with_query(url, message.url.partition("?")[2]))


def with_query(url: str, query: str) -> str:
    """An address with more behind its question mark."""
    glue = "&" if "?" in url else "?"
    return f"{url}{glue}{query}" if query else url
