"""Amounts in figures and words, with every example of the receipt rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.errors import Refused
from paygw.kernel.words import amount_in_words, format_vnd, vnd_of

EXAMPLES = [
    ("0", "Không đồng"),
    ("5", "Năm đồng"),
    ("10", "Mười đồng"),
    ("15", "Mười lăm đồng"),
    ("21", "Hai mươi mốt đồng"),
    ("24", "Hai mươi tư đồng"),
    ("101", "Một trăm linh một đồng"),
    ("105", "Một trăm linh năm đồng"),
    ("110", "Một trăm mười đồng"),
    ("111", "Một trăm mười một đồng"),
    ("555", "Năm trăm năm mươi lăm đồng"),
    ("1.000", "Một nghìn đồng"),
    ("1.001", "Một nghìn không trăm linh một đồng"),
    ("8.000", "Tám nghìn đồng"),
    ("37.500", "Ba mươi bảy nghìn năm trăm đồng"),
    ("115.000", "Một trăm mười lăm nghìn đồng"),
    ("1.000.005", "Một triệu không trăm linh năm đồng"),
    ("1.205.000", "Một triệu hai trăm linh năm nghìn đồng"),
    ("2.530.000", "Hai triệu năm trăm ba mươi nghìn đồng"),
    ("10.010.010", "Mười triệu không trăm mười nghìn không trăm mười đồng"),
    ("14.000.000", "Mười bốn triệu đồng"),
    ("61.054.321", "Sáu mươi mốt triệu không trăm năm mươi tư nghìn ba trăm hai mươi mốt đồng"),
    ("1.000.000.001", "Một tỷ không trăm linh một đồng"),
    ("2.005.000.000", "Hai tỷ không trăm linh năm triệu đồng"),
    ("1.000.000.000.000", "Một nghìn tỷ đồng"),
    (
        "1.234.567.891.000",
        "Một nghìn hai trăm ba mươi tư tỷ năm trăm sáu mươi bảy triệu tám trăm chín mươi mốt nghìn đồng",
    ),
]


@pytest.mark.parametrize(("figures", "words"), EXAMPLES)
def test_amount_is_read_as_on_a_receipt(figures: str, words: str) -> None:
    amount_vnd = int(figures.replace(".", ""))

    assert amount_in_words(amount_vnd) == words
    assert format_vnd(amount_vnd) == f"{figures} đồng"


@pytest.mark.parametrize(
    ("amount_vnd", "words"),
    [
        (4, "Bốn đồng"),
        (14, "Mười bốn đồng"),
        (44, "Bốn mươi tư đồng"),
        (104, "Một trăm linh bốn đồng"),
        (11, "Mười một đồng"),
        (91, "Chín mươi mốt đồng"),
        (25, "Hai mươi lăm đồng"),
        (205_015, "Hai trăm linh năm nghìn không trăm mười lăm đồng"),
        (10**18, "Một tỷ tỷ đồng"),
        (10**12 + 1, "Một nghìn tỷ không trăm linh một đồng"),
        (1_000_005 * 10**9, "Một triệu không trăm linh năm tỷ đồng"),
    ],
)
def test_amount_outside_the_printed_examples(amount_vnd: int, words: str) -> None:
    assert amount_in_words(amount_vnd) == words


def test_a_negative_amount_has_no_words() -> None:
    with pytest.raises(ValueError, match="never negative"):
        amount_in_words(-1)


_VALUES = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5,
    "sáu": 6, "bảy": 7, "tám": 8, "chín": 9,
}  # fmt: skip
_UNITS = {"nghìn": 1000, "triệu": 10**6, "tỷ": 10**9}


@pytest.mark.parametrize(
    ("text", "amount_vnd"), [("0", 0), ("12000", 12_000), ("12.000", 12_000), ("1.005.001", 1_005_001)]
)
def test_what_a_person_types_is_whole_dong(text: str, amount_vnd: int) -> None:
    assert vnd_of(text) == amount_vnd


@pytest.mark.parametrize(
    "text", ["", "12,000", "12.00", "1.2.000", "1234.000", "12e3", "-1", "+1", " 1", "1 000", "٥", "1.0"]
)
def test_what_might_mean_another_amount_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="invalid_value"):
        vnd_of(text)


@given(st.integers(0, 10**15))
def test_printed_figures_are_read_back(amount_vnd: int) -> None:
    assert vnd_of(format_vnd(amount_vnd).removesuffix(" đồng")) == amount_vnd


def _read_back(words: str) -> int:
    """Listen to the words as a clerk would."""
    billions = group = total = digit = 0
    for word in words.removesuffix(" đồng").lower().split():
        if word in _VALUES:
            digit = _VALUES[word]
        elif word == "trăm":
            group, digit = digit * 100, 0
        elif word == "mươi":
            group, digit = group + digit * 10, 0
        elif word == "mười":
            group += 10
        elif word == "tỷ":
            billions, total, group, digit = total + group + digit, 0, 0, 0
        elif word in _UNITS:
            total, group, digit = total + (group + digit) * _UNITS[word], 0, 0
        else:
            assert word == "linh"
    return billions * 10**9 + total + group + digit


@given(st.integers(0, 10**18 - 1))
def test_words_read_back_to_the_same_amount(amount_vnd: int) -> None:
    assert _read_back(amount_in_words(amount_vnd)) == amount_vnd


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_two_amounts_never_share_their_words(one: int, other: int) -> None:
    assert (amount_in_words(one) == amount_in_words(other)) == (one == other)
