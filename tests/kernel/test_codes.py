"""Codes people carry to a bank: found in what banks make of them, and never mistaken for another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.codes import (
    MEMO_CODES,
    PAYMENT_CODES,
    grouped,
    is_memo_code,
    memo_code,
    memo_codes_in,
    payment_code,
    read_payment_code,
)

memos = st.integers(0, MEMO_CODES - 1).map(memo_code)
payments = st.integers(0, PAYMENT_CODES - 1).map(payment_code)


@pytest.mark.parametrize(
    "made",
    [
        "{}", "MBVCB.3278907687.{}.CT tu 0011001234567 NGUYEN VAN A toi 1020304050", "nộp lệ phí {} cám ơn",
        "IBFT {}.20261123.VCB", "{} Đỗ Thị Ứng", "CT DEN:612345678901 {} FT26325000001",
    ],
)  # fmt: skip
@given(code=memos)
def test_a_code_is_found_in_what_banks_make_of_a_memo(made: str, code: str) -> None:
    spaced = " ".join(code[at : at + 5] for at in range(0, len(code), 5))

    for written in (code, code.lower(), spaced, "-".join(code), f"{code[:7]}\n{code[7:]}"):
        assert code in memo_codes_in(made.format(written))


@given(code=memos, data=st.data())
def test_one_wrong_character_or_a_swap_makes_no_code(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(2, len(code) - 1))
    other = data.draw(st.sampled_from("23456789BCFGHKMNPRSTVXZ"))
    wrong = code[:place] + other + code[place + 1 :]
    at = data.draw(st.integers(2, len(code) - 2))
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]

    assert is_memo_code(code)
    assert wrong == code or not is_memo_code(wrong)
    assert swapped == code or not is_memo_code(swapped)


@given(st.text(max_size=600))
def test_any_text_is_searched_without_complaint(text: str) -> None:
    assert all(is_memo_code(code) for code in memo_codes_in(text))
    assert read_payment_code(text) is None or read_payment_code(text) == read_payment_code(text.strip())


@given(code=payments, data=st.data())
def test_a_payment_code_is_read_as_people_write_it_and_typing_errors_are_seen(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 19))
    digit = data.draw(st.sampled_from("0123456789"))
    wrong = code[:place] + digit + code[place + 1 :]
    at = data.draw(st.integers(0, 18))
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]

    assert read_payment_code(grouped(code)) == read_payment_code(f" {code[:9]}-{code[9:]}. ") == code
    assert wrong == code or read_payment_code(wrong) is None
    assert swapped == code or read_payment_code(swapped) is None


def test_codes_carry_enough_bits() -> None:
    assert PAYMENT_CODES > 2**60
    assert MEMO_CODES > 2**54
    assert len(grouped(payment_code(0)).split()) == 5
