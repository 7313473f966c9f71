"""`paygw files` from a shell: bring, look, try, fetch, and what is missing."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Paygw
from tests.jobs.test_staging import statement

pytestmark = pytest.mark.db

SOURCES = "sources: [{id: vcb, bank: vcb, profile: sandbox-statement, expected: working_days, files: '.*[.]csv'}]"


@pytest.fixture
def sourced(paygw: Paygw, tmp_path: Path) -> Paygw:
    """A hub whose sources name one bank with a drop folder."""
    path = tmp_path / "sources.yaml"
    path.write_text(SOURCES)
    return lambda words: paygw(words, PAYGW_FILE_SOURCES=str(path), PAYGW_FILE_SETTLED_S="0")


def written(folder: Path, data: bytes, name: str = "sao-ke.csv") -> Path:
    """A file on somebody's desk."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_file_is_brought_listed_and_shown(sourced: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, statement(100, 200))

    (brought,) = sourced(f"files add {path} --bank vcb --profile sandbox-statement --json").said
    (listed,) = sourced("files list --bank vcb --json").said
    shown = sourced(f"files show {brought['id']} --json").said

    assert (brought["state"], brought["lines"], brought["source"]) == ("staged", 2, "cli")
    assert brought == listed == shown


def test_a_bad_file_ends_with_one_and_says_where(sourced: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, statement(100).replace(b",100,", b",1OO,"))

    ran = sourced(f"files add {path} --bank vcb --profile sandbox-statement --json")

    assert ran.code == 1
    assert json.loads(ran.out)[0]["problem"]["errors"] == [{"pointer": "/lines/2", "code": "amount"}]


def test_a_file_of_an_unknown_bank_is_refused(sourced: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, statement(100))

    assert "bank_unknown" in sourced(f"files add {path} --bank nobody --profile sandbox-statement").refusal


def test_what_is_missing_comes_in_by_the_drop_folder(sourced: Paygw, tmp_path: Path) -> None:
    before = sourced("files missing --day 2026-11-20 --json")
    written(tmp_path / "inbox" / "vcb", statement(100))

    fetched = sourced("files fetch --json").said
    after = sourced("files missing --day 2026-11-20 --json").said

    assert [row["source"] for row in json.loads(before.out)] == ["vcb"]
    assert [(row["source"], row["kept"], row["error"]) for row in fetched] == [("vcb", 1, "")]
    assert after == []


def test_a_source_nobody_named_cannot_be_fetched(sourced: Paygw) -> None:
    assert "PAYGW_FILE_SOURCES" in sourced("files fetch nobody").refusal


def test_a_file_is_tried_without_a_database(paygw: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, statement(100, 200))

    tried = paygw(
        f"files check {path} --profile sandbox-statement --json", PAYGW_DATABASE_URL="postgresql://x@nowhere/x"
    )

    (one,) = tried.said["statements"]
    assert (one["day"], one["net_vnd"], one["lines"], one["first"][0]["kind"]) == ("2026-11-20", 300, 2, "payment")


def test_a_profile_being_written_is_tried_from_its_file(paygw: Paygw, tmp_path: Path) -> None:
    profile = tmp_path / "bank-moi.yaml"
    profile.write_text(
        "profile: bank-moi\ntitle: Ngân hàng mới\nsource: mẫu ngày 20/11/2026\n"
        "columns: {bank_txn_id: [Mã], booked_at: [Ngày], amount_vnd: [Số tiền]}\namounts: {signed: true}\n",
        encoding="utf-8",
    )
    path = written(tmp_path, b"Ma;Ngay;So tien\nX1;20/11/2026;-1.500\n")

    tried = paygw(f"files check {path} --profile {profile} --account 0011 --json").said

    assert tried["statements"][0]["first"][0]["direction"] == "debit"


def test_a_profile_is_made_from_one_that_is_shipped(paygw: Paygw, tmp_path: Path) -> None:
    profile = tmp_path / "bank-moi.yaml"

    profile.write_text(paygw("files profile vi-statement --as bank-moi").out, encoding="utf-8")

    assert paygw(f"files check --profile {profile} --json").said["ok"] is True
    assert [row["wrong"] for row in paygw("files profiles --json", PAYGW_FILE_PROFILES=str(tmp_path)).said] == [""] * 7


def test_a_half_written_profile_is_told_with_its_line(paygw: Paygw, tmp_path: Path) -> None:
    profile = tmp_path / "bank-moi.yaml"
    profile.write_text(
        "profile: bank-moi\ntitle: Mới\nsource: mẫu\ncolumns: {amout_vnd: [Số tiền]}\n", encoding="utf-8"
    )

    checked = paygw(f"files check --profile {profile}")
    listed = paygw("files profiles --json", PAYGW_FILE_PROFILES=str(tmp_path))

    assert "bank-moi.yaml: Line 4" in checked.refusal
    assert "amount_vnd" in checked.refusal
    assert (listed.code, [bool(row["wrong"]) for row in json.loads(listed.out)].count(True)) == (1, 1)


def test_a_trial_shows_lines_and_columns_nobody_reads(paygw: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, "Số CT;Ngày giao dịch;Ghi nợ;Ghi có;Chi nhánh\nFT1;20/11/2026;;1.500;HN\n".encode())

    tried = paygw(f"files check {path} --profile vi-statement --account 0011")

    assert tried.code == 0
    assert "Chi nhánh" in tried.out
    assert "FT1" in tried.out


def test_a_wrong_file_is_told_in_both_languages(paygw: Paygw, tmp_path: Path) -> None:
    path = written(tmp_path, b"not a statement")

    ran = paygw(f"files check {path} --profile vi-statement --json")

    said = json.loads(ran.out)
    assert (ran.code, said["ok"], said["code"]) == (1, False, "header_missing")
    assert said["vi"].startswith("Không thấy dòng tiêu đề")
    assert said["en"].startswith("No header row")


def test_profiles_are_listed(paygw: Paygw) -> None:
    assert {"mt940", "camt", "vi-statement", "vi-settlement"} <= {
        row["profile"] for row in paygw("files profiles --json").said
    }
