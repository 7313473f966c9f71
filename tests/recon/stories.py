"""Small stories as text: rows of the book, lines of a statement, and the breaks that section 9 of the contract says.

`unseen_stories.txt` and `unseen_names.txt` say how a row and a break are written. They were written from the contract
alone, by somebody who had not read the matching.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from reconciliation.model import Booked, Break, Kind, Line, Status
from tests.recon.corpus import VIETNAM

_FEE_VND: Final = 1_100
_NOON: Final = datetime(2026, 6, 10, 10, tzinfo=VIETNAM)
_NAME: Final = re.compile(r"\b([A-Z]+\d+)\b")
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What both sides have, and the breaks as the file writes them."""

    name: str
    book: tuple[Line, ...]  # with the columns of a statement; `as_booked` leaves out what a book has not
    lines: tuple[Line, ...]
    breaks: tuple[str, ...]

    def renamed(self, prefix: str) -> "Story":
        """The same story with names of its own."""

        def name(text: str) -> str:
            return _NAME.sub(rf"{prefix}\1", text)

        rows = (
            tuple(replace(row, ref=name(row.ref), bank_txn_id=name(row.bank_txn_id)) for row in side)
            for side in (self.book, self.lines)
        )
        book, lines = rows
        return replace(self, book=book, lines=lines, breaks=tuple(map(name, self.breaks)))


def read_stories(name: str) -> list[Story]:
    """All stories of a file of this folder."""
    return [
        _story(*(part.strip() for part in line.split("|")))
        for line in (_HERE / name).read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]


def read_lines(text: str) -> list[Line]:
    """Rows parted by semicolons."""
    return [_line(row) for row in text.split(";") if row.strip()]


def background(lines: int = 64) -> list[Line]:
    """Clean payments of eight days, so that a file has a period and a tariff."""
    return [
        _line(f"BG{n:03} BT{n:03} {70_000 + 1_000 * n} {8 + n % 8:02}/{8 + n % 9:02}:{n % 60:02}") for n in range(lines)
    ]


def as_booked(lines: Iterable[Line]) -> Iterator[Booked]:
    """Rows as a book has them."""
    for one in lines:
        yield Booked(
            ref=one.ref,
            bank_txn_id=one.bank_txn_id,
            kind=one.kind,
            amount_vnd=one.amount_vnd,
            status=one.status,
            occurred_at=one.occurred_at,
        )


def written(breaks: Iterable[Break]) -> Counter[str]:
    """Breaks as the files write them."""
    return Counter(" ".join([one.break_kind, *map(_cell, list(one.cells())[1:5])]) for one in breaks)


def _story(name: str, book: str, lines: str, breaks: str) -> Story:
    return Story(
        name=name,
        book=tuple(read_lines(book)),
        lines=tuple(read_lines(lines)),
        breaks=tuple(one.strip() for one in breaks.split(";") if one.strip()),
    )


def _line(text: str) -> Line:
    ref, txn, amount, *more = text.split()
    words = dict(word.split("=") for word in more if "=" in word)
    kind = next((Kind(word) for word in more if word in set(Kind)), Kind.PAYMENT)
    status = next((Status(word) for word in more if word in set(Status)), Status.SUCCEEDED)
    at = next((_moment(word) for word in more if "/" in word or word.startswith("20")), _NOON)
    free = kind is not Kind.PAYMENT or status is Status.FAILED
    return Line(
        ref=_text(ref),
        bank_txn_id=_text(txn),
        kind=kind,
        amount_vnd=int(amount),
        fee_vnd=_or_none(words.get("fee", "0" if free else str(_FEE_VND))),
        status=status,
        occurred_at=at,
        settled_on=_day(words.get("settled", str(at.astimezone(VIETNAM).date()))),
    )


def _moment(word: str) -> datetime:
    if word.startswith("20"):
        return datetime.fromisoformat(word)
    day, _, time = word.partition("/")
    hours, minutes, *seconds = map(int, time.split(":"))
    return _NOON + timedelta(days=int(day) - 10, hours=hours - 10, minutes=minutes, seconds=sum(seconds))


def _text(word: str) -> str:
    return "" if word == "-" else word.replace("_", " ")


def _cell(text: str) -> str:
    return text.replace(" ", "_") or "-"


def _or_none(word: str) -> int | None:
    return None if word == "-" else int(word)


def _day(word: str) -> date | None:
    return None if word == "-" else date.fromisoformat(word)
