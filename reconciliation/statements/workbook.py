"""Rows of an XLSX workbook: inflation bounded before a byte of XML is read, values only.

Runs in a process of its own with limits on memory and time (paygw/jobs/reading.py): the library behind it is large.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import IO, Any, Final
from unicodedata import normalize
from zlib import error as ZlibError  # noqa: N812 - zlib names its error in small letters

from openpyxl import load_workbook
from openpyxl.utils.datetime import WINDOWS_EPOCH
from openpyxl.utils.exceptions import InvalidFileException

from reconciliation.statements.errors import BadFile
from reconciliation.statements.rows import COLUMNS_MAX, Row, checked
from reconciliation.statements.values import Cell

INFLATED_BYTES_MAX: Final = 200 * 1024 * 1024
RATIO_MAX: Final = 100
PARTS_MAX: Final = 1_000
_MACROS: Final = ("vbaproject.bin", "macrosheets/sheet1.xml")
MAGIC: Final = b"PK\x03\x04"

_PIECE: Final = 1024 * 1024
_FORBIDDEN: Final = (b"<!DOCTYPE", b"<!ENTITY")
_OVERLAP: Final = 16
_BLANK_ROWS_MAX: Final = 1_000
_RATIO_FREE_BYTES: Final = 1024 * 1024  # a small sheet of equal rows packs well and harms nobody
_UNREADABLE: Final = (
    zipfile.BadZipFile, InvalidFileException, ZlibError, KeyError, ValueError, TypeError, IndexError, AttributeError,
    EOFError, OSError, SyntaxError, NotImplementedError, RuntimeError,
)  # fmt: skip


def sheets(data: bytes, sheet: str = "") -> list[tuple[str, Callable[[], Iterator[Row]]]]:
    """The sheets people see, or the one named, each with its rows, which may be asked for more than once.

    Raises BadFile: workbook, inflated, xml_dtd, macro, sheet_missing, formula, columns, rows, ...
    """
    _check_parts(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        if book.epoch != WINDOWS_EPOCH:
            raise BadFile("workbook_1904")
        pages = [page for page in book.worksheets if sheet or page.sheet_state == "visible"]
    except _UNREADABLE:
        raise BadFile("workbook") from None
    found = [(page.title, partial(_rows, page)) for page in pages if sheet in {"", page.title}]
    if not found:
        raise BadFile("sheet_missing", sheet=sheet)
    return list(found)


def _rows(page: Any) -> Iterator[Row]:  # noqa: ANN401 - the stubs know no sheet that is only read
    page.reset_dimensions()  # what the file claims its size to be is not believed
    rows = page.iter_rows()
    number = blank = 0
    while True:
        number += 1
        try:
            found = next(rows, None)
        except _UNREADABLE:
            raise BadFile("workbook", number) from None
        if found is None:
            return
        if len(found) > COLUMNS_MAX:
            raise BadFile("columns", number, most=COLUMNS_MAX)
        row = checked(number, tuple(_cell(cell.data_type, cell.value, number) for cell in found))
        blank = 0 if row else blank + 1
        if blank > _BLANK_ROWS_MAX:
            raise BadFile("rows", number, most=_BLANK_ROWS_MAX)
        yield row


def _check_parts(data: bytes) -> None:
    """Inflate every part once, piece by piece, counting; nothing is believed that the file says of itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > INFLATED_BYTES_MAX:
                raise _inflated()
            inflated = 0
            if any(part.filename.lower().endswith(_MACROS) for part in parts):
                raise BadFile("macro")
            for part in parts:
                with archive.open(part) as stream:
                    inflated = _check_part(stream, inflated, len(data))
    except _UNREADABLE:
        raise BadFile("workbook") from None


def _check_part(stream: IO[bytes], inflated: int, packed: int) -> int:
    before = b""
    while piece := stream.read(_PIECE):
        inflated += len(piece)
        if inflated > INFLATED_BYTES_MAX or inflated > max(RATIO_MAX * packed, _RATIO_FREE_BYTES):
            raise _inflated()
        window = (before + piece).replace(b"\x00", b"")  # UTF-16 hides nothing
        if any(word in window for word in _FORBIDDEN):
            raise BadFile("xml_dtd")
        before = piece[-2 * _OVERLAP :]
    return inflated


def _inflated() -> BadFile:
    return BadFile("inflated", most=INFLATED_BYTES_MAX, ratio=RATIO_MAX)


def _cell(kind: str, value: object, line: int) -> Cell:
    if kind in {"f", "e"}:  # an error such as #REF! is what a formula left
        raise BadFile("formula", line)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str):
        return _text(value, line)
    if isinstance(value, bool | time | timedelta):
        return str(value)
    return Decimal(str(value))


def _text(value: str, line: int) -> str:
    text = normalize("NFC", value).strip()
    if any(not char.isprintable() and char not in "\n\t\u00a0\u202f" for char in text):
        raise BadFile("control_character", line)
    return text
