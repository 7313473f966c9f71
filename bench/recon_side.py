"""One other way to compare two files: `python bench/recon_side.py SIDE BOOK STATEMENT OUT [LIMIT]`.

datacompy and polars are no dependencies of ours: make an environment of its own, `pip install datacompy polars pandas
pyarrow`, and name its interpreter to `python -m bench.recon`. Libraries are imported by name: each side has its own.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

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


SIDES = {
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
