"""The receiving bank's side of VietQR: it never speaks to us under this name; its observers and statements do."""

from datetime import datetime

from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import Evidence
from paygw.simulators.side import BankSide

SECRETS = Secrets(
    base_url="https://bank.example",
    merchant="PAYGW",
    values={},
    options={
        "bin": "970436",
        "account": "0011001234567",
        "account_name": "KHO BAC NHA NUOC HA NOI",
        "virtual_prefix": "V3PG",
    },
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """There are no webhooks. Raises ValueError."""
    del evidence, secrets, at
    raise ValueError("this bank sends nothing")


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """The same."""
    del secrets, at
    raise ValueError("this bank sends nothing")


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """Nobody asks this bank anything."""
    del request, truth, secrets, at
    return HttpReply(status=404)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same."""
    return reply(request, (), secrets, at)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={},
    samples=(),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    attempt_ref="PG23456789BCFM",
)
