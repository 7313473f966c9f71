"""The first thing that is wrong in a file the fast reader refused: its line and the reason, in plain words."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final

import pyarrow.parquet as pq

from reconciliation.header import Header
from reconciliation.model import Kind, Status

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)")
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
        return number + 1, f"this is no line of CSV: {error}"
    return None


def _fault(header: Header, cells: Sequence[object]) -> str | None:
    if len(cells) != len(header.columns):
        return f"{len(header.columns)} columns are expected, this line has {len(cells)}"
    for name, cell in zip(header.columns, cells, strict=True):
        reason = _CHECKS[name](cell) if name in _CHECKS and name in header.known else None
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
        yield line


def _parquet_rows(header: Header) -> Iterator[tuple[int, list[object]]]:
    number = 0
    with pq.ParquetFile(header.path) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, [row[name] for name in header.columns]


def _whole(cell: object) -> str | None:
    plain = isinstance(cell, int) and not isinstance(cell, bool)
    if plain or (isinstance(cell, str) and _WHOLE.fullmatch(cell)):
        return None
    return "an amount is whole đồng in figures alone"


def _fee(cell: object) -> str | None:
    return None if cell in {"", None} else _whole(cell)


def _day(cell: object) -> str | None:
    if cell in {"", None} or (isinstance(cell, date) and not isinstance(cell, datetime)):
        return None
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
    text = "nothing" if cell in {"", None} else repr(cell)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
