"""SePay without state: webhooks as its documentation prints them, under a test secret."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from connectors.sepay import signature
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import DebitSeen, Evidence, PaymentSeen
from paygw.kernel.forms import VIETNAM
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide, own_id

URL = "https://hub.example/webhooks/sepay"
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://sepay.example",
    merchant="PAYGW",
    values={"secret": "whsec-test-of-sepay"},
    options={"accounts": "0011001234567", "auth": "hmac"},
)
PAYMENT = PaymentSeen(
    attempt_ref="HS000123",
    observed_id="92704",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="MBVCB.3278907687.HS000123 Nop le phi.CT tu 0987654321",
    virtual_account="V3PG0000001",
)
DEBIT = DebitSeen(
    observed_id="92706",
    bank_txn_id="FT26325000007",
    amount_vnd=5_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="chi ra",
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed webhook. Raises ValueError for a kind that SePay sends none of."""
    if not isinstance(evidence, PaymentSeen | DebitSeen):
        raise ValueError("SePay tells of movements only")  # noqa: TRY004 - the value, not its type, is wrong
    credit = evidence if isinstance(evidence, PaymentSeen) else None
    fields: Json = {
        "id": own_id(evidence),
        "gateway": "Vietcombank",
        "transactionDate": evidence.occurred_at.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S"),
        "accountNumber": evidence.account,
        "code": credit.attempt_ref if credit else None,
        "content": evidence.memo,
        "transferType": "in" if credit else "out",
        "transferAmount": evidence.amount_vnd,
        "accumulated": 19_077_000,
        "subAccount": (credit.virtual_account if credit else "") or None,
        "referenceCode": evidence.bank_txn_id or "",
        "description": "",
    }
    return _webhook(fields, secrets, at)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A movement that leaves, under an id of its own: nothing that pays an order."""
    return tell(replace(DEBIT, observed_id="92799"), secrets, at)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """We never ask an observer."""
    del request, truth, secrets, at
    return HttpReply(status=404)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same."""
    return reply(request, (), secrets, at)


def _webhook(fields: Json, secrets: Secrets, at: datetime) -> HttpRequest:
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    stamp = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "x-sepay-timestamp": stamp,
        "x-sepay-signature": signature(secrets.values["secret"], stamp, body),
    }
    return HttpRequest(method="POST", url=URL, headers=headers, body=body)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"secret": "whsec-of-somebody-else"},
    samples=(PAYMENT, replace(PAYMENT, attempt_ref=None, bank_txn_id=None, virtual_account="", memo=""), DEBIT),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_target=False,
)
