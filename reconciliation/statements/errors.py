"""Why a file is refused: a code, the line, and a sentence in Vietnamese and in English that says what to do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paygw.kernel.errors import PaygwError

_FACT_CHARS_MAX: Final = 60

# code: (tiếng Việt, English); {names} are facts of the raise
WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "empty": ("Tệp rỗng.", "The file is empty."),
    "too_large": ("Tệp lớn hơn {most} byte.", "The file has more than {most} bytes."),
    "encoding": (
        "Không đọc được theo các bảng mã đã khai ({declared}); hãy xuất lại tệp.",
        "Not in a declared encoding ({declared}); export the file again.",
    ),
    "not_text": (
        "Tệp là {form}, không phải CSV, TXT hay XLSX; hãy xuất lại.",
        "The file is {form}, neither CSV, TXT nor XLSX: export it again.",
    ),
    "control_character": (
        "Có ký tự điều khiển (ví dụ NUL); tệp hỏng hoặc không phải văn bản.",
        "A control character (such as NUL): the file is damaged or is no text.",
    ),
    "line_ends": (
        "Lẫn lộn các kiểu xuống dòng; tệp đã bị sửa hoặc ghép.",
        "Line ends of several kinds: the file was edited or joined.",
    ),
    "line_too_long": ("Dòng dài hơn {most} ký tự.", "The line has more than {most} characters."),
    "cell_too_long": ("Ô dài hơn {most} ký tự.", "A cell has more than {most} characters."),
    "quoting": ("Dấu nháy không đóng hoặc đặt sai chỗ.", "A quote that is not closed or stands in a wrong place."),
    "columns": ("Nhiều hơn {most} cột.", "More than {most} columns."),
    "rows": ("Nhiều hơn {most} dòng.", "More than {most} rows."),
    "ragged": ("Có {found} ô, tiêu đề có {wanted} cột.", "The row has {found} cells, the header {wanted} columns."),
    "header_missing": (
        "Không thấy dòng tiêu đề có các cột: {columns}.",
        "No header row with the columns: {columns}.",
    ),
    "header_repeated": (
        "Hai cột tiêu đề cùng nghĩa: {column}.",
        "Two header cells mean the same column: {column}.",
    ),
    "field_missing": ("Thiếu giá trị: {column}.", "A value is missing: {column}."),
    "amount": (
        "Không phải số tiền nguyên đồng: {text}.",
        "Not an amount in whole đồng: {text}.",
    ),
    "amount_sign": ("Số tiền âm hoặc bằng 0: {text}.", "An amount below or equal to zero: {text}."),
    "amount_overflow": ("Số tiền vượt {most} đồng.", "An amount above {most} đồng."),
    "two_directions": (
        "Cả ghi nợ và ghi có đều có giá trị, hoặc đều trống.",
        "Debit and credit are both filled, or both empty.",
    ),
    "id_rounded": (
        "Mã {text} đã bị bảng tính đổi thành số gần đúng; hãy xuất lại với cột mã ở dạng văn bản.",
        "A spreadsheet made a rounded number of the id {text}: export again with ids as text.",
    ),
    "date": ("Không phải ngày giờ theo mẫu {forms}: {text}.", "Not a date of the form {forms}: {text}."),
    "word": ("Từ chưa khai ở cột {column}: {text}.", "A word the profile does not know in column {column}: {text}."),
    "currency": ("Loại tiền không phải VND: {text}.", "The currency is not VND: {text}."),
    "formula": (
        "Ô chứa công thức hoặc lỗi của công thức; hãy xuất giá trị.",
        "A cell holds a formula, or the error of one: export values.",
    ),
    "macro": ("Sổ tính có macro; hãy lưu lại dạng .xlsx.", "The workbook holds macros: save it as .xlsx."),
    "workbook_1904": (
        "Sổ tính đếm ngày từ 1904; hãy bỏ tùy chọn đó rồi lưu lại.",
        "The workbook counts its days from 1904: switch that off and save it again.",
    ),
    "sheets": (
        "Nhiều trang tính có bảng ({sheets}); hãy nêu `sheet` trong hồ sơ cột hoặc gửi từng tệp.",
        "Several sheets hold a table ({sheets}): name `sheet` in the profile, or send a file each.",
    ),
    "trailer_missing": (
        "Thiếu dòng tổng ({marks}); tệp bị cắt cụt.",
        "The trailer ({marks}) is missing: the file is cut short.",
    ),
    "strange_row": (
        "Dòng chỉ có chữ: {text}. Nếu là ghi chú hay chữ ký, hãy thêm vào `skip` của hồ sơ cột.",
        "A row of one text: {text}. If it is a note or a signature, add it to `skip` of the profile.",
    ),
    "after_trailer": ("Còn dòng sau dòng tổng.", "Rows after the trailer."),
    "control_total": (
        "Tổng kiểm soát {name}: tệp ghi {said}, các dòng cho {found}.",
        "Control total {name}: the file says {said}, its lines make {found}.",
    ),
    "balance": (
        "Số dư đầu + phát sinh = {found}, tệp ghi số dư cuối {said}.",
        "Opening balance and entries make {found}, the file says closing balance {said}.",
    ),
    "balance_step": (
        "Số dư sau dòng này phải là {found}, tệp ghi {said}.",
        "The balance after this line should be {found}, the file says {said}.",
    ),
    "account_missing": (
        "Không biết tệp của tài khoản nào; hãy nêu --account.",
        "Nothing says whose account this is: name it with --account.",
    ),
    "account_differs": (
        "Tệp của tài khoản {first}, không phải {other}.",
        "The file is of account {first}, not of {other}.",
    ),
    "accounts_mixed": (
        "Tệp có dòng của hai tài khoản ({first}, {other}); hãy gửi mỗi tài khoản một tệp.",
        "The lines are of two accounts ({first}, {other}): send a file for each.",
    ),
    "days_mixed": (
        "Các dòng từ ngày {first} đến {last}; hãy xuất từng ngày, hoặc nêu --day nếu ngân hàng gửi chung.",
        "The lines are of {first} to {last}: export each day, or name --day if the bank sends them as one.",
    ),
    "day_future": (
        "Tệp của ngày {said}, chưa đến; hãy kiểm tra mẫu ngày trong hồ sơ cột.",
        "The file is of {said}, which is still to come: look at the forms of dates in the profile.",
    ),
    "day_missing": (
        "Không biết tệp của ngày nào; hãy nêu --day.",
        "Nothing says of which day the file is: name it with --day.",
    ),
    "day_differs": ("Tệp của ngày {said}, không phải {wanted}.", "The file is of {said}, not of {wanted}."),
    "workbook": (
        "Không phải tệp XLSX đọc được (hỏng, cắt cụt hoặc có mật khẩu).",
        "Not a readable XLSX workbook (damaged, cut short or protected by a password).",
    ),
    "inflated": (
        "Giải nén vượt {most} byte hoặc tỉ lệ nén vượt {ratio}.",
        "Inflates to more than {most} bytes, or more than {ratio} times its size.",
    ),
    "sheet_missing": ("Không có trang tính {sheet}.", "There is no sheet {sheet}."),
    "xml": ("XML không hợp lệ hoặc bị cắt cụt.", "The XML is not well formed, or cut short."),
    "xml_dtd": ("XML không được có DTD hay thực thể.", "XML with a DTD or entities is not taken."),
    "xml_kind": ("Không phải camt.053 hay camt.054.", "Neither camt.053 nor camt.054."),
    "xml_element": ("Thiếu phần tử {name}.", "The element {name} is missing."),
    "batch_total": (
        "Chi tiết bút toán cộng {found}, bút toán ghi {said}.",
        "The details of the entry make {found}, the entry says {said}.",
    ),
    "mt940": ("Không đúng cấu trúc MT940: {text}.", "Not the structure of MT940: {text}."),
    "profile": (
        "Không có hồ sơ cột tên {name}; xem `paygw files profiles`.",
        "There is no profile named {name}: see `paygw files profiles`.",
    ),
    "profile_invalid": ("Hồ sơ cột sai: {text}.", "The profile is wrong: {text}."),
    "profile_yaml": (
        "YAML không đọc được: {text}. Thụt dòng bằng dấu cách, đóng đủ ngoặc và nháy.",
        "No YAML: {text}. Indent with blanks, close brackets and quotes.",
    ),
    "profile_empty": (
        "Hồ sơ cột trống; xem mẫu bằng `paygw files profile vi-statement`.",
        "The profile is empty: `paygw files profile vi-statement` shows one.",
    ),
    "profile_twice": ("`{text}` được ghi hai lần; hãy gộp lại.", "`{text}` stands there twice: make one of both."),
    "profile_word": (
        "Không có `{text}` ở đây; có thể là: {known}.",
        "There is no `{text}` here; it may be: {known}.",
    ),
    "profile_missing": ("Thiếu `{text}:`.", "`{text}:` is missing."),
    "profile_name": (
        "Tên hồ sơ chỉ có chữ thường không dấu, chữ số và gạch nối, ví dụ bank-moi.",
        "A profile's name has small letters, digits and hyphens, such as bank-moi.",
    ),
    "profile_quote": (
        "{text} phải là chữ; hãy đặt trong dấu nháy kép.",
        "{text} must be text: put it in double quotes.",
    ),
    "profile_list": (
        "{text} phải là danh sách; hãy viết trong ngoặc vuông: [{text}].",
        "{text} must be a list: write it in brackets, [{text}].",
    ),
    "profile_column": (
        "`columns` chưa có cột cần thiết: {text}.",
        "`columns` lacks a column that is needed: {text}.",
    ),
    "profile_date": (
        "Mẫu ngày {text} không hợp lệ; dùng yyyy MM dd HH mm ss, ví dụ dd/MM/yyyy HH:mm:ss.",
        "No form of dates: {text}. Use yyyy MM dd HH mm ss, such as dd/MM/yyyy HH:mm:ss.",
    ),
    "profile_words": (
        "Cột `{column}` cần danh sách từ của ngân hàng ở `{section}`.",
        "The column `{column}` needs the bank's words in `{section}`.",
    ),
    "profile_dates": (
        "{text} và {other} cùng lúc: 02/11 sẽ hiểu được hai cách; hãy giữ một mẫu.",
        "Both {text} and {other}: 02/11 would be either day. Keep one.",
    ),
    "profile_alias": (
        "“{text}” đã thuộc `{column}`; một từ chỉ có một nghĩa.",
        "“{text}” is of `{column}` already: a word means one thing.",
    ),
    "profile_empty_word": (
        "“{text}” không có chữ nào: dòng nào cũng bắt đầu như vậy.",
        "“{text}” holds no letter: every row begins so.",
    ),
    "profile_named": (
        "Tệp phải mang tên của hồ sơ: {name}.yaml.",
        "The file must be named as its profile: {name}.yaml.",
    ),
    "statement_repeated": (
        "Tệp có hai sao kê cùng tài khoản, ngày và số.",
        "The file holds two statements of one account, day and number.",
    ),
    "resources": (
        "Đọc tệp tốn quá nhiều bộ nhớ hoặc thời gian; tệp có thể độc hại.",
        "Reading the file takes too much memory or time: it may be hostile.",
    ),
    "reader_failed": (
        "Tệp làm hỏng trình đọc ({name}); hãy báo người vận hành.",
        "The file broke the reader ({name}): tell the operator.",
    ),
})  # fmt: skip


class BadFile(PaygwError):
    """A file is refused whole. `line` counts from 1 (row of a sheet, line of a text), None for the file."""

    def __init__(self, code: str, line: int | None = None, **facts: str | int) -> None:
        self.code = code
        self.line = line
        self.facts = {name: _short(fact) for name, fact in facts.items()}
        super().__init__(f"{self.vi()} {self.en()}")

    def vi(self) -> str:
        """The sentence in Vietnamese, with the profile and the line."""
        return self._placed("Dòng", WORDS[self.code][0])

    def en(self) -> str:
        """The sentence in English, with the profile and the line."""
        return self._placed("Line", WORDS[self.code][1])

    def _placed(self, word: str, sentence: str) -> str:
        places = [self.facts.get("path", ""), "" if self.line is None else f"{word} {self.line}"]
        return ": ".join([*filter(None, places), sentence.format(**self.facts)])


def _short(fact: str | int) -> str:
    """A fact fit for a sentence: short, on one line, without what a terminal obeys."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(fact))
    return text if len(text) <= _FACT_CHARS_MAX else text[:_FACT_CHARS_MAX] + "…"
