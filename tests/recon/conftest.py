"""Running a reconciliation on rows in memory."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from reconciliation.canonical import write_book, write_lines
from reconciliation.engine import open_engine
from reconciliation.model import Booked, BreakKind, Control, Line
from reconciliation.output import write_outcome
from reconciliation.reconcile import Options, Outcome, reconcile
from tests.recon.corpus import AFTER

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Reconcile rows with the options given; `out` also writes the files."""

    def go(
        book: Iterable[Booked],
        lines: Iterable[Line],
        third: Iterable[Line] | None = None,
        *,
        control: Control | None = None,
        out: Path | None = None,
        **options: Any,  # noqa: ANN401 - fields of Options
    ) -> Outcome:
        paths = [tmp_path / name for name in ("book.csv", "statement.csv", "third.csv")]
        write_book(paths[0], book)
        write_lines(paths[1], lines, control)
        if third is not None:
            write_lines(paths[2], third)
        con = open_engine(scratch=tmp_path)
        outcome = reconcile(
            con,
            book=paths[0],
            statement=paths[1],
            third=paths[2] if third is not None else None,
            options=Options(**{"as_of": AFTER, **options}),
        )
        if out is not None:
            write_outcome(con, outcome, out)
        con.disconnect()
        return outcome

    return go


def found(outcome: Outcome) -> Counter[tuple[BreakKind, str]]:
    """Kind and name of each break, as the corpus names its plants."""
    by_txn = {BreakKind.NET_TOTAL_DIFFERS, BreakKind.UNIDENTIFIED_CREDIT, BreakKind.UNIDENTIFIED_DEBIT}
    return Counter((one.break_kind, one.bank_txn_id if one.break_kind in by_txn else one.ref) for one in outcome.breaks)
