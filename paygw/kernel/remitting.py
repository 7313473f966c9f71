"""When public money must reach its owner: the terms of collecting bodies as data, counted by a calendar.

The texts differ: weekly by a weekday of the next week, monthly by a day of the next month, or some working days
after. A term that ends on a day off ends on the next working day (Civil Code, Article 148).
"""

from datetime import date, timedelta
from typing import Final, Literal

from paygw.kernel.calendar import Calendar, add_working_days, on_or_after
from paygw.kernel.errors import Refused

Every = Literal["day", "week", "month"]
_MOST: Final = {"day": 60, "week": 5, "month": 28}


def check_term(every: Every, by: int) -> None:
    """Raise Refused `invalid_value` for a term that cannot be."""
    least = 0 if every == "day" else 1
    if not least <= by <= _MOST[every]:
        raise Refused("invalid_value", f"With --every {every}, --by is {least} to {_MOST[every]}.")


def remit_due(every: Every, by: int, collected: date, calendar: Calendar) -> date:
    """The last day on which money collected on a day may still be passed on."""
    check_term(every, by)
    match every:
        case "day":
            return add_working_days(calendar, collected, by)
        case "week":
            monday = collected - timedelta(days=collected.weekday()) + timedelta(days=7)
            return on_or_after(calendar, monday + timedelta(days=by - 1))
        case "month":
            following = (collected.replace(day=1) + timedelta(days=31)).replace(day=by)
            return on_or_after(calendar, following)
