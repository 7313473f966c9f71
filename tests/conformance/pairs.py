"""Every connector that brings its bank's side is put through the whole suite."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors import discover
from paygw.kernel.connector import Connector, HttpRequest, Ignored, Notice, QueryAsk, RefundAsk, Secrets, SessionAsk
from paygw.kernel.evidence import Evidence, PaymentSeen
from paygw.simulators.side import BankSide, sides

NOW = datetime(2026, 11, 20, 5, 0, 7, tzinfo=UTC)
CONNECTORS, SIDES = discover(), sides()
PAIRS = sorted(CONNECTORS.keys() & SIDES.keys())


@dataclass(frozen=True, slots=True)
class Pair:
    """A connector and its bank, under one test configuration."""

    connector: Connector
    side: BankSide

    @property
    def secrets(self) -> Secrets:
        """The configuration both know."""
        return self.side.secrets

    @property
    def strangers(self) -> Secrets:
        """The same bank with other keys."""
        return replace(self.secrets, values=dict(self.side.other_values))

    @property
    def ref(self) -> str:
        """The reference of the attempt the asks are about."""
        return self.side.attempt_ref

    def read(self, request: HttpRequest, secrets: Secrets | None = None, now: datetime = NOW) -> Notice | Ignored:
        """What the connector makes of a webhook."""
        return self.connector.parse_webhook(request, secrets or self.secrets, now)

    def told(self, evidence: Evidence) -> HttpRequest:
        """The bank's webhook."""
        return self.side.tell(evidence, self.secrets, NOW)


def sample_payment(pair: Pair) -> PaymentSeen:
    """A payment this bank tells of; the test is skipped for one that tells of none."""
    for seen in pair.side.samples:
        if isinstance(seen, PaymentSeen):
            return seen
    pytest.skip("this bank tells of no payments")


SAMPLES = [(name, number) for name in PAIRS for number in range(len(SIDES[name].samples))]


def session_ask(**changes: object) -> SessionAsk:
    """An attempt of 150.000 đồng."""
    ask = SessionAsk(
        attempt_ref="A-1",
        amount_vnd=150_000,
        description="Le phi ho chieu",
        return_url="https://hub.example/return",
        webhook_url="https://hub.example/webhooks/sandbox-a",
        payer_ip="203.0.113.7",
        locale="vi",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )
    return replace(ask, **changes)  # type: ignore[arg-type]  # a test names the fields it means


def query_ask(**changes: object) -> QueryAsk:
    """An enquiry about it."""
    ask = QueryAsk(attempt_ref="A-1", amount_vnd=150_000, created_at=NOW, now=NOW, request_id="Q-1")
    return replace(ask, **changes)  # type: ignore[arg-type]  # a test names the fields it means


def refund_ask(**changes: object) -> RefundAsk:
    """A refund of a third of it."""
    ask = RefundAsk(
        refund_ref="R-1",
        attempt_ref="A-1",
        bank_txn_id="FT26325000001",
        original_vnd=150_000,
        amount_vnd=50_000,
        reason="Nop thua",
        paid_at=NOW,
        now=NOW,
    )
    return replace(ask, **changes)  # type: ignore[arg-type]  # a test names the fields it means
