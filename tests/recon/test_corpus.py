"""Every planted break is found and typed right, and nothing else is called a break."""

from collections import Counter
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from reconciliation.engine import open_engine
from reconciliation.model import BreakKind, Control
from reconciliation.output import write_outcome
from reconciliation.reconcile import Options, Outcome, reconcile
from tests.recon.conftest import Run, found
from tests.recon.corpus import ACCOUNT, AFTER, BANKS, BENEFICIARIES, DAYS, DIRECT_PERCENT
from tests.recon.month import build, pay_out

_BY_THIRD = {BreakKind.NOT_APPLIED_AT_PORTAL, BreakKind.CONTROL_TOTAL_DIFFERS}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_break_is_found_and_nothing_else(run: Run, seed: int) -> None:
    corpus = build(seed=seed, per_day=60, each=5)

    outcome = run(corpus.book, corpus.lines)

    assert found(outcome) == corpus.planted


def test_the_month_is_what_it_says() -> None:
    corpus = build(seed=6, per_day=200, each=5)
    direct = [row.account != ACCOUNT for row in corpus.book]

    assert {row.bank_txn_id.rstrip("0123456789") for row in corpus.book} == set(BANKS)
    assert {row.ref[:4] for row in corpus.book if row.ref.startswith("CQ")} == set(BENEFICIARIES)
    assert abs(100 * sum(direct) - DIRECT_PERCENT * len(direct)) < 3 * len(direct)
    assert {date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 16), date(2026, 2, 17)} < set(DAYS)
    assert {kind for kind, _ in corpus.planted} | _BY_THIRD == set(BreakKind)
    assert all(sum(one is kind for one, _ in corpus.planted.elements()) == 5 for kind, _ in corpus.planted)


@pytest.mark.drill
@pytest.mark.timeout(1_800)
def test_a_month_of_ten_thousand_lines_a_day(run: Run, tmp_path: Path) -> None:
    """All 21 kinds in two runs: beside what portals applied, the total being wrong, and beside the net credits."""
    corpus = build(seed=20_260_217, per_day=10_000, each=100)
    silent = {one.ref for one in corpus.rng.sample(corpus.applied, 100)}
    applied = [one for one in corpus.applied if one.ref not in silent]
    told = Control(lines=len(corpus.lines), total_vnd=sum(line.amount_vnd for line in corpus.lines) + 1)

    outcome = run(corpus.book, corpus.lines, applied, control=told, out=tmp_path / "one")
    run(corpus.book, corpus.lines, applied, control=told, out=tmp_path / "two")

    assert outcome.book.rows > 300_000
    assert {one.break_kind for one in outcome.breaks} == set(BreakKind)
    assert {one.ref for one in outcome.breaks if one.break_kind is BreakKind.NOT_APPLIED_AT_PORTAL} == silent
    assert _first_two(outcome) == corpus.planted
    for path in (tmp_path / "one").iterdir():
        again, parquet = tmp_path / "two" / path.name, path.suffix == ".parquet"
        assert pq.read_table(path).equals(pq.read_table(again)) if parquet else path.read_bytes() == again.read_bytes()

    pay_out(corpus, gross=False, wrong=20)
    assert found(run(corpus.book, corpus.lines, corpus.credits)) == corpus.planted


def _first_two(outcome: Outcome) -> Counter[tuple[BreakKind, str]]:
    return Counter({name: count for name, count in found(outcome).items() if name[0] not in _BY_THIRD})


def test_a_control_total_that_is_not_the_lines_is_a_break(run: Run) -> None:
    corpus = build(seed=4, per_day=3, each=0)
    total_vnd = sum(line.amount_vnd for line in corpus.lines)

    right = run(corpus.book, corpus.lines, control=Control(lines=len(corpus.lines), total_vnd=total_vnd))
    wrong = run(corpus.book, corpus.lines, control=Control(lines=len(corpus.lines), total_vnd=total_vnd + 1))

    assert not right.breaks
    assert [one.break_kind for one in wrong.breaks] == ["control_total_differs"]


_MANY = """
copy (select 'R' || i ref, 'T' || i bank_txn_id, 'payment' kind, 1000 + i amount_vnd, 'succeeded' status,
 '2026-03-02T09:30:00+07:00' occurred_at{more} from range(500000) t(i) where i % 7000 <> {without}) to '{path}' (header)
"""


def test_many_clean_pairs_stand_in_the_order_of_the_book(tmp_path: Path) -> None:
    """A join over several threads once shuffled them: the same files gave other bytes."""
    book, statement = tmp_path / "book.csv", tmp_path / "statement.csv"
    duckdb.sql(_MANY.format(more="", without=3, path=book))
    duckdb.sql(_MANY.format(more=", 0 fee_vnd, '2026-03-03' settled_on", without=5, path=statement))
    con = open_engine(scratch=tmp_path)

    write_outcome(con, reconcile(con, book=book, statement=statement, options=Options(as_of=AFTER)), tmp_path / "out")

    refs = pq.read_table(tmp_path / "out" / "matches.parquet", columns=["ref"]).column("ref").to_pylist()
    assert refs == [f"R{number}" for number in range(500_000) if number % 7_000 not in {3, 5}]
