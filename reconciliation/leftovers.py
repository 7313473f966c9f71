"""What nobody claimed: the kind of break each leftover row is, or why it is none."""

from collections.abc import Mapping, Sequence
from typing import Final

from reconciliation.desk import Desk, names_of
from reconciliation.folding import is_memo
from reconciliation.model import BreakKind, Kind, Status
from reconciliation.pairs import is_orphan
from reconciliation.rows import DAY_S, VIETNAM_S, Row

EDGE_S: Final = 60  # so near the midnight that ends what a file covers, the row stands in the next file

_MISSING_AT_BANK: Final[Mapping[Kind, BreakKind]] = {
    Kind.PAYMENT: BreakKind.MISSING_AT_BANK,
    Kind.REFUND: BreakKind.REFUND_MISSING_AT_BANK,
    Kind.REVERSAL: BreakKind.MISSING_AT_BANK,
}
_MISSING_IN_BOOK: Final[Mapping[Kind, tuple[BreakKind, str]]] = {
    Kind.PAYMENT: (BreakKind.MISSING_IN_BOOK, "Paid at the bank, unknown here."),
    Kind.REFUND: (BreakKind.REFUND_MISSING_IN_BOOK, "Refunded at the bank, unknown here."),
    Kind.REVERSAL: (BreakKind.REVERSAL_UNKNOWN, "Taken back at the bank, unknown here."),
}
_NAMELESS: Final[Mapping[Kind, tuple[BreakKind, str]]] = {
    Kind.PAYMENT: (BreakKind.UNIDENTIFIED_CREDIT, "Money came in and names no reference of ours."),
    Kind.REFUND: (BreakKind.UNIDENTIFIED_DEBIT, "Money went out and names no reference of ours."),
    Kind.REVERSAL: (BreakKind.UNIDENTIFIED_DEBIT, "Money was taken back and names no reference of ours."),
}


def judge_orphans(desk: Desk) -> None:
    """Refunds whose payment neither side knows, matched or not; one whose partner is known is none."""
    for match in desk.matches:
        if match.first.kind is Kind.REFUND and is_orphan(desk, match.book, match.lines):
            _raise_orphan(desk, match.book[0], match.lines[0])
    for row in list(desk.book.values()):
        if row.succeeded and is_orphan(desk, [row], []):
            _raise_orphan(desk, row, None)
            desk.take(book=[row])
    for line in list(desk.lines.values()):
        if line.succeeded and is_orphan(desk, [], [line]):
            _raise_orphan(desk, None, line)
            desk.take(lines=[line])


def judge_leftovers(desk: Desk) -> None:
    """Name what is open; rows of money that never moved are no break."""
    suggested = {row.id for match in desk.matches if match.state == "suggested" for row in match.book}
    hinted = {row.id for match in desk.matches if match.state == "suggested" for row in match.lines}
    for row in list(desk.book.values()):
        _judge_ours(desk, row, hint=row.id in suggested)
    for line in list(desk.lines.values()):
        _judge_theirs(desk, line, hint=line.id in hinted)


def _raise_orphan(desk: Desk, row: Row | None, line: Row | None) -> None:
    sentence = "A refund whose payment stands in neither file."
    desk.raise_break(BreakKind.REFUND_WITHOUT_ORIGINAL, row, line, sentence)


def _judge_ours(desk: Desk, row: Row, *, hint: bool) -> None:
    if not row.succeeded:
        return
    if row.kind is Kind.REVERSAL and _is_told(row, desk.reversing["bank"], desk.lines):
        return
    if _is_young(desk, row) or _stands_in_next_file(desk, row):
        desk.waiting.append(("book", row))
        return
    sentence = "Succeeded here, no line at the bank."
    desk.raise_break(_MISSING_AT_BANK[row.kind], row, None, sentence + _hint(hint=hint))


def _judge_theirs(desk: Desk, line: Row, *, hint: bool) -> None:
    if line.status in {Status.FAILED, Status.PENDING}:
        return
    if line.id in desk.terms.foreign_days:
        return
    taken_back = line.kind is Kind.REVERSAL or line.status is Status.REVERSED
    if taken_back and _is_told(line, desk.reversing["book"], desk.book):
        return
    if _stood_in_last_book(desk, line):
        desk.waiting.append(("bank", line))
        return
    kind, sentence = _kind_of(desk, line)
    desk.raise_break(kind, None, line, sentence + _hint(hint=hint))


def _is_told(row: Row, reversing: Mapping[str, Sequence[Row]], still_open: Mapping[int, Row]) -> bool:
    """Whether the other side says it in another way; a reversal that was paired speaks for its pair alone."""
    said = (one for name in names_of(row) for one in reversing.get(name, ()))
    return any(one.kind is not Kind.REVERSAL or one.id in still_open for one in said)


def _kind_of(desk: Desk, line: Row) -> tuple[BreakKind, str]:
    accounts = desk.terms.accounts
    if accounts and line.account and line.account not in accounts:
        return BreakKind.UNKNOWN_ACCOUNT, "No account of ours has this number."
    if line.status is Status.REVERSED:
        return _MISSING_IN_BOOK[Kind.REVERSAL]
    if line.amount_vnd < 0 and line.kind is Kind.PAYMENT:
        return _NAMELESS[Kind.REFUND]
    return _NAMELESS[line.kind] if not line.ref.strip() or is_memo(line.ref) else _MISSING_IN_BOOK[line.kind]


def _is_young(desk: Desk, row: Row) -> bool:
    """The bank still has time: counted from the end of the row's day in Vietnam."""
    ends_s = ((row.at_s + VIETNAM_S) // DAY_S + 1) * DAY_S - VIETNAM_S
    return desk.terms.as_of_s < ends_s + desk.terms.window_s


def _stands_in_next_file(desk: Desk, row: Row) -> bool:
    """Paid in the last seconds the bank's file covers: the bank books it after midnight."""
    end_s = desk.terms.bank_ends_s
    return end_s is not None and 0 < end_s - row.at_s <= EDGE_S


def _stood_in_last_book(desk: Desk, line: Row) -> bool:
    """Booked by the bank in the first seconds of the book's first day: we booked it before midnight."""
    begin_s = desk.terms.book_begins_s
    return begin_s is not None and 0 < line.at_s - begin_s <= EDGE_S


def _hint(*, hint: bool) -> str:
    return " A row of the same amount and time stands on the other side: see the suggestions." if hint else ""
