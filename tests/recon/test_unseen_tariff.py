"""Tariffs read off a file: most fees at a floor or ceiling, few amounts that many pay, a few wrong fees among them."""

import random
from collections import Counter

import pytest

from reconciliation.charges import FEE_MAX_VND, Rounding, Tariff
from reconciliation.tariff import learn_tariff

FEW = (8_000, 20_000, 37_500, 50_000, 100_000, 115_000, 150_000, 300_000, 1_000_000, 1_205_000)


def _rule(
    rate_ppm: int, fixed: int = 0, low: int = 0, high: int = FEE_MAX_VND, rounding: Rounding = "half_up"
) -> Tariff:
    return Tariff(rate_ppm=rate_ppm, fixed_vnd=fixed, min_vnd=low, max_vnd=high, rounding=rounding)


@pytest.mark.parametrize(
    "amounts", [FEW, range(1_000, 50_000_000), range(1_000, 5_000_000), range(5_000, 3_000_000, 1_000)]
)
@pytest.mark.parametrize(
    "rule",
    [
        _rule(0, 1_100),
        _rule(0),
        _rule(5_500),
        _rule(2_200, 1_000),
        _rule(8_000, rounding="down"),
        _rule(11_000, low=2_200, high=55_000),
        _rule(10_000, high=5_500),
        _rule(3_000, low=1_650),
        _rule(8_800, 1_650, high=22_000),
        _rule(5_500, low=3_300, high=11_000),
    ],
    ids=str,
)
def test_no_right_fee_is_called_wrong_and_no_wrong_one_right(rule: Tariff, amounts: range | tuple[int, ...]) -> None:
    rng = random.Random(7)  # noqa: S311 - the same file each time
    right = Counter((amount_vnd, rule.fee_vnd(amount_vnd)) for amount_vnd in rng.choices(amounts, k=2_000))
    wrong = [
        (amount_vnd, rule.fee_vnd(amount_vnd) + rng.choice((1, 500, 1_100)))
        for amount_vnd in rng.choices(amounts, k=30)
    ]

    learned = learn_tariff("", right + Counter(wrong))

    assert learned is not None
    assert [point for point in right if learned.fee_vnd(point[0]) != point[1]] == []
    assert [point for point in wrong if learned.fee_vnd(point[0]) == point[1]] == []


def test_fees_without_a_rule_are_not_judged() -> None:
    rng = random.Random(7)  # noqa: S311 - the same file each time
    fees = Counter((rng.randrange(1_000, 10**7), rng.randrange(500, 20_000)) for _ in range(500))

    assert learn_tariff("", fees) is None


def test_the_order_in_which_lines_are_counted_changes_nothing() -> None:
    rng = random.Random(7)  # noqa: S311 - the same file each time
    seen = [(amount_vnd, amount_vnd // 200 + rng.choice((0, 0, 0, 7))) for amount_vnd in rng.choices(FEW, k=40)]

    assert learn_tariff("", Counter(seen)) == learn_tariff("", Counter(seen[::-1]))
