"""Casso without state: webhooks of version 2 as its public sample signs them, under a test key."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from connectors.casso import signature
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import DebitSeen, Evidence, PaymentSeen
from paygw.kernel.forms import VIETNAM
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide, own_id

URL = "https://hub.example/webhooks/casso"
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://casso.example",
    merchant="PAYGW",
    values={"secret": "checksum-key-of-a-casso-test"},
    options={"accounts": "0011001234567", "auth": "v2"},
)
PAYMENT = PaymentSeen(
    attempt_ref=None,
    observed_id="51",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="Nộp lệ phí / đợt 1",
    virtual_account="V3PG0000001",
)
DEBIT = DebitSeen(
    observed_id="52",
    bank_txn_id="FT26325000007",
    amount_vnd=5_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="chi ra",
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed webhook. Raises ValueError for a kind that Casso sends none of."""
    if not isinstance(evidence, PaymentSeen | DebitSeen):
        raise ValueError("Casso tells of movements only")  # noqa: TRY004 - the value, not its type, is wrong
    credit = isinstance(evidence, PaymentSeen)
    data: Json = {
        "id": own_id(evidence),
        "reference": evidence.bank_txn_id or "",
        "description": evidence.memo,
        "amount": evidence.amount_vnd if credit else -evidence.amount_vnd,
        "runningBalance": 25_000_000,
        "transactionDateTime": evidence.occurred_at.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S"),
        "accountNumber": evidence.account,
        "bankName": "VPBank",
        "bankAbbreviation": "VPB",
        "virtualAccountNumber": evidence.virtual_account if isinstance(evidence, PaymentSeen) else "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "8888888888",
        "counterAccountBankId": "970415",
        "counterAccountBankName": "VietinBank",
    }
    body: Json = {"error": 0, "data": data}
    signed = signature(secrets.values["secret"], str(int(at.timestamp() * 1000)), body)
    headers = {"content-type": "application/json", "x-casso-signature": signed}
    return HttpRequest(method="POST", url=URL, headers=headers, body=json.dumps(body).encode())


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A movement that leaves, under an id of its own: nothing that pays an order."""
    return tell(replace(DEBIT, observed_id="59"), secrets, at)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """We never ask an observer."""
    del request, truth, secrets, at
    return HttpReply(status=404)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same."""
    return reply(request, (), secrets, at)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"secret": "checksum-key-of-a-stranger"},
    samples=(PAYMENT, replace(PAYMENT, bank_txn_id=None, virtual_account="", memo=""), DEBIT),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
)
