"""One transaction twice, and one reference paid twice: seen before anything is paired."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Final

from reconciliation.desk import Desk, by_reference, by_transaction, groups
from reconciliation.folding import fold
from reconciliation.model import BreakKind, Kind
from reconciliation.rows import Row, Side

_DUPLICATE: Final[Mapping[Side, BreakKind]] = {
    "bank": BreakKind.DUPLICATE_AT_BANK,
    "book": BreakKind.DUPLICATE_IN_BOOK,
}
_WHERE: Final[Mapping[Side, str]] = {"bank": "at the bank", "book": "in the book"}


def drop_duplicates(desk: Desk) -> None:
    """One break per transaction that stands on several rows of one side; the row that fits best stays open."""
    for side in ("bank", "book"):
        _drop_named(desk, side)
        _drop_nameless(desk, side)


def find_paid_twice(desk: Desk) -> None:
    """Remember all succeeded payment lines per reference: a second transaction for one is seen against them."""
    for row in desk.lines.values():
        if row.kind is Kind.PAYMENT and row.succeeded and row.ref:
            desk.extra.setdefault(fold(row.ref), []).append(row)


def raise_paid_twice(desk: Desk) -> None:
    """A reference with two succeeded transactions, one of them booked nowhere or booked for the same amount again.

    One break for each transaction after the first: each is a refund of its own.
    """
    booked = groups((one for match in desk.matches for one in match.book), by_reference)
    untold = groups((row for row in desk.book.values() if row.succeeded), by_reference)
    for folded, lines in desk.extra.items():
        own = [line for line in lines if line.id not in desk.elsewhere]
        open_lines = [line for line in own if line.id in desk.lines]
        before = _paid_before(desk, untold.get((Kind.PAYMENT, folded), []), own)
        if before is not None and own[-1].at_s > before.at_s:
            sentence = f"Transaction {before.bank_txn_id} has paid this reference before."
            _raise_each(desk, before, [line for line in own if line.at_s > before.at_s], sentence)
            continue
        if len(own) < 2:  # noqa: PLR2004 - two is what twice means
            continue
        ours = booked.get((Kind.PAYMENT, folded), [])
        settled = [line for line in own if line.id not in desk.lines]
        if open_lines:
            second = open_lines if settled else open_lines[1:]
        elif _same_again(ours, settled):
            second = settled[1:]
        else:
            continue
        names = ", ".join(line.bank_txn_id or "no id" for line in own)
        sentence = f"{len(own)} succeeded transactions at the bank for one reference: {names}."
        _raise_each(desk, ours[0] if ours else None, second, sentence)


def _paid_before(desk: Desk, untold: Sequence[Row], own: Sequence[Row]) -> Row | None:
    """A payment of the book under this reference, another transaction than each line and not taken back."""
    taken_back = desk.reversed_refs["book"]
    apart = (row for row in untold if own and all(desk.apart(row, line) for line in own))
    return next((row for row in apart if f"txn:{row.bank_txn_id}" not in taken_back), None)


def _raise_each(desk: Desk, first: Row | None, lines: Sequence[Row], sentence: str) -> None:
    for line in lines:
        desk.raise_break(BreakKind.PAID_TWICE, first, line, sentence)
    desk.take(lines=[line for line in lines if line.id in desk.lines])


def _same_again(ours: Sequence[Row], lines: Sequence[Row]) -> bool:
    """Booked both times for one amount: parts of one sum differ, or add up to a row of the book."""
    return len(ours) > 1 and len({line.amount_vnd for line in lines}) < len(lines)


def _drop_named(desk: Desk, side: Side) -> None:
    rows, others = _sides(desk, side)
    there = groups((row for row in others.values() if row.succeeded), by_transaction)
    payments = {row.bank_txn_id for row in (*rows.values(), *others.values()) if row.kind is Kind.PAYMENT}
    for key, same in groups((row for row in rows.values() if row.succeeded), by_transaction).items():
        known = there.get(key, [])
        if len(same) > 1 and not _are_parts(same, known):
            for part in _alike(same, payments):
                _drop(desk, side, part, known)


def _drop_nameless(desk: Desk, side: Side) -> None:
    """Without an id only rows alike in everything are one transaction."""
    rows, others = _sides(desk, side)

    def alike(row: Row) -> tuple[object, ...] | None:
        if row.bank_txn_id or not row.ref or not row.succeeded:
            return None
        return row.kind, row.ref, row.amount_vnd, row.at_s

    there = groups((row for row in others.values() if row.succeeded), by_reference)
    for same in groups(rows.values(), alike).values():
        known = there.get(by_reference(same[0]), [])
        if len(same) > max(1, sum(row.amount_vnd == same[0].amount_vnd for row in known)):
            _drop(desk, side, same, known)


def _alike(same: Sequence[Row], payments: Container[str]) -> list[list[Row]]:
    """Rows of one id are one transaction; refunds under their payment's id are parted by amount and time."""
    if same[0].kind is not Kind.REFUND:
        return [list(same)]
    own = same[0].bank_txn_id not in payments
    parted = groups(same, lambda row: (row.amount_vnd, "" if own else row.ref, 0 if own else row.at_s))
    return [rows for rows in parted.values() if len(rows) > 1]


def _are_parts(same: Sequence[Row], known: Sequence[Row]) -> bool:
    """Rows that share an id rightly: parts of one sum, or one transfer for several references on both sides."""
    if not known:
        return False
    refs = {fold(row.ref) for row in same}
    if len(same) == len(known):
        cart = Counter((fold(row.ref), row.amount_vnd) for row in same)
        return len(refs) == len(same) and cart == Counter((fold(row.ref), row.amount_vnd) for row in known)
    if len(known) > 1:
        return False
    if sum(row.amount_vnd for row in same) == known[0].amount_vnd:
        return True
    return len(refs) == len(same) and all(row.amount_vnd < known[0].amount_vnd for row in same)


def _drop(desk: Desk, side: Side, same: Sequence[Row], known: Sequence[Row]) -> None:
    refs, amounts = {fold(row.ref) for row in known}, {row.amount_vnd for row in known}
    best = min(same, key=lambda row: (fold(row.ref) not in refs, row.amount_vnd not in amounts, row.order))
    surplus = [row for row in same if row is not best]
    other = next((row for row in known if fold(row.ref) == fold(best.ref)), known[0] if known else None)
    ours, theirs = (other, best) if side == "bank" else (best, other)
    names = ", ".join(sorted({row.ref for row in surplus} - {best.ref, ""}))
    sentence = (
        f"This transaction stands {len(same)} times {_WHERE[side]}{names and f', also as {names}'}; it counts once."
    )
    desk.raise_break(_DUPLICATE[side], ours, theirs, sentence)
    if side == "bank":
        desk.take(lines=surplus)
    else:
        desk.take(book=surplus)


def _sides(desk: Desk, side: Side) -> tuple[dict[int, Row], dict[int, Row]]:
    return (desk.lines, desk.book) if side == "bank" else (desk.book, desk.lines)
