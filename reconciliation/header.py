"""The outside of a canonical file: CSV or Parquet, its columns, what it says of its own lines."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from reconciliation.errors import BadFile
from reconciliation.model import Control

LINE_BYTES_MAX: Final = 131_072
TOO_LONG: Final = f"a line has at most {LINE_BYTES_MAX} bytes"

_PARQUET: Final = b"PAR1"
_HEAD_LINES_MAX: Final = 100
_TAIL_BYTES: Final = 4_096
_SAID: Final = re.compile(r"\b(lines|count|total_vnd|sum_vnd)\s*[=:]\s*(-?\d{1,18})\b")
_NO_COMMA: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SHOWN_MAX: Final = 80
_MEANS: Final = {"lines": "lines", "count": "lines", "total_vnd": "total_vnd", "sum_vnd": "total_vnd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`columns` as the file spells them, `known` those we read; `skip` comment lines stand above the header."""

    path: Path
    parquet: bool
    columns: tuple[str, ...]
    known: tuple[str, ...]
    control: Control | None = None
    skip: int = 0
    trailer: bool = False

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns on none of our lists."""
        return tuple(name for name in self.columns if name not in self.known)


def read_header(path: Path, *, required: tuple[str, ...], optional: tuple[str, ...]) -> Header:
    """Look at the outside of a file. Raises BadFile; a file that is not there is an OSError."""
    with path.open("rb") as file:
        parquet = file.read(len(_PARQUET)) == _PARQUET
    columns, skip, said, trailer = _parquet(path) if parquet else _csv(path)
    missing = ", ".join(name for name in required if name not in columns)
    twice = [name for name, times in Counter(columns).items() if times > 1]
    if missing:
        raise BadFile(str(path), 0 if parquet else skip + 1, f"columns are missing: {missing}; {_found(columns)}")
    if twice:
        raise BadFile(str(path), 0 if parquet else skip + 1, f"columns stand twice: {', '.join(twice)}")
    known = tuple(name for name in (*required, *optional) if name in columns)
    control = _control(said)
    return Header(path=path, parquet=parquet, columns=columns, known=known, control=control, skip=skip, trailer=trailer)


def _found(columns: tuple[str, ...]) -> str:
    """What stands in place of the header, and what parts its columns if that is no comma."""
    shown = ascii(",".join(columns))
    other = next((name for mark, name in _NO_COMMA.items() if len(columns) == 1 and mark in columns[0]), None)
    cut = shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}…"
    return f"the header says {cut}" + (f": columns are parted by commas, not by {other}" if other else "")


def _parquet(path: Path) -> tuple[tuple[str, ...], int, str, bool]:
    try:
        schema = pq.read_schema(path)
    except pa.ArrowException as error:
        raise BadFile(str(path), 0, f"this is no readable Parquet file: {error}") from error
    said = " ".join(
        f"{key.decode()}={value.decode()}" for key, value in (schema.metadata or {}).items() if len(value) < _TAIL_BYTES
    )
    return tuple(schema.names), 0, said, False


def _csv(path: Path) -> tuple[tuple[str, ...], int, str, bool]:
    said: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while (line := file.readline(LINE_BYTES_MAX)).startswith("#"):
                said.append(line)
                if len(said) > _HEAD_LINES_MAX:
                    raise BadFile(str(path), len(said), "too many lines of comment before the header")
            columns = tuple(next(csv.reader([line.rstrip("\r\n")]), ()))
    except UnicodeDecodeError as error:
        raise BadFile(str(path), 1, "the file is not UTF-8") from error
    except csv.Error as error:
        raise BadFile(str(path), len(said) + 1, f"this is no header of CSV: {error}") from error
    if not line:
        raise BadFile(str(path), 1, "there is no header line")
    if len(line) == LINE_BYTES_MAX:
        raise BadFile(str(path), len(said) + 1, TOO_LONG)
    last = _last_line(path)
    trailer = last.startswith("#") and len(columns) > 0
    return columns, len(said), " ".join([*said, last if trailer else ""]), trailer


def _last_line(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().rstrip(b"\r\n \t").splitlines()
    return lines[-1].decode(errors="replace") if len(lines) > 1 else ""


def _control(said: str) -> Control | None:
    found = {_MEANS[name]: int(value) for name, value in _SAID.findall(said)}
    return Control(lines=found.get("lines"), total_vnd=found.get("total_vnd")) if found else None
