"""Minutes as a workbook: the same figures as the PDF, as numbers; no formula, no text that a sheet would run."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from reconciliation.minutes.words import MODES, Content, batches, breakdown, breaks, day_vi, moment_vi, sources, totals

_AMOUNT = "#,##0"
_ROLES = {"signed": "Người lập", "approved": "Người duyệt"}
DETAILS = ("Cơ quan thu", "Thủ tục", "Thành phần", "Số món", "Số tiền (đồng)", "Nộp ngân sách")
BATCHES = ("Lô", "Tổng các dòng", "Phí bị trừ", "Ghi có thực tế", "Kết quả")
BREAKS = ("Loại", "Tham chiếu", "Mã giao dịch", "Theo sổ", "Theo ngân hàng", "Tình trạng")
FILES = ("Loại", "SHA-256", "Số dòng")


def minutes_xlsx(minutes: Mapping[str, Any]) -> bytes:
    """A workbook of six sheets. `minutes` is what `hub.minutes.read_minutes` gives."""
    content: Content = minutes["content"]
    made = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(made, options) as book:
        day = date.fromisoformat(content["day"])
        book.set_properties(
            {
                "title": f"Biên bản đối soát {content['bank']} {content['day']}",
                "created": datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None),
            }
        )
        sheets = _Sheets(book)
        facts: list[Sequence[str | int]] = [
            ["Biên bản đối soát số", f"{minutes['no']:02d}/{content['bank']}/{content['day']}"],
            ["Ngày giao dịch", day_vi(content)],
            ["Ngân hàng, trung gian thanh toán", content["bank_title"]],
            ["Mã đơn vị chấp nhận", content["merchant"]],
            ["Hình thức", MODES[content["mode"]]],
            ["Tổng số đã nhận (đồng)", content["book"]["receipts_vnd"]],
            ["Bằng chữ", content["in_words"]],
            ["Mã băm nội dung (SHA-256)", minutes["content_hash"]],
        ]
        facts += [
            [
                _ROLES[one["role"]],
                f"{one['name'] or one['person']} {moment_vi(one['at'])}",
            ]
            for one in minutes["signatures"]
        ]
        sheets.add("Biên bản", ("Mục", "Nội dung"), facts)
        sheets.add(
            "Tổng hợp",
            ("Chỉ tiêu", "Số món", "Số tiền (đồng)"),
            [[name, "" if count is None else count, vnd] for name, count, vnd in totals(content)],
        )
        sheets.add("Chi tiết", DETAILS, breakdown(content))
        sheets.add("Quyết toán", BATCHES, batches(content))
        sheets.add("Chênh lệch", BREAKS, breaks(content))
        sheets.add("Tệp nguồn", FILES, sources(content))
    return made.getvalue()


class _Sheets:
    """One look for every sheet."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bg_color": "#E8E8E8", "border": 1, "text_wrap": True})
        self._money = book.add_format({"num_format": _AMOUNT, "border": 1})
        self._text = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})

    def add(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
        """A sheet with a frozen header row."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, title in enumerate(columns):
            widest = max([len(title), *(len(str(row[place])) for row in rows)])
            sheet.set_column(place, place, min(max(widest + 2, 10), 60))
            sheet.write_string(0, place, title, self._head)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(number, place, cell, self._money)
                else:
                    sheet.write_string(number, place, cell, self._text)
