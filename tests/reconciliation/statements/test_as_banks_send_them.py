"""What spreadsheets, letterheads and habits of banks do to a table: read as meant where that is sure, else refused."""

import io
from datetime import datetime, timedelta

import pytest
from msgspec import structs
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Amounts
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import Direction, LineKind, StagedFile
from reconciliation.statements.table import Given
from tests.reconciliation.statements.shipped import PROFILES

_SAY = Given(account="0011001234567")
_HEAD = "STT,Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung"
_ONE = "1,01/02/2027 08:00:05,FT1,,150.000,1.150.000,HS000123 NOP LE PHI"
_TWO = "2,01/02/2027 09:00:00,FT2,5.500,,1.144.500,Thu phí"
_CELLS = (("STT", "Ngày giao dịch", "Số tham chiếu", "Ghi nợ", "Ghi có", "Số dư", "Nội dung"),)


def _read(*rows: str, end: str = "\r\n", profile: str = "vi-statement") -> StagedFile:
    return read_file((end.join(rows) + end).encode(), PROFILES[profile], _SAY)


def _refusal(*rows: str, profile: str = "vi-statement") -> tuple[str, int | None]:
    with pytest.raises(BadFile) as caught:
        _read(*rows, profile=profile)
    return caught.value.code, caught.value.line


@pytest.mark.parametrize(
    "head",
    [
        "STT/No,Ngày giao dịch/Date,Số tham chiếu/Reference,Ghi nợ/Debit,Ghi có/Credit,Số dư/Balance,Nội dung/Details",
        '"STT\nNo","Ngày giao dịch\nDate",Số tham chiếu,"Ghi nợ\nDebit","Ghi có\nCredit",Số dư,Nội dung',
        "STT,Ngày giao dịch,Số tham chiếu,Ghi nợ (VND),Ghi có (VND),Số dư (VND),Nội dung",
        "No,Date,Reference,Debit,Credit,Balance,Description",
        "NO.,DATE:,REFERENCE NO,DEBIT AMOUNT,CREDIT AMOUNT,BALANCE,DETAILS",
        "STT,Ngay giao dich,So tham chieu,Ghi no,Ghi co,So du,Noi dung",
        "STT,,,Số tiền,,,\r\n,Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung",
        "STT,Ngày giao dịch,Số tham chiếu,Số tiền,,Số dư,Nội dung\r\n,,,Ghi nợ,Ghi có,,",
    ],
)
def test_a_header_may_be_bilingual_have_units_or_two_rows(head: str) -> None:
    (statement,) = _read(head, _ONE, _TWO).statements

    assert [(line.bank_txn_id, line.amount_vnd, line.direction) for line in statement.lines] == [
        ("FT1", 150_000, Direction.CREDIT),
        ("FT2", 5_500, Direction.DEBIT),
    ]
    assert statement.closing_vnd == 1_144_500


def test_money_of_another_country_in_a_header_is_no_column_of_ours() -> None:
    head = _HEAD.replace("Ghi nợ", "Ghi nợ (USD)")

    assert _refusal(head, _ONE) == ("header_missing", None)


@pytest.mark.parametrize(
    "more",
    [
        ("Cộng trang 1,,,0,150.000",),
        ("Trang 1/2",),
        ("Trang 1/2", _HEAD),
        ("Số dư chuyển trang,,,,,1.150.000",),
        (",,,,,1.000.000,Số dư đầu kỳ",),
        ("Số dư đầu kỳ,,,,,1.000.000",),
        ("Loại tiền,VND",),
        ("Đơn vị tính: đồng",),
        ("Tổng số giao dịch: 2 giao dịch",),
        ("Tổng phát sinh nợ: 5.500", "Tổng phát sinh có:,,,,150.000"),
    ],
)
def test_rows_between_the_lines_are_known(more: tuple[str, ...]) -> None:
    (statement,) = _read(_HEAD, _ONE, *more, _TWO, "Tổng cộng,,,5.500,150.000", "Số dư cuối kỳ: 1.144.500").statements

    assert (len(statement.lines), statement.opening_vnd, statement.closing_vnd) == (2, 1_000_000, 1_144_500)


@pytest.mark.parametrize("memo", ["Trang Nguyen nop le phi", "Total Gas nop le phi", "Cong ty A nop le phi"])
def test_a_line_that_begins_with_a_word_of_other_rows_is_still_a_line(memo: str) -> None:
    head = "Nội dung,Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có"

    (statement,) = _read(head, f"{memo},01/02/2027,FT1,,150.000", f"{memo},01/02/2027,FT2,,150.000").statements

    assert [line.amount_vnd for line in statement.lines] == [150_000, 150_000]


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        (("Loại tiền: USD", _HEAD, _ONE), "currency", 1),
        (("Đơn vị tính: nghìn đồng", _HEAD, _ONE), "currency", 1),
        ((_HEAD, _ONE, "Quý khách vui lòng đối chiếu"), "strange_row", 3),
        ((_HEAD, _ONE.replace("FT1", "1.2E+15")), "id_rounded", 2),
        ((_HEAD, _ONE.replace("FT1", '"1,23457E+14"')), "id_rounded", 2),
        ((_HEAD, _ONE.replace("FT1", "=1+1")), "formula", 2),
        ((_HEAD, _ONE.replace("FT1", '"=HYPERLINK(""x"")"')), "formula", 2),
        ((_HEAD, _ONE, _TWO.replace("01/02", "02/02")), "days_mixed", None),
        ((_HEAD, '1,01/02/2027,FT1,,150.000,,"a', '2,01/02/2027,FT2,,150.000,,b"'), "quoting", 2),
        (("Tài khoản," + _HEAD, "0011001234567," + _ONE, "99," + _TWO), "accounts_mixed", 3),
        (("Số tài khoản: 0099", _HEAD, _ONE), "account_differs", None),
        (("Tổng phát sinh có: 150.001", _HEAD, _ONE), "control_total", None),
        (("Tổng số giao dịch: 2 giao dịch", _HEAD, _ONE), "control_total", None),
    ],
)
def test_what_is_not_sure_is_refused_with_its_line(rows: tuple[str, ...], code: str, line: int | None) -> None:
    assert _refusal(*rows) == (code, line)


def test_an_account_is_named_by_its_last_digits_only() -> None:
    with pytest.raises(BadFile) as caught:
        _read("Số tài khoản: 0099887766", _HEAD, _ONE)

    assert "7766" in caught.value.vi()
    assert "99887766" not in caught.value.vi()


@pytest.mark.parametrize(
    ("written", "read"),
    [("'00123", "00123"), ('"=""00123"""', "00123"), ("00123   ", "00123"), ("9E12", "9E12"), ("FT'1", "FT'1")],
)
def test_a_reference_is_what_its_bank_gave(written: str, read: str) -> None:
    (statement,) = _read(_HEAD, _ONE.replace("FT1", written)).statements

    assert statement.lines[0].bank_txn_id == read


def test_an_account_shown_in_part_is_none() -> None:
    rows = ("Số tài khoản: 0011****567", _HEAD, _ONE)

    with pytest.raises(BadFile) as caught:
        read_file("\n".join(rows).encode(), PROFILES["vi-statement"])

    assert caught.value.code == "account_missing"


def test_a_moment_may_stand_on_two_lines_of_a_cell() -> None:
    (statement,) = _read(_HEAD, _ONE.replace("01/02/2027 08:00:05", '"01/02/2027\n08:00:05"')).statements

    assert statement.lines[0].booked_at.isoformat() == "2027-02-01T08:00:05+07:00"


@pytest.mark.parametrize("nothing", ["-", "\N{EN DASH}", "0", "0,00", ""])
def test_a_dash_is_how_accounts_print_a_zero(nothing: str) -> None:
    (statement,) = _read(_HEAD, f'1,01/02/2027,FT1,"{nothing}",150.000,1.150.000,x').statements

    assert (statement.lines[0].amount_vnd, statement.lines[0].direction) == (150_000, Direction.CREDIT)


@pytest.mark.parametrize(("debit", "read"), [("-5.500", 5_500), ("(5.500)", 5_500), ("5.500", None)])
def test_debits_may_be_written_with_a_minus_where_the_profile_says_so(debit: str, read: int | None) -> None:
    profile = structs.replace(PROFILES["vi-statement"], amounts=Amounts(debit_negative=True))
    data = "\n".join((_HEAD, _ONE, _TWO.replace("5.500", debit), f"Tổng cộng,,,{debit},150.000")).encode()

    if read is None:
        with pytest.raises(BadFile, match="-5500"):
            read_file(data, profile, _SAY)
    else:
        assert read_file(data, profile, _SAY).statements[0].lines[1].amount_vnd == read


def test_a_cell_of_several_lines_is_one_memo() -> None:
    (statement,) = _read(_HEAD, _ONE.replace("HS000123 NOP LE PHI", '"HS000123\nNOP LE PHI"')).statements

    assert statement.lines[0].memo == "HS000123 NOP LE PHI"


def test_the_end_mark_of_old_programs_ends_a_file() -> None:
    data = f"{_HEAD}\r\n{_ONE}\r\n".encode() + b"\x1a"

    assert len(read_file(data, PROFILES["vi-statement"], _SAY).statements[0].lines) == 1


@pytest.mark.parametrize(
    ("start", "form"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", ".xls"),
        (b"\r\n<!DOCTYPE html>", "HTML"),
        (b"\x1f\x8b", "gzip"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(start: bytes, form: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_file(start + b"x" * 100, PROFILES["vi-statement"])

    assert caught.value.code == "not_text"
    assert form in caught.value.vi()


_SETTLED = "Mã giao dịch,Mã đơn hàng,Loại giao dịch,Số tiền,Phí,VAT,Thực nhận,Trạng thái,Thời gian giao dịch"


def test_a_refund_may_be_written_with_its_sign() -> None:
    rows = (
        "T1,P1,Thanh toán,150.000,1.000,100,148.900,Thành công,01/02/2027",
        "T2,P1,Hoàn tiền,-150.000,0,0,-150.000,Thành công,01/02/2027",
        "Tổng cộng,,,0,1.000,100,-1.100",
    )

    (statement,) = _read(_SETTLED, *rows, profile="vi-settlement").statements

    assert [(line.kind, line.amount_vnd, line.fee_vnd) for line in statement.lines] == [
        (LineKind.PAYMENT, 150_000, 1_100),
        (LineKind.REFUND, 150_000, 0),
    ]


def test_a_payment_below_zero_is_refused() -> None:
    row = "T1,P1,Thanh toán,-150.000,0,0,-150.000,Thành công,01/02/2027"

    assert _refusal(_SETTLED, row, profile="vi-settlement") == ("amount_sign", 2)


def test_the_tax_of_a_fee_is_part_of_what_the_provider_keeps() -> None:
    row = "T1,P1,Thanh toán,150.000,1.000,100,149.000,Thành công,01/02/2027"

    assert _refusal(_SETTLED, row, profile="vi-settlement") == ("control_total", 2)


def _saved(*pages: tuple[str, tuple[tuple[object, ...], ...]], hidden: str = "", mac: bool = False) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in pages:
        page = book.create_sheet(title)
        page.sheet_state = "hidden" if title == hidden else "visible"
        for row in rows:
            page.append(list(row))
    if mac:
        book.epoch = CALENDAR_MAC_1904
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _line(txn_id: object = "FT1", when: object = "01/02/2027 08:00:05") -> tuple[object, ...]:
    return (1, when, txn_id, None, 150_000, 1_150_000, "x")


@pytest.mark.parametrize(
    ("written", "read"), [(123_456_789_012, "123456789012"), (123_456_789_012_345, "123456789012345"), (12.0, "12")]
)
def test_a_number_that_a_sheet_keeps_exactly_is_a_reference(written: object, read: str) -> None:
    data = _saved(("S", (*_CELLS, _line(written))))

    assert read_file(data, PROFILES["vi-statement"], _SAY).statements[0].lines[0].bank_txn_id == read


@pytest.mark.parametrize("written", [1_234_567_890_123_456, 1.5, 1.2e15, "1.2E+15"])
def test_a_number_a_sheet_has_rounded_is_no_reference(written: object) -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_saved(("S", (*_CELLS, _line(written)))), PROFILES["vi-statement"], _SAY)

    assert (caught.value.code, caught.value.line) == ("id_rounded", 2)


def test_a_day_without_its_format_is_the_same_day() -> None:
    moment = datetime(2027, 2, 1, 8, 0, 5)  # noqa: DTZ001 - as sheets have it
    serial = (moment - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001 - as sheets have it

    for when in (moment, serial):
        data = _saved(("S", (*_CELLS, _line(when=when))))
        (line,) = read_file(data, PROFILES["vi-statement"], _SAY).statements[0].lines
        assert line.booked_at.isoformat() == "2027-02-01T08:00:05+07:00"


def test_a_cover_is_passed_over_and_a_hidden_sheet_not_looked_at() -> None:
    table = (*_CELLS, _line())
    data = _saved(("Bìa", (("NGÂN HÀNG",),)), ("Cũ", table), ("Chi tiết", table), hidden="Cũ")

    assert len(read_file(data, PROFILES["vi-statement"], _SAY).statements[0].lines) == 1


def test_a_workbook_that_counts_from_1904_is_refused() -> None:
    with pytest.raises(BadFile) as caught:
        read_file(_saved(("S", (*_CELLS, _line())), mac=True), PROFILES["vi-statement"], _SAY)

    assert caught.value.code == "workbook_1904"


def test_two_sheets_with_a_table_are_not_half_read() -> None:
    table = (*_CELLS, _line())

    with pytest.raises(BadFile) as caught:
        read_file(_saved(("T1", table), ("T2", table)), PROFILES["vi-statement"], _SAY)

    assert (caught.value.code, caught.value.facts) == ("sheets", {"sheets": "T1, T2"})


def test_a_sheet_can_be_named() -> None:
    profile = structs.replace(PROFILES["vi-statement"], sheet="T2")
    data = _saved(("T1", (*_CELLS, _line("A"))), ("T2", (*_CELLS, _line("B"))))

    assert read_file(data, profile, _SAY).statements[0].lines[0].bank_txn_id == "B"
