"""Which days a file settles, read off the file itself, and the lines settled in a day that is not among them.

A file says its days nowhere, so they are what most of its lines agree on: a line settled two days before it happened,
or weeks after and outside the others' days, is foreign; so is one of few lines beside days of hundreds, unless they
come of the file's own days after a usual lag, as the last day's lines that settle on the next. A line near midnight
that settles one day beside the period is rolled forward: a shift, not a break. A refund or reversal trails its payment:
one that happened a few days after the others and settled as soon as they do belongs to the file.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

import ibis

from reconciliation.engine import fetch_rows
from reconciliation.files import Loaded
from reconciliation.model import Break, BreakKind, Kind
from reconciliation.relate import rows_where
from reconciliation.rows import Row, day_number, seconds_from_midnight

T = TypeVar("T", bound=Hashable)

MIDNIGHT_S: Final = 3_600
LAG_MAX_DAYS: Final = 14  # three working days after a Tết of ten
SLACK_DAYS: Final = 4  # what a weekend and a holiday add to the usual lag

_DENSE: Final = 20  # lines a day from which a day of a few stands out
_LIGHT: Final = 10  # a tenth of a usual day is a light one
_TYPICAL_PERCENT: Final = 10
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many lines that happened in one day were settled in another."""

    settled_on: date
    happened_on: date
    lines: int

    @property
    def lag_days(self) -> int:
        """Days from the one to the other."""
        return (self.settled_on - self.happened_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """First and last day; `dense` if a day of a few lines outside it is foreign; `given` by a person."""

    first: date
    last: date
    dense: bool
    lag_max_days: int
    given: bool = False

    def days_outside(self, day: date) -> int:
        """0 within the period, else the distance to it."""
        return max(0, (self.first - day).days, (day - self.last).days)


def histogram(bank: Loaded) -> list[Settled]:
    """Lines by settlement day and by day in Vietnam."""
    happened = (bank.table["at"].cast("timestamp") + ibis.interval(hours=7)).date()
    known = bank.table.mutate(happened_on=happened).filter(bank.table.settled_on.notnull())
    found = known.group_by("settled_on", "happened_on").aggregate(lines=known.count())
    return sorted((Settled(**row) for row in fetch_rows(found)), key=lambda one: (one.settled_on, one.happened_on))


def infer_period(seen: Sequence[Settled]) -> Period | None:
    """The days a file settles; None for a file without settlement days."""
    plain = [one for one in seen if -1 <= one.lag_days <= LAG_MAX_DAYS] or list(seen)
    if not plain:
        return None
    per_day = _sum(plain, lambda one: one.settled_on)
    usual = _weighted_median(list(per_day.values()))
    days = _heavy(per_day, usual)
    per_lag = _sum(plain, lambda one: one.lag_days)
    total = sum(per_lag.values())
    typical = [lag for lag, lines in per_lag.items() if lines * 100 >= total * _TYPICAL_PERCENT]
    per_happened = _sum(plain, lambda one: one.happened_on)
    own = set(_heavy(per_happened, _weighted_median(list(per_happened.values()))))
    days += [one.settled_on for one in plain if one.happened_on in own and one.lag_days in typical]
    lag_max_days = max(typical, default=LAG_MAX_DAYS) + SLACK_DAYS
    if usual < _DENSE:
        days = [one.settled_on for one in plain if one.lag_days <= lag_max_days]
    return Period(first=min(days), last=max(days), dense=usual >= _DENSE, lag_max_days=lag_max_days)


def _heavy(per_day: Mapping[date, int], usual: int) -> list[date]:
    """Days that stand in a file on purpose: not of a few lines beside days of hundreds."""
    return [day for day, lines in per_day.items() if usual < _DENSE or lines * _LIGHT >= usual]


def usual_lag(seen: Sequence[Settled]) -> int:
    """Days from payment to settlement of most lines."""
    per_lag = _sum(seen, lambda one: one.lag_days)
    return max(sorted(per_lag), key=per_lag.__getitem__, default=0)


def foreign_lines(bank: Loaded, seen: Sequence[Settled], period: Period | None) -> list[Row]:
    """Lines whose settlement day does not belong to the file."""
    if period is None:
        return []
    foreign = {(one.settled_on, one.happened_on) for one in seen if _is_foreign(one, period)}
    if not foreign:
        return []
    days = bank.table.settled_on.isin(sorted({settled_on for settled_on, _ in foreign}))
    return [
        row
        for row in rows_where(bank, days)
        if (row.settled_on, _day(row)) in foreign and not _shifted(row, period) and not _trails(row, period)
    ]


def out_of_period(row: Row, period: Period) -> Break:
    """The break of one foreign line."""
    return Break(
        break_kind=BreakKind.OUT_OF_PERIOD,
        ref=row.ref,
        bank_txn_id=row.bank_txn_id,
        book_amount_vnd=None,
        statement_amount_vnd=row.amount_vnd,
        detail=f"Settled on {row.settled_on}, the file settles {period.first} to {period.last}.",
    )


def _is_foreign(one: Settled, period: Period) -> bool:
    outside = period.days_outside(one.settled_on) > 0
    if period.given or period.dense:
        return outside or (not period.given and one.lag_days < -1)
    return one.lag_days < -1 or (outside and one.lag_days > min(period.lag_max_days, LAG_MAX_DAYS))


def _shifted(row: Row, period: Period) -> bool:
    """One day beside the period and around midnight."""
    if row.settled_on is None or period.days_outside(row.settled_on) > 1:
        return False
    return seconds_from_midnight(row.at_s) <= MIDNIGHT_S and abs((row.settled_on - _day(row)).days) <= 1


def _trails(row: Row, period: Period) -> bool:
    """A refund or reversal soon after the period, settled within the usual lag."""
    if row.settled_on is None or row.kind is Kind.PAYMENT or period.given:
        return False
    late_days, lag_days = (row.settled_on - period.last).days, (row.settled_on - _day(row)).days
    return 0 < late_days <= LAG_MAX_DAYS and 0 <= lag_days <= period.lag_max_days


def _day(row: Row) -> date:
    return _EPOCH + timedelta(days=day_number(row.at_s))


def _sum(seen: Sequence[Settled], key: Callable[[Settled], T]) -> dict[T, int]:
    found: dict[T, int] = defaultdict(int)
    for one in seen:
        found[key(one)] += one.lines
    return found


def _weighted_median(counts: Sequence[int]) -> int:
    """The count of the day in which the middle line stands."""
    half, total = sum(counts), 0
    for count in sorted(counts):
        total += count
        if 2 * total >= half:
            return count
    return 0
