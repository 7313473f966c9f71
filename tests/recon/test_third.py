"""The third file: what portals applied, net credits, another statement; told by its content."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciliation.model import BreakKind, Kind, Role
from tests.recon.conftest import Run, found
from tests.recon.month import build, pay_out


def test_what_a_portal_has_not_applied_is_found_by_name(run: Run) -> None:
    corpus = build(seed=7, per_day=40, each=3)
    taken = {one.ref for one in corpus.rng.sample(corpus.applied, 12)}
    left = [one for one in corpus.applied if one.ref not in taken]

    outcome = run(corpus.book, corpus.lines, left)

    silent = {one.ref for one in outcome.breaks if one.break_kind is BreakKind.NOT_APPLIED_AT_PORTAL}
    assert outcome.role is Role.PORTAL
    assert silent == taken
    assert len(outcome.breaks) - len(silent) == corpus.planted.total()


def test_a_portal_still_has_time_for_what_was_just_paid(run: Run) -> None:
    corpus = build(seed=8, per_day=5, each=0)
    last = max(row.occurred_at for row in corpus.book)

    outcome = run(corpus.book, corpus.lines, corpus.applied[:100], as_of=last + timedelta(minutes=5), portal_hours=24)

    late = {row.ref for row in corpus.book if row.occurred_at <= last + timedelta(minutes=5, hours=-24)}
    silent = {one.ref for one in outcome.breaks}
    assert silent == late - {one.ref for one in corpus.applied[:100]}


@pytest.mark.parametrize("gross", [True, False])
def test_a_net_credit_that_is_off_by_one_dong_is_found(run: Run, *, gross: bool) -> None:
    corpus = build(seed=9, per_day=40, each=3)
    pay_out(corpus, gross=gross, wrong=4)

    outcome = run(corpus.book, corpus.lines, corpus.credits)

    assert outcome.role is Role.CREDITS
    assert found(outcome) == corpus.planted


def test_a_credit_that_is_off_is_written_in_every_report(run: Run, tmp_path: Path) -> None:
    corpus = build(seed=9, per_day=10, each=0)
    pay_out(corpus, gross=False, wrong=1)

    run(corpus.book, corpus.lines, corpus.credits, out=tmp_path / "out")

    assert (tmp_path / "out" / "breaks.csv").read_text(encoding="utf-8").count("net_total_differs") == 1
    assert {one.name for one in (tmp_path / "out").iterdir()} >= {"report.xlsx", "report.html", "summary.json"}


def test_a_line_sent_twice_and_paid_once_explains_its_credit(run: Run) -> None:
    corpus = build(seed=10, per_day=40, each=0)
    pay_out(corpus, gross=False, wrong=2)
    for line in corpus.rng.sample(corpus.lines, 6):
        corpus.planted[BreakKind.DUPLICATE_AT_BANK, line.ref] += 1
        corpus.lines.append(line)

    assert found(run(corpus.book, corpus.lines, corpus.credits)) == corpus.planted


def test_a_credit_nobody_explains_stands_beside_its_days_credit(run: Run) -> None:
    corpus = build(seed=11, per_day=10, each=0)
    pay_out(corpus, gross=False, wrong=0)
    stranger = replace(corpus.credits[0], ref="", bank_txn_id=corpus.credits[0].bank_txn_id[:-8] + "7", amount_vnd=5)
    debit = replace(stranger, kind=Kind.REFUND, bank_txn_id=stranger.bank_txn_id + "8")

    outcome = run(corpus.book, corpus.lines, [*corpus.credits, stranger, debit])

    assert {one.break_kind for one in outcome.breaks} == {BreakKind.UNIDENTIFIED_CREDIT, BreakKind.UNIDENTIFIED_DEBIT}


def test_a_second_statement_is_matched_line_by_line(run: Run) -> None:
    corpus = build(seed=12, per_day=20, each=0)
    missing, *others = [line for line in corpus.lines if line.fee_vnd]
    other = [line for line in corpus.lines if line is not missing]

    outcome = run(corpus.book, corpus.lines, other)

    assert outcome.role is Role.LINES
    assert found(outcome) == {(BreakKind.MISSING_AT_BANK, missing.ref): 1}
    assert others
