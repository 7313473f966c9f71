"""The first thing that is wrong in a file the fast reader refused: its line and the reason, in plain words."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

import pyarrow.parquet as pq

from reconciliation.header import LINE_BYTES_MAX, TOO_LONG, Header
from reconciliation.model import Kind, Status

AMOUNT_MAX_VND: Final = 10**15

_FIGURES_MAX: Final = 40
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]*")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME_FORM: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"
)
_TIME: Final = re.compile(TIME_FORM)
_SHOWN_MAX: Final = 40


def first_fault(header: Header) -> tuple[int, str] | None:
    """Line (row of a Parquet file, from 1) and reason of the first faulty cell, or None if every cell reads well."""
    number = header.skip + 1
    try:
        for number, cells in _rows(header):
            reason = _fault(header, cells)
            if reason is not None:
                return number, reason
    except csv.Error as error:
        return number + 1, str(error)
    return None if header.parquet else _odd_line(header)


def _fault(header: Header, cells: Sequence[object]) -> str | None:
    if len(cells) != len(header.columns):
        return f"{len(header.columns)} columns are expected, this line has {len(cells)}"
    for name, cell in zip(header.columns, cells, strict=True):
        reason = _CHECKS.get(name, _text)(cell) if name in header.known else None
        if reason is not None:
            return f"{name}: {reason}, not {_shown(cell)}"
    return None


def _rows(header: Header) -> Iterator[tuple[int, list[object]]]:
    if header.parquet:
        yield from _parquet_rows(header)
        return
    with header.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(_without_comments(file, header), strict=False)
        for cells in reader:
            if cells and reader.line_num > 1:
                yield reader.line_num + header.skip, list(cells)


def _without_comments(lines: Iterable[str], header: Header) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < header.skip:
            continue
        if header.trailer and line.startswith("#"):
            return
        if len(line) >= LINE_BYTES_MAX:
            raise csv.Error(TOO_LONG)
        yield line


def _odd_line(header: Header) -> tuple[int, str] | None:
    """The first line that is not UTF-8, or ends otherwise than the first one."""
    with header.path.open("rb") as file:
        crlf = file.readline().endswith(b"\r\n")
        for number, line in enumerate(file, start=2):
            if "\ufffd" in line.decode(errors="replace"):
                return number, "this line is not UTF-8"
            if line.endswith(b"\n") and line.endswith(b"\r\n") is not crlf:
                return number, "this line ends otherwise than the first: write all with LF, or all with CR LF"
    return None


def _parquet_rows(header: Header) -> Iterator[tuple[int, list[object]]]:
    number = 0
    with pq.ParquetFile(header.path) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, [row[name] for name in header.columns]


def _whole(cell: object) -> str | None:
    exact = isinstance(cell, int | Decimal) and not isinstance(cell, bool) and cell == int(cell)
    if not (exact or (isinstance(cell, str) and _WHOLE.fullmatch(cell))):
        return "an amount is whole đồng in figures alone"
    figures = str(cell)
    fits = len(figures) <= _FIGURES_MAX and abs(int(Decimal(figures))) <= AMOUNT_MAX_VND
    return None if fits else f"an amount is at most {AMOUNT_MAX_VND}"


def _text(cell: object) -> str | None:
    return "a text is expected" if isinstance(cell, list | dict) else None


def _is_blank(cell: object) -> bool:
    return cell is None or cell == ""


def _fee(cell: object) -> str | None:
    return None if _is_blank(cell) else _whole(cell)


def _day(cell: object) -> str | None:
    if _is_blank(cell) or (isinstance(cell, date) and not isinstance(cell, datetime)):
        return None
    if isinstance(cell, datetime):
        return None if cell.tzinfo is None and cell.time() == time.min else "a day has no time"
    if isinstance(cell, str) and _DAY.fullmatch(cell):
        try:
            date.fromisoformat(cell)
        except ValueError:
            return "there is no such day"
        return None
    return "a day is written 2026-02-28"


def _time(cell: object) -> str | None:
    if isinstance(cell, datetime):
        return None if cell.tzinfo else "a time needs its offset"
    if isinstance(cell, str) and _TIME.fullmatch(cell):
        try:
            datetime.fromisoformat(cell)
        except ValueError:
            return "there is no such time"
        return None
    return "a time is written with its offset, 2026-02-28T09:30:00+07:00"


def _one_of(words: Iterable[str]) -> Callable[[object], str | None]:
    allowed = tuple(words)

    def check(cell: object) -> str | None:
        return None if cell in allowed else f"one of {', '.join(allowed)}"

    return check


_CHECKS: Final[Mapping[str, Callable[[object], str | None]]] = {
    "kind": _one_of(one.value for one in Kind),
    "status": _one_of(one.value for one in Status),
    "amount_vnd": _whole,
    "fee_vnd": _fee,
    "settled_on": _day,
    "occurred_at": _time,
}


def _shown(cell: object) -> str:
    text = repr(cell) if isinstance(cell, str) else str(cell)
    if _is_blank(cell):
        return "nothing"
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
