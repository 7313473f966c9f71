"""Receipt identity of transfers (M-13): observers with references of their own, then the statement, in any order."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paygw.kernel.identity import Account, Observation, StatementLine, Step, observe, overdue, read_statement

MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=n) for n in range(8)]
CODES = (None, "X1", "X2")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A credit as it truly happened."""

    no: int
    amount_vnd: int
    day: date
    code: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """All credits of one day."""

    day: date
    lines: tuple[StatementLine, ...]


Message = Observation | Statement


def _truth(dice: random.Random) -> list[Transfer]:
    return [
        Transfer(n, dice.choice((100, 100, 200)), MONDAY + timedelta(days=2 + dice.randrange(3)), dice.choice(CODES))
        for n in range(dice.randrange(1, 6))
    ]


def _messages(dice: random.Random, truth: list[Transfer]) -> list[Message]:
    """What three observers and the statement say of them: common, own or missing references, codes perhaps unread."""
    said: list[Message] = []
    for observer in ("notice", "aggregator", "portal"):
        for transfer in truth:
            if dice.random() < 0.3:
                continue
            reference = dice.choice(
                (f"bank-{transfer.no}", f"{observer}-{transfer.no}", f"{observer}-{transfer.no}", None)
            )
            said.append(
                Observation(
                    id=f"{observer}/{transfer.no}",
                    observer=observer,
                    reference=reference,
                    amount_vnd=transfer.amount_vnd,
                    day=transfer.day - timedelta(days=dice.choice((0, 0, 1, 2))),
                    order_code=transfer.code if dice.random() < 0.7 else None,
                )
            )
    for day in DAYS:
        lines = tuple(
            StatementLine(
                id=f"line-{t.no}",
                reference=f"bank-{t.no}" if dice.random() < 0.8 else None,
                amount_vnd=t.amount_vnd,
                order_code=t.code if dice.random() < 0.7 else None,
            )
            for t in truth
            if t.day == day
        )
        said.append(Statement(day, lines))
    return said


def _take_in(account: Account, message: Message) -> Step:
    if isinstance(message, Statement):
        return read_statement(account, message.day, message.lines)
    return observe(account, message)


def _amounts(items: list[Transfer] | Account) -> Counter[int]:
    if isinstance(items, Account):
        return Counter(credit.amount_vnd for credit in items.credits)
    return Counter(item.amount_vnd for item in items)


def _live_through(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same week again
    truth = _truth(dice)
    messages = _messages(dice, truth)
    messages += dice.choices(messages, k=4)
    dice.shuffle(messages)
    account, came = Account(id="9704"), _amounts(truth)
    for message in messages:
        step = _take_in(account, message)
        _check_step(account, step, message)
        account = step.account
        assert _amounts(account) <= came, f"seed {seed}: more is booked than came"
    assert _amounts(account) == came, f"seed {seed}: the statements are read, and not every credit is one receipt"
    assert account.waiting == (), f"seed {seed}: something still waits"
    assert overdue(account) == ()
    assert all(credit.claim for credit in account.credits)
    for message in messages:
        again = _take_in(account, message)
        assert again.account == account, f"seed {seed}: what was told before changed something"


def _check_step(before: Account, step: Step, message: Message) -> None:
    """A step tells truly what it did; after a day's statement only statements book."""
    old = {credit.key: credit for credit in before.credits}
    new = [credit for credit in step.account.credits if credit.key not in old]
    assert list(step.booked) == new
    assert len({credit.key for credit in step.account.credits}) == len(step.account.credits)
    if isinstance(message, Observation) and message.day in before.read_days:
        assert not step.booked
    named = {c.key for c in step.account.credits if c.key in old and old[c.key].order_code != c.order_code}
    assert {credit.key for credit in step.named} == named
    assert step.conflicts == ()


@settings(max_examples=300, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_credit_is_at_most_once_booked_always_and_exactly_once_after_its_statement(seed: int) -> None:
    _live_through(seed)


@pytest.mark.drill
@pytest.mark.timeout(3600)
def test_tens_of_thousands_of_weeks_book_every_credit_once() -> None:
    for seed in range(50_000):
        _live_through(seed)
