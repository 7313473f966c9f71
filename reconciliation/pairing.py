"""Pairing by what rows bear: transaction, alias, reference; one to one, one to many, many to one."""

from collections.abc import Callable, Sequence
from typing import Final

from paygw.kernel.words import format_vnd
from reconciliation.desk import Desk, Key, by_reference, by_transaction, groups
from reconciliation.folding import fold, same_reference
from reconciliation.model import BreakKind, Kind
from reconciliation.pairs import pair
from reconciliation.passes import ALIAS, BATCH, REFERENCE, REFERENCE_AND_TRANSACTION, SPLIT, TRANSACTION, Pass
from reconciliation.rows import Row

Likeness = Callable[[Row, Row], bool]

_SIGN: Final = {Kind.PAYMENT: 1, Kind.REFUND: -1, Kind.REVERSAL: -1}

# Among rows of one transaction or reference the most alike are paired first, then those of which one moved money.
_LIKENESS: Final[tuple[Likeness, ...]] = (
    lambda ours, theirs: _same_ids(ours, theirs) and _same_money(ours, theirs),
    lambda ours, theirs: bool(theirs.ref) and same_reference(ours.ref, theirs.ref) and _same_money(ours, theirs),
    lambda ours, theirs: ours.amount_vnd == theirs.amount_vnd and ours.status is theirs.status,
    lambda ours, theirs: ours.amount_vnd == theirs.amount_vnd and (ours.succeeded or theirs.succeeded),
    lambda ours, theirs: ours.amount_vnd == theirs.amount_vnd,
    lambda ours, theirs: ours.succeeded or theirs.succeeded,
)


def pair_batches(desk: Desk) -> None:
    """One credit under the transaction id of several rows of the book: their sum, refunds netted, less its fee."""
    lines = groups((row for row in desk.lines.values() if row.succeeded), lambda row: row.bank_txn_id or None)
    for txn, ours in groups((row for row in desk.book.values() if row.succeeded), _txn).items():
        paid = [line for line in lines.get(txn, []) if line.kind is Kind.PAYMENT]
        payments = [row for row in ours if row.kind is Kind.PAYMENT]
        if len(paid) != 1 or len({fold(row.ref) for row in payments}) < 2:  # noqa: PLR2004 - a batch has two
            continue
        told = {line.kind for line in lines[txn]} - {Kind.PAYMENT}
        members = [row for row in ours if row.kind not in told]
        _settle_batch(desk, members, paid[0])


def _settle_batch(desk: Desk, members: Sequence[Row], credit: Row) -> None:
    net_vnd = sum(_SIGN[row.kind] * row.amount_vnd for row in members)
    fee_vnd = credit.fee_vnd or 0
    if credit.amount_vnd in {net_vnd, net_vnd - fee_vnd}:
        desk.match(BATCH, members, [credit])
        return
    desk.suggest(BATCH, members, [credit])
    desk.take(members, [credit])
    first = members[0]
    desk.raise_break(
        BreakKind.NET_TOTAL_DIFFERS,
        _with_amount(first, net_vnd),
        credit,
        f"{len(members)} rows come to {format_vnd(net_vnd)}, fee {format_vnd(fee_vnd)}; "
        f"the credit is {format_vnd(credit.amount_vnd)}.",
    )


def _with_amount(row: Row, amount_vnd: int) -> Row:
    return Row(
        id=row.id,
        ref="",
        bank_txn_id=row.bank_txn_id,
        kind=row.kind,
        amount_vnd=amount_vnd,
        status=row.status,
        at_s=row.at_s,
    )


def pair_transactions(desk: Desk) -> None:
    """Rows of one kind under one bank transaction."""
    _pair_groups(desk, by_transaction, TRANSACTION)


def pair_aliases(desk: Desk) -> None:
    """Lines under another id the bank or an aggregator gave a transaction we booked."""
    ours = {
        (row.kind, alias): row for row in sorted(desk.book.values(), key=lambda row: row.order) for alias in row.aliases
    }
    for line in list(desk.lines.values()):
        row = ours.get((line.kind, line.bank_txn_id))
        if row is not None and row.id in desk.book:
            pair(desk, row, line, ALIAS)


def pair_references(desk: Desk) -> None:
    """Rows of one kind under one reference, once folded."""
    _pair_groups(desk, by_reference, REFERENCE)


def _pair_groups(desk: Desk, key: Key, how: Pass) -> None:
    lines = groups(desk.lines.values(), key)
    for value, ours in groups(desk.book.values(), key).items():
        if value in lines:
            _pair_group(desk, ours, lines[value], how)


def _pair_group(desk: Desk, ours: list[Row], theirs: list[Row], how: Pass) -> None:
    for alike in _LIKENESS[:3]:
        _pair_alike(desk, ours, theirs, alike, how)
    if _pair_sums(desk, ours, theirs):
        return
    for alike in (*_LIKENESS[3:], _any):
        _pair_alike(desk, ours, theirs, alike, how)


def _pair_alike(desk: Desk, ours: list[Row], theirs: list[Row], alike: Likeness, how: Pass) -> None:
    for row in [row for row in ours if row.id in desk.book]:
        there = (line for line in theirs if line.id in desk.lines and not desk.apart(row, line))
        found = next((line for line in there if alike(row, line)), None)
        if found is not None:
            exact = _same_ids(row, found) and row.ref != ""
            pair(desk, row, found, REFERENCE_AND_TRANSACTION if exact else how)


def _pair_sums(desk: Desk, ours: list[Row], theirs: list[Row]) -> bool:
    """One row against several that add up to it, whatever their ids; none that a file of another day told."""
    rows = [row for row in ours if row.id in desk.book and row.succeeded and not row.told]
    lines = [line for line in theirs if line.id in desk.lines and line.succeeded]
    if len(rows) == 1 and len(lines) > 1 and sum(line.amount_vnd for line in lines) == rows[0].amount_vnd:
        desk.match(SPLIT, rows, lines)
        return True
    total_vnd = sum(row.amount_vnd for row in rows)
    if len(lines) == 1 and len(rows) > 1 and lines[0].amount_vnd in {total_vnd, total_vnd - (lines[0].fee_vnd or 0)}:
        desk.match(BATCH, rows, lines)
        return True
    return False


def _txn(row: Row) -> str | None:
    return row.bank_txn_id or None


def _same_ids(ours: Row, theirs: Row) -> bool:
    return ours.ref == theirs.ref and ours.bank_txn_id == theirs.bank_txn_id


def _same_money(ours: Row, theirs: Row) -> bool:
    return ours.amount_vnd == theirs.amount_vnd and ours.status is theirs.status


def _any(ours: Row, theirs: Row) -> bool:
    del ours, theirs
    return True
