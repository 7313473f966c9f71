"""Section 7: the reversal vector, whose floors are not monotone, and the levelling that repairs it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.orders import Line, Share, Situation
from paygw.kernel.receipts import Purse
from paygw.kernel.takeback import levelled, reversal_vector
from tests.kernel.cash import QR, approved, attempt, line, lines, obligation, paid, pay, refund, situation, with_purse


def live(purse: Purse, owed: Line) -> list[int]:
    """What is live of each share of a line on the receipt `r1`; a share of nothing has no slice."""
    pieces = {piece.beneficiary: piece.live_vnd for piece in purse["r1"].slices}
    return [pieces.get(share.beneficiary, 0) for share in owed.shares]


def test_the_worked_example_20_to_19_never_raises_a_share() -> None:
    world = paid(amount_vnd=20)
    owed = lines(world)[1]
    assert live(world.purse, owed) == [13, 4, 3]

    after = approved(world, refund(1)).purse  # split(19) = 12/3/4: two want to give 1, the rest must not grow

    assert live(after, owed) == [13, 3, 3]
    assert live(approved(with_purse(world, after), refund(19, refund_id="f2")).purse, owed) == [0, 0, 0]


def test_the_worked_example_dong_by_dong_ends_at_exactly_nothing() -> None:
    world = paid(amount_vnd=20)
    owed = lines(world)[1]
    purse = world.purse

    for step in range(20):
        purse = approved(with_purse(world, purse), refund(1, refund_id=f"f{step}")).purse
        shares = owed.split_vnd(19 - step)
        assert sum(live(purse, owed)) == 19 - step
        assert all(abs(have - want) <= 2 for have, want in zip(live(purse, owed), shares, strict=True))

    assert live(purse, owed) == [0, 0, 0]


def test_too_little_is_topped_up_where_most_is_left() -> None:
    world = situation(attempts=[attempt("a1", bank=QR), attempt("a2", bank=QR)])
    first = pay(world, 700, home="account").situation  # 650 of land, 50 of city
    both = pay(first, 300, attempt_id="a2", receipt_id="r2", home="account", minute=1).situation

    of_first = reversal_vector(both.purse, both.purse["r1"], "ord", lines(both)[1], 100)
    of_second = reversal_vector(both.purse, both.purse["r2"], "ord", lines(both)[1], 100)

    assert of_first == [80, 20, 0]  # 65/20/15 wanted, but nothing of the fund lies here
    assert of_second == [0, 50, 50]  # the fund has more room by 5, then both give alike


def test_the_first_of_equals_gives_first() -> None:
    assert levelled([5, 5, 3], 1) == [4, 5, 3]
    assert levelled([5, 5, 3], 3) == [3, 4, 3]
    assert levelled([5, 5, 3], 5) == [2, 3, 3]
    assert levelled([5, 5, 3], 13) == [0, 0, 0]
    assert levelled([5], 0) == [5]


@given(values=st.lists(st.integers(0, 30), min_size=1, max_size=5), data=st.data())
def test_levelling_is_one_dong_from_the_largest_again_and_again(values: list[int], data: st.DataObject) -> None:
    take_vnd = data.draw(st.integers(0, sum(values)))
    slow = list(values)
    for _ in range(take_vnd):
        slow[slow.index(max(slow))] -= 1

    assert levelled(values, take_vnd) == slow


@st.composite
def split_lines(draw: st.DrawFn) -> Line:
    parts = draw(st.lists(st.integers(1, 400_000), max_size=4))
    while sum(parts) > 1_000_000:
        parts.pop()
    shares = [Share(f"b{n}", "c", ppm) for n, ppm in enumerate(parts)]
    shares.insert(draw(st.integers(0, len(shares))), Share("rest", "c", None))
    return line(1, draw(st.integers(1, 10_000)), shares=tuple(shares))


@given(owed=split_lines(), data=st.data())
def test_a_vector_takes_the_sum_exactly_and_never_more_than_is_live(owed: Line, data: st.DataObject) -> None:
    world = pay(situation(obligation(owed), attempts=[attempt(amount_vnd=owed.amount_vnd)]), owed.amount_vnd).situation
    purse = world.purse
    for step in range(data.draw(st.integers(1, 5))):
        rest_vnd = purse["r1"].live_vnd
        if not rest_vnd:
            break
        amount_vnd = data.draw(st.integers(1, rest_vnd))
        before = live(purse, owed)
        vector = reversal_vector(purse, purse["r1"], "ord", owed, amount_vnd)
        assert sum(vector) == amount_vnd
        assert all(0 <= leg <= cap for leg, cap in zip(vector, before, strict=True))
        purse = approved(with_purse(world, purse), refund(amount_vnd, refund_id=f"f{step}")).purse
        _fair(world, purse)


def _fair(world: Situation, purse: Purse) -> None:
    """M-20 without withdrawals: floor shares within 1 đồng of the split, the rest share within 1 per other share."""
    owed = lines(world)[1]
    wanted = owed.split_vnd(purse["r1"].live_vnd)
    for share, have, want in zip(owed.shares, live(purse, owed), wanted, strict=True):
        assert abs(have - want) <= (1 if share.ppm is not None else len(owed.shares) - 1)


@pytest.mark.parametrize("held_vnd", [0, 5])
def test_a_vector_looks_at_its_own_receipt_only(held_vnd: int) -> None:
    world = paid()
    receipt = world.purse["r1"]
    lowered = replace(receipt, slices=(replace(receipt.slices[0], live_vnd=held_vnd), *receipt.slices[1:]))
    purse = world.purse.put(lowered)

    assert reversal_vector(purse, lowered, "ord", lines(world)[1], 350 + held_vnd) == [held_vnd, 200, 150]


def test_a_share_of_nothing_counts_as_nothing() -> None:
    shares = (Share("land", "c", 400_000), Share("city", "c", 10_000), Share("fund", "c", None))
    world = pay(situation(obligation(line(1, 3, shares=shares)), attempts=[attempt(amount_vnd=3)]), 3).situation

    vector = reversal_vector(world.purse, world.purse["r1"], "ord", lines(world)[1], 1)

    assert vector == [1, 0, 0]  # 1/0/2 before, 0/0/2 after
