"""Small stories written from the contract alone: together in one file, alone, in other orders and formats."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import ibis
import pyarrow.parquet as pq
import pytest

from reconciliation.canonical import write_book, write_lines
from reconciliation.engine import open_engine
from reconciliation.model import Booked, Line
from reconciliation.output import write_outcome
from reconciliation.reconcile import Options, reconcile
from tests.recon.conftest import Run
from tests.recon.corpus import AFTER
from tests.recon.stories import Story, as_booked, background, read_stories, written

STORIES = [story.renamed(f"S{number:03}") for number, story in enumerate(read_stories("unseen_stories.txt"))]
NAMES = read_stories("unseen_names.txt")


def together() -> tuple[list[Booked], list[Line]]:
    """Every story in one book and one statement."""
    rows = [replace(one, ref=f"S{one.ref}", bank_txn_id=f"S{one.bank_txn_id}") for one in background(lines=640)]
    book = rows + [row for story in STORIES for row in story.book]
    return list(as_booked(book)), rows + [line for story in STORIES for line in story.lines]


EXPECTED = Counter(one for story in STORIES for one in story.breaks)


def test_every_story_ends_as_the_contract_says(run: Run) -> None:
    book, lines = together()

    found = written(run(book, lines).breaks)

    assert sorted((found - EXPECTED).elements()) == []
    assert sorted((EXPECTED - found).elements()) == []


def _by_amount(row: Booked | Line) -> tuple[int, str]:
    return row.amount_vnd, row.bank_txn_id


def test_the_order_of_rows_changes_nothing(run: Run) -> None:
    book, lines = together()

    assert written(run(book[::-1], lines[::-1]).breaks) == EXPECTED
    assert written(run(sorted(book, key=_by_amount), lines).breaks) == EXPECTED


def test_parquet_ends_as_csv_does_and_every_row_of_money_is_told(tmp_path: Path) -> None:
    book, lines = together()
    write_book(tmp_path / "b.csv", book)
    write_lines(tmp_path / "s.csv", lines)
    for name in ("b", "s"):
        pq.write_table(
            ibis.duckdb.connect().read_csv(str(tmp_path / f"{name}.csv"), all_varchar=True).to_pyarrow(),
            tmp_path / f"{name}.parquet",
        )
    con = open_engine(scratch=tmp_path)

    outcome = reconcile(
        con, book=tmp_path / "b.parquet", statement=tmp_path / "s.parquet", options=Options(as_of=AFTER)
    )
    write_outcome(con, outcome, tmp_path / "out")

    assert written(outcome.breaks) == EXPECTED
    told = _names(tmp_path / "out")
    moved = [(row.ref, row.bank_txn_id) for side in (book, lines) for row in side if row.status == "succeeded"]
    assert [names for names in moved if told.isdisjoint(names)] == []


@pytest.mark.parametrize("story", NAMES, ids=lambda story: story.name)
def test_a_row_without_a_plain_reference_is_claimed_or_named(run: Run, story: Story) -> None:
    rows = background()

    found = written(run([*as_booked(story.book), *as_booked(rows)], [*story.lines, *rows]).breaks)

    assert found == Counter(story.breaks)


def _names(folder: Path) -> set[str]:
    matches = pq.read_table(folder / "matches.parquet", columns=["ref", "bank_txn_id"]).to_pydict()
    with (folder / "breaks.csv").open(encoding="utf-8", newline="") as file:
        breaks = list(csv.DictReader(file))
    named = {*matches["ref"], *matches["bank_txn_id"]}
    return (named | {one[column] for one in breaks for column in ("ref", "bank_txn_id")}) - {""}
