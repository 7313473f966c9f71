"""Splitting an amount between beneficiaries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.split import WHOLE_MILLIONTHS, ShareRule, check_shares, split

ENFORCEMENT = (ShareRule("retained", 650_000), ShareRule("enforcement_hq", 200_000), ShareRule("treasury", None))


def test_listed_shares_are_floored_and_the_rest_takes_what_is_left() -> None:
    assert split(20, ENFORCEMENT) == (13, 4, 3)
    assert split(19, ENFORCEMENT) == (12, 3, 4)


def test_the_rest_may_be_listed_first() -> None:
    assert split(101, (ShareRule("treasury", None), ShareRule("retained", 500_000))) == (51, 50)


def test_a_fraction_of_a_percent_stays_exact() -> None:
    shares = (ShareRule("retained", 333_333), ShareRule("treasury", None))

    assert split(10**15, shares) == (333_333 * 10**9, 666_667 * 10**9)


def test_zero_is_split_into_zeros() -> None:
    assert split(0, ENFORCEMENT) == (0, 0, 0)


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        split(-1, ENFORCEMENT)


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ((), "exactly one share must take the rest"),
        ((ShareRule("a", None), ShareRule("b", None)), "exactly one share must take the rest"),
        ((ShareRule("a", WHOLE_MILLIONTHS),), "exactly one share must take the rest"),
        ((ShareRule("a", 800_000), ShareRule("b", 300_000), ShareRule("c", None)), "the shares exceed 100%"),
        ((ShareRule("a", 0), ShareRule("b", None)), "a share must be above 0%"),
    ],
)
def test_shares_that_cannot_divide_every_amount_are_refused(shares: tuple[ShareRule, ...], problem: str) -> None:
    assert check_shares(shares) == problem
    with pytest.raises(ValueError, match=problem):
        split(100, shares)


def test_a_beneficiary_listed_twice_is_refused_where_splits_are_declared() -> None:
    assert check_shares((ShareRule("a", 100), ShareRule("a", None))) == "a beneficiary is listed twice"


@given(
    total_vnd=st.integers(0, 10**18),
    cuts=st.lists(st.integers(1, WHOLE_MILLIONTHS // 8), max_size=8),
    rest_at=st.integers(0, 8),
)
def test_parts_always_add_up_and_are_never_negative(total_vnd: int, cuts: list[int], rest_at: int) -> None:
    listed = [ShareRule(f"b{index}", cut) for index, cut in enumerate(cuts)]
    listed.insert(rest_at, ShareRule("treasury", None))

    parts = split(total_vnd, tuple(listed))

    assert sum(parts) == total_vnd
    assert min(parts) >= 0
