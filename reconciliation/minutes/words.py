"""What minutes say, Vietnamese first: figures, names of lines and breaks, rows ready for a table."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from paygw.kernel.break_words import WORDS
from reconciliation.statements.staged import VIETNAM

Content = Mapping[str, Any]
Rows = list[list[str | int]]

BREAKS: Final[Mapping[str, str]] = {kind: words.name_vi for kind, words in WORDS.items()}
_STATUSES: Final = {"succeeded": "thành công", "reversed": "quay về", "failed": "không thành", "pending": "đang chờ"}
_STATES: Final = {"open": "Đang xử lý", "proposed": "Chờ duyệt", "resolved": "Đã xử lý"}
_FILES: Final = {"settlement": "Tệp quyết toán", "statement": "Sao kê tài khoản"}
_MOVEMENTS: Final = {
    "payment": "Thu", "refund": "Hoàn trả", "reversal": "Đảo giao dịch", "return": "Hoàn trả quay về",
    "dispute": "Khiếu nại thẻ", "fee": "Phí ngân hàng", "interest": "Lãi tiền gửi", "debit": "Chi chưa rõ nội dung",
}  # fmt: skip
_DIRECTIONS: Final = {"credit": "Có", "debit": "Nợ"}
_BATCHES: Final = {"matched": "Khớp", "differs": "Không khớp"}

MODES: Final = {"routing": "trung chuyển trực tiếp", "custody": "qua tài khoản chuyên thu"}


def dong(amount_vnd: int) -> str:
    """Figures with dots: `1.205.000`."""
    return f"{amount_vnd:,}".replace(",", ".")


def moment_vi(at: str) -> str:
    """`10:10 24/11/2026`, in Vietnam."""
    return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def day_vi(content: Content) -> str:
    """`24/11/2026`."""
    return date.fromisoformat(content["day"]).strftime("%d/%m/%Y")


def totals(content: Content) -> list[tuple[str, int | None, int]]:
    """What, how many where that is counted, đồng."""
    book = content["book"]
    rows: list[tuple[str, int | None, int]] = [
        ("Số đã nhận theo sổ", book["receipts"], book["receipts_vnd"]),
        ("Trong đó đã phân bổ cho khoản phải nộp", None, content["allocated_vnd"]),
        ("Tiền chờ xử lý (chưa phân bổ)", None, content["unallocated_vnd"]),
        ("Bị ngân hàng đảo", book["taken_back"], book["taken_back_vnd"]),
        ("Hoàn trả trong ngày", book["refunds"], book["refunds_vnd"]),
    ]
    for line in content["lines"]:
        file, movement = _FILES[line["file"]], _MOVEMENTS[line["movement"]]
        how = f"{_DIRECTIONS[line['direction']]}, {_STATUSES[line['status']]}"
        rows.append((f"{file}: {movement} ({how})", line["count"], line["vnd"]))
    fees_vnd = sum(line["fee_vnd"] for line in content["lines"] if line["file"] == "settlement")
    rows.append(("Phí dịch vụ theo tệp quyết toán (thanh toán riêng)", None, fees_vnd))
    return rows


def breakdown(content: Content) -> Rows:
    """Collecting body, procedure, component, how many receipts, đồng, of it the treasury's."""
    return [
        [
            f"{row['collecting_body']} {row['body_name']}".strip(),
            f"{row['procedure']} {row['title']}".strip(),
            row["name"] or row["component"],
            row["count"],
            row["vnd"],
            row["treasury_vnd"],
        ]
        for row in content["breakdown"]
    ]


def breaks(content: Content) -> Rows:
    """Kind, reference, bank's reference, both amounts, state with its resolution."""
    return [
        [
            BREAKS.get(row["kind"], row["kind"]),
            row["ref"],
            row["bank_txn_id"],
            "" if row["book_amount_vnd"] is None else row["book_amount_vnd"],
            "" if row["statement_amount_vnd"] is None else row["statement_amount_vnd"],
            f"{_STATES[row['status']]}{': ' if row['resolution'] else ''}{row['resolution']}",
        ]
        for row in content["breaks"]
    ]


def sources(content: Content) -> Rows:
    """What a file is, its digest, how many lines."""
    return [[_FILES[one["kind"]], one["digest"], one["lines"]] for one in content["files"]]


def batches(content: Content) -> Rows:
    """Batch, sum of its lines, fee kept, net credit, verdict."""
    return [
        [row["batch"], row["lines_vnd"], row["fee_vnd"], row["net_vnd"], _BATCHES[row["status"]]]
        for row in content["batches"]
    ]
