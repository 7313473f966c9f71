"""The steps of a night, against a port: what is done in which order, and where it stops.

Every step may be done again: files are kept by digest, breaks by what they are about, lines and batches by their
place, minutes by their content. A run that died is simply run once more and ends where an undisturbed one would.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from reconciliation.charges import Tariff
from reconciliation.day_desk import REPAIRED, DayMatch, Renamed, match_day
from reconciliation.model import Booked, Break, BreakKind, Line

Figures = Mapping[str, int | str]
FileKind = Literal["settlement", "statement"]
Mode = Literal["night", "intraday", "dry_run"]
STEPS: Final = ("fetch", "match", "repair", "rematch", "settle", "close", "watch", "resend", "minutes")

# What the second look may close; money nobody knows and net totals are closed by the steps after it.
MATCHED_KINDS: Final = frozenset(
    {
        *REPAIRED - {BreakKind.UNIDENTIFIED_CREDIT},
        BreakKind.AMOUNT_DIFFERS,
        BreakKind.REFUND_AMOUNT_DIFFERS,
        BreakKind.REFERENCE_DIFFERS,
        BreakKind.DUPLICATE_AT_BANK,
        BreakKind.DUPLICATE_IN_BOOK,
        BreakKind.FEE_DIFFERS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """The night cannot go on: a file is not there, or is not fit to be read."""

    file: FileKind
    reason: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did, step by step; `late` when it has to come again."""

    steps: dict[str, Figures] = field(default_factory=dict)
    breaks: tuple[Break, ...] = ()
    late: Late | None = None


class Port(Protocol):
    """The world of one night of one bank. Every function commits what it did before it returns."""

    async def fetch(self, kind: FileKind) -> Late | int:
        """Fetch, read and keep a file; the number of its lines."""

    async def lines(self, kind: FileKind) -> Sequence[Line]:
        """The lines of the newest file."""

    async def book(self, lines: Sequence[Line]) -> Sequence[Booked]:
        """Rows of the book around the day, and what lines name."""

    async def open_breaks(self, breaks: Sequence[Break]) -> int:
        """Keep breaks; how many are new."""

    async def close_gone(self, kinds: Iterable[BreakKind], still: Sequence[Break]) -> int:
        """Close open breaks of these kinds that are no longer found."""

    async def repair(self, proven: Sequence[int]) -> Figures:
        """Tell lines, by their places, to the credit function as evidence."""

    def rename(self, renamed: Sequence[Renamed]) -> None:
        """From here on these lines are what the book calls them."""

    async def foresee(self) -> Figures:
        """What settling would post, in figures; nothing is written."""

    async def settle(self) -> Figures:
        """Post every line of the settlement file; evidence first, in the same transaction."""

    async def close(self) -> Figures:
        """Fees, and each batch against its net credit."""

    async def watch(self) -> Figures:
        """What is overdue: untold money, unapplied money, days that do not add up."""

    async def resend(self) -> Figures:
        """Send the news again of paid orders that portals never applied."""

    async def minutes(self) -> Figures:
        """Write down what the night came to."""

    async def journal(self, step: str, figures: Figures) -> None:
        """Note a finished step."""


async def run_night(
    port: Port,
    *,
    files: Sequence[FileKind],
    against: FileKind,
    mode: Mode = "night",
    tariffs: Sequence[Tariff] = (),
) -> Report:
    """One night over these files, the book compared with the lines of one of them, fees with the tariffs.

    `intraday` and `dry_run` look and compare; the first also repairs, neither settles.
    """
    report = Report()
    counts: dict[str, int] = {}
    for kind in files:
        got = await port.fetch(kind)
        if isinstance(got, Late):
            report.late = got
            return report
        counts[kind] = got
    await _done(port, report, "fetch", counts)
    lines = await port.lines(against)
    found = match_day(await port.book(lines), lines, tariffs)
    report.breaks = found.breaks
    if mode == "dry_run":
        report.steps["match"] = _figures(found)
        report.steps["repair"] = {"to_tell": len(found.proven)}
        report.steps["settle"] = await port.foresee()
        return report
    opened = await port.open_breaks(found.breaks)
    await _done(port, report, "match", {**_figures(found), "opened": opened})
    await _done(port, report, "repair", await port.repair(found.proven))
    again = match_day(await port.book(lines), lines, tariffs)
    opened = await port.open_breaks(again.breaks)
    closed = await port.close_gone(MATCHED_KINDS, again.breaks)
    await _done(port, report, "rematch", {**_figures(again), "opened": opened, "closed": closed})
    report.breaks = again.breaks
    port.rename(again.renamed)
    if mode == "intraday":
        return report
    for step in (port.settle, port.close, port.watch, port.resend, port.minutes):
        await _done(port, report, step.__name__, await step())
    return report


async def _done(port: Port, report: Report, step: str, figures: Figures) -> None:
    report.steps[step] = figures
    await port.journal(step, figures)


def _figures(found: DayMatch) -> dict[str, int | str]:
    return {"lines": found.lines, "matched": found.matched, "breaks": len(found.breaks)}
