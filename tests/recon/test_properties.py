"""What holds for every pair of files: order changes nothing, a book agrees with itself, one đồng is seen."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciliation.day_desk import match_day
from reconciliation.desk import Terms
from reconciliation.judge import judge
from reconciliation.model import Booked, Break, BreakKind, Kind, Status
from reconciliation.rows import Row
from tests.recon.conftest import Run, found
from tests.recon.corpus import VIETNAM, line_of
from tests.recon.month import build

_TERMS = Terms(as_of_s=4_000_000_000, window_s=0)
_NIGHT = Terms(as_of_s=0, window_s=0, own_ids=True)
_NOON = datetime(2026, 3, 2, 12, tzinfo=VIETNAM)

_ROWS = st.lists(
    st.builds(
        Booked,
        ref=st.sampled_from(["A-10001", "B-10002", "C-10003", "a 10001", ""]),
        bank_txn_id=st.sampled_from(["VCB1", "VCB2", "VCB3", ""]),
        kind=st.sampled_from(Kind),
        amount_vnd=st.sampled_from([5_000, 5_001, 10_000]),
        status=st.sampled_from(Status),
        occurred_at=st.sampled_from([_NOON, _NOON + timedelta(seconds=30), _NOON + timedelta(days=1)]),
    ),
    max_size=7,
)


def _rows(booked: list[Booked]) -> list[Row]:
    return [
        Row(
            id=number,
            ref=one.ref,
            bank_txn_id=one.bank_txn_id,
            kind=one.kind,
            amount_vnd=one.amount_vnd,
            status=one.status,
            at_s=int(one.occurred_at.timestamp()),
        )
        for number, one in enumerate(booked)
    ]


@given(_ROWS, _ROWS, st.randoms(use_true_random=False), st.sampled_from([_TERMS, _NIGHT]))
@settings(max_examples=400)
def test_the_order_of_rows_changes_nothing(
    ours: list[Booked], theirs: list[Booked], rng: random.Random, terms: Terms
) -> None:
    straight = judge(_rows(ours), _rows(theirs), terms)
    rng.shuffle(ours)
    rng.shuffle(theirs)

    shuffled = judge(_rows(ours), _rows(theirs), terms)

    assert sorted(map(repr, shuffled.breaks)) == sorted(map(repr, straight.breaks))
    assert len(shuffled.matches) == len(straight.matches)


@given(_ROWS, _ROWS)
@settings(max_examples=400)
def test_rows_left_off_the_desk_of_a_night_change_nothing(ours: list[Booked], theirs: list[Booked]) -> None:
    whole = judge(_rows(ours), _rows(theirs), _NIGHT)

    found_at_night = match_day(ours, [line_of(row) for row in theirs])

    told = {line.bank_txn_id for line in theirs}
    assert _faces(found_at_night.breaks, told) == _faces(whole.breaks, told)


def _faces(breaks: Iterable[Break], told: set[str]) -> list[str]:
    """Without sentences; what stands twice in the book is named for sure in the night whose file tells it."""
    twice = BreakKind.DUPLICATE_IN_BOOK
    kept = (one for one in breaks if one.break_kind is not twice or one.bank_txn_id in told)
    return sorted(repr(replace(one, detail="")) for one in kept)


@given(_ROWS, _ROWS)
@settings(max_examples=400)
def test_every_payment_and_refund_is_matched_or_named(ours: list[Booked], theirs: list[Booked]) -> None:
    desk = judge(_rows(ours), _rows(theirs), _TERMS)

    open_rows = (*desk.book.values(), *desk.lines.values())
    left = [row for row in open_rows if row.succeeded and row.kind is not Kind.REVERSAL]
    assert len(left) <= len(desk.breaks) + len(desk.waiting)


@example(seed=278)  # a wrong fee on the smallest amount once passed for a floor of the tariff
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_plants_are_found(run: Run, seed: int) -> None:
    corpus = build(seed=seed, per_day=20, each=1)

    assert found(run(corpus.book, corpus.lines)) == corpus.planted


@given(seed=st.integers(0, 10**6), gap_vnd=st.sampled_from([-1, 1]))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_surplus_or_shortage_of_one_dong_is_found(run: Run, seed: int, gap_vnd: int) -> None:
    corpus = build(seed=seed, per_day=3, each=0)
    number = seed % len(corpus.lines)
    wrong = replace(corpus.lines[number], amount_vnd=corpus.lines[number].amount_vnd + gap_vnd)
    corpus.lines[number] = wrong

    assert found(run(corpus.book, corpus.lines)) == {(BreakKind.AMOUNT_DIFFERS, wrong.ref): 1}


def test_a_book_agrees_with_itself(run: Run) -> None:
    corpus = build(seed=5, per_day=10, each=0)

    outcome = run(corpus.book, [line_of(row) for row in corpus.book])

    assert not outcome.breaks
    assert outcome.clean_pairs == len(corpus.book)
