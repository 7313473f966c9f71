"""What nobody claimed: the kind of break each leftover row is, or why it is none."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from reconciliation.desk import Desk, Reversing
from reconciliation.folding import fold, is_memo
from reconciliation.model import BreakKind, Kind, Status
from reconciliation.pairs import is_orphan
from reconciliation.rows import DAY_S, VIETNAM_S, Row, Side

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
    ours, theirs = _told_otherwise(desk, "book"), _told_otherwise(desk, "bank")
    for row in [row for row in desk.book.values() if row.id not in ours]:
        _judge_ours(desk, row, hint=row.id in suggested)
    for line in [line for line in desk.lines.values() if line.id not in theirs]:
        _judge_theirs(desk, line, hint=line.id in hinted)


def _raise_orphan(desk: Desk, row: Row | None, line: Row | None) -> None:
    sentence = "A refund whose payment stands in neither file."
    desk.raise_break(BreakKind.REFUND_WITHOUT_ORIGINAL, row, line, sentence)


def _judge_ours(desk: Desk, row: Row, *, hint: bool) -> None:
    if not row.succeeded:
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
    if _stood_in_last_book(desk, line):
        desk.waiting.append(("bank", line))
        return
    kind, sentence = _kind_of(desk, line)
    desk.raise_break(kind, None, line, sentence + _hint(hint=hint))


def _told_otherwise(desk: Desk, side: Side) -> set[int]:
    """Open rows that take a payment back and that the other side says in another way, each of its rows once.

    By transaction first, then by reference, unless both transactions say that it is another payment of it.
    """
    ours, theirs = (desk.book, desk.lines) if side == "book" else (desk.lines, desk.book)
    waiting = [one for one in desk.reversing[side] if one.row.id in ours and _is_row_of_its_own(side, one.row)]
    # A reversal that was paired speaks for its pair alone.
    other = desk.reversing["bank" if side == "book" else "book"]
    saying = [one for one in other if one.row.kind is not Kind.REVERSAL or one.row.id in theirs]
    told: set[int] = set()
    for key in (_transaction, _reference):
        said: dict[str, list[Reversing]] = defaultdict(list)
        for one in saying:
            said[key(one.row)].append(one)
        for one in (one for one in waiting if one.row.id not in told and key(one.row)):
            found = next((there for there in said[key(one.row)] if _may_be_one(one, there)), None)
            if found is not None:
                told.add(one.row.id)
                said[key(one.row)].remove(found)
        saying = [one for ones in said.values() for one in ones]
    return told


def _is_row_of_its_own(side: Side, row: Row) -> bool:
    """A payment of the book that says itself that it was taken back waits for nobody."""
    return side == "bank" or row.kind is Kind.REVERSAL


def _transaction(row: Row) -> str:
    return row.bank_txn_id


def _reference(row: Row) -> str:
    return fold(row.ref)


def _may_be_one(one: Reversing, said: Reversing) -> bool:
    return one.row.bank_txn_id == said.row.bank_txn_id or not (one.sure and said.sure)


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
