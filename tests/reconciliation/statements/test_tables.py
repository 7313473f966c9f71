"""Tables of banks in the shapes they come in: encodings, delimiters, headers, totals, balances."""

import io
from datetime import date, datetime, time

import pytest
from openpyxl import Workbook

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Profile
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import Direction, LineKind, Statement
from reconciliation.statements.table import Given
from tests.reconciliation.statements.shipped import PROFILES

_VI = PROFILES["vi-statement"]
_HEAD = ("Số tham chiếu", "Ngày giao dịch", "Ghi nợ", "Ghi có", "Số dư", "Nội dung")
_ROWS = (
    ("FT1", "20/11/2026 08:00:00", "", "150.000", "1.150.000", "HS000123 NOP LE PHI"),
    ("FT2", "20/11/2026 09:00:00", "5.500", "", "1.144.500", "Phí dịch vụ"),
)
_ABOVE = (("Số tài khoản: 0011001234567",), ("Số dư đầu kỳ:", "1.000.000"), ())
_BELOW = (("Tổng cộng", "", "5.500", "150.000"), ("Số dư cuối kỳ: 1.144.500 VND",), ("Người lập",))


def _text(delimiter: str = ";", end: str = "\r\n", rows: tuple[tuple[str, ...], ...] = _ROWS) -> str:
    lines = [*_ABOVE, _HEAD, *rows, *_BELOW]
    return "".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in line) + end for line in lines)


def _read(text: str, profile: Profile = _VI) -> Statement:
    return read_file(text.encode(), profile).statements[0]


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1258"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_vietnamese_statement_is_the_same_in_every_dress(delimiter: str, codec: str, end: str) -> None:
    text = _text(delimiter, end)
    # Windows-1258 writes tones as combining marks of their own
    data = (_in_1258(text) if codec == "cp1258" else text).encode(codec)

    (statement,) = read_file(data, _VI).statements

    assert (statement.account, statement.day) == ("0011001234567", date(2026, 11, 20))
    assert (statement.opening_vnd, statement.closing_vnd) == (1_000_000, 1_144_500)
    assert [(one.bank_txn_id, one.amount_vnd, one.direction, one.kind) for one in statement.lines] == [
        ("FT1", 150_000, Direction.CREDIT, LineKind.PAYMENT),
        ("FT2", 5_500, Direction.DEBIT, LineKind.FEE),
    ]


def _in_1258(text: str) -> str:
    tones = {"ố": "ô\u0301", "ả": "a\u0309", "ế": "ê\u0301", "ợ": "ơ\u0323", "ổ": "ô\u0309", "ộ": "ô\u0323"}
    more = {
        "ầ": "â\u0300",
        "ỳ": "y\u0300",
        "ị": "i\u0323",
        "ụ": "u\u0323",
        "ậ": "â\u0323",
        "ờ": "ơ\u0300",
        "ì": "i\u0300",
    }
    more |= {
        "ì": "i\u0300",
        "ó": "o\u0301",
        "ũ": "u\u0303",
        "í": "i\u0301",
        "ĩ": "i\u0303",
        "ở": "ơ\u0309",
        "à": "a\u0300",
    }
    return text.translate({ord(letter): marks for letter, marks in (tones | more).items()})


def test_headers_without_diacritics_and_in_capitals_are_known() -> None:
    text = _text().replace("Số tham chiếu", "SO THAM CHIEU").replace("Ghi nợ", "GHI NO").replace("Ghi có", "ghi co")

    assert len(_read(text).lines) == 2


def test_newest_first_is_as_good_as_oldest_first() -> None:
    statement = _read(_text(rows=_ROWS[::-1]))

    assert (statement.opening_vnd, statement.closing_vnd) == (1_000_000, 1_144_500)


def test_an_empty_day_with_its_balances_is_a_statement() -> None:
    text = _text(rows=()).replace("Tổng cộng;;5.500;150.000", "Tổng cộng;;0;0").replace("1.144.500", "1.000.000")

    (statement,) = read_file(text.encode(), _VI, Given(day=date(2026, 11, 20))).statements

    assert (statement.lines, statement.closing_vnd) == ((), 1_000_000)


@pytest.mark.parametrize(
    ("before", "after", "code", "line"),
    [
        ("1.150.000", "1.150.001", "balance_step", 6),
        ("Số dư cuối kỳ: 1.144.500", "Số dư cuối kỳ: 1.144.501", "balance", None),
        ("Số dư đầu kỳ:;1.000.000", "Số dư đầu kỳ:;1.000.001", "balance_step", 5),
        ("Tổng cộng;;5.500;150.000", "Tổng cộng;;5.500;150.001", "control_total", None),
        (";150.000;1.150", ";150.000,50;1.150", "amount", 5),
        (";150.000;1.150", ";-150.000;1.150", "amount_sign", 5),
        (";;150.000;", ";150.000;150.000;", "two_directions", 5),
        ("20/11/2026 08", "2O/11/2026 08", "date", 5),
        ("FT2", "", "field_missing", 6),
        ("Nội dung", "Diễn giải;Nội dung", "header_repeated", 4),
        ("Ghi có", "Ghi cỏ dại", "header_missing", None),
        ("Phí dịch vụ", "Phí;dịch vụ", "ragged", 6),
        ("Phí dịch vụ", '"Phí\r\nFT3;20/11/2026;;1;1;x"', "quoting", 6),
        ("Phí dịch vụ", '"Phí" dịch vụ', "quoting", 6),
        ("Phí dịch vụ", "Phí\x00dịch vụ", "control_character", 6),
        ("Phí dịch vụ", "Phí\u202edịch vụ", "control_character", 6),
        ("Phí dịch vụ", "x" * 5000, "cell_too_long", 6),
        ("Phí dịch vụ", "x" * 70_000, "line_too_long", 6),
        ("Phí dịch vụ\r\n", "Phí dịch vụ\n", "line_ends", 6),
        ("Người lập", "FT3;20/11/2026;;1;1;x", "after_trailer", 9),
        ("0011001234567", "", "account_missing", None),
    ],
)
def test_a_wrong_statement_is_refused_with_its_line(before: str, after: str, code: str, line: int | None) -> None:
    text = _text().replace(before, after, 1)

    with pytest.raises(BadFile) as caught:
        _read(text)

    assert (caught.value.code, caught.value.line) == (code, line)
    assert caught.value.vi() != caught.value.en()


def test_a_million_columns_are_refused() -> None:
    for text, code in (("account" + "," * 60_000, "columns"), ("account" + "," * 1_000_000, "line_too_long")):
        with pytest.raises(BadFile) as caught:
            _read(text, PROFILES["sandbox-statement"])
        assert (caught.value.code, caught.value.line) == (code, 1)


def test_an_encoding_nobody_declared_is_refused() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_text().encode("utf-16"), PROFILES["sandbox-statement"])

    assert caught.value.code == "encoding"


def test_latin_bytes_are_no_utf8() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(b"ref,bank_txn_id\r\n\xe9,1\r\n", PROFILES["sandbox-settlement"])

    assert (caught.value.code, caught.value.line) == ("encoding", 2)


def test_a_workbook_says_the_same_as_a_text() -> None:
    (statement,) = read_file(_workbook(), _VI).statements

    assert [(one.bank_txn_id, one.amount_vnd) for one in statement.lines] == [("FT1", 150_000), ("FT2", 5_500)]
    assert statement.lines[0].booked_at.isoformat() == "2026-11-20T08:00:00+07:00"
    assert statement.closing_vnd == 1_144_500


def test_a_formula_is_refused_with_its_row() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_workbook(amount="=100000+50000"), _VI)

    assert (caught.value.code, caught.value.line) == ("formula", 4)


def test_a_day_and_a_clock_in_two_cells_are_one_moment() -> None:
    book = Workbook()
    page = book.active
    assert page is not None
    page.append(["Số tham chiếu", "Ngày giao dịch", "Giờ giao dịch", "Ghi nợ", "Ghi có"])
    page.append(["FT1", datetime(2026, 11, 20), time(23, 59, 58), None, 1_000])  # noqa: DTZ001 - as sheets have it
    page.append(["FT2", "20/11/2026", "08:00", None, 1_000])
    kept = io.BytesIO()
    book.save(kept)

    (statement,) = read_file(kept.getvalue(), _VI, Given(account="0011")).statements

    assert [one.booked_at.isoformat() for one in statement.lines] == [
        "2026-11-20T23:59:58+07:00",
        "2026-11-20T08:00:00+07:00",
    ]


def test_what_a_formula_left_is_refused() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_workbook(amount="#REF!"), _VI)

    assert (caught.value.code, caught.value.line) == ("formula", 4)


@pytest.mark.parametrize(
    "written", ["0011 0012 34567", "0011001234567 VND", "0011001234567 (VND) - CTY A", "0011.001.234567"]
)
def test_an_account_is_its_number_however_it_is_written(written: str) -> None:
    text = _text().replace("0011001234567", written)

    (statement,) = read_file(text.encode(), _VI, Given(account="0011 0012 34567")).statements

    assert statement.account == "0011001234567"


def test_a_fraction_of_a_dong_in_a_workbook_is_refused() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_workbook(amount=150_000.5), _VI)

    assert (caught.value.code, caught.value.line) == ("amount", 4)


def _workbook(amount: object = 150_000) -> bytes:
    book = Workbook()
    page = book.active
    assert page is not None
    for row in (
        ("Số tài khoản: 0011001234567",),
        ("Số dư đầu kỳ", 1_000_000),
        _HEAD,
        ("FT1", datetime(2026, 11, 20, 8), None, amount, 1_150_000, "=x là chữ"[1:]),  # noqa: DTZ001 - as sheets have it
        ("FT2", "20/11/2026 09:00:00", 5_500, None, 1_144_500, "Phí dịch vụ"),
    ):
        page.append(list(row))
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


_SETTLED = (
    "Mã giao dịch,Mã đơn hàng,Loại giao dịch,Số tiền,Phí,Thực nhận,Trạng thái,Thời gian giao dịch,Ngày quyết toán\n"
    'T1,P1,Thanh toán,"150,000",1100,"148,900",Thành công,20/11/2026 08:00:00,21/11/2026\n'
    'T2,R1,Hoàn tiền,"50,000",0,"50,000",Đã hoàn,20/11/2026 09:00:00,21/11/2026\n'
    'Tổng cộng,,,"200,000",1100,,,,\n'
)


def test_a_settlement_knows_kinds_fees_and_states() -> None:
    statement = _read(_SETTLED, PROFILES["vi-settlement"])

    assert [(one.kind, one.direction, one.fee_vnd, one.status) for one in statement.lines] == [
        (LineKind.PAYMENT, Direction.CREDIT, 1_100, Status.SUCCEEDED),
        (LineKind.RETURN, Direction.CREDIT, 0, Status.SUCCEEDED),
    ]
    assert statement.lines[0].settled_on == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("148,900", "148,901", "control_total"),
        ("Thành công", "Chắc là được", "word"),
        ("Thanh toán,", "Biếu,", "word"),
        ('Tổng cộng,,,"200,000"', 'Tổng cộng,,,"2,000,000"', "control_total"),
    ],
)
def test_a_settlement_that_does_not_add_up_is_refused(before: str, after: str, code: str) -> None:
    with pytest.raises(BadFile) as caught:
        _read(_SETTLED.replace(before, after, 1), PROFILES["vi-settlement"])

    assert caught.value.code == code


def test_what_was_said_of_a_file_must_be_what_it_says() -> None:
    for given, code in ((Given(account="999"), "account_differs"), (Given(day=date(2026, 11, 19)), "day_differs")):
        with pytest.raises(BadFile) as caught:
            read_file(_text().replace("Người lập", "Ngày sao kê: 20/11/2026").encode(), _VI, given)
        assert caught.value.code == code


def test_lines_of_several_days_need_a_day() -> None:
    with pytest.raises(BadFile) as caught:
        _read(_text().replace("20/11/2026 09", "21/11/2026 09"))

    assert (caught.value.code, caught.value.facts) == ("days_mixed", {"first": "2026-11-20", "last": "2026-11-21"})
