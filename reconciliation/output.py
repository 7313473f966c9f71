"""What a run leaves in its folder: breaks.csv, matches.parquet, summary.json, report.xlsx and report.html."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import ibis
import msgspec
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from reconciliation.desk import Match
from reconciliation.files import Loaded
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

MATCH_SCHEMA: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("ref", pa.string()),
        ("bank_txn_id", pa.string()),
        ("book_amount_vnd", pa.int64()),
        ("statement_amount_vnd", pa.int64()),
        ("status", pa.string()),
        ("book_rows", pa.int32()),
        ("statement_rows", pa.int32()),
        ("pass", pa.string()),
        ("state", pa.string()),
        ("confidence", pa.int32()),
        ("evidence", pa.string()),
    ]
)


def write_outcome(con: Backend, outcome: Outcome, folder: Path) -> Mapping[str, object]:
    """Write all five files, each whole or not at all; the summary is returned. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    told = summary(outcome)
    _write(folder / BREAKS, lambda part: _write_breaks(part, outcome.breaks))
    _write(folder / MATCHES, lambda part: _matches(con, outcome).to_parquet(part))
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
    """The difference, or the whole amount where one side has nothing."""
    return abs((one.book_amount_vnd or 0) - (one.statement_amount_vnd or 0))


def match_table(matches: tuple[Match, ...]) -> pa.Table:
    """Matches of the later passes, one row each, in the order they were made."""
    rows = [
        {
            "kind": match.first.kind.value,
            "ref": match.first.ref,
            "bank_txn_id": (match.lines or match.book)[0].bank_txn_id,
            "book_amount_vnd": sum(row.amount_vnd for row in match.book),
            "statement_amount_vnd": sum(line.amount_vnd for line in match.lines),
            "status": match.first.status.value,
            "book_rows": len(match.book),
            "statement_rows": len(match.lines),
            "pass": match.how.name,
            "state": match.state,
            "confidence": match.how.confidence,
            "evidence": match.how.evidence,
        }
        for match in matches
    ]
    return pa.Table.from_pylist(rows, schema=MATCH_SCHEMA)


def _file(loaded: Loaded) -> dict[str, object]:
    return {"name": loaded.header.path.name, "rows": loaded.rows, "total_vnd": loaded.total_vnd}


def _write_breaks(path: Path, breaks: tuple[Break, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(BREAK_COLUMNS)
        writer.writerows(one.cells() for one in breaks)


def _matches(con: Backend, outcome: Outcome) -> Table:
    """Clean pairs as the book has them, then the others."""
    clean, how = outcome.clean, REFERENCE_AND_TRANSACTION
    pairs = clean.select(
        kind=clean.kind,
        ref=clean.ref,
        bank_txn_id=clean.bank_txn_id,
        book_amount_vnd=clean.amount_vnd,
        statement_amount_vnd=clean.amount_vnd,
        status=clean.status,
        book_rows=ibis.literal(1, type="int32"),
        statement_rows=ibis.literal(1, type="int32"),
        **{"pass": ibis.literal(how.name)},
        state=ibis.literal("confirmed"),
        confidence=ibis.literal(how.confidence, type="int32"),
        evidence=ibis.literal(how.evidence),
    )
    if not outcome.matches:
        return pairs
    others = con.create_table("later_matches", match_table(outcome.matches), temp=True, overwrite=True)
    return ibis.union(pairs, others)


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """A file appears when it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
