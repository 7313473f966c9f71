"""Working days, as data: Monday to Friday except the days a calendar closes, and the Saturdays it opens.

Holidays are decreed, not computed, and differ between treasury, banks and agencies. A year nobody has entered is
unknown: what reaches into it is refused. Days are local days in Vietnam.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from paygw.kernel.errors import Refused
from paygw.kernel.fees.fields import Field, unique
from paygw.kernel.fees.source import read_source

SCHEMA: Final = "paygw.calendar/v1"
DAYS_MAX: Final = 1_000

_SATURDAY: Final = 5
_SPAN_DAYS_MAX: Final = 31
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Year:
    """One year as announced, or as far as it is known (`provisional`): names of closed and of opened days."""

    year: int
    version: int
    provisional: bool
    closed: Mapping[date, str]
    working: Mapping[date, str]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of treasury, banks or agencies."""

    id: str
    name_vi: str
    name_en: str
    years: Mapping[int, Year]

    def year_of(self, day: date) -> Year:
        """What is known of a day's year. Raises Refused `calendar_unknown`."""
        found = self.years.get(day.year)
        if found is None:
            raise Refused("calendar_unknown", f"The calendar '{self.id}' does not know the year {day.year}.")
        return found


def load_calendars(folder: Path) -> dict[str, Calendar]:
    """Every `*.yaml` of a folder, by id. Raises BadCatalogue with file, line and path."""
    found: dict[str, Calendar] = {}
    for path in sorted(folder.glob("*.yaml")):
        calendar = read_calendar(path.read_text(encoding="utf-8"), file=path.name)
        found[calendar.id] = calendar
    return found


def read_calendar(text: str, *, file: str) -> Calendar:
    """One calendar. Raises BadCatalogue."""
    whole = Field(read_source(text, file=file), "")
    fields = whole.fields(required=("schema", "id", "name", "years"))
    fields["schema"].one_of((SCHEMA,))
    names = fields["name"].fields(required=("vi", "en"))
    items = fields["years"].items()
    years = [_year(item) for item in items]
    unique(items, lambda item: str(item.entries()["year"].node.value))
    return Calendar(fields["id"].slug(), names["vi"].text(), names["en"].text(), {year.year: year for year in years})


def is_working(calendar: Calendar, day: date) -> bool:
    """Whether a day is worked."""
    year = calendar.year_of(day)
    return day in year.working or (day.weekday() < _SATURDAY and day not in year.closed)


def on_or_after(calendar: Calendar, day: date) -> date:
    """The day itself if it is worked, else the next one that is."""
    while not is_working(calendar, day):
        day += _DAY
    return day


def next_working_day(calendar: Calendar, day: date) -> date:
    """The first working day after a day."""
    return on_or_after(calendar, day + _DAY)


def add_working_days(calendar: Calendar, day: date, count: int) -> date:
    """T+count: so many working days after a day; T+0 is the day itself, or the next working one."""
    if not 0 <= count <= DAYS_MAX:
        raise Refused("invalid_value", f"A count of working days lies between 0 and {DAYS_MAX}.")
    if not count:
        return on_or_after(calendar, day)
    for _ in range(count):
        day = next_working_day(calendar, day)
    return day


def term_end(calendar: Calendar, start: date, days: int) -> date:
    """The last day of a term of calendar days (Civil Code, Articles 147 and 148).

    The day it starts is not counted; a term that would end on a day off ends on the next working day.
    """
    return on_or_after(calendar, start + timedelta(days=days))


def settlement_day(calendar: Calendar, at: datetime, *, cut_off: time, count: int) -> date:
    """When money of a local moment is settled, T+count; after the cut-off it belongs to the next working day."""
    day = at.date()
    if not is_working(calendar, day) or at.time() > cut_off:
        day = next_working_day(calendar, day)
    return add_working_days(calendar, day, count)


def _year(item: Field) -> Year:
    fields = item.fields(required=("year", "version", "status", "closed"), optional=("working",))
    year = fields["year"].integer(low=2000, high=2200)
    closed = dict(_days(fields["closed"], year))
    working = dict(_days(fields["working"], year)) if "working" in fields else {}
    both = closed.keys() & working.keys()
    if both:
        raise fields["working"].bad(f"{min(both)} is both closed and working.")
    return Year(
        year,
        fields["version"].integer(low=1, high=1_000),
        fields["status"].one_of(("announced", "provisional")) == "provisional",
        closed,
        working,
    )


def _days(field: Field, year: int) -> Iterator[tuple[date, str]]:
    seen: set[date] = set()
    for item in field.items():
        fields = item.fields(required=("from", "name"), optional=("to", "confidence", "note"))
        first = fields["from"].day()
        last = fields["to"].day() if "to" in fields else first
        if not 0 <= (last - first).days <= _SPAN_DAYS_MAX or first.year != year or last.year != year:
            raise item.bad(f"Days of {year} in their order are expected here, at most {_SPAN_DAYS_MAX}.")
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if day in seen:
                raise item.bad(f"{day} appears twice.")
            seen.add(day)
            yield day, fields["name"].text()
