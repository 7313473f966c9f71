"""Days: strict ISO text, inclusive windows, completed years."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

FIRST_DAY: Final = date.min
LAST_DAY: Final = date.max
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Days from `first` to `last`, both inclusive; `date.max` stands for an open end."""

    first: date = FIRST_DAY
    last: date = LAST_DAY

    def overlaps(self, other: "Window") -> bool:
        """Whether some day lies in both."""
        return self.first <= other.last and other.first <= self.last

    def covers(self, other: "Window") -> bool:
        """Whether every day of `other` lies in this one."""
        return self.first <= other.first and other.last <= self.last


@lru_cache(maxsize=65_536)
def iso_day(text: str) -> date | None:
    """The day of a `yyyy-mm-dd` text, or None: no other ISO form, no impossible day."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def day_after(day: date) -> date:
    """The next day; the last day of the calendar stays."""
    return day if day == LAST_DAY else day + timedelta(days=1)


def day_before(day: date) -> date:
    """The day before; the first day of the calendar stays."""
    return day if day == FIRST_DAY else day - timedelta(days=1)


def completed_years(birth: date, on: date) -> int:
    """Age on a day. A 29 February birthday is reached on 1 March in common years."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
