"""A seeded month of five banks and twenty beneficiaries with every kind of break planted in known numbers.

Two fortnights: one over a year end, one over Tết. Beside the plants stands what must not be taken for a break: failed
and pending attempts, shifts over midnight, refunds in parts, transfers in parts, batches, memos, known reversals.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from reconciliation.model import Booked, BreakKind, Kind, Line, Status
from reconciliation.tariff import Tariff

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
ACCOUNT: Final = "0011001234567"
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


def settles_on(day: date) -> date:
    """The next working day."""
    day += timedelta(days=1)
    while day.weekday() > 4 or day in OFF_DAYS:
        day += timedelta(days=1)
    return day


def build(*, seed: int, per_day: int, each: int, days: Sequence[date] = DAYS) -> Corpus:
    """`per_day` payments a day over all banks, `each` plants of every kind that two files can hold."""
    corpus = Corpus(rng=random.Random(seed))  # noqa: S311 - the same seed gives the same month
    pairs = [_payment(corpus, day) for day in days for _ in range(per_day)]
    order = list(range(len(pairs)))
    corpus.rng.shuffle(order)
    chosen = iter(order)
    for plant in PLANTS:
        for _ in range(each):
            plant(corpus, pairs[next(chosen)])
    for noise in NOISE:
        for _ in range(each):
            noise(corpus, pairs[next(chosen)])
    for pair in pairs:
        corpus.book += pair.book
        corpus.lines += pair.lines
        if pair.applied:
            corpus.applied += [_applied(row) for row in pair.book if _is_paid(row)]
    corpus.rng.shuffle(corpus.book)
    corpus.rng.shuffle(corpus.lines)
    return corpus


def _payment(corpus: Corpus, day: date) -> Pair:
    rng, number = corpus.rng, corpus.next_number()
    bank = rng.choice(tuple(BANKS))
    at = datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(seconds=rng.randrange(1_800, 84_600))
    amount_vnd = rng.randrange(20, 4_000) * 1_000
    ours = Booked(
        ref=f"{rng.choice(BENEFICIARIES)}-{day:%y%m%d}-{number:07d}",
        bank_txn_id=f"{bank}{rng.randrange(10**6):06d}{number:07d}",
        kind=Kind.PAYMENT,
        amount_vnd=amount_vnd,
        status=Status.SUCCEEDED,
        occurred_at=at,
        account=ACCOUNT,
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
        settled_on=settles_on(at.astimezone(VIETNAM).date()),
        account=row.account,
    )


def _applied(row: Booked) -> Line:
    return replace(line_of(row), bank_txn_id="", fee_vnd=0, settled_on=None, account="")


def _is_paid(row: Booked) -> bool:
    return row.kind is Kind.PAYMENT and row.status is Status.SUCCEEDED


def _other_txn(corpus: Corpus, txn: str) -> str:
    return f"{txn.rstrip('0123456789')}{corpus.rng.randrange(10**6):06d}{corpus.next_number():07d}"


def _refund(corpus: Corpus, pair: Pair, amount_vnd: int | None = None) -> Booked:
    return replace(
        pair.ours,
        kind=Kind.REFUND,
        bank_txn_id=_other_txn(corpus, pair.ours.bank_txn_id),
        amount_vnd=amount_vnd or pair.ours.amount_vnd // 2,
        occurred_at=pair.ours.occurred_at + timedelta(hours=1),
    )


def _plant(corpus: Corpus, kind: BreakKind, name: str) -> None:
    corpus.planted[kind, name] += 1


def missing_in_book(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.MISSING_IN_BOOK, pair.ours.ref)
    pair.book.clear()


def missing_at_bank(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.MISSING_AT_BANK, pair.ours.ref)
    pair.lines.clear()


def amount_differs(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.AMOUNT_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, amount_vnd=pair.theirs.amount_vnd + corpus.rng.choice((-1, 1, 500, -10_000)))


def status_differs(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.STATUS_DIFFERS, pair.ours.ref)
    status = corpus.rng.choice((Status.FAILED, Status.PENDING, Status.REVERSED))
    if corpus.rng.random() < 0.5 and status is not Status.REVERSED:
        pair.book[0] = replace(pair.ours, status=status)
    else:
        pair.lines[0] = replace(pair.theirs, status=status)


def duplicate_at_bank(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.DUPLICATE_AT_BANK, pair.ours.ref)
    pair.lines.append(replace(pair.theirs, occurred_at=pair.theirs.occurred_at + timedelta(seconds=2)))


def duplicate_in_book(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.DUPLICATE_IN_BOOK, pair.ours.ref)
    pair.book.append(pair.ours)


def paid_twice(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.PAID_TWICE, pair.ours.ref)
    later = pair.theirs.occurred_at + timedelta(minutes=5)
    second = replace(pair.theirs, bank_txn_id=_other_txn(corpus, pair.ours.bank_txn_id), occurred_at=later)
    pair.lines.append(second)
    if corpus.rng.random() < 0.5:
        pair.book.append(replace(pair.ours, bank_txn_id=second.bank_txn_id, occurred_at=later))


def reference_differs(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.REFERENCE_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, ref=f"{pair.ours.ref}9")


def refund_missing_at_bank(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.REFUND_MISSING_AT_BANK, pair.ours.ref)
    pair.book.append(_refund(corpus, pair))


def refund_missing_in_book(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.REFUND_MISSING_IN_BOOK, pair.ours.ref)
    pair.lines.append(line_of(_refund(corpus, pair)))


def refund_amount_differs(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.REFUND_AMOUNT_DIFFERS, pair.ours.ref)
    refund = _refund(corpus, pair)
    pair.book.append(refund)
    pair.lines.append(replace(line_of(refund), amount_vnd=refund.amount_vnd - 1))


def refund_without_original(corpus: Corpus, pair: Pair) -> None:
    ref = f"CU-{corpus.next_number():07d}"
    _plant(corpus, BreakKind.REFUND_WITHOUT_ORIGINAL, ref)
    refund = replace(_refund(corpus, pair), ref=ref)
    pair.lines.append(line_of(refund))
    if corpus.rng.random() < 0.5:
        pair.book.append(refund)


def reversal_unknown(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.REVERSAL_UNKNOWN, pair.ours.ref)
    later = pair.theirs.occurred_at + timedelta(hours=2)
    pair.lines.append(replace(pair.theirs, kind=Kind.REVERSAL, occurred_at=later, fee_vnd=0))


def fee_differs(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.FEE_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, fee_vnd=(pair.theirs.fee_vnd or 0) + 250)


def net_total_differs(corpus: Corpus, pair: Pair) -> None:
    members, credit = _batch(corpus, pair)
    _plant(corpus, BreakKind.NET_TOTAL_DIFFERS, credit.bank_txn_id)
    pair.book[:], pair.lines[:] = members, [replace(credit, amount_vnd=credit.amount_vnd - 1)]


def out_of_period(corpus: Corpus, pair: Pair) -> None:
    _plant(corpus, BreakKind.OUT_OF_PERIOD, pair.ours.ref)
    days = corpus.rng.choice((-40, 45, 90))
    pair.lines[0] = replace(pair.theirs, settled_on=DAYS[-1] + timedelta(days=days) if days > 0 else date(2025, 11, 3))


def unknown_account(corpus: Corpus, pair: Pair) -> None:
    extra = _stray(corpus, pair, f"XX-{corpus.next_number():07d}")
    _plant(corpus, BreakKind.UNKNOWN_ACCOUNT, extra.ref)
    pair.lines.append(replace(extra, account="9990009990"))


def unidentified_credit(corpus: Corpus, pair: Pair) -> None:
    extra = _stray(corpus, pair, "")
    _plant(corpus, BreakKind.UNIDENTIFIED_CREDIT, extra.bank_txn_id)
    pair.lines.append(extra)


def unidentified_debit(corpus: Corpus, pair: Pair) -> None:
    extra = replace(_stray(corpus, pair, ""), kind=Kind.REFUND, fee_vnd=0)
    _plant(corpus, BreakKind.UNIDENTIFIED_DEBIT, extra.bank_txn_id)
    pair.lines.append(extra)


def _stray(corpus: Corpus, pair: Pair, ref: str) -> Line:
    return line_of(replace(pair.ours, ref=ref, bank_txn_id=_other_txn(corpus, pair.ours.bank_txn_id)))


def not_attempted_to_the_end(corpus: Corpus, pair: Pair) -> None:
    """Failed or pending: on one side alone, or the same on both."""
    status = corpus.rng.choice((Status.FAILED, Status.PENDING))
    pair.book[0], pair.lines[0] = replace(pair.ours, status=status), replace(pair.theirs, status=status)
    alone = corpus.rng.choice((pair.book, pair.lines, []))
    alone.clear()


def over_midnight(corpus: Corpus, pair: Pair) -> None:
    """Booked at 23:59:58, at the bank on the next day."""
    at = pair.ours.occurred_at.astimezone(VIETNAM).replace(hour=23, minute=59, second=58)
    pair.book[0] = replace(pair.ours, occurred_at=at)
    pair.lines[0] = line_of(pair.ours, at + timedelta(seconds=5))


def refunded_in_parts(corpus: Corpus, pair: Pair) -> None:
    """Two refunds of one payment, one under the payment's own transaction."""
    first, second = _refund(corpus, pair, 3_000), _refund(corpus, pair, 4_000)
    first = replace(first, bank_txn_id=pair.ours.bank_txn_id)
    pair.book += [first, second]
    pair.lines += [line_of(second), line_of(first)]


def paid_in_parts(corpus: Corpus, pair: Pair) -> None:
    """One row of the book, two transfers."""
    half = pair.ours.amount_vnd // 2
    parts = [
        replace(pair.ours, amount_vnd=amount_vnd, bank_txn_id=_other_txn(corpus, pair.ours.bank_txn_id))
        for amount_vnd in (half, pair.ours.amount_vnd - half)
    ]
    pair.lines[:] = [line_of(part) for part in parts]


def paid_in_batch(corpus: Corpus, pair: Pair) -> None:
    """Three rows and a netted refund, one credit, gross or net of its fee."""
    members, credit = _batch(corpus, pair)
    fee_vnd = (credit.fee_vnd or 0) if corpus.rng.random() < 0.5 else 0
    pair.book[:], pair.lines[:] = members, [replace(credit, amount_vnd=credit.amount_vnd - fee_vnd)]


def _batch(corpus: Corpus, pair: Pair) -> tuple[list[Booked], Line]:
    """Rows under one transaction id of the bank, of several references, and the credit that is their sum."""
    members = [replace(pair.ours, ref=f"{pair.ours.ref}{letter}") for letter in "ABC"]
    refund = replace(_refund(corpus, pair, 7_000), bank_txn_id=pair.ours.bank_txn_id, ref=members[0].ref)
    total_vnd = sum(row.amount_vnd for row in members) - refund.amount_vnd
    credit = line_of(replace(pair.ours, ref=f"LO{corpus.next_number():07d}", amount_vnd=total_vnd))
    return [*members, refund], credit


def told_in_words(corpus: Corpus, pair: Pair) -> None:
    """The bank's text around our reference, torn and in small letters; no transaction id of ours."""
    words = pair.ours.ref.lower().replace("-", " ")
    txn = _other_txn(corpus, pair.ours.bank_txn_id)
    pair.lines[0] = replace(pair.theirs, ref=f"MBVCB.{corpus.next_number()}.nộp lệ phí {words} CT", bank_txn_id=txn)


def without_reference(corpus: Corpus, pair: Pair) -> None:
    """The transaction alone says whose it is."""
    pair.lines[0] = replace(pair.theirs, ref="")


def without_transaction(corpus: Corpus, pair: Pair) -> None:
    """The reference alone says whose it is."""
    pair.lines[0] = replace(pair.theirs, bank_txn_id="")


def taken_back(corpus: Corpus, pair: Pair) -> None:
    """A reversal both know, each in its own way of saying it."""
    pair.book[0] = replace(pair.ours, status=Status.REVERSED)
    pair.lines.append(replace(pair.theirs, kind=Kind.REVERSAL, fee_vnd=0))


Change = Callable[[Corpus, Pair], None]

PLANTS: Final[tuple[Change, ...]] = (
    missing_in_book,
    missing_at_bank,
    amount_differs,
    status_differs,
    duplicate_at_bank,
    duplicate_in_book,
    paid_twice,
    reference_differs,
    refund_missing_at_bank,
    refund_missing_in_book,
    refund_amount_differs,
    refund_without_original,
    reversal_unknown,
    fee_differs,
    net_total_differs,
    out_of_period,
    unknown_account,
    unidentified_credit,
    unidentified_debit,
)
NOISE: Final[tuple[Change, ...]] = (
    not_attempted_to_the_end,
    over_midnight,
    refunded_in_parts,
    paid_in_parts,
    paid_in_batch,
    told_in_words,
    without_reference,
    without_transaction,
    taken_back,
)


def pay_out(corpus: Corpus, *, gross: bool, wrong: int) -> None:
    """One credit of the third file per settlement day and bank; `wrong` of them are one đồng or more off."""
    sums: dict[tuple[date, str], int] = {}
    for line in corpus.lines:
        if line.status is Status.SUCCEEDED and line.settled_on is not None:
            sign = 1 if line.kind is Kind.PAYMENT else -1
            key = line.settled_on, line.bank_txn_id.rstrip("0123456789")
            sums[key] = sums.get(key, 0) + sign * line.amount_vnd - (0 if gross else line.fee_vnd or 0)
    off = set(corpus.rng.sample(sorted(sums), wrong))
    for day, bank in sorted(sums):
        name = f"{bank}{day:%Y%m%d}"
        gap_vnd = corpus.rng.choice((-1, 1, 33_000)) if (day, bank) in off else 0
        if gap_vnd:
            _plant(corpus, BreakKind.NET_TOTAL_DIFFERS, name)
        at = datetime(day.year, day.month, day.day, 16, tzinfo=VIETNAM)
        corpus.credits.append(_credit(name, sums[day, bank] + gap_vnd, at))


def _credit(name: str, amount_vnd: int, at: datetime) -> Line:
    kind = Kind.PAYMENT if amount_vnd >= 0 else Kind.REFUND
    return Line(
        ref=f"QT-{name}",
        bank_txn_id=name,
        kind=kind,
        amount_vnd=abs(amount_vnd),
        fee_vnd=0,
        status=Status.SUCCEEDED,
        occurred_at=at,
        settled_on=at.date(),
    )
