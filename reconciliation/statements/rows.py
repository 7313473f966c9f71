"""Rows of a delimited text: streamed, every cell bounded, quotes strict; a cell may have several lines."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import CELL_CHARS_MAX
from reconciliation.statements.values import Cell

COLUMNS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A row and its place in the file, from 1; empty cells are ''."""

    line: int
    cells: tuple[Cell, ...]

    def __bool__(self) -> bool:
        """Whether a cell is filled."""
        return any(cell != "" for cell in self.cells)

    def first(self) -> str:
        """The first filled cell, as text."""
        return next((str(cell) for cell in self.cells if cell != ""), "")


def delimited(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """The rows of a text's lines. Raises BadFile: quoting, cell_too_long, columns."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadFile("quoting", line) from None
        if any(_holds_rows(cell, delimiter, len(cells)) for cell in cells):
            raise BadFile("quoting", line)
        yield checked(line, tuple(cell.strip() for cell in cells))
        line = reader.line_num + 1


def _holds_rows(cell: str, delimiter: str, width: int) -> bool:
    """Whether a quote that was left open took whole rows into a cell."""
    return "\n" in cell and any(part.count(delimiter) >= max(1, width - 1) for part in cell.split("\n"))


def checked(line: int, cells: tuple[Cell, ...]) -> Row:
    """A row within bounds."""
    if len(cells) > COLUMNS_MAX:
        raise BadFile("columns", line, most=COLUMNS_MAX)
    for cell in cells:
        if isinstance(cell, str) and len(cell) > CELL_CHARS_MAX:
            raise BadFile("cell_too_long", line, most=CELL_CHARS_MAX)
    return Row(line, cells)


def head(rows: Iterable[Row], count: int) -> list[Row]:
    """The first filled rows, as far as they can be read."""
    found: list[Row] = []
    try:
        found.extend(row for row in islice(rows, count) if row)
    except BadFile:
        return found
    return found
