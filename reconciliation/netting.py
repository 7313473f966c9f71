"""What lines come to and the credits that pay them: gross or net of fees, one alone or all of a day together."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Final, TypeVar

from reconciliation.gaps import Gap
from reconciliation.model import Kind
from reconciliation.rows import Row

C = TypeVar("C")

LATE_DAYS: Final = 3  # how much later than it says a provider may pay, weekend included
SIGN: Final[Mapping[Kind, int]] = {Kind.PAYMENT: 1, Kind.REFUND: -1, Kind.REVERSAL: -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What the lines of one group come to."""

    gross_vnd: int = 0
    fee_vnd: int = 0
    lines: int = 0

    def holds(self, paid_vnd: int, gap: Gap = (0, 0)) -> bool:
        """Whether a credit is their sum, gross or net, but for an explained gap."""
        return paid_vnd - gap[0] == self.gross_vnd or paid_vnd - gap[1] == self.gross_vnd - self.fee_vnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A line of a statement that is no single payment of ours; below zero where money left. `name` is its own."""

    day: date
    name: str
    amount_vnd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """The lines of one batch that no credit paid yet; they settle between two days."""

    batch: str
    begins: date  # the business day of its file
    first: date
    last: date
    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Batches and the credits that pay them, or that should and differ; no credit: none came."""

    lots: tuple[Lot, ...]
    credits: tuple[Paid, ...]
    fits: bool

    @property
    def due(self) -> Due:
        """What the batches come to together."""
        return _sum(self.lots)

    @property
    def paid_vnd(self) -> int:
        """What the credits come to."""
        return sum(one.amount_vnd for one in self.credits)


def signed(row: Row) -> int:
    """The amount as money that came in."""
    return SIGN[row.kind] * row.amount_vnd


def paying(due: Due, amounts: Sequence[tuple[C, int]], gap: Gap = (0, 0)) -> tuple[C, ...]:
    """The credits that pay a group: one alone, else all together; none where neither is its sum."""
    alone = next((one for one, amount_vnd in amounts if due.lines and due.holds(amount_vnd, gap)), None)
    if alone is not None:
        return (alone,)
    together = bool(amounts) and due.holds(sum(amount_vnd for _, amount_vnd in amounts), gap)
    return tuple(one for one, _ in amounts) if together else ()


def tie(lots: Sequence[Lot], paid: Sequence[Paid], today: date, read: Collection[date]) -> list[Tie]:
    """Tie batches to the credits of statements up to today: those of one settlement day together, else each alone.

    What is left and should have been paid differs: with the credits of its days, or with none if their statements and
    a later one are `read`.
    A credit of today that pays nothing is held against the oldest batch that waits: it may be its money. One of less
    than half of a batch is so only on the batch's own days, where none of more than half came.
    """
    open_lots, free, found = list(lots), list(paid), list[Tie]()
    for pays, group in product((_on_time, _late), list(_groups(lots))):
        payers = pays(group, free) if set(group) <= set(open_lots) else ()
        if payers:
            found.append(Tie(lots=group, credits=payers, fits=True))
            open_lots = [one for one in open_lots if one not in group]
            free = [one for one in free if one not in payers]
    for lot in open_lots:
        of_days = tuple(one for one in free if lot.first <= one.day <= lot.last and one.amount_vnd > 0)
        stray = tuple(one for one in free if one.day == today and one.amount_vnd > 0)
        held = _large(lot, of_days) or of_days or _large(lot, stray)
        if held or (lot.last < today and lot.last in read):
            found.append(Tie(lots=(lot,), credits=held, fits=False))
            free = [one for one in free if one not in held]
    return found


def _large(lot: Lot, credits_: Iterable[Paid]) -> tuple[Paid, ...]:
    return tuple(one for one in credits_ if 2 * one.amount_vnd >= lot.due.gross_vnd - lot.due.fee_vnd)


def _groups(lots: Sequence[Lot]) -> Iterator[tuple[Lot, ...]]:
    days = sorted({lot.last for lot in lots})
    for day in days:
        yield tuple(lot for lot in lots if lot.last == day)
    for lot in sorted(lots, key=lambda one: (one.last, one.batch)):
        yield (lot,)


def _on_time(group: Collection[Lot], free: Sequence[Paid]) -> tuple[Paid, ...]:
    """The credits of a group's own days: one alone, else all of them. These come first: sums of days may be equal."""
    first, last = min(lot.first for lot in group), max(lot.last for lot in group)
    return paying(_sum(group), [(one, one.amount_vnd) for one in free if first <= one.day <= last])


def _late(group: Collection[Lot], free: Sequence[Paid]) -> tuple[Paid, ...]:
    """One credit that is the whole sum, before a group's days or a little later."""
    begins, due = min(lot.begins for lot in group), _sum(group)
    ends = max(lot.last for lot in group) + timedelta(days=LATE_DAYS)
    near = [(one, one.amount_vnd) for one in free if begins <= one.day <= ends and due.holds(one.amount_vnd)]
    return paying(due, near[:1])


def _sum(lots: Collection[Lot]) -> Due:
    return Due(
        gross_vnd=sum(lot.due.gross_vnd for lot in lots),
        fee_vnd=sum(lot.due.fee_vnd for lot in lots),
        lines=sum(lot.due.lines for lot in lots),
    )
