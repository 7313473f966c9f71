"""One net credit for a batch: gross or net, across days, for one batch or several; a đồng off is seen."""

from datetime import date, timedelta

import pytest

from reconciliation.netting import Due, Lot, Paid, tie

MONDAY = date(2026, 3, 2)


def day(later: int) -> date:
    return MONDAY + timedelta(days=later)


def lot(begins: int = 0, pays: int = 1, *, gross_vnd: int = 100_000, fee_vnd: int = 1_100) -> Lot:
    due = Due(gross_vnd=gross_vnd, fee_vnd=fee_vnd, lines=3)
    return Lot(batch=day(begins).isoformat(), begins=day(begins), first=day(pays), last=day(pays), due=due)


def paid(on: int, amount_vnd: int) -> Paid:
    return Paid(day=day(on), name=f"NET{on}-{amount_vnd}", amount_vnd=amount_vnd)


@pytest.mark.parametrize("amount_vnd", [100_000, 98_900])
@pytest.mark.parametrize("on", [0, 1, 4])
def test_a_batch_is_paid_gross_or_net_on_its_day_before_or_a_little_later(amount_vnd: int, on: int) -> None:
    (one,) = tie([lot()], [paid(on, amount_vnd)], day(on), [day(n) for n in range(on + 1)])

    assert (one.fits, one.paid_vnd, [x.batch for x in one.lots]) == (True, amount_vnd, ["2026-03-02"])


def test_a_batch_whose_day_has_not_come_waits() -> None:
    assert tie([lot()], [], day(0), [day(0)]) == []


def test_the_days_of_a_weekend_are_paid_by_one_credit() -> None:
    lots = [lot(4, 7), lot(5, 7, gross_vnd=50_000), lot(6, 7, gross_vnd=-10_000, fee_vnd=0)]

    (one,) = tie(lots, [paid(7, 140_000 - 2_200)], day(7), [day(7)])

    assert (one.fits, len(one.lots)) == (True, 3)


def test_batches_of_one_day_are_paid_each_by_its_own_credit() -> None:
    lots = [lot(0, 1), lot(1, 1, gross_vnd=50_000)]

    ties = tie(lots, [paid(1, 48_900), paid(1, 98_900), paid(1, -5_000)], day(1), [day(1)])

    assert [(one.fits, one.paid_vnd) for one in ties] == [(True, 98_900), (True, 48_900)]


def test_two_credits_of_a_day_pay_one_batch_together() -> None:
    (one,) = tie([lot()], [paid(1, 60_000), paid(1, 38_900)], day(1), [day(1)])

    assert (one.fits, len(one.credits)) == (True, 2)


@pytest.mark.parametrize("more", [1, -1])
def test_a_dong_off_differs(more: int) -> None:
    (one,) = tie([lot()], [paid(1, 98_900 + more)], day(1), [day(1)])

    assert (one.fits, one.paid_vnd) == (False, 98_900 + more)


def test_a_credit_that_pays_nothing_is_held_against_the_oldest_batch_on_its_day_alone() -> None:
    waits = lot(0, 5)

    assert [one.fits for one in tie([waits], [paid(1, 70_000)], day(1), [day(1)])] == [False]
    assert tie([waits], [paid(1, 70_000)], day(2), [day(1), day(2)]) == []


def test_a_short_credit_does_not_take_the_credit_of_the_next_day() -> None:
    """Two days with one sum: the first, a đồng short, was paid by the money of the second."""
    ties = tie([lot(0, 1), lot(1, 2)], [paid(1, 98_899), paid(2, 98_900)], day(2), [day(1), day(2)])

    assert [(one.fits, one.lots[0].batch, one.paid_vnd) for one in ties] == [
        (True, "2026-03-03", 98_900),
        (False, "2026-03-02", 98_899),
    ]


def test_a_little_money_nobody_knows_is_not_the_credit_of_a_batch() -> None:
    """It was once called the batch's own money, before its day and beside its credit."""
    assert tie([lot(0, 5)], [paid(1, 7_000)], day(1), [day(1)]) == []
    (one,) = tie([lot()], [paid(1, 98_901), paid(1, 330)], day(1), [day(1)])
    assert (one.fits, one.paid_vnd) == (False, 98_901)


def test_no_credit_is_said_once_its_day_and_a_later_one_are_read() -> None:
    assert tie([lot()], [], day(2), [day(2)]) == []
    (one,) = tie([lot()], [], day(2), [day(1), day(2)])
    assert (one.fits, one.credits) == (False, ())
