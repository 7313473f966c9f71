"""VietQR, NAPAS 247: the payer scans a code and transfers to our account (EMVCo MPM, NAPAS IBFT v1.5.2).

We call nobody and nobody calls us here: what arrives on the account is told by observers (connectors `sepay`, `casso`,
`vietqr_vn`, `payos`) and, finally, by the bank's statement. The reference of an attempt is the memo code that stands in
the transfer's text. Where the bank lends virtual accounts, each attempt gets one of its own: the option
`virtual_prefix` and the code's 13 characters.

Confirm with the bank: the form of its virtual accounts (grade C); how many characters of a memo its statement keeps.
"""

import json
from datetime import datetime
from typing import Final

from paygw.kernel.codes import MEMO_PREFIX, is_memo_code, memo_codes_in, plain_text
from paygw.kernel.connector import (
    BadSignature,
    Connector,
    Contact,
    Credential,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Notice,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import PaymentSeen
from paygw.kernel.vietqr import Transfer, write

_UNKNOWN_CALLER: Final = HttpReply(status=401, headers={"content-type": "application/json"}, body=b'{"success": false}')


def build_redirect(ask: SessionAsk, secrets: Secrets) -> Session:
    """The text of the code: account or virtual account, amount, memo code."""
    if not ask.is_payable:
        return Session(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    options = secrets.options
    prefix = options.get("virtual_prefix", "")
    account = prefix + ask.attempt_ref.removeprefix(MEMO_PREFIX) if prefix else options.get("account", "")
    wanted = Transfer(
        bank_bin=options.get("bin", ""), account=account, amount_vnd=ask.amount_vnd, purpose=ask.attempt_ref
    )
    try:
        return Session(contact=Contact.SUCCEEDED, qr_text=write(wanted))
    except ValueError:
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")


def refs_in(payment: PaymentSeen, secrets: Secrets) -> tuple[str, ...]:
    """Our codes in a transfer: the virtual account first, then what the message names, then the memo."""
    prefix = secrets.options.get("virtual_prefix", "").upper()
    virtual = plain_text(payment.virtual_account)
    lent = MEMO_PREFIX + virtual.removeprefix(prefix) if prefix and virtual.startswith(prefix) else ""
    named = plain_text(payment.attempt_ref or "")
    certain = tuple(code for code in (lent, named) if is_memo_code(code))
    return tuple(dict.fromkeys((*certain, *memo_codes_in(payment.memo))))


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """Nobody speaks to us under this name."""
    del request, secrets, now
    raise BadSignature


def acknowledge(verdict: Verdict) -> HttpReply:
    """There is nothing to acknowledge: a caller is unknown."""
    if verdict in {Verdict.BAD_SIGNATURE, Verdict.MALFORMED}:
        return _UNKNOWN_CALLER
    status = 503 if verdict is Verdict.UNAVAILABLE else 200
    body = json.dumps({"success": status < 300}).encode()  # noqa: PLR2004 - the class of success
    return HttpReply(status=status, headers={"content-type": "application/json"}, body=body)


CONNECTOR = Connector(
    name="vietqr",
    title="Chuyển khoản VietQR",
    grade="A",
    source="NAPAS IBFT v1.5.2; npm vietnam-qr-pay 1.5.1 and vietqr-ts 1.0.0",
    methods=("transfer",),
    receipts_per_attempt="many",
    credentials=(
        Credential(name="bin", secret=False, pattern=r"[0-9]{6}", help="The bank's six digits at NAPAS, e.g. 970436"),
        Credential(
            name="account",
            secret=False,
            pattern=r"[0-9A-Z]{1,19}",
            help="The account shown in the code, 1 to 19 characters",
        ),
        Credential(
            name="account_name",
            secret=False,
            pattern=r"[A-Z0-9 .,&-]{1,70}",
            help="Its holder as bank apps show it, capitals",
        ),
        Credential(
            name="virtual_prefix",
            secret=False,
            pattern=r"[0-9A-Z]{1,6}",
            help="Beginning of the virtual accounts the bank lends us, if it does",
        ),
    ),
    limits=Limits(
        amount_min_vnd=2_000,
        amount_max_vnd=499_999_999,  # above it NAPAS 247 takes none
        reference_max_chars=15,
        session_max_s=1_800,
        reference_alphabet="memo",
    ),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    build_redirect=build_redirect,
    refs_in=refs_in,
)
