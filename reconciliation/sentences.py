"""The sentences of breaks and notes in Vietnamese, read off the English ones that files and the store hold.

A sentence is a form with names and figures in it; what no form fits stays as it is. `tests/recon/test_sentences.py`
holds every sentence the matching writes against this table.
"""

import re
from collections.abc import Iterator
from typing import Final

_STATUS: Final = {"succeeded": "thành công", "failed": "thất bại", "pending": "đang xử lý", "reversed": "đã đảo"}
_WHERE: Final = {"at the bank": "ở ngân hàng", "in the book": "trong sổ", "more": "hơn", "less": "kém"}
_WORDS: Final = _STATUS | _WHERE

_VND: Final = r"(-?[\d.]+ đồng)"
_DAY: Final = r"\d{4}-\d{2}-\d{2}"

# A form and its words; {1} is the first thing in brackets.
_FORMS: Final = tuple(
    (re.compile(form), words)
    for form, words in (
        (r"Third file: ", "Tệp thứ ba: "),
        (r"Succeeded here, no line at the bank\.", "Sổ đã ghi thành công, ngân hàng không có dòng nào."),
        (r"Paid at the bank, unknown here\.", "Ngân hàng đã thu, sổ không có."),
        (r"Refunded at the bank, unknown here\.", "Ngân hàng đã hoàn, sổ không có."),
        (r"Taken back at the bank, unknown here\.", "Ngân hàng đã đảo giao dịch, sổ không có."),
        (r"Money came in and names no reference of ours\.", "Tiền vào không ghi mã nào của ta."),
        (r"Money went out and names no reference of ours\.", "Tiền ra không ghi mã nào của ta."),
        (r"Money was taken back and names no reference of ours\.", "Tiền bị đảo lại không ghi mã nào của ta."),
        (r"No account of ours has this number\.", "Không tài khoản nào của ta có số này."),
        (r"A refund whose payment stands in neither file\.", "Khoản hoàn mà giao dịch gốc không có ở tệp nào."),
        (
            r"A row of the same amount and time stands on the other side: see the suggestions\.",
            "Bên kia có dòng cùng số tiền, cùng thời gian: xem phần gợi ý.",
        ),
        (r"Here (\w+), at the bank (\w+)\.", "Ở sổ: {1}; ở ngân hàng: {2}."),
        (
            rf"Booked {_VND}, the bank has {_VND}: {_VND} (more|less) at the bank\.",
            "Sổ ghi {1}, ngân hàng có {2}: ngân hàng {4} {3}.",
        ),
        (
            r"The bank has this transaction under reference (.*?)\.(?= Amounts|$)",
            "Ngân hàng ghi giao dịch này với mã {1}.",
        ),
        (rf"Amounts differ too, by {_VND} (more|less) at the bank\.", "Số tiền cũng lệch: ngân hàng {2} {1}."),
        (
            r"This transaction stands (\d+) times (at the bank|in the book); it counts once\.",
            "Giao dịch này có {1} dòng {2}, chỉ tính một lần.",
        ),
        (
            r"This transaction stands (\d+) times (at the bank|in the book), also as (.*); it counts once\.",
            "Giao dịch này có {1} dòng {2}, chỉ tính một lần (cả với mã {3}).",
        ),
        (
            r"(\d+) succeeded transactions at the bank for one reference: (.*)\.",
            "Ngân hàng có {1} giao dịch thành công cho một mã: {2}.",
        ),
        (r"Transaction (.*) has paid this reference before\.", "Giao dịch {1} đã nộp cho mã này trước đó."),
        (
            r"The transfer's text names a reference that another transaction has paid\.",
            "Nội dung chuyển khoản ghi mã đã được giao dịch khác nộp.",
        ),
        (
            rf"(\d+) rows come to {_VND}, fee {_VND}; the credit is {_VND}\.",
            "{1} dòng cộng lại là {2}, phí {3}; khoản ghi có là {4}.",
        ),
        (
            rf"The provider took a fee of {_VND}, the tariff says {_VND}\.",
            "Bên cung cấp dịch vụ thu phí {1}, theo biểu phí là {2}.",
        ),
        (
            rf"Settled on ({_DAY}), the file settles ({_DAY}) to ({_DAY})\.",
            "Quyết toán ngày {1}; tệp này quyết toán từ {2} đến {3}.",
        ),
        (
            rf"(\d+) lines settled on ({_DAY}) come to {_VND} net of fees; the credit is {_VND}\.",
            "{1} dòng quyết toán ngày {2} cộng lại sau phí là {3}; khoản ghi có là {4}.",
        ),
        (
            rf"(\d+) lines settled on ({_DAY}) come to {_VND} net of fees; no credit came\.",
            "{1} dòng quyết toán ngày {2} cộng lại sau phí là {3}; không có khoản ghi có nào.",
        ),
        (
            r"The third file has it; no line of the statement explains it\.",
            "Tệp thứ ba có; không dòng nào của sao kê giải thích được.",
        ),
        (r"Paid here; the portal has not applied it\.", "Đã nộp; cổng chưa ghi nhận."),
        (rf"The portal applied {_VND}, paid were {_VND}\.", "Cổng ghi nhận {1}, số đã nộp là {2}."),
        (r"The portal has applied it; nothing was paid here\.", "Cổng đã ghi nhận; ở đây không có khoản nộp nào."),
        (r"The portal has applied it; here it is (\w+)\.", "Cổng đã ghi nhận; ở đây: {1}."),
        (
            r"(.*): no rows, so nothing tells what it is; say it with --third-is",
            "{1}: không có dòng nào nên không rõ là tệp gì; hãy ghi --third-is.",
        ),
        (r"(.*): not read: (.*)", "{1}: không đọc các cột {2}."),
        (
            r"(.*): amounts below zero: (\d+); kind says the direction",
            "{1}: {2} số tiền âm; chiều tiền đã do cột kind cho biết.",
        ),
        (r"(.*) says (\d+) lines and has (\d+)\.", "{1} ghi {2} dòng nhưng có {3} dòng."),
        (rf"(.*) says a sum of {_VND}, its lines have {_VND}\.", "{1} ghi tổng {2}, các dòng cộng lại là {3}."),
    )
)


def in_vietnamese(detail: str) -> str | None:
    """The same in Vietnamese, or None if a part of it is no form of ours."""
    said, rest = "", detail
    while rest:
        fitting = next(_fitting(rest), None)
        if fitting is None:
            return None
        found, words = fitting
        said += " " * (bool(said) and not said.endswith(" ")) + _filled(words, found)
        rest = rest[found.end() :].lstrip()
    return said.strip()


def _fitting(text: str) -> Iterator[tuple[re.Match[str], str]]:
    for form, words in _FORMS:
        found = form.match(text)
        if found:
            yield found, words


def _filled(words: str, found: re.Match[str]) -> str:
    return re.sub(r"\{(\d)\}", lambda place: _part(found[int(place[1])]), words)


def _part(part: str) -> str:
    return "/".join(reversed(part.split("-"))) if re.fullmatch(_DAY, part) else _WORDS.get(part, part)
