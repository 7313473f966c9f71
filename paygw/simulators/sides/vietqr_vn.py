"""VietQR VN without state: balance callbacks as its documentation prints them, under a test key."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from connectors.vietqr_vn import signature
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import DebitSeen, Evidence, PaymentSeen
from paygw.kernel.forms import VIETNAM
from paygw.kernel.wire import Json
from paygw.simulators.side import BankSide, own_id

URL = "https://hub.example/webhooks/vietqr-vn"
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECRETS = Secrets(
    base_url="https://vietqr.example",
    merchant="PAYGW",
    values={"secret": "YWN0aXZlX3NpZ24ga2V5LiBLZWVwIGl0IHNlY3JldCE="},
    options={"accounts": "0011001234567"},
)
PAYMENT = PaymentSeen(
    attempt_ref="HS000123",
    observed_id="0a4cc317-3af3-4055-bc83-7296adb624bf",
    bank_txn_id="FT26325000001",
    amount_vnd=150_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="Nop le phi",
)
DEBIT = DebitSeen(
    observed_id="1b4cc317-3af3-4055-bc83-7296adb624bf",
    bank_txn_id="FT26325000007",
    amount_vnd=5_000,
    occurred_at=NOON,
    account="0011001234567",
    memo="chi ra",
)


def tell(evidence: Evidence, secrets: Secrets, at: datetime) -> HttpRequest:
    """A signed callback. Raises ValueError for a kind that VietQR VN sends none of."""
    del at
    if not isinstance(evidence, PaymentSeen | DebitSeen):
        raise ValueError("VietQR VN tells of movements only")  # noqa: TRY004 - the value, not its type, is wrong
    credit = isinstance(evidence, PaymentSeen)
    fields: Json = {
        "transactionId": evidence.observed_id or f"vqr-{own_id(evidence)}",
        "transactionTime": evidence.occurred_at.astimezone(VIETNAM).strftime("%Y-%m-%d%H:%M"),
        "referencenumber": evidence.bank_txn_id or "",
        "amount": evidence.amount_vnd,
        "content": evidence.memo,
        "bankAccount": evidence.account,
        "transType": "C" if credit else "D",
        "orderId": (evidence.attempt_ref or "") if isinstance(evidence, PaymentSeen) else "",
    }
    fields["signature"] = signature(secrets.values["secret"], fields)
    body = json.dumps(fields, ensure_ascii=False).encode()
    return HttpRequest(method="POST", url=URL, headers={"content-type": "application/json"}, body=body)


def tell_unlisted(secrets: Secrets, at: datetime) -> HttpRequest:
    """A movement that leaves, under an id of its own: nothing that pays an order."""
    return tell(replace(DEBIT, observed_id="2c"), secrets, at)


def reply(request: HttpRequest, truth: tuple[Evidence, ...], secrets: Secrets, at: datetime) -> HttpReply:
    """We never ask an observer."""
    del request, truth, secrets, at
    return HttpReply(status=404)


def reply_unlisted(request: HttpRequest, secrets: Secrets, at: datetime) -> HttpReply:
    """The same."""
    return reply(request, (), secrets, at)


BANK_SIDE = BankSide(
    secrets=SECRETS,
    other_values={"secret": "b3RoZXIta2V5LW9mLWEtc3RyYW5nZXI="},
    samples=(PAYMENT, replace(PAYMENT, attempt_ref=None, bank_txn_id=None, memo=""), DEBIT),
    tell=tell,
    tell_unlisted=tell_unlisted,
    reply=reply,
    reply_unlisted=reply_unlisted,
    signs_every_byte=False,
    unsigned=frozenset({"bank_txn_id", "account", "memo"}),
)
