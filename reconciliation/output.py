"""What a run leaves in its folder: breaks.csv, matches.parquet, summary.json, report.xlsx and report.html."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from ibis.backends.duckdb import Backend

from reconciliation.files import Loaded
from reconciliation.matched import write_matches
from reconciliation.model import BREAK_COLUMNS, Break, BreakKind
from reconciliation.page import render_page
from reconciliation.passes import REFERENCE_AND_TRANSACTION
from reconciliation.reconcile import Outcome
from reconciliation.sheet import write_sheet

BREAKS: Final = "breaks.csv"
MATCHES: Final = "matches.parquet"
SUMMARY: Final = "summary.json"
SHEET: Final = "report.xlsx"
PAGE: Final = "report.html"


def write_outcome(con: Backend, outcome: Outcome, folder: Path) -> Mapping[str, object]:
    """Write all five files, each whole or not at all; the summary is returned. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    told = summary(outcome)
    _write(folder / BREAKS, lambda part: _write_breaks(part, outcome.breaks))
    _write(folder / MATCHES, lambda part: write_matches(con, part, outcome.clean, outcome.matches))
    _write(folder / SHEET, lambda part: write_sheet(part, told, outcome.breaks))
    _write(folder / PAGE, lambda part: part.write_text(render_page(told, outcome.breaks), encoding="utf-8"))
    text = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=False) + "\n"
    _write(folder / SUMMARY, lambda part: part.write_text(text, encoding="utf-8"))
    return told


def summary(outcome: Outcome) -> dict[str, object]:
    """Counts and sums of a run; the same for the same files, whenever it runs."""
    by_kind = {kind: [one for one in outcome.breaks if one.break_kind is kind] for kind in BreakKind}
    confirmed = [match for match in outcome.matches if match.state == "confirmed"]
    passes = Counter(match.how.name for match in confirmed)
    passes[REFERENCE_AND_TRANSACTION.name] += outcome.clean_pairs
    named = {"book": outcome.book, "statement": outcome.bank, "third": outcome.third}
    period = outcome.period
    return {
        "files": {name: _file(one) for name, one in named.items() if one is not None},
        "third_file_is": outcome.role,
        "period": None if period is None else {"first": str(period.first), "last": str(period.last)},
        "matches": {
            "confirmed": outcome.clean_pairs + len(confirmed),
            "suggested": len(outcome.matches) - len(confirmed),
            "by_pass": dict(sorted(passes.items())),
        },
        "breaks": {
            "total": len(outcome.breaks),
            "by_kind": {
                kind.value: {"count": len(found), "at_risk_vnd": sum(at_risk_vnd(one) for one in found)}
                for kind, found in by_kind.items()
                if found
            },
        },
        "waiting": {
            "count": len(outcome.waiting),
            "total_vnd": sum(row.amount_vnd for _, row in outcome.waiting),
        },
        "tariffs": [msgspec.structs.asdict(tariff) for tariff in outcome.tariffs],
        "notes": list(outcome.notes),
    }


def at_risk_vnd(one: Break) -> int:
    """The difference; the whole amount where one side has nothing, or where only something else differs."""
    ours_vnd, theirs_vnd = one.book_amount_vnd or 0, one.statement_amount_vnd or 0
    return abs(ours_vnd - theirs_vnd) or abs(ours_vnd)


def _file(loaded: Loaded) -> dict[str, object]:
    return {"name": loaded.header.path.name, "rows": loaded.rows, "total_vnd": loaded.total_vnd}


def _write_breaks(path: Path, breaks: tuple[Break, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(BREAK_COLUMNS)
        writer.writerows(one.cells() for one in breaks)


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """A file appears when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
