"""Files are read strictly: whatever is not exactly an amount, a day or a time is refused with line and reason."""

from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconciliation.engine import open_engine
from reconciliation.errors import BadFile
from reconciliation.files import load
from reconciliation.model import BOOK_COLUMNS, BOOK_OPTIONAL, STATEMENT_COLUMNS, STATEMENT_OPTIONAL, Control

_HEAD = "ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on"
_GOOD = "A,T1,payment,12000,,succeeded,2026-02-03T10:00:00+07:00,2026-02-04"


def _load(path: Path) -> tuple[int, int, Control | None]:
    con = open_engine(scratch=path.parent)
    loaded = load(con, path, "bank", required=STATEMENT_COLUMNS, optional=STATEMENT_OPTIONAL)
    return loaded.rows, loaded.total_vnd, loaded.header.control


@pytest.mark.parametrize(
    ("cell", "instead", "reason"),
    [
        ("12000", "12.000", "whole đồng"),
        ("12000", "12000.0", "whole đồng"),
        ("12000", " 12000", "whole đồng"),
        ("12000", "1e4", "whole đồng"),
        ("12000", "", "whole đồng"),
        ("12000,,", "12000,1.1,", "whole đồng"),
        ("payment", "Payment", "one of payment"),
        ("succeeded", "paid", "one of succeeded"),
        ("+07:00", "", "offset"),
        ("T10:00:00+07:00", "", "offset"),
        ("2026-02-03T", "2026-02-30T", "no such time"),
        ("2026-02-04", "2026-2-4", "a day is written"),
        ("2026-02-04", "2026-02-30", "no such day"),
        (",2026-02-04", "", "8 columns"),
    ],
)
def test_a_bad_cell_is_refused_with_its_line(tmp_path: Path, cell: str, instead: str, reason: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text("\n".join([_HEAD, _GOOD, _GOOD.replace(cell, instead, 1), _GOOD]) + "\n")

    with pytest.raises(BadFile, match=reason) as refused:
        _load(path)

    assert refused.value.line == 3


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(_HEAD.replace(",fee_vnd", "") + "\n")

    with pytest.raises(BadFile, match="fee_vnd"):
        _load(path)


@pytest.mark.parametrize("text", ["", "\n", "\ufffe", "PAR1"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)

    with pytest.raises(BadFile):
        _load(path)


def test_order_of_columns_bom_crlf_and_strange_columns_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    names, cells = _HEAD.split(",")[::-1], _GOOD.split(",")[::-1]
    text = "\r\n".join([",".join([*names, "mien"]), ",".join([*cells, "Bắc"]), ",".join([*cells, "Nam"])])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")

    assert _load(path) == (2, 24_000, None)


@pytest.mark.parametrize("where", ["head", "tail"])
def test_control_totals_stand_above_or_below(tmp_path: Path, where: str) -> None:
    path, said = tmp_path / "s.csv", "# lines=1 total_vnd=12000"
    lines = [said, _HEAD, _GOOD] if where == "head" else [_HEAD, _GOOD, said]
    path.write_text("\n".join(lines) + "\n")

    assert _load(path) == (1, 12_000, Control(lines=1, total_vnd=12_000))


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "s.csv", tmp_path / "s.parquet"
    csv.write_text(f"{_HEAD}\n{_GOOD}\n")
    table = ibis.duckdb.connect().read_csv(str(csv), all_varchar=True).to_pyarrow()
    amount = table.column("amount_vnd").cast(pa.int32())
    pq.write_table(table.set_column(table.column_names.index("amount_vnd"), "amount_vnd", amount), parquet)

    assert _load(parquet) == _load(csv)


def test_a_parquet_time_without_offset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    columns = {name: ["A"] for name in ("ref", "bank_txn_id")}
    columns |= {"kind": ["payment"], "status": ["succeeded"]}
    naive = pa.array([0], pa.timestamp("us"))
    pq.write_table(pa.table({**columns, "amount_vnd": pa.array([1]), "occurred_at": naive}), path)

    with pytest.raises(BadFile, match="offset"):
        load(open_engine(scratch=tmp_path), path, "book", required=BOOK_COLUMNS, optional=BOOK_OPTIONAL)
