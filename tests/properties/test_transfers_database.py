"""Random weeks of an account through the whole hub: the same truth, observers and statements as in test_identity.

After every message no more is booked than came (M-13); after all statements each credit is one receipt, nothing waits,
and every invariant of the money rules holds.
"""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from paygw.hub.credit import Message as Kept
from paygw.hub.credit import credit
from paygw.hub.hub import Hub
from paygw.hub.statements import CreditLine, read_statement
from paygw.kernel.connector import Notice
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.identity import Observation
from paygw.store.ledger_checks import find_violations
from tests.hub.transfer_world import ACCOUNT, OBSERVERS, receipts, scanned, waiting, watched
from tests.hub.world import ordered
from tests.properties.test_identity import Message, Statement, _messages, _truth

pytestmark = pytest.mark.db
_OBSERVER = dict(zip(("notice", "aggregator", "portal"), OBSERVERS, strict=True))


@pytest.fixture
def account(hub: Hub) -> Hub:
    """A hub with a watched account."""
    return watched(hub)


async def told(hub: Hub, message: Message, codes: dict[str, str], week: str) -> None:
    """One observation, or a statement, with the codes of real attempts in its memos."""
    if isinstance(message, Observation):
        seen = PaymentSeen(
            attempt_ref=None,
            observed_id=f"{week}{message.id}",
            bank_txn_id=f"{week}{message.reference}" if message.reference else None,
            amount_vnd=message.amount_vnd,
            occurred_at=datetime.combine(message.day, datetime.min.time(), UTC) + timedelta(hours=5),
            account=ACCOUNT,
            memo=codes.get(message.order_code or "", "chuyen tien"),
        )
        bank = hub.registry.banks[_OBSERVER[message.observer]]
        await credit(hub, bank, Notice(evidence=(seen,), authority=Authority.NOTICE), Kept())
        return
    lines = [
        CreditLine(
            id=f"{week}{line.id}",
            reference=f"{week}{line.reference}" if line.reference else None,
            amount_vnd=line.amount_vnd,
            occurred_at=datetime.combine(message.day, datetime.min.time(), UTC) + timedelta(hours=9),
            memo=codes.get(line.order_code or "", ""),
        )
        for line in message.lines
    ]
    await read_statement(hub, ACCOUNT, message.day, lines)


@pytest.mark.parametrize("seed", range(6))
async def test_every_credit_is_one_receipt_through_hub_and_database(account: Hub, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same week again
    truth = _truth(dice)
    messages: list[Message] = _messages(dice, truth)
    messages += dice.choices(messages, k=4)
    dice.shuffle(messages)
    codes = {name: (await scanned(account, await ordered(account, name))).ref for name in ("X1", "X2")}
    came = Counter(item.amount_vnd for item in truth)

    for message in messages:
        await told(account, message, codes, f"W{seed}-")
        assert Counter(amount for amount, _ in await receipts(account)) <= came

    assert Counter(amount for amount, _ in await receipts(account)) == came
    assert await waiting(account) == 0
    for message in messages:
        await told(account, message, codes, f"W{seed}-")
    assert Counter(amount for amount, _ in await receipts(account)) == came
    async with account.pool.acquire() as connection:
        assert await find_violations(connection, mode=account.settings.funds) == []


def test_the_weeks_hold_statements() -> None:
    dice = random.Random(0)  # noqa: S311 - as above

    assert any(isinstance(message, Statement) and message.lines for message in _messages(dice, _truth(dice)))
