"""Working days for the hub: the calendars of treasury, banks and agencies, read once per process."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

from paygw.kernel.breaks import due_on
from paygw.kernel.calendar import Calendar, load_calendars, on_or_after
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused

FOLDER: Final = Path(__file__).parent.parent / "catalogue" / "calendars"
Party = Literal["treasury", "bank", "agency"]


def calendar_of(party: Party) -> Calendar:
    """The working days of a party."""
    return _calendars()[party]


def local_day(at: datetime) -> date:
    """The day in Vietnam."""
    return at.astimezone(VIETNAM).date()


def break_due(kind: str, opened: datetime) -> date:
    """When a break should be solved; the day itself where the calendar of its year is not known yet."""
    day = local_day(opened)
    try:
        return due_on(kind, day, calendar_of("agency"))
    except Refused:
        return day


def working_day(day: date) -> date:
    """The day itself or the next on which banks work; itself where the calendar of its year is not known yet."""
    try:
        return on_or_after(calendar_of("bank"), day)
    except Refused:
        return day


def day_of(text: str) -> date:
    """A day as yyyy-mm-dd. Raises Refused `bad_time`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise Refused("bad_time", "A day looks like 2026-01-31.") from None


@cache
def _calendars() -> dict[str, Calendar]:
    return load_calendars(FOLDER)
