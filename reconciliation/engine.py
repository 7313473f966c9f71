"""DuckDB in process, through ibis: opening it and fetching what an expression says, without a detour over pandas."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from paygw.kernel.errors import Refused
from reconciliation.closed import MACROS

LIMIT_MIN_MB: Final = 400

_LIMIT: Final = re.compile(r"(?P<figures>[0-9]{1,6}(\.[0-9]{1,3})?) ?(?P<unit>[MGT])I?B?")
_UNIT_MB: Final = {"M": 1, "G": 1_000, "T": 1_000_000}
_MICRO: Final = 1_000_000
# Memory a step gives back is taken by the next one: not to be returned to the system and asked for anew.
_UNLIMITED: Final = {"allocator_flush_threshold": "4GB"}
_UTC: Final = "SET TimeZone = 'UTC'"


def open_engine(*, scratch: Path, memory_limit: str | None = None) -> Backend:
    """DuckDB in memory; what does not fit spills into `scratch`. Raises Refused for a limit that is none.

    The limit is meant for the whole process: the engine gets three quarters, Python and its buffers the rest.
    """
    limit = _UNLIMITED if memory_limit is None else {"memory_limit": f"{_megabytes(memory_limit) * 3 // 4}MB"}
    con = ibis.duckdb.connect(temp_directory=str(scratch), **limit)
    for statement in (_UTC, *MACROS):
        con.raw_sql(statement)
    return con


def _megabytes(text: str) -> int:
    found = _LIMIT.fullmatch(text.strip().upper())
    size = int(Decimal(found["figures"]) * _UNIT_MB[found["unit"]]) if found else 0
    if size < LIMIT_MIN_MB:
        raise Refused("invalid_value", f"a memory limit is written 2GB or 800MB, {LIMIT_MIN_MB}MB at least, not {text}")
    return size


def mark(con: Backend, table: Table, rows: Table) -> None:
    """Set `rest` in the rows of a stored table whose row ids are the `id` of others."""
    chosen = duckdb.SQLExpression(f"rowid IN ({con.compile(rows.select('id'))})")
    con.con.table(table.get_name()).update({"rest": duckdb.ConstantExpression(value=True)}, condition=chosen)


def fetch(table: Table) -> pa.Table:
    """The rows of an expression as Arrow has them."""
    backend = table.get_backend()
    return backend.con.sql(backend.compile(table)).to_arrow_table()


def fetch_rows(table: Table) -> list[dict[str, Any]]:
    """The rows of an expression as dictionaries; meant for few."""
    rows: list[dict[str, Any]] = fetch(table).to_pylist()
    return rows


def fetch_column(table: Table) -> list[Any]:
    """The only column of an expression."""
    values: list[Any] = fetch(table).column(0).to_pylist()
    return values


def seconds(times: pa.ChunkedArray) -> list[int]:
    """Times, none of them missing, as seconds since 1970; Arrow would load pandas to make them Python's."""
    return [one // _MICRO for one in times.cast(pa.int64()).to_pylist()]


def count(table: Table) -> int:
    """How many rows an expression has."""
    return int(fetch_column(table.aggregate(rows=table.count()))[0])
