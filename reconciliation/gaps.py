"""How earlier breaks explain a gap between a credit and its lines.

A bank that sends a line twice pays it once; a line with another amount than ours may be paid with ours. Whether a kind
of break is counted one way or the other is one choice for the whole run: the choice under which most credits tally.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final, TypeVar

from reconciliation.model import Break, BreakKind, Kind
from reconciliation.rows import Row

G = TypeVar("G", bound=Hashable)
Gap = tuple[int, int]  # what is added to the gross sum, and to the net one

KINDS_MAX: Final = 10  # kinds whose counting is tried in all combinations

_SIGN: Final[Mapping[Kind, int]] = {Kind.PAYMENT: 1, Kind.REFUND: -1, Kind.REVERSAL: -1}
_EXTRA: Final = frozenset(
    {
        BreakKind.DUPLICATE_AT_BANK,
        BreakKind.MISSING_IN_BOOK,
        BreakKind.PAID_TWICE,
        BreakKind.REFUND_MISSING_IN_BOOK,
        BreakKind.REFUND_WITHOUT_ORIGINAL,
        BreakKind.REVERSAL_UNKNOWN,
        BreakKind.UNIDENTIFIED_CREDIT,
        BreakKind.UNIDENTIFIED_DEBIT,
        BreakKind.UNKNOWN_ACCOUNT,
    }
)
_OTHER_AMOUNT: Final = frozenset({BreakKind.AMOUNT_DIFFERS, BreakKind.REFUND_AMOUNT_DIFFERS})
_ABSENT: Final = frozenset({BreakKind.MISSING_AT_BANK, BreakKind.REFUND_MISSING_AT_BANK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one break adds to the sum of `row`'s group if its kind is counted the other way."""

    kind: BreakKind
    row: Row
    gap: Gap
    usual_day: bool = False  # the group is the day after the usual lag, not the row's own settlement day


def effects_of(breaks: Iterable[Break], book: Iterable[Row], lines: Iterable[Row]) -> Iterator[Effect]:
    """The effects of breaks whose rows are at hand."""
    ours, theirs = _named(book), _named(lines)
    for one in breaks:
        row, line = _find(ours, one), _find(theirs, one)
        if line is not None:
            yield from _of_line(one, line)
        elif row is not None and one.break_kind in _ABSENT:
            gross_vnd = _SIGN[row.kind] * row.amount_vnd
            yield Effect(kind=one.break_kind, row=row, gap=(gross_vnd, gross_vnd), usual_day=True)


def best_gaps(placed: Sequence[tuple[G, Effect]], tally: Callable[[Mapping[G, Gap]], int]) -> Mapping[G, Gap]:
    """The gaps of every group under the choice of kinds that lets most credits tally; the fewest kinds first."""
    kinds = sorted({effect.kind for _, effect in placed})[:KINDS_MAX]
    choices = chain.from_iterable(combinations(kinds, size) for size in range(len(kinds) + 1))
    tried = (_gaps(placed, frozenset(chosen)) for chosen in choices)
    return max(tried, key=tally, default={})


def _gaps(placed: Sequence[tuple[G, Effect]], kinds: frozenset[BreakKind]) -> dict[G, Gap]:
    found: dict[G, Gap] = defaultdict(lambda: (0, 0))
    for group, effect in placed:
        if effect.kind in kinds:
            gross_vnd, net_vnd = found[group]
            found[group] = (gross_vnd + effect.gap[0], net_vnd + effect.gap[1])
    return found


def _of_line(one: Break, line: Row) -> Iterator[Effect]:
    sign, fee_vnd = _SIGN[line.kind], line.fee_vnd or 0
    gross_vnd = sign * line.amount_vnd
    net_vnd = gross_vnd - fee_vnd
    kind, here, there = one.break_kind, one.book_amount_vnd, one.statement_amount_vnd
    if kind in _EXTRA and line.succeeded:
        yield Effect(kind=kind, row=line, gap=(-gross_vnd, -net_vnd))
    elif kind in _OTHER_AMOUNT and here is not None and there is not None:
        yield Effect(kind=kind, row=line, gap=(sign * (here - there), sign * (here - there)))
    elif kind is BreakKind.STATUS_DIFFERS:
        gap = (-gross_vnd, -net_vnd) if line.succeeded else (gross_vnd, net_vnd)
        yield Effect(kind=kind, row=line, gap=gap)
    elif kind is BreakKind.FEE_DIFFERS and here is not None and there is not None:
        yield Effect(kind=kind, row=line, gap=(0, there - here))
    elif kind is BreakKind.OUT_OF_PERIOD:
        yield Effect(kind=kind, row=line, gap=(-gross_vnd, -net_vnd))
        yield Effect(kind=kind, row=line, gap=(gross_vnd, net_vnd), usual_day=True)


def _named(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=lambda row: row.order, reverse=True):
        found["txn", row.bank_txn_id] = row
        found["ref", row.ref] = row
    return found


def _find(rows: Mapping[tuple[str, str], Row], one: Break) -> Row | None:
    found = rows.get(("txn", one.bank_txn_id)) if one.bank_txn_id else None
    return found or (rows.get(("ref", one.ref)) if one.ref else None)
