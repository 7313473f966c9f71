"""The desk on which what is left of both files is sorted: open rows, breaks, matches, what may still come."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciliation.folding import fold
from reconciliation.model import Break, BreakKind, Kind, Status
from reconciliation.passes import Pass, State
from reconciliation.rows import Row, Side

Key = Callable[[Row], Hashable | None]  # None: the row takes no part


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Rows of the book and lines of the bank that are the same money."""

    how: Pass
    state: State
    book: tuple[Row, ...]
    lines: tuple[Row, ...]

    @property
    def first(self) -> Row:
        """The row that names it."""
        return (self.book or self.lines)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversing:
    """A row that takes a payment back; `sure` if its reference was paid twice and its transaction says which it is."""

    row: Row
    sure: bool

    @property
    def names(self) -> Iterator[str]:
        """What the payment is named by."""
        return iter((f"txn:{self.row.bank_txn_id}",)) if self.sure else names_of(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What matching must know beyond the rows; every time in seconds since 1970, UTC."""

    as_of_s: int
    window_s: int
    book_begins_s: int | None = None  # the first midnight of the book, and the one that ends the bank's last day
    bank_ends_s: int | None = None
    accounts: frozenset[str] = frozenset()
    orphans: frozenset[tuple[Side, int]] = frozenset()  # refunds whose payment neither file knows
    foreign_days: frozenset[int] = frozenset()  # ids of lines settled outside the file's period
    own_ids: bool = False  # the book has the bank's transaction ids: two different ones are never the same money


@dataclass(slots=True)
class Desk:
    """Open rows by id, in the total order of `Row.order`; taking a row closes it."""

    terms: Terms
    book: dict[int, Row]
    lines: dict[int, Row]
    breaks: list[Break] = field(default_factory=list)
    causes: list[tuple[int, ...]] = field(default_factory=list)  # the ids of the lines behind each break
    matches: list[Match] = field(default_factory=list)
    waiting: list[tuple[Side, Row]] = field(default_factory=list)
    # Before anything was taken: the rows that say that a payment was taken back, and the names of such payments.
    reversing: dict[Side, tuple[Reversing, ...]] = field(default_factory=dict)
    reversed_refs: dict[Side, set[str]] = field(default_factory=dict)
    extra: dict[str, list[Row]] = field(default_factory=dict)  # succeeded payment lines by folded reference
    elsewhere: set[int] = field(default_factory=set)  # lines that are money of another reference than they bear

    def take(self, book: Iterable[Row] = (), lines: Iterable[Row] = ()) -> None:
        """Close rows."""
        for row in book:
            del self.book[row.id]
        for row in lines:
            del self.lines[row.id]

    def match(self, how: Pass, book: Sequence[Row], lines: Sequence[Row]) -> None:
        """Confirm and close."""
        self.take(book, lines)
        self.matches.append(Match(how=how, state="confirmed", book=tuple(book), lines=tuple(lines)))

    def suggest(self, how: Pass, book: Sequence[Row], lines: Sequence[Row]) -> None:
        """Note what a person might confirm; the rows stay open."""
        self.matches.append(Match(how=how, state="suggested", book=tuple(book), lines=tuple(lines)))

    def apart(self, ours: Row, theirs: Row) -> bool:
        """Whether these are two transactions, where the ids of both sides are the bank's."""
        known = self.terms.own_ids and bool(ours.bank_txn_id and theirs.bank_txn_id)
        return known and theirs.bank_txn_id not in {ours.bank_txn_id, *ours.aliases}

    def raise_break(self, kind: BreakKind, book: Row | None, line: Row | None, detail: str) -> None:
        """Add a break named after our row, or the bank's where we have none."""
        named = book or line
        other = line or book
        if named is None or other is None:
            raise ValueError("a break needs a row of at least one side")
        self.causes.append(() if line is None else (line.id,))
        self.breaks.append(
            Break(
                break_kind=kind,
                ref=named.ref or other.ref,
                bank_txn_id=other.bank_txn_id or named.bank_txn_id,
                book_amount_vnd=book.amount_vnd if book else None,
                statement_amount_vnd=line.amount_vnd if line else None,
                detail=detail,
            )
        )


def open_desk(terms: Terms, book: Iterable[Row], lines: Iterable[Row]) -> Desk:
    """Lay the rows out in an order of their own."""
    ours = {row.id: row for row in sorted(book, key=lambda row: row.order)}
    theirs = {row.id: row for row in sorted(lines, key=lambda row: row.order)}
    desk = Desk(terms=terms, book=ours, lines=theirs)
    sides: Mapping[Side, dict[int, Row]] = {"book": ours, "bank": theirs}
    for side, rows in sides.items():
        desk.reversing[side] = tuple(_reversing(rows.values()))
        desk.reversed_refs[side] = {name for one in desk.reversing[side] for name in one.names}
    return desk


def _reversing(rows: Collection[Row]) -> Iterator[Reversing]:
    txns: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind is Kind.PAYMENT and row.bank_txn_id:
            txns[fold(row.ref)].add(row.bank_txn_id)
    for row in rows:
        if is_reversing(row):
            paid = txns[fold(row.ref)]
            yield Reversing(row=row, sure=len(paid) > 1 and row.bank_txn_id in paid)


def is_reversing(row: Row) -> bool:
    """Whether a row says that a payment was taken back: a reversal, or the payment itself."""
    return (row.kind is Kind.REVERSAL and row.succeeded) or row.status is Status.REVERSED


def names_of(row: Row) -> Iterator[str]:
    """What a reversal or refund may point to its payment by."""
    if row.ref:
        yield f"ref:{fold(row.ref)}"
    if row.bank_txn_id:
        yield f"txn:{row.bank_txn_id}"


def groups(rows: Iterable[Row], key: Key) -> dict[Hashable, list[Row]]:
    """Rows by key, in their order."""
    found: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        value = key(row)
        if value is not None:
            found[value].append(row)
    return found


def by_transaction(row: Row) -> Hashable | None:
    """Kind and bank transaction."""
    return (row.kind, row.bank_txn_id) if row.bank_txn_id else None


def by_reference(row: Row) -> Hashable | None:
    """Kind and folded reference."""
    folded = fold(row.ref)
    return (row.kind, folded) if folded else None
