"""Rows of a delimited text: streamed, every cell bounded, quotes strict, no line end inside a cell."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import CELL_CHARS_MAX, ROWS_MAX
from reconciliation.statements.values import Cell

COLUMNS_MAX: Final = 100

# Head rows and totals stand beside the lines.
_ROWS_MAX: Final = ROWS_MAX + 1_000


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


def delimited(text: str, delimiter: str) -> Iterator[Row]:
    """The rows of a text. Raises BadFile: quoting, cell_newline, cell_too_long, columns, rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadFile("quoting", line) from None
        yield checked(line, tuple(cell.strip() for cell in cells))
        line = reader.line_num + 1


def checked(line: int, cells: tuple[Cell, ...]) -> Row:
    """A row within bounds."""
    if line > _ROWS_MAX:
        raise BadFile("rows", most=ROWS_MAX)
    if len(cells) > COLUMNS_MAX:
        raise BadFile("columns", line, most=COLUMNS_MAX)
    for cell in cells:
        if isinstance(cell, str):
            if len(cell) > CELL_CHARS_MAX:
                raise BadFile("cell_too_long", line, most=CELL_CHARS_MAX)
            if "\n" in cell:
                raise BadFile("cell_newline", line)
    return Row(line, cells)


def head(text: str, delimiter: str, count: int) -> list[Row]:
    """The first rows as another delimiter would have them; what cannot be read so ends them."""
    found: list[Row] = []
    try:
        found.extend(islice(delimited(text, delimiter), count))
    except BadFile:
        return found
    return found
