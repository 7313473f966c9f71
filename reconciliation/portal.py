"""What portals say they applied, against what was paid here."""

from collections.abc import Iterator

from ibis.expr.types import BooleanValue, Table

from paygw.kernel.words import format_vnd
from reconciliation.engine import fetch_rows
from reconciliation.files import Loaded
from reconciliation.folding import fold
from reconciliation.model import Break, BreakKind, Kind, Status
from reconciliation.relate import rows_where
from reconciliation.rows import Row


def compare_portal(book: Loaded, third: Loaded, *, older_than_s: int) -> Iterator[Break]:
    """Paid and not applied, applied with another amount, applied and not paid; one break per reference.

    `older_than_s`: payments after this second still have time. A reference the portal writes otherwise is the same once
    folded.
    """
    paid, applied = _payments(book.table), _payments(third.table)
    ours = book.table
    is_paid = (ours.kind == Kind.PAYMENT.value) & (ours.status == Status.SUCCEEDED.value) & (ours.ref != "")
    silent = _first_per_ref(rows_where(book, is_paid & ours.ref.notin(applied.ref)))
    unpaid = _unpaid(book, third)
    otherwise = ({fold(row.ref) for row in silent} & {fold(row.ref) for row in unpaid}) - {""}
    for row in silent:
        if row.at_s <= older_than_s and fold(row.ref) not in otherwise:
            yield _break(BreakKind.NOT_APPLIED_AT_PORTAL, row, None, "Paid here; the portal has not applied it.")
    sums = _per_ref(paid).join(_per_ref(applied), "ref", lname="ours_{name}", rname="theirs_{name}")
    other = sums.filter((sums.ours_most != sums.theirs_most) & (sums.ours_sum != sums.theirs_sum))
    differing = fetch_rows(other.order_by("ref"))
    txns = _txns(book, is_paid, [cells["ref"] for cells in differing])
    for cells in differing:
        ours_vnd, theirs_vnd = cells["ours_most"], cells["theirs_most"]
        yield Break(
            break_kind=BreakKind.AMOUNT_DIFFERS,
            ref=cells["ref"],
            bank_txn_id=txns[cells["ref"]],
            book_amount_vnd=ours_vnd,
            statement_amount_vnd=theirs_vnd,
            detail=f"The portal applied {format_vnd(theirs_vnd)}, paid were {format_vnd(ours_vnd)}.",
        )
    yield from _not_paid(book, [row for row in unpaid if fold(row.ref) not in otherwise])


def _txns(book: Loaded, is_paid: BooleanValue, refs: list[str]) -> dict[str, str]:
    """The first bank transaction of each reference."""
    paid = rows_where(book, is_paid & book.table.ref.isin(refs)) if refs else []
    return {row.ref: row.bank_txn_id for row in _first_per_ref(paid)}


def _unpaid(book: Loaded, third: Loaded) -> list[Row]:
    theirs = third.table
    is_applied = (theirs.kind == Kind.PAYMENT.value) & (theirs.status == Status.SUCCEEDED.value) & (theirs.ref != "")
    return _first_per_ref(rows_where(third, is_applied & theirs.ref.notin(_payments(book.table).ref)))


def _not_paid(book: Loaded, unpaid: list[Row]) -> Iterator[Break]:
    ours = book.table
    known = {row.ref: row for row in rows_where(book, ours.ref.isin([row.ref for row in unpaid]))} if unpaid else {}
    for row in unpaid:
        here = known.get(row.ref)
        if here is None:
            yield _break(BreakKind.MISSING_IN_BOOK, None, row, "The portal has applied it; nothing was paid here.")
        elif here.status is not Status.REVERSED:
            yield _break(
                BreakKind.STATUS_DIFFERS, here, row, f"The portal has applied it; here it is {here.status.value}."
            )


def _payments(table: Table) -> Table:
    return table.filter(
        (table.kind == Kind.PAYMENT.value) & (table.status == Status.SUCCEEDED.value) & (table.ref != "")
    )


def _per_ref(table: Table) -> Table:
    return table.group_by("ref").aggregate(most=table.amount_vnd.max(), sum=table.amount_vnd.sum().cast("int64"))


def _first_per_ref(rows: list[Row]) -> list[Row]:
    return list({row.ref: row for row in sorted(rows, key=lambda row: row.order, reverse=True)}.values())[::-1]


def _break(kind: BreakKind, ours: Row | None, theirs: Row | None, detail: str) -> Break:
    named = ours or theirs
    assert named is not None  # noqa: S101 - one of both is always given
    return Break(
        break_kind=kind,
        ref=named.ref,
        bank_txn_id=named.bank_txn_id,
        book_amount_vnd=ours.amount_vnd if ours else None,
        statement_amount_vnd=theirs.amount_vnd if theirs else None,
        detail=detail,
    )
