"""A bank's day on the desk of matching: the book around it against the lines of one file, by the passes of every run.

What differs from a run over two whole files is said in the terms. The book's transactions are the bank's own, so two
different ones are never the same money. And what the book has and no line tells waits: before T+2 that is timing, after
it the night asks for it by name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciliation.charges import Tariff, charged_otherwise, fee_break, off_tariff
from reconciliation.desk import Match, Terms, is_reversing
from reconciliation.folding import codes, fold, is_memo
from reconciliation.judge import judge
from reconciliation.model import Booked, Break, BreakKind, Line
from reconciliation.passes import AMOUNT_AND_WINDOW
from reconciliation.rows import Row

# What the bank's file proves is booked by itself, as evidence of its own authority (money.md section 8).
REPAIRED: Final = frozenset(
    {
        BreakKind.MISSING_IN_BOOK,
        BreakKind.STATUS_DIFFERS,
        BreakKind.PAID_TWICE,
        BreakKind.REFUND_MISSING_IN_BOOK,
        BreakKind.REVERSAL_UNKNOWN,
        BreakKind.UNIDENTIFIED_CREDIT,
    }
)

_TERMS: Final = Terms(as_of_s=0, window_s=0, own_ids=True)  # judged before every row: all of the book still waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Confirmed lines, by their places, that are rows of the book under other names or in other parts."""

    lines: tuple[int, ...]
    rows: tuple[Booked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMatch:
    """How many lines there are and are confirmed, the breaks, and the places of lines that prove what is missing."""

    lines: int
    matched: int
    breaks: tuple[Break, ...]
    proven: tuple[int, ...]
    renamed: tuple[Renamed, ...] = ()


def match_day(book: Iterable[Booked], lines: Sequence[Line], tariffs: Sequence[Tariff] = ()) -> DayMatch:
    """Match a day, and judge its fees where there is a tariff. A suggestion is told in its break, never confirmed."""
    rows = list(book)
    told = [_row_of_line(place, one) for place, one in enumerate(lines)]
    ours = (_row_of_book(place, one) for place, one in enumerate(rows))
    desk = judge(_concerned(ours, told), told, _TERMS)
    hints = {line.id: match for match in desk.matches if match.how is AMOUNT_AND_WINDOW for line in match.lines}
    caused = list(zip(desk.breaks, desk.causes, strict=True))
    otherwise = charged_otherwise(desk)
    fees = [fee_break(line, due_vnd) for line, due_vnd in off_tariff(told, tariffs) if line.id not in otherwise]
    proven = {place for one, places in caused if one.break_kind in REPAIRED for place in places}
    return DayMatch(
        lines=len(lines),
        matched=sum(len(match.lines) for match in desk.matches if match.state == "confirmed"),
        breaks=(*(_hinted(one, [hints[place] for place in places if place in hints]) for one, places in caused), *fees),
        proven=tuple(sorted(proven)),
        renamed=tuple(
            Renamed(lines=tuple(line.id for line in match.lines), rows=tuple(rows[row.id] for row in match.book))
            for match in desk.matches
            if match.state == "confirmed" and _renamed(match)
        ),
    )


def _concerned(ours: Iterable[Row], told: Sequence[Row]) -> list[Row]:
    """The rows a line may be: by transaction, reference, text or, where a side has no transaction, the amount.

    With them what takes one of them back, and whatever shares a transaction with one. All others only wait; of a large
    bank they are most of the book.
    """
    rows = list(ours)
    txns = {line.bank_txn_id for line in told} - {""}
    texts = [line.memo for line in told if line.memo] + [line.ref for line in told if is_memo(line.ref)]
    names = {fold(line.ref) for line in told}.union(*map(codes, texts)) - {""}
    accounts = {line.virtual_account for line in told} - {""}
    amounts = {(line.kind, line.amount_vnd) for line in told if not line.bank_txn_id}
    shared = txns | {
        row.bank_txn_id
        for row in rows
        if row.bank_txn_id not in txns
        and (
            row.virtual_account in accounts
            or (row.kind, row.amount_vnd) in amounts
            or any(alias in txns for alias in row.aliases)
            or fold(row.ref) in names
        )
    }
    refs = {fold(row.ref) for row in rows if row.ref and (not row.bank_txn_id or row.bank_txn_id in shared)}
    shared |= {row.bank_txn_id for row in rows if is_reversing(row) and fold(row.ref) in refs}
    return [row for row in rows if not row.bank_txn_id or row.bank_txn_id in shared]


def _renamed(match: Match) -> bool:
    """Whether the bank tells money of ours in other words; a row without a transaction may learn it from the line."""
    if len(match.book) > 1 or len(match.lines) > 1:
        return True
    ours, theirs = match.book[0], match.lines[0]
    return ours.succeeded and bool(ours.bank_txn_id) and ours.bank_txn_id != theirs.bank_txn_id


def _hinted(one: Break, hints: Iterable[Match]) -> Break:
    """The break with what a person might confirm: whose row it may be, how sure that is and why."""
    told = [
        f" Suggested: {match.first.ref or match.first.bank_txn_id} ({match.how.name}, {match.how.confidence}%)."
        for match in hints
    ]
    return replace(one, detail=one.detail + "".join(told)) if told else one


def _row_of_book(place: int, one: Booked) -> Row:
    return Row(
        id=place,
        ref=one.ref,
        bank_txn_id=one.bank_txn_id,
        kind=one.kind,
        amount_vnd=one.amount_vnd,
        status=one.status,
        at_s=int(one.occurred_at.timestamp()),
        virtual_account=one.virtual_account,
        aliases=one.aliases,
        account=one.account,
        told=one.told,
    )


def _row_of_line(place: int, one: Line) -> Row:
    return Row(
        id=place,
        ref=one.ref,
        bank_txn_id=one.bank_txn_id,
        kind=one.kind,
        amount_vnd=one.amount_vnd,
        status=one.status,
        at_s=int(one.occurred_at.timestamp()),
        fee_vnd=one.fee_vnd,
        settled_on=one.settled_on,
        virtual_account=one.virtual_account,
        memo=one.memo,
        account=one.account,
    )
