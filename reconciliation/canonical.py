"""Writing canonical rows as the CSV that `paygw recon match` reads."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from reconciliation.model import (
    ALIAS_SEPARATOR,
    BOOK_COLUMNS,
    BOOK_OPTIONAL,
    STATEMENT_COLUMNS,
    STATEMENT_OPTIONAL,
    Booked,
    Control,
    Line,
)


def write_book(path: Path, rows: Iterable[Booked]) -> None:
    """Write the book's rows in the order given."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, (*BOOK_COLUMNS, *BOOK_OPTIONAL), rows)


def write_lines(path: Path, lines: Iterable[Line], control: Control | None = None) -> None:
    """Write a statement's lines, and before them what its own header or trailer said of them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if control is not None:
            file.write(control_line(control))
        _write(file, (*STATEMENT_COLUMNS, *STATEMENT_OPTIONAL), lines)


def control_line(control: Control) -> str:
    """`# lines=3 total_vnd=45000` and a line end: what a canonical CSV may bear above its header or below its rows."""
    said = {"lines": control.lines, "total_vnd": control.total_vnd}
    return "# " + " ".join(f"{name}={value}" for name, value in said.items() if value is not None) + "\n"


def _write(file: TextIO, columns: tuple[str, ...], rows: Iterable[Booked | Line]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(getattr(row, name)) for name in columns] for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ALIAS_SEPARATOR.join(value)
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if isoformat else value)
