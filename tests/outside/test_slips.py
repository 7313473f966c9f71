"""C1-02/NS slips: every field a treasury books by, the amount in words, the same bytes for the same batch."""

import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from msgspec import structs

from paygw.outside.slips import Payer, Slip, SlipRow, slips_pdf

ROW = SlipRow(
    reference="PO0192A4B6C8D0E2F40000000000-3",
    day="25/11/2026",
    content="Phí, lệ phí thủ tục hành chính (4 khoản)",
    amount_vnd=61_054_321,
    chapter="016",
    item="2721",
)
SLIP = Slip(
    number="PO0192A4B6C8D0E2F40000000000-3",
    treasury_name="Kho bạc Nhà nước Hà Nội",
    treasury_unit="0012",
    account="7111.0.0012",
    at_bank="01701001",
    office="1054015",
    office_name="Sở Tư pháp thành phố Hà Nội",
    area="00001",
    unit="1058722",
    rows=(ROW,),
)
PAYER = Payer(
    name="Trung tâm thanh toán", tax_code="", address="", bank="BFTVVNVX", account="1020304050", made_by="huong",
    checked_by="minh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Printed:
    """A document and what a reader sees of it."""

    data: bytes
    text: str


def printed(folder: Path, *slips: Slip) -> Printed:
    """The slips as PDF, read back by another program."""
    path = folder / "slips.pdf"
    path.write_bytes(made(*slips))
    read = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True).stdout.decode()
    return Printed(path.read_bytes(), " ".join(read.split()))


def made(*slips: Slip, **changes: Any) -> bytes:  # noqa: ANN401 - what a test changes
    given: dict[str, Any] = {
        "payer": PAYER,
        "batch": "0192a4b6-c8d0-7e2f-8000-000000000000",
        "content_hash": "a" * 64,
        "decided_at": datetime.fromisoformat("2026-11-25T10:00:00+07:00"),
    }
    return slips_pdf(slips or (SLIP,), **{**given, **changes})


@pytest.mark.skipif(which("pdftotext") is None, reason="poppler is not installed")
def test_a_treasury_finds_every_code_and_the_amount_in_words(tmp_path: Path) -> None:
    text = printed(tmp_path, SLIP, structs.replace(SLIP, number="PO-4", unit="1099999")).text

    for words in (
        "Mẫu số C1-02/NS",
        "VÀO NGÂN SÁCH NHÀ NƯỚC",
        "mã KBNN: 0012, tài khoản số: 7111.0.0012",
        "Sở Tư pháp thành phố Hà Nội",
        "Mã cơ quan thu: 1054015 Mã ĐBHC: 00001 Mã ĐVQHNS: 1058722",
        "016 2721",
        "61.054.321",
        "Sáu mươi mốt triệu không trăm năm mươi tư nghìn ba trăm hai mươi mốt đồng",
        "Người lập lệnh: huong. Người duyệt: minh.",
        "Mã ĐVQHNS: 1099999",
        "TK thu NSNN x TK tạm thu TK",
    ):
        assert words in text


@pytest.mark.skipif(which("pdftotext") is None, reason="poppler is not installed")
def test_an_account_of_temporary_collection_is_ticked_as_such(tmp_path: Path) -> None:
    text = printed(tmp_path, structs.replace(SLIP, account="3591.0.0012")).text

    assert "TK thu NSNN TK tạm thu x TK" in text


def test_the_same_slips_are_the_same_bytes_and_others_are_not() -> None:
    dearer = structs.replace(SLIP, rows=(structs.replace(ROW, amount_vnd=ROW.amount_vnd + 1),))

    assert made().startswith(b"%PDF-1.7")
    assert made() == made()
    assert len({made(), made(dearer), made(SLIP, SLIP), made(content_hash="b" * 64)}) == 4
