"""Files as strangers write them: what is read, and the one line that refuses the rest and says what to do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paygw.cli.root import run
from paygw.kernel.errors import Refused
from reconciliation.engine import open_engine
from reconciliation.errors import BadFile
from reconciliation.files import Loaded, load
from reconciliation.model import STATEMENT_COLUMNS, STATEMENT_OPTIONAL

HEAD = "ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on"
LINE = "R1,T1,payment,100000,1100,succeeded,2026-06-10T10:00:00+07:00,2026-06-11"
AT_S = int(datetime(2026, 6, 10, 3, tzinfo=UTC).timestamp())


def read(path: Path) -> Loaded:
    return load(open_engine(scratch=path.parent), path, "bank", required=STATEMENT_COLUMNS, optional=STATEMENT_OPTIONAL)


@pytest.mark.parametrize(
    "written",
    [
        "2026-06-10T10:00:00+07:00",
        "2026-06-10T10:00:00+0700",
        "2026-06-10T10:00:00+07",
        "2026-06-10 10:00:00+07:00",
        "2026-06-10T10:00+07:00",
        "2026-06-10T03:00:00Z",
        "2026-06-09T22:00:00-05:00",
        "2026-06-10T10:00:00.123456789+07:00",
        "2026-06-10T03:00:00.5Z",
        "2026-06-10T13:30:00+10:30",
    ],
)
def test_a_time_is_read_in_each_of_its_forms(tmp_path: Path, written: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"{HEAD}\n{LINE.replace('2026-06-10T10:00:00+07:00', written)}\n")

    assert read(path).first_s == AT_S


@pytest.mark.parametrize(
    ("instead", "line", "reason"),
    [
        (LINE.replace("+07:00", "+99:00"), 2, "offset"),
        (LINE.replace("T10:00:00", "T25:00:00"), 2, "no such time"),
        (LINE.replace("10:00:00+07:00", "10:00:00+07:00 "), 2, "offset"),
        (LINE.replace("100000", "999999999999999999"), 2, "at most 1000000000000000"),
        (LINE.replace("100000", "9" * 5_000), 2, "at most 1000000000000000"),
        (LINE.replace("100000", "１００"), 2, "whole đồng"),
        (LINE.replace("100000", "NaN"), 2, "whole đồng"),
        (LINE.replace("100000", "=1+1"), 2, "whole đồng"),
        (LINE.replace("payment", "PAYMENT"), 2, "one of payment"),
        (LINE.replace("R1", "R" * 200_000), 2, "at most 131072 bytes"),
        (f"{LINE}\r", 2, "ends otherwise"),
        (f"{LINE},x", 2, "8 columns are expected, this line has 9"),
        (f'"{LINE}', 3, "8 columns are expected"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_reason(tmp_path: Path, instead: str, line: int, reason: str) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(f"{HEAD}\n{instead}\n{LINE}\n".encode())

    with pytest.raises(BadFile, match=reason) as refused:
        read(path)

    assert refused.value.line == line
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (HEAD.upper(), "the header says 'REF,BANK_TXN_ID"),
        (HEAD.replace(",", ";"), "parted by commas, not by semicolons"),
        (HEAD.replace(",", "\t"), "parted by commas, not by tabs"),
        (HEAD.replace("status", "status,status"), "columns stand twice: status"),
        (HEAD + "," + "x" * 5_000_000, "at most 131072 bytes"),
        ("<html><body>504</body></html>", "columns are missing"),
        ("\0" * 50, "columns are missing"),
    ],
)
def test_a_bad_header_is_refused_by_what_stands_there(tmp_path: Path, head: str, reason: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"{head}\n{LINE}\n")

    with pytest.raises(BadFile, match=reason):
        read(path)


def test_a_letter_that_is_not_utf_8_is_found_far_down(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(
        f"{HEAD}\n{LINE}\n".encode() + f"{LINE}\n".encode() * 5_000 + LINE.replace("R1", "Đ1").encode("cp1258")
    )

    with pytest.raises(BadFile, match="not UTF-8") as refused:
        read(path)

    assert refused.value.line == 5_003


def test_an_amount_below_zero_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"{HEAD}\n{LINE}\n{LINE.replace('100000', '-5')}\n")

    assert read(path).below_zero == 1


_TIMES = [datetime(2026, 6, 10, 3, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("amount_vnd", pa.array([100_000], pa.int32())),
        ("amount_vnd", pa.array([100_000], pa.uint64())),
        ("amount_vnd", pa.array(["100000"])),
        ("amount_vnd", pa.array([Decimal(100_000)], pa.decimal128(18, 0))),
        ("amount_vnd", pa.array([Decimal("100000.00")], pa.decimal128(18, 2))),
        ("occurred_at", pa.array(_TIMES, pa.timestamp("us", tz="UTC"))),
        ("occurred_at", pa.array(_TIMES, pa.timestamp("ns", tz="Asia/Ho_Chi_Minh"))),
        ("occurred_at", pa.array(_TIMES, pa.timestamp("ms", tz="+07:00"))),
        ("kind", pa.array(["payment"]).dictionary_encode()),
        ("ref", pa.array(["R1"], pa.large_string())),
        ("ref", pa.array([None], pa.string())),
        ("fee_vnd", pa.nulls(1)),
        ("fee_vnd", pa.array([Decimal(1_100)], pa.decimal128(9, 0))),
        ("settled_on", pa.array([date(2026, 6, 11)])),
        ("settled_on", pa.array([datetime(2026, 6, 11)])),  # noqa: DTZ001 - a day that a writer made a time
        ("settled_on", pa.nulls(1)),
    ],
    ids=str,
)
def test_parquet_is_read_whatever_exact_type_it_has(tmp_path: Path, column: str, cells: pa.Array) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(_table(column, cells), path)

    loaded = read(path)

    assert (loaded.rows, loaded.total_vnd, loaded.first_s) == (1, 100_000, AT_S)


@pytest.mark.parametrize(
    ("column", "cells", "reason"),
    [
        ("amount_vnd", pa.array([Decimal("100000.50")], pa.decimal128(18, 2)), "whole đồng"),
        ("amount_vnd", pa.array([100_000.0]), "whole đồng"),
        ("amount_vnd", pa.array([True]), "whole đồng"),
        ("amount_vnd", pa.array([None], pa.int64()), "not nothing"),
        ("occurred_at", pa.array([datetime(2026, 6, 10)]), "offset, not 2026-06-10 00:00:00"),  # noqa: DTZ001 - the point
        ("occurred_at", pa.array([date(2026, 6, 10)]), "offset"),
        ("settled_on", pa.array([datetime(2026, 6, 11, 8)]), "a day has no time"),  # noqa: DTZ001 - the point
        ("ref", pa.array([["R1"]]), "a text is expected"),
    ],
    ids=str,
)
def test_parquet_of_a_type_that_is_not_exact_is_refused(
    tmp_path: Path, column: str, cells: pa.Array, reason: str
) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(_table(column, cells), path)

    with pytest.raises(BadFile, match=reason):
        read(path)


def _table(column: str, cells: pa.Array) -> pa.Table:
    plain = {name: pa.array([cell]) for name, cell in zip(HEAD.split(","), LINE.split(","), strict=True)}
    return pa.table({**plain, column: cells})


@pytest.mark.parametrize("limit", ["2GB", "2 gb", "2G", "1.5GB", "512MiB", "400MB", "1TB"])
def test_a_memory_limit_is_read_in_the_usual_forms(tmp_path: Path, limit: str) -> None:
    open_engine(scratch=tmp_path, memory_limit=limit).disconnect()


@pytest.mark.parametrize("limit", ["", "0", "-1GB", "1024", "399MB", "much", "2GBit"])
def test_a_memory_limit_that_is_none_is_refused(tmp_path: Path, limit: str) -> None:
    with pytest.raises(Refused, match="a memory limit is written"):
        open_engine(scratch=tmp_path, memory_limit=limit)


@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_a_folder_that_cannot_be_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")

    code = run(["recon", "match", "--book", "none.csv", "--statement", "none.csv", "--out", f"{taken}{below}"])

    assert code == 1
    said = capsys.readouterr().err
    assert said.endswith(f" --out names a folder; {taken} is a file (invalid_value)\n")
    assert said.count("\n") == 1
