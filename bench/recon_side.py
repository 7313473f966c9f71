"""One other way to compare two files: `python bench/recon_side.py SIDE BOOK STATEMENT OUT [LIMIT]`.

datacompy, polars and pandas are no dependencies of ours: bench/rivals.py installs them, hashed, into an environment of
their own. Libraries are imported by name: each side has its own, and no side loads another's.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

BOOK = """
copy (select 'DVC' || lpad(i::varchar, 10, '0') ref, 'VCB' || lpad((i * 7919)::varchar, 13, '0') bank_txn_id,
 'payment' kind, 5000 + (hash(i) % 400)::bigint * 5000 amount_vnd, 'succeeded' status,
 strftime(timestamp '2026-02-01 00:00:30' + to_seconds(i * 2591000 // {rows}), '%Y-%m-%dT%H:%M:%S+07:00') occurred_at
 from range({rows}) t(i) where i % 10007 != 3 order by i) to '{path}' (header)
"""
STATEMENT = """
copy (select 'DVC' || lpad(i::varchar, 10, '0') ref, 'VCB' || lpad((i * 7919)::varchar, 13, '0') bank_txn_id,
 'payment' kind, 5000 + (hash(i) % 400)::bigint * 5000 + (i % 20011 = 7)::int amount_vnd, 1100 fee_vnd,
 'succeeded' status,
 strftime(timestamp '2026-02-01 00:00:31' + to_seconds(i * 2591000 // {rows}), '%Y-%m-%dT%H:%M:%S+07:00') occurred_at,
 (date '2026-02-02' + (i * 2591000 // {rows} // 86400)::int) settled_on
 from range({rows}) t(i) where i % 10009 != 5 order by hash(i)) to '{path}' (header)
"""
JOIN = """
select b.ref book_ref, s.ref line_ref, b.bank_txn_id book_txn, s.bank_txn_id line_txn, b.amount_vnd book_vnd,
 s.amount_vnd line_vnd, b.status book_status, s.status line_status, b.occurred_at booked_at, s.occurred_at line_at,
 s.fee_vnd, s.settled_on
from read_csv('{book}') b full join read_csv('{statement}') s on b.ref = s.ref and b.kind = s.kind
"""
SAME = "book_txn = line_txn and book_vnd = line_vnd and book_status = line_status"
KEYS = ["ref", "kind"]


def duckdb_files(book: str, statement: str, out: Path, limit: str | None) -> None:
    """Equal pairs to Parquet, the others to CSV."""
    con = _engine(out, limit)
    con.execute(f"create temp table joined as {JOIN.format(book=book, statement=statement)}")
    con.execute(f"copy (from joined where {SAME}) to '{out / 'pairs.parquet'}'")
    con.execute(f"copy (from joined where ({SAME}) is not true) to '{out / 'others.csv'}' (header)")


def duckdb_count(book: str, statement: str, out: Path, limit: str | None) -> None:
    """How many differ."""
    con = _engine(out, limit)
    con.execute(f"create view joined as {JOIN.format(book=book, statement=statement)}")
    print(con.execute(f"select count(*), count(*) filter (({SAME}) is not true) from joined").fetchall())  # noqa: S608 - our own words


def _engine(out: Path, limit: str | None) -> Any:  # noqa: ANN401 - the library is known by name only
    con = import_module("duckdb").connect()
    con.execute(f"set temp_directory = '{out / 'spill'}'")
    if limit:
        con.execute(f"set memory_limit = '{limit}'")
    return con


def datacompy_polars(book: str, statement: str, out: Path, limit: str | None) -> None:
    """Datacompy on polars: the comparison and its three groups of rows."""
    del limit
    polars, datacompy = import_module("polars"), import_module("datacompy")
    compared = datacompy.PolarsCompare(polars.read_csv(book), polars.read_csv(statement), join_columns=KEYS)
    compared.intersect_rows.write_parquet(out / "pairs.parquet")
    compared.df1_unq_rows.write_csv(out / "book.csv")
    compared.df2_unq_rows.write_csv(out / "statement.csv")


def datacompy_pandas(book: str, statement: str, out: Path, limit: str | None) -> None:
    """The same on pandas."""
    del limit
    pandas, datacompy = import_module("pandas"), import_module("datacompy")
    compared = datacompy.PandasCompare(pandas.read_csv(book), pandas.read_csv(statement), join_columns=KEYS)
    compared.intersect_rows.to_parquet(out / "pairs.parquet")
    compared.df1_unq_rows.to_csv(out / "book.csv")
    compared.df2_unq_rows.to_csv(out / "statement.csv")


def pandas_merge(book: str, statement: str, out: Path, limit: str | None) -> None:
    """An outer merge."""
    del limit
    pandas = import_module("pandas")
    joined = pandas.read_csv(book).merge(pandas.read_csv(statement), on=KEYS, how="outer", suffixes=("_b", "_s"))
    same = (joined.bank_txn_id_b == joined.bank_txn_id_s) & (joined.amount_vnd_b == joined.amount_vnd_s)
    joined[same].to_parquet(out / "pairs.parquet")
    joined[~same].to_csv(out / "others.csv")


def write(book: str, statement: str, out: Path, limit: str | None) -> None:
    """The files themselves; `limit` is their number of rows."""
    con = _engine(out, None)
    for template, path in ((BOOK, book), (STATEMENT, statement)):
        con.execute(template.format(rows=limit, path=path))


SIDES = {
    "write": write,
    "duckdb": duckdb_files,
    "duckdb-count": duckdb_count,
    "datacompy-polars": datacompy_polars,
    "datacompy-pandas": datacompy_pandas,
    "pandas": pandas_merge,
}


def main() -> None:
    """Run one side."""
    side, book, statement, out, *limit = sys.argv[1:]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    SIDES[side](book, statement, folder, limit[0] if limit else None)


if __name__ == "__main__":
    main()
