"""DuckDB in process, through ibis: opening it and fetching what an expression says, without a detour over pandas."""

from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from paygw.kernel.errors import Refused

_UTC: Final = "SET TimeZone = 'UTC'"


def open_engine(*, scratch: Path, memory_limit: str | None = None) -> Backend:
    """DuckDB in memory; what does not fit spills into `scratch`. Raises Refused for a limit that is none."""
    limit = {"memory_limit": memory_limit} if memory_limit else {}
    try:
        con = ibis.duckdb.connect(temp_directory=str(scratch), **limit)
    except duckdb.Error as error:
        raise Refused("invalid_value", f"a memory limit is written 2GB or 800MB, not {memory_limit}") from error
    con.raw_sql(_UTC)
    return con


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


def count(table: Table) -> int:
    """How many rows an expression has."""
    return int(fetch_column(table.aggregate(rows=table.count()))[0])
