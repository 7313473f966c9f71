"""A settlement file is read whole or not at all."""

from datetime import UTC, date, datetime

import pytest

from paygw.kernel.connector import Malformed, SettlementLine
from paygw.kernel.settled import read_settlement

HEAD = "ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on"
PAYMENT = "A-1,FT1,payment,150000,1100,succeeded,2026-11-20T12:00:00+07:00,2026-11-21"
REFUND = "R-1,RF1,refund,50000,0,succeeded,2026-11-20T13:00:00+07:00,2026-11-21"
TRAILER = "TRAILER,2,,200000,1100,,,2026-11-21"


def written(*rows: str, end: str = "\r\n") -> bytes:
    return "".join(row + end for row in rows).encode()


def test_lines_and_control_totals_are_read() -> None:
    file = read_settlement(written(HEAD, PAYMENT, REFUND, TRAILER), {})

    assert (file.count, file.total_vnd) == (2, 200_000)
    assert file.lines[0] == SettlementLine(
        ref="A-1",
        bank_txn_id="FT1",
        kind="payment",
        amount_vnd=150_000,
        fee_vnd=1_100,
        status="succeeded",
        occurred_at=datetime(2026, 11, 20, 5, tzinfo=UTC),
        settled_on=date(2026, 11, 21),
    )


def test_an_empty_day_is_a_file() -> None:
    assert read_settlement(written(HEAD, "TRAILER,0,,0,0,,,2026-11-21"), {}).lines == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_do_not_matter(end: str) -> None:
    body = b"\xef\xbb\xbf" + written(HEAD, PAYMENT, REFUND, TRAILER, end=end)

    assert read_settlement(body, {}) == read_settlement(written(HEAD, PAYMENT, REFUND, TRAILER), {})


def test_a_provider_has_names_and_a_delimiter_of_its_own() -> None:
    body = written(HEAD, PAYMENT, REFUND, TRAILER).replace(b",", b";").replace(b"bank_txn_id", b"Ma GD")

    assert read_settlement(body, {"delimiter": ";", "column.bank_txn_id": "Ma GD"}).count == 2


def test_a_cell_disarmed_for_spreadsheets_is_read_as_it_was() -> None:
    row = PAYMENT.replace("A-1", "'-1")

    assert read_settlement(written(HEAD, row, REFUND, TRAILER), {}).lines[0].ref == "-1"


@pytest.mark.parametrize(
    "rows",
    [
        (HEAD, PAYMENT, TRAILER),
        (HEAD, PAYMENT, PAYMENT, "TRAILER,2,,300000,2200,,,2026-11-21"),
        (HEAD, PAYMENT, REFUND),
        (HEAD, TRAILER, PAYMENT, REFUND),
        (HEAD, PAYMENT, REFUND, TRAILER.replace("200000", "200001")),
        (HEAD, PAYMENT, REFUND, TRAILER.replace("1100", "1101")),
        (HEAD, PAYMENT.replace("payment", "gift"), REFUND, TRAILER),
        (HEAD, PAYMENT.replace("150000", "150000.0"), REFUND, TRAILER),
        (HEAD, PAYMENT.replace("150000", "-150000"), REFUND, TRAILER),
        (HEAD, PAYMENT.replace("150000", "9" * 5000), REFUND, TRAILER),
        (HEAD, PAYMENT.replace("+07:00", ""), REFUND, TRAILER),
        (HEAD, PAYMENT.replace("2026-11-21", "soon"), REFUND, TRAILER),
        (HEAD, "A-1,FT1,payment", REFUND, TRAILER),
        (HEAD.replace("fee_vnd", "gross"), PAYMENT, REFUND, TRAILER),
        (HEAD.replace("fee_vnd", "ref"), PAYMENT, REFUND, TRAILER),
        (),
    ],
)
def test_what_does_not_add_up_is_refused(rows: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        read_settlement(written(*rows), {})


@pytest.mark.parametrize("body", [b"\xff\xfe", b'"open', b"\x00" * 20, b"a" * 200_000])
def test_junk_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_settlement(body, {})


def test_a_delimiter_is_one_of_four() -> None:
    with pytest.raises(Malformed):
        read_settlement(b"", {"delimiter": "x"})
