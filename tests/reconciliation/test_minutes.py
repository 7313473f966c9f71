"""Minutes as documents: the same content gives the same bytes, Vietnamese is whole, a sheet runs nothing."""

import re
import subprocess
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from shutil import which

import pytest
from openpyxl import load_workbook

from paygw.kernel.breaks import POLICIES
from reconciliation.minutes.document import minutes_pdf
from reconciliation.minutes.words import BREAKS, totals
from reconciliation.minutes.workbook import minutes_xlsx
from reconciliation.statements.staged import LineKind
from tests.reconciliation.minutes_sample import SAMPLE


def test_every_kind_of_break_has_its_words() -> None:
    assert POLICIES.keys() <= BREAKS.keys()


def test_the_same_minutes_are_the_same_bytes() -> None:
    pdf, book = minutes_pdf(SAMPLE), minutes_xlsx(SAMPLE)

    assert pdf.startswith(b"%PDF-1.7")
    assert (minutes_pdf(SAMPLE), minutes_xlsx(SAMPLE)) == (pdf, book)


def test_another_amount_is_another_document() -> None:
    other = deepcopy(SAMPLE)
    other["content"]["book"]["receipts_vnd"] += 1

    assert minutes_pdf(other) != minutes_pdf(SAMPLE)


@pytest.mark.skipif(which("pdftotext") is None, reason="poppler is not installed")
def test_the_pdf_can_be_read_in_vietnamese(tmp_path: Path) -> None:
    path = tmp_path / "minutes.pdf"
    path.write_bytes(minutes_pdf(SAMPLE))

    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True).stdout.decode()

    for words in (
        "BIÊN BẢN ĐỐI SOÁT",
        "Sáu trăm mười lăm nghìn không trăm linh năm đồng",
        "Sở Tư pháp thành phố Hà Nội",
        "Nguyễn Thị Hương",
        "10:10 24/11/2026",
        str(SAMPLE["content_hash"]),
    ):
        assert words in text
    assert re.search(r"Cộng:\s+615\.000 đồng, trong đó nộp ngân sách nhà nước 92\.250", text)


@pytest.mark.parametrize("movement", list(LineKind))
def test_whatever_a_statement_tells_the_minutes_can_be_printed(movement: LineKind) -> None:
    day = deepcopy(SAMPLE)
    day["content"]["lines"][1]["movement"] = movement.value

    assert minutes_pdf(day).startswith(b"%PDF")
    assert load_workbook(BytesIO(minutes_xlsx(day)))["Tổng hợp"].max_row > len(day["content"]["lines"])


def test_what_is_not_counted_has_no_count() -> None:
    counts = {name: count for name, count, _ in totals(SAMPLE["content"])}

    assert counts["Số đã nhận theo sổ"] == 3
    assert counts["Trong đó đã phân bổ cho khoản phải nộp"] is None


def test_the_workbook_names_its_files_and_how_money_went() -> None:
    book = load_workbook(BytesIO(minutes_xlsx(SAMPLE)))

    facts = {row[0].value: row[1].value for row in book["Biên bản"].iter_rows(min_row=2)}
    assert facts["Tổng số đã nhận (đồng)"] == 615_005
    assert facts["Hình thức"] == "trung chuyển trực tiếp"
    assert [row[1].value for row in book["Tệp nguồn"].iter_rows(min_row=2)] == ["ab" * 32, "cd" * 32]


def test_the_workbook_has_numbers_and_no_formulas() -> None:
    book = load_workbook(BytesIO(minutes_xlsx(SAMPLE)))

    details = [[cell.value for cell in row] for row in book["Chi tiết"].iter_rows(min_row=2)]
    broken = [cell for row in book["Chênh lệch"].iter_rows() for cell in row]
    assert [row[4] for row in details] == [600_000, 15_000]
    assert {cell.data_type for cell in broken} <= {"s", "n"}
    assert "=cmd|' /C calc'!A0" in {cell.value for cell in broken}
