"""The same month however its files are written; what is not whole or not canonical is refused, not half read."""

import csv
import random
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconciliation.canonical import write_book, write_lines
from reconciliation.engine import open_engine
from reconciliation.errors import BadFile
from reconciliation.reconcile import Options, Outcome, reconcile
from tests.recon.conftest import found
from tests.recon.corpus import AFTER, Corpus
from tests.recon.month import build

Rewrite = Callable[[Path], None]


@pytest.fixture(scope="module")
def month() -> Corpus:
    return build(seed=31, per_day=8, each=2)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _write(path: Path, rows: list[list[str]], *, delimiter: str = ",", ends: str = "\n", quoted: bool = False) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(
            file,
            delimiter=delimiter,
            lineterminator=ends,
            quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
        )
        writer.writerows(rows)


def windows(path: Path) -> None:
    """A byte order mark, line ends of two characters, every cell quoted."""
    _write(path, _rows(path), ends="\r\n", quoted=True)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def other_columns(path: Path) -> None:
    """Columns in another order, among strange ones that hold formulas, quotes and line ends."""
    head, *rows = _rows(path)
    order = random.Random(1).sample(range(len(head)), len(head))  # noqa: S311 - the same order every time
    strange = ['=HYPERLINK("http://x","y")', 'nói "không"\nhai dòng, ba']
    told = [[*strange[:1], *(row[at] for at in order), strange[1]] for row in rows]
    _write(path, [["ghi_chu", *(head[at] for at in order), "mo_ta"], *told])


def other_order(path: Path) -> None:
    """Rows the other way round."""
    head, *rows = _rows(path)
    _write(path, [head, *rows[::-1]])


def totals_below(path: Path) -> None:
    """The control totals under the last row."""
    head, *rows = _rows(path)
    total_vnd = sum(int(row[head.index("amount_vnd")]) for row in rows)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"# lines={len(rows)} total_vnd={total_vnd}\n")


def parquet(path: Path) -> None:
    """Columns with types of their own; a time in UTC."""
    head, *rows = _rows(path)
    columns: dict[str, list[object]] = {name: [row[at] for row in rows] for at, name in enumerate(head)}
    for name in {"amount_vnd", "fee_vnd"} & set(head):
        columns[name] = [int(str(cell)) if cell else None for cell in columns[name]]
    columns["occurred_at"] = [datetime.fromisoformat(str(cell)) for cell in columns["occurred_at"]]
    if "settled_on" in head:
        columns["settled_on"] = [date.fromisoformat(str(cell)) if cell else None for cell in columns["settled_on"]]
    table = pa.table(columns)
    at = table.column_names.index("occurred_at")
    utc = table.column("occurred_at").cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(table.set_column(at, "occurred_at", utc), path, row_group_size=100)


def _compare(folder: Path, month: Corpus, rewrite: Rewrite) -> Outcome:
    book, lines = folder / "book.csv", folder / "statement.csv"
    write_book(book, month.book)
    write_lines(lines, month.lines)
    rewrite(book)
    rewrite(lines)
    return reconcile(open_engine(scratch=folder), book=book, statement=lines, options=Options(as_of=AFTER))


@pytest.mark.parametrize("rewrite", [windows, other_columns, other_order, totals_below, parquet])
def test_however_a_file_is_written_it_says_the_same(tmp_path: Path, month: Corpus, rewrite: Rewrite) -> None:
    assert found(_compare(tmp_path, month, rewrite)) == month.planted


def torn(path: Path) -> None:
    """The last line breaks off in its time."""
    path.write_bytes(path.read_bytes()[:-40])


def utf_16(path: Path) -> None:
    """Another encoding."""
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))


def semicolons(path: Path) -> None:
    """Another delimiter."""
    _write(path, _rows(path), delimiter=";")


def vietnamese_amounts(path: Path) -> None:
    """Thousands marked by dots."""
    head, *rows = _rows(path)
    at = head.index("amount_vnd")
    rows[-1][at] = f"{int(rows[-1][at]):,}".replace(",", ".")
    _write(path, [head, *rows])


def spliced(path: Path) -> None:
    """Two files one behind the other, the header in the middle."""
    path.write_bytes(path.read_bytes() * 2)


def one_endless_line(path: Path) -> None:
    """A cell of ten million characters."""
    head, first, *_ = _rows(path)
    _write(path, [head, ["A" * 10_000_000, *first[1:]]])


def binary(path: Path) -> None:
    """Bytes that are no text at all."""
    path.write_bytes(path.read_bytes() + bytes(range(256)) * 50)


@pytest.mark.parametrize(
    "rewrite",
    [torn, utf_16, semicolons, vietnamese_amounts, spliced, one_endless_line, binary],
    ids=lambda one: one.__name__,
)
def test_a_file_that_is_not_canonical_is_refused_whole(tmp_path: Path, month: Corpus, rewrite: Rewrite) -> None:
    with pytest.raises(BadFile):
        _compare(tmp_path, month, rewrite)
