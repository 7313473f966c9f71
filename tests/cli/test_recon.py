"""`paygw recon match` from files to files."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from paygw.cli.root import run
from reconciliation.canonical import write_book, write_lines
from reconciliation.model import BREAK_COLUMNS
from tests.recon.month import build


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    corpus = build(seed=21, per_day=10, each=2)
    write_book(tmp_path / "book.csv", corpus.book)
    write_lines(tmp_path / "statement.csv", corpus.lines)
    return ["--book", str(tmp_path / "book.csv"), "--statement", str(tmp_path / "statement.csv")]


def test_five_files_tell_the_same_story(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"

    assert run(["recon", "match", *files, "--out", str(out), "--json", "--memory-limit", "500MB"]) == 0

    told = json.loads(capsys.readouterr().out)
    rows = list(csv.reader((out / "breaks.csv").read_text(encoding="utf-8").splitlines()))
    sheet = openpyxl.load_workbook(out / "report.xlsx")["Chênh lệch"]
    assert told == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert tuple(rows[0]) == BREAK_COLUMNS
    assert len(rows) - 1 == told["breaks"]["total"] == sheet.max_row - 2
    assert pq.read_metadata(out / "matches.parquet").num_rows == sum(
        told["matches"].get(n) for n in ("confirmed", "suggested")
    )
    assert all(kind in (out / "report.html").read_text(encoding="utf-8") for kind in told["breaks"]["by_kind"])
    assert sorted(path.name for path in out.iterdir()) == [
        "breaks.csv",
        "matches.parquet",
        "report.html",
        "report.xlsx",
        "summary.json",
    ]


def test_the_same_files_give_the_same_bytes(files: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(["recon", "match", *files, "--out", str(tmp_path / name)]) == 0

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_dry_run_writes_nothing(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recon", "match", *files, "--out", str(tmp_path / "out"), "--dry-run"]) == 0

    assert "nothing (dry run)" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--memory-limit", "much"], "memory limit"),
        (["--as-of", "2026-01-01"], "offset"),
        (["--period", "2026-02-01"], "--period"),
        (["--third", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_a_person_did_wrong_is_one_sentence(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    assert run(["recon", "match", *files, "--out", str(tmp_path / "out"), *more]) == 1

    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("lead", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_text_becomes_a_formula(tmp_path: Path, lead: str) -> None:
    book, statement = tmp_path / "b.csv", tmp_path / "s.csv"
    line = replace(build(seed=1, per_day=1, each=0).lines[0], ref=lead)
    write_book(book, [])
    write_lines(statement, [line])

    assert run(["recon", "match", "--book", str(book), "--statement", str(statement), "--out", str(tmp_path)]) == 0

    cell = openpyxl.load_workbook(tmp_path / "report.xlsx")["Chênh lệch"]["B3"]
    assert cell.data_type == "s"
    assert lead.strip() in str(cell.value)
    with (tmp_path / "breaks.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1][1].replace("\r", "") == f"'{lead}".replace("\r", "")  # DuckDB drops a return


def test_the_verb_starts_without_the_hub() -> None:
    loads = (
        "import sys; from paygw.cli.root import run; run(['recon', '--help']);"
        " sys.exit('paygw.app' in sys.modules or 'sqlalchemy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", loads], check=False).returncode == 0


def test_serving_starts_without_reconciliation_and_scheduled_work() -> None:
    loads = (
        "import sys; from paygw.cli.root import run; run(['serve', '--help']);"
        " sys.exit('ibis' in sys.modules or 'procrastinate' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", loads], check=False).returncode == 0


def test_every_verb_stands_where_the_table_says() -> None:
    assert run(["--help"]) == 0
