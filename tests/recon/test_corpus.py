"""Every planted break is found and typed right, and nothing else is called a break."""

import pytest

from reconciliation.model import Control
from tests.recon.conftest import Run, found
from tests.recon.month import build


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_break_is_found_and_nothing_else(run: Run, seed: int) -> None:
    corpus = build(seed=seed, per_day=60, each=5)

    outcome = run(corpus.book, corpus.lines)

    assert found(outcome) == corpus.planted


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_a_month_of_ten_thousand_lines_a_day(run: Run) -> None:
    corpus = build(seed=20_260_217, per_day=10_000, each=100)

    outcome = run(corpus.book, corpus.lines)

    assert found(outcome) == corpus.planted
    assert outcome.book.rows > 300_000


def test_a_control_total_that_is_not_the_lines_is_a_break(run: Run) -> None:
    corpus = build(seed=4, per_day=3, each=0)
    total_vnd = sum(line.amount_vnd for line in corpus.lines)

    right = run(corpus.book, corpus.lines, control=Control(lines=len(corpus.lines), total_vnd=total_vnd))
    wrong = run(corpus.book, corpus.lines, control=Control(lines=len(corpus.lines), total_vnd=total_vnd + 1))

    assert not right.breaks
    assert [one.break_kind for one in wrong.breaks] == ["control_total_differs"]
