"""Reading canonical CSV and Parquet strictly into DuckDB: columns by name in any order, whole đồng, times with offset.

A cell must be exactly what it means: `12.000`, ` 12` or `1e4` is no amount, `2026-2-3` no day, a time without an offset
no time. The fast reader only notices that something is wrong; `faults.py` then finds the line and the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import BooleanValue, Table, Value

from reconciliation.closed import AS_WORD, WORD_TYPES
from reconciliation.engine import count, fetch, seconds
from reconciliation.errors import BadFile
from reconciliation.faults import AMOUNT_MAX_VND, TIME_FORM, first_fault
from reconciliation.header import LINE_BYTES_MAX, Header, read_header

Read = tuple[Value, BooleanValue | None]  # the typed column, and where its cells are well written

_DAY_LETTERS: Final = len("2026-02-28")
_USUAL_TIMES: Final = "____-__-__T__:__:__+0_:__", "____-__-__T__:__:__Z"  # the other forms cost more to recognise
_UTC: Final = "timestamp('UTC')"

NO: Final = ibis.literal(value=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file as a table: the columns of `header.known`, `occurred_at` as `at` in UTC, and the mark `rest`."""

    table: Table
    header: Header
    rows: int
    below_zero: int  # amounts; kind says the direction, so there should be none
    total_vnd: int
    first_s: int | None  # of `at`, in seconds since 1970; None for an empty file
    last_s: int | None

    def has(self, column: str) -> bool:
        """Whether the file bears an optional column."""
        return column in self.header.known


def load(con: Backend, path: Path, name: str, *, required: tuple[str, ...], optional: tuple[str, ...]) -> Loaded:
    """Read one file into the temporary table `name`. Raises BadFile naming file, line and reason."""
    header = read_header(path, required=required, optional=optional)
    try:
        table = con.create_table(name, _strict(_open(con, name, header), header), temp=True)
        seen = fetch(
            table.aggregate(
                rows=table.count(),
                whole=table.amount_vnd.count(),
                least_vnd=table.amount_vnd.min(),
                most_vnd=table.amount_vnd.max(),
                total_vnd=table.amount_vnd.sum().cast("decimal(38, 0)"),
                first=table["at"].min(),
                last=table["at"].max(),
            )
        )
    except duckdb.Error as error:
        raise _explained(header, str(error)) from error
    told = {name: seen.column(name).to_pylist()[0] for name in seen.column_names if name not in {"first", "last"}}
    least_vnd, most_vnd = told["least_vnd"] or 0, told["most_vnd"] or 0
    if told["rows"] != told["whole"] or max(-least_vnd, most_vnd) > AMOUNT_MAX_VND:
        raise _explained(header, "a cell is not well written")
    return Loaded(
        table=table,
        header=header,
        rows=told["rows"],
        below_zero=count(table.filter(table.amount_vnd < 0)) if least_vnd < 0 else 0,
        total_vnd=int(told["total_vnd"] or 0),
        first_s=seconds(seen.column("first"))[0] if told["rows"] else None,
        last_s=seconds(seen.column("last"))[0] if told["rows"] else None,
    )


def _explained(header: Header, engine: str) -> BadFile:
    fault = first_fault(header)
    if fault is None:
        return BadFile(str(header.path), 0, engine.splitlines()[0])
    return BadFile(str(header.path), *fault)


def _open(con: Backend, name: str, header: Header) -> Table:
    if header.parquet:
        return con.read_parquet(str(header.path), table_name=f"{name}_file")
    types = {name: WORD_TYPES[name] if _READERS.get(name) is _one_of else "VARCHAR" for name in header.columns}
    return con.read_csv(
        str(header.path),
        table_name=f"{name}_file",
        header=True,
        skip=header.skip,
        auto_detect=False,
        delim=",",
        quote='"',
        escape='"',
        columns=types,
        force_not_null=[name for name, kind in types.items() if kind == "VARCHAR"],
        max_line_size=LINE_BYTES_MAX,
        **({"comment": "#"} if header.trailer else {}),
    )


def _strict(raw: Table, header: Header) -> Table:
    """The columns we know, typed; a row with any fault gets no amount. Neither true nor false counts as a fault."""
    columns: dict[str, Value] = {}
    fine: list[BooleanValue] = []
    for name in header.known:
        value, well = _READERS.get(name, _text)(name, raw[name])
        columns["at" if name == "occurred_at" else name] = value
        fine += [] if well is None else [well]
    columns["amount_vnd"] = ibis.ifelse(ibis.and_(*fine), columns["amount_vnd"], ibis.null("int64"))
    return raw.select(**columns, rest=NO)


def _text(name: str, cell: Value) -> Read:
    del name
    text = cell if cell.type().is_string() else cell.cast("string")
    return text.fill_null(""), NO if cell.type().is_nested() else None


def _one_of(name: str, cell: Value) -> Read:
    word = AS_WORD[name](cell.cast("string"))
    return word, word.notnull()


def _whole(name: str, cell: Value) -> Read:
    """Figures alone: the number written out again is the text."""
    del name
    number = cell.try_cast("int64") if _is_exact(cell) else cell.cast("string").try_cast("int64")
    same = number == cell if _is_exact(cell) else number.cast("string") == cell.cast("string")
    return number, same


def _is_exact(cell: Value) -> bool:
    return bool(cell.type().is_integer() or cell.type().is_decimal())


def _fee(name: str, cell: Value) -> Read:
    number, fine = _whole(name, cell)
    return number, fine | cell.isnull() if _is_exact(cell) else fine | cell.isnull() | (cell.cast("string") == "")


def _day(name: str, cell: Value) -> Read:
    del name
    if cell.type().is_date():
        return cell, None
    if cell.type().is_timestamp() and cell.type().timezone is None:
        day = cell.cast("date")
        return day, cell.isnull() | (day.cast("timestamp") == cell)
    text = cell.cast("string")
    day = text.try_cast("date")
    return day, (day.notnull() & (text.length() == _DAY_LETTERS)) | text.isnull() | (text == "")


def _time(name: str, cell: Value) -> Read:
    del name
    if cell.type().is_timestamp():
        aware = ibis.literal(value=cell.type().timezone is not None)
        return cell.cast(_UTC), cell.notnull() & aware
    text = cell.cast("string")
    at = text.try_cast(_UTC)
    usual = ibis.or_(*(text.like(form) for form in _USUAL_TIMES))
    return at, at.notnull() & ibis.ifelse(usual, ibis.literal(value=True), text.re_search(f"^{TIME_FORM}$"))


_READERS: Final[Mapping[str, Callable[[str, Value], Read]]] = {
    "kind": _one_of,
    "status": _one_of,
    "amount_vnd": _whole,
    "fee_vnd": _fee,
    "settled_on": _day,
    "occurred_at": _time,
}
