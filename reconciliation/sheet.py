"""report.xlsx: summary, breaks and their meaning. Every text is written as text; nothing in it can become a formula."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from reconciliation.model import Break, BreakKind
from reconciliation.sentences import in_vietnamese
from reconciliation.words import FILES_VI, ROLES, WORDS

TEXT_MAX: Final = 32_000  # a cell holds 32,767 letters
ROWS_MAX: Final = 1_000_000  # a sheet holds 1,048,576; breaks.csv has all

_MONEY: Final = "#,##0"
_BORN: Final = datetime(2000, 1, 1, tzinfo=UTC)  # the same run gives the same bytes
_COLUMNS: Final = (
    ("Loại chênh lệch", "break_kind"),
    ("Mã tham chiếu", "ref"),
    ("Giao dịch ngân hàng", "bank_txn_id"),
    ("Sổ (đồng)", "book_amount_vnd"),
    ("Sao kê (đồng)", "statement_amount_vnd"),
    ("Chi tiết", ""),
    ("Chi tiết, tiếng Anh", "detail"),
)


def write_sheet(path: Path, summary: Mapping[str, Any], breaks: Sequence[Break]) -> None:
    """Write the workbook. Raises OSError."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "tmpdir": str(path.parent),
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": "Biên bản đối soát", "created": _BORN.replace(tzinfo=None)})
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": _MONEY})
        _summary(book.add_worksheet("Tóm tắt"), summary, bold, money)
        _breaks(book.add_worksheet("Chênh lệch"), breaks, bold, money)
        _meanings(book.add_worksheet("Giải thích"), bold, book.add_format({"text_wrap": True, "valign": "top"}))


def _summary(sheet: Any, summary: Mapping[str, Any], bold: Any, money: Any) -> None:  # noqa: ANN401 - xlsxwriter has no types
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 2, 20)
    rows: list[tuple[str, int | str, int | str]] = [("Tệp / File", "Số dòng / Rows", "Tổng (đồng) / Total")]
    rows += [
        (f"{FILES_VI[name]}: {one['name']}", one["rows"], one["total_vnd"]) for name, one in summary["files"].items()
    ]
    role = ROLES.get(summary["third_file_is"] or "")
    rows += [("Tệp thứ ba là / The third file is", " / ".join(role), "")] if role else []
    if summary["period"]:
        rows += [("Kỳ quyết toán / Settlement days", summary["period"]["first"], summary["period"]["last"])]
    matches = summary["matches"]
    rows += [("Khớp / Matched", matches["confirmed"], ""), ("Gợi ý / Suggested", matches["suggested"], "")]
    rows += [("Chờ kỳ sau / Waiting", summary["waiting"]["count"], summary["waiting"]["total_vnd"])]
    rows += [("Chênh lệch / Breaks", summary["breaks"]["total"], "Giá trị (đồng) / At risk")]
    for kind, found in summary["breaks"]["by_kind"].items():
        words = WORDS[BreakKind(kind)]
        rows.append((f"{words.name_vi} / {words.name_en}", found["count"], found["at_risk_vnd"]))
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            _cell(sheet, number, column, cell, bold if number == 0 else money)


def _breaks(sheet: Any, breaks: Sequence[Break], bold: Any, money: Any) -> None:  # noqa: ANN401 - the same
    sheet.set_column(0, 2, 26)
    sheet.set_column(3, 4, 16)
    sheet.set_column(5, 6, 80)
    sheet.freeze_panes(2, 0)
    for row, heads in enumerate(zip(*_COLUMNS, strict=True)):
        for column, head in enumerate(heads):
            sheet.write_string(row, column, head, bold)
    for number, one in enumerate(islice(breaks, ROWS_MAX), start=2):
        name = f"{WORDS[one.break_kind].name_vi} ({one.break_kind.value})"
        amounts = one.book_amount_vnd, one.statement_amount_vnd
        cells = (name, one.ref, one.bank_txn_id, *amounts, in_vietnamese(one.detail), one.detail)
        for column, cell in enumerate(cells):
            _cell(sheet, number, column, cell, money)


def _meanings(sheet: Any, bold: Any, wrapped: Any) -> None:  # noqa: ANN401 - the same
    sheet.set_column(0, 7, 40)
    heads = ("Loại / Kind", "Nghĩa là", "Meaning", "Nguyên nhân", "Cause", "Bước an toàn", "Safe next step")
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head, bold)
    for number, (kind, words) in enumerate(WORDS.items(), start=1):
        told = (words.means_vi, words.means_en, words.cause_vi, words.cause_en, words.next_vi, words.next_en)
        for column, cell in enumerate((f"{words.name_vi} ({kind.value})", *told)):
            sheet.write_string(number, column, cell, wrapped)


def _cell(sheet: Any, row: int, column: int, cell: int | str | None, number_format: Any) -> None:  # noqa: ANN401 - the same
    if isinstance(cell, int):
        sheet.write_number(row, column, cell, number_format)
    elif cell:
        sheet.write_string(row, column, cell[:TEXT_MAX])
