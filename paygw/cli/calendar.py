"""`paygw calendar`: working days of treasury, banks and agencies."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from paygw.cli.output import AsJson, show, show_all
from paygw.kernel.calendar import (
    Calendar,
    add_working_days,
    is_working,
    load_calendars,
    next_working_day,
    term_end,
)
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.fees.dates import iso_day

calendar = typer.Typer(help="Working days of treasury, banks and agencies.", no_args_is_help=True)

STARTER_CALENDARS: Final = Path(__file__).parent.parent / "catalogue" / "calendars"

Day = Annotated[str, typer.Argument(metavar="[DAY]", help="yyyy-mm-dd; default: today in Vietnam.")]
Which = Annotated[str, typer.Option("--calendar", help="agency, bank or treasury.")]
Folder = Annotated[Path, typer.Option("--folder", help="Folder of calendars.")]


@calendar.command("next")
def show_next(
    day: Day = "", *, which: Which = "agency", folder: Folder = STARTER_CALENDARS, as_json: AsJson = False
) -> None:
    """Show the first working day after a day."""
    _answer(folder, which, day, next_working_day, as_json=as_json)


@calendar.command("add")
def show_added(
    day: Day = "",
    *,
    count: Annotated[int, typer.Option("--days", min=0, help="Working days: 1 is T+1.")] = 1,
    which: Which = "bank",
    folder: Folder = STARTER_CALENDARS,
    as_json: AsJson = False,
) -> None:
    """Show T+n: so many working days after a day."""
    _answer(folder, which, day, lambda one, first: add_working_days(one, first, count), as_json=as_json)


@calendar.command("term")
def show_term(
    day: Day = "",
    *,
    days: Annotated[int, typer.Option("--days", min=0, max=36_500, help="Calendar days of the term.")],
    which: Which = "agency",
    folder: Folder = STARTER_CALENDARS,
    as_json: AsJson = False,
) -> None:
    """Show the last day of a term of calendar days: on a day off it ends on the next working day."""
    _answer(folder, which, day, lambda one, first: term_end(one, first, days), as_json=as_json)


@calendar.command("show")
def show_year(
    year: Annotated[int, typer.Argument(help="Which year.")],
    *,
    which: Which = "agency",
    folder: Folder = STARTER_CALENDARS,
    as_json: AsJson = False,
) -> None:
    """Show the weekdays a calendar closes in a year, and the Saturdays it opens."""
    found = _calendar(folder, which).year_of(date(year, 1, 1))
    rows = [
        {"day": day.isoformat(), "works": works, "name": name, "provisional": found.provisional}
        for works, days in ((False, found.closed), (True, found.working))
        for day, name in days.items()
    ]
    show_all(sorted(rows, key=lambda row: str(row["day"])), as_json=as_json)


def _answer(folder: Path, which: str, text: str, work: Callable[[Calendar, date], date], *, as_json: bool) -> None:
    chosen, day = _calendar(folder, which), _day(text)
    found = work(chosen, day)
    years = [chosen.year_of(one) for one in (day, found)]
    shown = {
        "calendar": chosen.id,
        "from": day.isoformat(),
        "works": is_working(chosen, day),
        "day": found.isoformat(),
        "days_off": sum(
            not is_working(chosen, day + timedelta(days=number)) for number in range(1, (found - day).days)
        ),
        "version": ", ".join(dict.fromkeys(f"{year.year}.{year.version}" for year in years)),
        "provisional": any(year.provisional for year in years),
    }
    show(shown, as_json=as_json)


def _calendar(folder: Path, which: str) -> Calendar:
    found = load_calendars(folder)
    if which not in found:
        raise Refused("not_found", f"There is no calendar '{which}'; known: {', '.join(found)}.")
    return found[which]


def _day(text: str) -> date:
    day = iso_day(text) if text else datetime.now(UTC).astimezone(VIETNAM).date()
    if day is None:
        raise Refused("invalid_value", f"'{text}' is not a day written yyyy-mm-dd.")
    return day
