"""What banks write for amounts and times."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import AMOUNT_MAX_VND
from reconciliation.statements.values import Marks, Unit, read_amount, read_moment


@pytest.mark.parametrize(
    ("text", "marks", "unit", "wanted"),
    [
        ("150000", "any", "dong", 150_000),
        ("150.000", "any", "dong", 150_000),
        ("150,000", "any", "dong", 150_000),
        ("1.234.567,00", "any", "dong", 1_234_567),
        ("1,234,567.00", "any", "dong", 1_234_567),
        ("1 234 567", "any", "dong", 1_234_567),
        ("150.000 VND", "any", "dong", 150_000),
        ("150.000đ", "vi", "dong", 150_000),
        ("-150.000", "vi", "dong", -150_000),
        ("(150.000)", "vi", "dong", -150_000),
        ("150.000-", "vi", "dong", -150_000),
        ("+150.000", "vi", "dong", 150_000),
        ("15000000", "plain", "x100", 150_000),
        ("150", "plain", "nghin", 150_000),
        ("150,5", "vi", "nghin", 150_500),
        ("150,500", "vi", "nghin", 150_500),
    ],
)
def test_amounts_are_read(text: str, marks: Marks, unit: Unit, wanted: int) -> None:
    assert read_amount(text, 1, marks=marks, unit=unit) == wanted


@pytest.mark.parametrize(
    "text",
    ["", " ", "1.23.456", "12,34,567", "150.000.00", "1,5", "0x10", "1e5", "NaN", "Infinity", "١٢٣", "１２３", "--5",
     "1_000", "150.000,5", "9" * 41, "150.0000"],
)  # fmt: skip
def test_what_is_no_whole_amount_is_refused(text: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_amount(text, 7)

    assert (caught.value.code, caught.value.line) == ("amount", 7)


@pytest.mark.parametrize("unit", ["dong", "x100"])
@pytest.mark.parametrize(
    ("text", "marks"),
    [("150,000", "vi"), ("1.150,000", "vi"), ("150.000", "en"), ("150,000", "plain"), ("150.000", "plain")],
)
def test_a_group_is_never_read_as_decimals(text: str, marks: Marks, unit: Unit) -> None:
    with pytest.raises(BadFile) as caught:
        read_amount(text, 7, marks=marks, unit=unit)

    assert caught.value.code == "amount"


def test_an_amount_too_large_for_the_ledger_is_refused() -> None:
    with pytest.raises(BadFile, match="1000000000000000"):
        read_amount(str(AMOUNT_MAX_VND + 1), 1)


def test_a_number_of_a_workbook_with_a_fraction_is_refused() -> None:
    with pytest.raises(BadFile):
        read_amount(Decimal("150000.5"), 1)


@given(st.integers(min_value=0, max_value=AMOUNT_MAX_VND), st.sampled_from([".", ",", " "]), st.booleans())
def test_grouped_amounts_come_back_whole(amount: int, mark: str, decimals: bool) -> None:  # noqa: FBT001 - drawn
    grouped = f"{amount:,}".replace(",", mark)
    text = grouped + ((".00" if mark == "," else ",00") if decimals else "")

    assert read_amount(text, 1) == amount


_FORMS = ("dd/MM/yyyy HH:mm:ss", "dd/MM/yyyy", "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss zz", "iso")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20/11/2026 23:59:58", datetime(2026, 11, 20, 16, 59, 58, tzinfo=UTC)),
        ("20/11/2026", datetime(2026, 11, 19, 17, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 19, 17, tzinfo=UTC)),
        ("2026-11-20 08:00:00 GMT+7", datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("2026-11-20 08:00:00 +07:00", datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("2026-11-20T08:00:00Z", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_vietnams_unless_they_say_otherwise(text: str, wanted: datetime) -> None:
    assert read_moment(text, 1, _FORMS) == wanted


@pytest.mark.parametrize(
    "text", ["31/02/2026", "2026/11/20", "20-11-2026", "٢٠/١١/2026", "20/11/2026 25:00:00", "", "0"]
)
def test_what_is_no_declared_date_is_refused(text: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_moment(text, 3, _FORMS)

    assert caught.value.code == "date"
