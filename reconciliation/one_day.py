"""One day of one bank, line by line against the book: what matches, and a typed break for what does not.

The book holds the day and its neighbours, so that a shift around midnight finds its partner. What the book has and no
line tells is not judged here: before T+2 that is timing, after it the night asks for it by name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciliation.model import Booked, Break, BreakKind, Kind, Line, Status

_UNKNOWN: Final[Mapping[Kind, tuple[BreakKind, str]]] = {
    Kind.PAYMENT: (BreakKind.MISSING_IN_BOOK, "the bank took this payment, the book does not have it"),
    Kind.REFUND: (BreakKind.REFUND_MISSING_IN_BOOK, "the bank gave this refund, the book does not have it"),
    Kind.REVERSAL: (BreakKind.REVERSAL_UNKNOWN, "the bank took this payment back, the book does not know"),
}
_DIFFERS: Final[Mapping[Kind, BreakKind]] = {
    Kind.PAYMENT: BreakKind.AMOUNT_DIFFERS,
    Kind.REFUND: BreakKind.REFUND_AMOUNT_DIFFERS,
    Kind.REVERSAL: BreakKind.AMOUNT_DIFFERS,
}
_SILENT: Final = frozenset({Status.FAILED, Status.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMatch:
    """How many lines there are, how many agree to the đồng, and the breaks of the others in the order of the lines."""

    lines: int
    matched: int
    breaks: tuple[Break, ...]


def match_day(book: Iterable[Booked], lines: Sequence[Line]) -> DayMatch:
    """Match by kind with reference and bank transaction, or the one of both that is there."""
    desk = _Book(book)
    breaks: list[Break] = []
    matched = 0
    for line, is_first in _distinct(lines):
        found = list(desk.judge(line)) if is_first else [_break(BreakKind.DUPLICATE_AT_BANK, None, line, "told twice")]
        breaks += found
        matched += not found
    breaks += _paid_twice(lines)
    return DayMatch(lines=len(lines), matched=matched, breaks=tuple(breaks))


class _Book:
    """The book by both names."""

    def __init__(self, rows: Iterable[Booked]) -> None:
        self._by_ref: dict[tuple[Kind, str], list[Booked]] = defaultdict(list)
        self._by_txn: dict[tuple[Kind, str], list[Booked]] = defaultdict(list)
        for row in rows:
            if row.ref:
                self._by_ref[row.kind, row.ref].append(row)
            if row.bank_txn_id:
                self._by_txn[row.kind, row.bank_txn_id].append(row)

    def judge(self, line: Line) -> Iterator[Break]:
        """The breaks of one line; none when it matches, or says nothing of money."""
        row = self._partner(line)
        if line.status in _SILENT:
            if row is not None and row.status is Status.SUCCEEDED:
                yield _break(BreakKind.STATUS_DIFFERS, row, line, f"{line.status} at the bank, succeeded in the book")
            return
        if row is None:
            kind, words = _UNKNOWN[line.kind]
            yield _break(kind, None, line, words)
        elif row.status in _SILENT:
            words = f"{line.status} at the bank, {row.status} in the book"
            yield _break(BreakKind.STATUS_DIFFERS, row, line, words)
        elif row.amount_vnd != line.amount_vnd:
            yield _break(_DIFFERS[line.kind], row, line, "the same money by its names, another amount")
        elif row.ref and line.ref and row.ref != line.ref:
            yield _break(BreakKind.REFERENCE_DIFFERS, row, line, "the same bank transaction under another reference")

    def _partner(self, line: Line) -> Booked | None:
        """By transaction; else by reference, where the book's row has no transaction or there is but one of each."""
        wanted = (Status.REVERSED, Status.SUCCEEDED) if line.status is Status.REVERSED else (Status.SUCCEEDED,)
        txn = self._by_txn.get((line.kind, line.bank_txn_id), [])
        ref = [
            row
            for row in self._by_ref.get((line.kind, line.ref), [])
            if not row.bank_txn_id or not line.bank_txn_id or row.bank_txn_id == line.bank_txn_id
        ]
        candidates = [*txn, *ref]
        best = sorted(candidates, key=lambda row: (row.ref != line.ref, row.status not in wanted, row.occurred_at))
        return best[0] if best else None


def _distinct(lines: Sequence[Line]) -> Iterator[tuple[Line, bool]]:
    """Each line, and whether it is the first of its name and state."""
    seen: set[tuple[Kind, str, str, Status]] = set()
    for line in lines:
        name = (line.kind, line.bank_txn_id or "", "" if line.bank_txn_id else line.ref, line.status)
        yield line, name not in seen
        seen.add(name)


def _paid_twice(lines: Sequence[Line]) -> Iterator[Break]:
    """One reference, several succeeded transactions: the first in the bank's time pays, the others are too much."""
    by_ref: dict[str, dict[str, Line]] = defaultdict(dict)
    for line in sorted(lines, key=lambda one: (one.occurred_at, one.bank_txn_id)):
        if line.kind is Kind.PAYMENT and line.status is Status.SUCCEEDED and line.ref and line.bank_txn_id:
            by_ref[line.ref].setdefault(line.bank_txn_id, line)
    for ref in sorted(by_ref):
        for line in list(by_ref[ref].values())[1:]:
            yield _break(BreakKind.PAID_TWICE, None, line, "this reference was paid before by another transaction")


def _break(kind: BreakKind, row: Booked | None, line: Line, detail: str) -> Break:
    return Break(
        break_kind=kind,
        ref=line.ref or (row.ref if row else ""),
        bank_txn_id=line.bank_txn_id,
        book_amount_vnd=row.amount_vnd if row else None,
        statement_amount_vnd=line.amount_vnd,
        detail=detail,
    )
