"""Working days: decreed holidays, make-up Saturdays, T+n over Tết, terms, cut-offs, years nobody knows."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.calendar import (
    Calendar,
    add_working_days,
    is_working,
    load_calendars,
    next_working_day,
    read_calendar,
    settlement_day,
    term_end,
)
from paygw.kernel.errors import Refused
from paygw.kernel.fees.errors import BadCatalogue

FOLDER = Path(__file__).parents[2] / "paygw" / "catalogue" / "calendars"
CALENDARS = load_calendars(FOLDER)
AGENCY, BANK = CALENDARS["agency"], CALENDARS["bank"]

IN_2026 = st.dates(date(2026, 1, 1), date(2026, 11, 30))


def test_there_is_a_calendar_for_each_party() -> None:
    assert set(CALENDARS) == {"agency", "bank", "treasury"}


def test_payment_before_tet_settles_after_it() -> None:
    assert add_working_days(BANK, date(2026, 2, 13), 1) == date(2026, 2, 23)


def test_make_up_saturday_is_worked_by_agencies_and_not_by_interbank_settlement() -> None:
    saturday = date(2026, 8, 22)

    assert is_working(AGENCY, saturday)
    assert not is_working(BANK, saturday)
    assert next_working_day(AGENCY, date(2026, 8, 21)) == saturday
    assert next_working_day(BANK, date(2026, 8, 21)) == date(2026, 8, 24)


def test_culture_day_is_off_from_2026() -> None:
    assert next_working_day(AGENCY, date(2026, 11, 23)) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 3, 2), 1, date(2026, 3, 3)),
        (date(2026, 3, 2), 5, date(2026, 3, 9)),  # Saturday moves to Monday
        (date(2026, 4, 20), 10, date(2026, 5, 4)),  # 30 April, 1 May and the weekend after them
    ],
)
def test_term_does_not_count_its_first_day_and_ends_on_a_working_day(start: date, days: int, end: date) -> None:
    assert term_end(AGENCY, start, days) == end


@pytest.mark.parametrize(
    ("at", "settled"),
    [
        (datetime(2026, 3, 2, 16, 0), date(2026, 3, 3)),  # noqa: DTZ001 - a local moment
        (datetime(2026, 3, 2, 16, 1), date(2026, 3, 4)),  # noqa: DTZ001 - a local moment
        (datetime(2026, 3, 7, 9, 0), date(2026, 3, 10)),  # noqa: DTZ001 - a local moment, on a Saturday
    ],
)
def test_money_after_the_cut_off_belongs_to_the_next_day(at: datetime, settled: date) -> None:
    assert settlement_day(BANK, at, cut_off=time(16, 0), count=1) == settled


def test_year_nobody_entered_is_refused() -> None:
    with pytest.raises(Refused, match="calendar_unknown"):
        next_working_day(AGENCY, date(2027, 12, 31))


@given(day=IN_2026, first=st.integers(1, 5), second=st.integers(1, 5))
def test_working_days_add_up(day: date, first: int, second: int) -> None:
    there = add_working_days(AGENCY, day, first)

    assert is_working(AGENCY, there)
    assert add_working_days(AGENCY, there, second) == add_working_days(AGENCY, day, first + second)


@given(day=IN_2026)
def test_next_working_day_skips_only_days_off(day: date) -> None:
    after = next_working_day(BANK, day)

    assert is_working(BANK, after)
    assert not any(is_working(BANK, day + timedelta(days=n)) for n in range(1, (after - day).days))


def _text(closed: str, working: str = "") -> str:
    more = f"  working:\n  - {working}\n" if working else ""
    return (
        "schema: paygw.calendar/v1\nid: x\nname: {vi: X, en: X}\nyears:\n"
        f"- year: 2026\n  version: 1\n  status: announced\n  closed:\n  - {closed}\n{more}"
    )


def _read(closed: str, working: str = "") -> Calendar:
    return read_calendar(_text(closed, working), file="x.yaml")


@pytest.mark.parametrize(
    ("closed", "working", "line"),
    [
        ("{from: 2027-01-01, name: X}", "", 9),
        ("{from: 2026-01-02, to: 2026-01-01, name: X}", "", 9),
        ("{from: 2026-01-01, to: 2026-12-31, name: X}", "", 9),
        ("{from: 2026-01-01}", "", 9),
        ("{from: 2026-01-03, name: X}", "{from: 2026-01-03, name: Y}", 11),
    ],
)
def test_calendar_that_contradicts_itself_is_named_by_line(closed: str, working: str, line: int) -> None:
    with pytest.raises(BadCatalogue) as refused:
        _read(closed, working)

    assert refused.value.at == f"x.yaml:{line}"
