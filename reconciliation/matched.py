"""matches.parquet: the clean pairs as the book has them, then later matches in the order they were made."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from reconciliation.closed import AS_WORD, WORD_TYPES
from reconciliation.desk import Match
from reconciliation.passes import REFERENCE_AND_TRANSACTION

MATCH_COLUMNS: Final[Mapping[str, str]] = {
    "kind": WORD_TYPES["kind"],
    "ref": "VARCHAR",
    "bank_txn_id": "VARCHAR",
    "book_amount_vnd": "BIGINT",
    "statement_amount_vnd": "BIGINT",
    "status": WORD_TYPES["status"],
    "book_rows": "INTEGER",
    "statement_rows": "INTEGER",
    "pass": WORD_TYPES["pass"],
    "state": WORD_TYPES["state"],
    "confidence": "INTEGER",
    "evidence": WORD_TYPES["evidence"],
}

_DICTIONARY_MAX: Final = 1_000  # values of a column beyond which Parquet gives up looking for repetitions


def write_matches(con: Backend, path: Path, clean: Table, matches: Iterable[Match]) -> None:
    """Write one row per match; matches with differences say `suggested`."""
    others = path.with_name(f"{path.name}.csv")
    try:
        with others.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(_cells(match) for match in matches)
        later = con.read_csv(
            str(others),
            table_name="later_matches",
            header=False,
            auto_detect=False,
            delim=",",
            quote='"',
            escape='"',
            columns=dict(MATCH_COLUMNS),
            force_not_null=[name for name, kind in MATCH_COLUMNS.items() if kind == "VARCHAR"],
        )
        ibis.union(_pairs(clean), later).to_parquet(path, dictionary_size_limit=_DICTIONARY_MAX)
    finally:
        others.unlink(missing_ok=True)


def _pairs(clean: Table) -> Table:
    how = REFERENCE_AND_TRANSACTION
    return clean.select(
        kind=clean.kind,
        ref=clean.ref,
        bank_txn_id=clean.bank_txn_id,
        book_amount_vnd=clean.amount_vnd,
        statement_amount_vnd=clean.amount_vnd,
        status=clean.status,
        book_rows=ibis.literal(1, type="int32"),
        statement_rows=ibis.literal(1, type="int32"),
        **{"pass": AS_WORD["pass"](how.name)},
        state=AS_WORD["state"]("confirmed"),
        confidence=ibis.literal(how.confidence, type="int32"),
        evidence=AS_WORD["evidence"](how.evidence),
    )


def _cells(match: Match) -> Iterator[str | int]:
    """The columns of `MATCH_COLUMNS`."""
    yield match.first.kind.value
    yield match.first.ref
    yield (match.lines or match.book)[0].bank_txn_id
    yield sum(row.amount_vnd for row in match.book)
    yield sum(line.amount_vnd for line in match.lines)
    yield match.first.status.value
    yield len(match.book)
    yield len(match.lines)
    yield match.how.name
    yield match.state
    yield match.how.confidence
    yield match.how.evidence
