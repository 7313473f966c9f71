"""Two rows that speak of the same money: what they agree on, and the break where they do not."""

from collections.abc import Sequence
from typing import Final

from paygw.kernel.words import format_vnd
from reconciliation.desk import Desk, names_of
from reconciliation.folding import same_reference
from reconciliation.model import BreakKind, Kind, Status
from reconciliation.passes import DIFFERS, Pass
from reconciliation.rows import Row, Side

AMOUNT_DIFFERS: Final = {
    Kind.PAYMENT: BreakKind.AMOUNT_DIFFERS,
    Kind.REVERSAL: BreakKind.AMOUNT_DIFFERS,
    Kind.REFUND: BreakKind.REFUND_AMOUNT_DIFFERS,
}


def pair(desk: Desk, ours: Row, theirs: Row, how: Pass) -> None:
    """Close two rows: a match where they agree, else one break; a match with a break is only suggested."""
    kind, detail = difference(desk, ours, theirs)
    if kind is None:
        desk.match(how, [ours], [theirs])
        return
    desk.suggest(DIFFERS, [ours], [theirs])
    desk.take([ours], [theirs])
    if not same_reference(ours.ref, theirs.ref):
        desk.elsewhere.add(theirs.id)
    if not is_orphan(desk, [ours], [theirs]):
        desk.raise_break(kind, ours, theirs, detail)


def difference(desk: Desk, ours: Row, theirs: Row) -> tuple[BreakKind | None, str]:
    """The one break between two rows, the most telling first, with its sentence."""
    here, there = _status(desk, "book", ours), _status(desk, "bank", theirs)
    if here is not there:
        return _status_break(here, there)
    if not same_reference(ours.ref, theirs.ref) and ours.succeeded:
        more = "" if ours.amount_vnd == theirs.amount_vnd else f" Amounts differ too, by {_gap(ours, theirs)}."
        return BreakKind.REFERENCE_DIFFERS, f"The bank has this transaction under reference {theirs.ref}.{more}"
    if ours.amount_vnd != theirs.amount_vnd and here in {Status.SUCCEEDED, Status.REVERSED}:
        return AMOUNT_DIFFERS[ours.kind], f"Booked {_vnd(ours)}, the bank has {_vnd(theirs)}: {_gap(ours, theirs)}."
    return None, ""


def _status_break(here: Status, there: Status) -> tuple[BreakKind | None, str]:
    said = f"Here {here.value}, at the bank {there.value}."
    if Status.SUCCEEDED in {here, there}:
        return BreakKind.STATUS_DIFFERS, said
    if there is Status.REVERSED:
        return BreakKind.REVERSAL_UNKNOWN, said
    return None, ""


def _status(desk: Desk, side: Side, row: Row) -> Status:
    """A payment with a reversal of its own on the same side is reversed, however the file says it."""
    if row.kind is Kind.PAYMENT and row.succeeded and _taken_back(desk, side, row):
        other: Side = "bank" if side == "book" else "book"
        if _taken_back(desk, other, row):
            return Status.REVERSED
    return row.status


def _taken_back(desk: Desk, side: Side, row: Row) -> bool:
    return any(name in desk.reversed_refs[side] for name in names_of(row))


def is_orphan(desk: Desk, book: Sequence[Row], lines: Sequence[Row]) -> bool:
    """Whether these are refunds whose payment nobody knows: a break of its own."""
    ours, theirs = (("book", row.id) for row in book), (("bank", line.id) for line in lines)
    return all(one in desk.terms.orphans for one in (*ours, *theirs))


def _gap(ours: Row, theirs: Row) -> str:
    more = theirs.amount_vnd - ours.amount_vnd
    return f"{format_vnd(abs(more))} {'more' if more > 0 else 'less'} at the bank"


def _vnd(row: Row) -> str:
    return format_vnd(row.amount_vnd)
