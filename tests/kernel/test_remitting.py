"""Terms of remittance are counted by the treasury's calendar."""

from datetime import date

import pytest

from paygw.hub.days import calendar_of
from paygw.kernel.errors import Refused
from paygw.kernel.remitting import Every, remit_due


@pytest.mark.parametrize(
    ("every", "by", "collected", "due"),
    [
        ("day", 1, date(2026, 2, 13), date(2026, 2, 23)),  # Tết lies between
        ("day", 0, date(2026, 11, 22), date(2026, 11, 23)),
        ("week", 1, date(2026, 11, 25), date(2026, 11, 30)),
        ("week", 1, date(2026, 11, 29), date(2026, 11, 30)),  # a Sunday belongs to the week before
        ("week", 2, date(2026, 11, 18), date(2026, 11, 25)),  # Tuesday the 24th is a holiday
        ("month", 5, date(2026, 11, 30), date(2026, 12, 7)),  # the 5th is a Saturday
        ("month", 20, date(2026, 7, 1), date(2026, 8, 20)),
    ],
)
def test_the_last_day(every: Every, by: int, collected: date, due: date) -> None:
    assert remit_due(every, by, collected, calendar_of("treasury")) == due


def test_december_runs_into_the_next_year() -> None:
    assert remit_due("month", 5, date(2026, 12, 10), calendar_of("treasury")) == date(2027, 1, 5)


@pytest.mark.parametrize(("every", "by"), [("day", -1), ("week", 6), ("week", 0), ("month", 29)])
def test_a_term_that_cannot_be(every: Every, by: int) -> None:
    with pytest.raises(Refused, match="invalid_value"):
        remit_due(every, by, date(2026, 11, 2), calendar_of("treasury"))
