"""A seeded month of five banks and twenty beneficiaries with every kind of break planted in known numbers.

Two fortnights: one over a year end, one over Tết. Six of ten payments are settled directly, on the working day itself,
to the beneficiary's own account; the others through the collecting account on the next one. Beside the plants stands
what must not be taken for a break: failed and pending attempts, shifts over midnight, refunds in parts, transfers in
parts, batches, memos, known reversals.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from reconciliation.charges import Tariff
from reconciliation.model import Booked, BreakKind, Kind, Line, Status

VIETNAM: Final = timezone(timedelta(hours=7))
OFF_DAYS: Final = {date(2026, 1, 1), date(2026, 1, 2), *(date(2026, 2, day) for day in range(16, 21))}
DAYS: Final = tuple(first + timedelta(days=n) for first in (date(2025, 12, 20), date(2026, 2, 10)) for n in range(15))
BANKS: Final = {
    "VCB": Tariff(fixed_vnd=1_100),
    "BIDV": Tariff(rate_ppm=2_000, min_vnd=1_000, max_vnd=50_000),
    "CTG": Tariff(fixed_vnd=550, rate_ppm=1_100),
    "MB": Tariff(),
    "TCB": Tariff(rate_ppm=5_500, rounding="down"),
}
BENEFICIARIES: Final = tuple(f"CQ{number:02d}" for number in range(1, 21))
DIRECT_PERCENT: Final = 60
ACCOUNT: Final = "0011001234567"
OWN_ACCOUNTS: Final = {name: f"37110{number:08d}" for number, name in enumerate(BENEFICIARIES, start=1)}
AFTER: Final = datetime(2026, 6, 1, tzinfo=UTC)

Key = tuple[BreakKind, str]


@dataclass(slots=True)
class Corpus:
    """Both sides, two third files, and the (kind, reference or transaction) of every plant."""

    rng: random.Random
    book: list[Booked] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    credits: list[Line] = field(default_factory=list)
    applied: list[Line] = field(default_factory=list)
    planted: Counter[Key] = field(default_factory=Counter)
    serial: int = 0

    def next_number(self) -> int:
        """Every name is new."""
        self.serial += 1
        return self.serial


@dataclass(slots=True)
class Pair:
    """One payment as both sides have it; either side may hold no row, or several."""

    book: list[Booked]
    lines: list[Line]
    applied: bool = True

    @property
    def ours(self) -> Booked:
        return self.book[0]

    @property
    def theirs(self) -> Line:
        return self.lines[0]


def settles_on(day: date, *, direct: bool) -> date:
    """The working day itself, if direct, else the next one."""
    day += timedelta(days=0 if direct else 1)
    while day.weekday() > 4 or day in OFF_DAYS:
        day += timedelta(days=1)
    return day


def payment_of(corpus: Corpus, day: date) -> Pair:
    """A payment both sides agree on."""
    rng, number = corpus.rng, corpus.next_number()
    bank = rng.choice(tuple(BANKS))
    at = datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(seconds=rng.randrange(1_800, 84_600))
    amount_vnd = rng.randrange(20, 4_000) * 1_000
    beneficiary = rng.choice(BENEFICIARIES)
    ours = Booked(
        ref=f"{beneficiary}-{day:%y%m%d}-{number:07d}",
        bank_txn_id=f"{bank}{rng.randrange(10**6):06d}{number:07d}",
        kind=Kind.PAYMENT,
        amount_vnd=amount_vnd,
        status=Status.SUCCEEDED,
        occurred_at=at,
        account=OWN_ACCOUNTS[beneficiary] if rng.randrange(100) < DIRECT_PERCENT else ACCOUNT,
    )
    return Pair([ours], [line_of(ours, at + timedelta(seconds=rng.randrange(0, 40)))])


def line_of(row: Booked, at: datetime | None = None) -> Line:
    """The bank's line of one of our rows."""
    at = at or row.occurred_at
    bank = row.bank_txn_id.rstrip("0123456789")
    fee_vnd = BANKS[bank].fee_vnd(row.amount_vnd) if row.kind is Kind.PAYMENT and bank in BANKS else 0
    return Line(
        ref=row.ref,
        bank_txn_id=row.bank_txn_id,
        kind=row.kind,
        amount_vnd=row.amount_vnd,
        fee_vnd=fee_vnd,
        status=row.status,
        occurred_at=at,
        settled_on=settles_on(at.astimezone(VIETNAM).date(), direct=row.account != ACCOUNT),
        account=row.account,
    )


def applied_of(row: Booked) -> Line:
    """What a portal says of it."""
    return replace(line_of(row), bank_txn_id="", fee_vnd=0, settled_on=None, account="")


def is_paid(row: Booked) -> bool:
    return row.kind is Kind.PAYMENT and row.status is Status.SUCCEEDED


def other_txn(corpus: Corpus, txn: str) -> str:
    return f"{txn.rstrip('0123456789')}{corpus.rng.randrange(10**6):06d}{corpus.next_number():07d}"


def refund_of(corpus: Corpus, pair: Pair, amount_vnd: int | None = None) -> Booked:
    return replace(
        pair.ours,
        kind=Kind.REFUND,
        bank_txn_id=other_txn(corpus, pair.ours.bank_txn_id),
        amount_vnd=amount_vnd or pair.ours.amount_vnd // 2,
        occurred_at=pair.ours.occurred_at + timedelta(hours=1),
    )


def plant(corpus: Corpus, kind: BreakKind, name: str) -> None:
    corpus.planted[kind, name] += 1
