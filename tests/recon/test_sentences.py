"""Every sentence a break has is said in Vietnamese too."""

from datetime import timedelta

import pytest

from reconciliation.model import Control
from reconciliation.sentences import in_vietnamese
from tests.recon.conftest import Run
from tests.recon.month import build, pay_out
from tests.recon.test_unseen_stories import together


@pytest.mark.parametrize(
    ("english", "vietnamese"),
    [
        ("Here succeeded, at the bank failed.", "Ở sổ: thành công; ở ngân hàng: thất bại."),
        (
            "Booked 100.000 đồng, the bank has 99.999 đồng: 1 đồng less at the bank.",
            "Sổ ghi 100.000 đồng, ngân hàng có 99.999 đồng: ngân hàng kém 1 đồng.",
        ),
        (
            "The bank has this transaction under reference A.1. Amounts differ too, by 5 đồng more at the bank.",
            "Ngân hàng ghi giao dịch này với mã A.1. Số tiền cũng lệch: ngân hàng hơn 5 đồng.",
        ),
        (
            "Third file: This transaction stands 2 times at the bank, also as R2; it counts once.",
            "Tệp thứ ba: Giao dịch này có 2 dòng ở ngân hàng, chỉ tính một lần (cả với mã R2).",
        ),
        (
            "Settled on 2026-08-15, the file settles 2026-06-02 to 2026-06-08.",
            "Quyết toán ngày 15/08/2026; tệp này quyết toán từ 02/06/2026 đến 08/06/2026.",
        ),
        ("b.csv: not read: vùng, note", "b.csv: không đọc các cột vùng, note."),
        (
            "b.csv: amounts below zero: 2; kind says the direction",
            "b.csv: 2 số tiền âm; chiều tiền đã do cột kind cho biết.",
        ),
        ("batch 7: something of the night.", None),
    ],
)
def test_a_sentence_keeps_its_names_and_figures(english: str, vietnamese: str | None) -> None:
    assert in_vietnamese(english) == vietnamese


def test_no_sentence_of_two_files_stays_english(run: Run) -> None:
    month = build(seed=3, per_day=20, each=2)

    outcomes = [
        run(*together()),
        run(month.book, month.lines, control=Control(lines=1)),
        run([], [], control=Control(total_vnd=1)),
    ]

    details = {one.detail for outcome in outcomes for one in outcome.breaks}
    assert [detail for detail in sorted(details) if in_vietnamese(detail) is None] == []


def test_no_sentence_of_a_third_file_stays_english(run: Run) -> None:
    month = build(seed=4, per_day=20, each=1)
    pay_out(month, gross=False, wrong=3)
    late = max(row.occurred_at for row in month.book) + timedelta(days=30)

    outcomes = [
        run(month.book, month.lines, third, as_of=late)
        for third in (month.credits[:-4] + month.credits[-2:], month.applied[5:] + month.credits[:1], month.lines[3:])
    ]

    details = {one.detail for outcome in outcomes for one in outcome.breaks}
    assert [detail for detail in sorted(details) if in_vietnamese(detail) is None] == []
