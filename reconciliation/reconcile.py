"""One run: two or three canonical files in, matches and typed breaks out. Nothing is written, no clock is read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from paygw.kernel.words import format_vnd
from reconciliation.charges import Tariff, charged_otherwise, fee_break
from reconciliation.credits import compare_credits
from reconciliation.desk import Match, Terms
from reconciliation.engine import fetch_column
from reconciliation.files import Loaded, load
from reconciliation.gaps import effects_of
from reconciliation.judge import judge
from reconciliation.model import (
    BOOK_COLUMNS,
    BOOK_OPTIONAL,
    STATEMENT_COLUMNS,
    STATEMENT_OPTIONAL,
    Break,
    BreakKind,
    Control,
    Role,
)
from reconciliation.period import (
    Period,
    Settled,
    foreign_lines,
    histogram,
    infer_period,
    out_of_period,
    usual_lag,
)
from reconciliation.portal import compare_portal
from reconciliation.relate import Left, clean_rows, take_clean
from reconciliation.rows import DAY_S, VIETNAM_S, Row, Side
from reconciliation.tariff import learn_tariffs, wrong_fees
from reconciliation.third import role_of

STEPS: Final = 8  # how often `tell` is called

_HOUR_S: Final = 3_600
_RANK: Final = {kind: rank for rank, kind in enumerate(BreakKind)}
_THIRD_ALONE: Final = {
    BreakKind.NOT_APPLIED_AT_PORTAL,
    BreakKind.NET_TOTAL_DIFFERS,
    BreakKind.UNIDENTIFIED_CREDIT,
    BreakKind.UNIDENTIFIED_DEBIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of a run. `as_of` is when it is judged; None for tariffs and period means: read them off the file."""

    as_of: datetime
    window_days: int = 2  # T+2: until then a line may still come
    portal_hours: int = 24  # within which a portal applies what was paid
    period: tuple[date, date] | None = None
    tariffs: tuple[Tariff, ...] | None = None
    accounts: frozenset[str] = frozenset()
    third_role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run found. `clean` holds the book's rows of the clean pairs, each with one equal line."""

    book: Loaded
    bank: Loaded
    third: Loaded | None
    role: Role | None
    breaks: tuple[Break, ...]
    matches: tuple[Match, ...]
    waiting: tuple[tuple[Side, Row], ...]
    clean: Table
    clean_pairs: int
    period: Period | None
    tariffs: tuple[Tariff, ...]
    notes: tuple[str, ...]


def reconcile(
    con: Backend,
    *,
    book: Path,
    statement: Path,
    third: Path | None = None,
    options: Options,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Match and judge. `tell` hears the name of each step as it begins. Raises BadFile, TooMuchLeft, OSError."""
    tell("reading the book")
    ours = load(con, book, "book", required=BOOK_COLUMNS, optional=BOOK_OPTIONAL)
    tell("reading the statement")
    bank = load(con, statement, "bank", required=STATEMENT_COLUMNS, optional=STATEMENT_OPTIONAL)
    tell("reading the third file")
    other = (
        None if third is None else load(con, third, "third", required=STATEMENT_COLUMNS, optional=STATEMENT_OPTIONAL)
    )
    tell("matching")
    left = take_clean(con, ours, bank)
    tell("settlement days and fees")
    seen = histogram(bank)
    period = _given(options) or infer_period(seen)
    foreign = foreign_lines(bank, seen, period)
    tariffs = learn_tariffs(bank) if options.tariffs is None else options.tariffs
    fees = wrong_fees(bank, tariffs)
    tell("naming the breaks")
    desk = judge(left.book, left.lines, _terms(ours, bank, left, options, foreign))
    breaks = list(desk.breaks)
    if period is not None:
        breaks += [out_of_period(line, period) for line in foreign]
    otherwise = charged_otherwise(desk)
    breaks += [fee_break(line, due_vnd) for line, due_vnd in fees if line.id not in otherwise]
    breaks += [one for loaded in (ours, bank, other) if loaded for one in _control_breaks(loaded)]
    tell("the third file")
    role, matches = None, list(desk.matches)
    if other is not None:
        role = options.third_role or role_of(con, ours, bank, other)
        rows = _AtHand(book=left.book, lines=(*left.lines, *foreign, *(line for line, _ in fees)), seen=seen)
        more, tied = _compare(con, ours, bank, other, role, options, rows, breaks) if role else ([], [])
        breaks += _fresh(more, breaks)
        matches += tied
    return Outcome(
        book=ours,
        bank=bank,
        third=other,
        role=role,
        breaks=tuple(sorted(breaks, key=_order)),
        matches=tuple(matches),
        waiting=tuple(desk.waiting),
        clean=clean_rows(con, ours, left),
        clean_pairs=left.clean_pairs,
        period=period,
        tariffs=tariffs,
        notes=tuple(
            note for one in (ours, bank, other) if one for note in _notes(one, untold=one is other and not role)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtHand:
    """Rows that breaks are about, and the settlement days of all lines."""

    book: Sequence[Row]
    lines: Sequence[Row]
    seen: Sequence[Settled]


def _compare(
    con: Backend,
    book: Loaded,
    bank: Loaded,
    third: Loaded,
    role: Role,
    options: Options,
    rows: _AtHand,
    breaks: Sequence[Break],
) -> tuple[list[Break], list[Match]]:
    """Breaks and matches of the third file, by what it is."""
    as_of_s = _as_of_s(options, book, bank)
    if role is Role.PORTAL:
        return list(compare_portal(book, third, older_than_s=as_of_s - options.portal_hours * _HOUR_S)), []
    if role is Role.LINES:
        left = take_clean(con, book, third)
        desk = judge(left.book, left.lines, _terms(book, third, left, options, ()))
        return [replace(one, detail=f"Third file: {one.detail}") for one in desk.breaks], []
    effects = list(effects_of(breaks, rows.book, rows.lines))
    tied = compare_credits(bank, third, effects, lag_days=usual_lag(rows.seen))
    return tied.breaks, tied.matches


def _fresh(more: Sequence[Break], known: Sequence[Break]) -> list[Break]:
    """Breaks the first two files have not told already; a reference with a break needs no second from the portal."""
    told = {(one.break_kind, one.ref) for one in known}
    lines = {(one.break_kind, one.ref, one.bank_txn_id) for one in known}
    refs = {one.ref for one in known if one.ref}
    return [
        one
        for one in more
        if (one.break_kind, one.ref, one.bank_txn_id) not in lines
        and (one.break_kind in _THIRD_ALONE or ((one.break_kind, one.ref) not in told and one.ref not in refs))
    ]


def _terms(book: Loaded, bank: Loaded, left: Left, options: Options, foreign: Sequence[Row]) -> Terms:
    return Terms(
        as_of_s=_as_of_s(options, book, bank),
        window_s=options.window_days * DAY_S,
        book_begins_s=None if book.first_s is None else _midnight_s(book.first_s),
        bank_ends_s=None if bank.last_s is None else _midnight_s(bank.last_s) + DAY_S,
        accounts=options.accounts or _accounts(book, bank),
        orphans=left.orphans,
        foreign_days=frozenset(row.id for row in foreign),
    )


def _as_of_s(options: Options, *files: Loaded) -> int:
    """When the run is judged; files from later than that are judged as old."""
    last_s = max(one.last_s or 0 for one in files)
    as_of_s = int(options.as_of.timestamp())
    return as_of_s if last_s <= as_of_s else last_s + (options.window_days + 2) * DAY_S


def _midnight_s(at_s: int) -> int:
    """The midnight in Vietnam that begins a moment's day."""
    return at_s - (at_s + VIETNAM_S) % DAY_S


def _accounts(book: Loaded, bank: Loaded) -> frozenset[str]:
    """Our accounts, where both files name them."""
    if not (book.has("account") and bank.has("account")):
        return frozenset()
    return frozenset(fetch_column(book.table.filter(book.table.account != "").select("account").distinct()))


def _given(options: Options) -> Period | None:
    if options.period is None:
        return None
    first, last = options.period
    return Period(first=first, last=last, dense=True, lag_max_days=0, given=True)


def _control_breaks(loaded: Loaded) -> Iterator[Break]:
    """Where a file's header or trailer says another count or sum than its lines have."""
    said = loaded.header.control or Control()
    name = loaded.header.path.name
    if said.lines not in {None, loaded.rows}:
        yield _control_break(f"{name} says {said.lines} lines and has {loaded.rows}.", said.total_vnd, loaded.total_vnd)
    elif said.total_vnd not in {None, loaded.total_vnd}:
        sums = f"{name} says a sum of {format_vnd(said.total_vnd or 0)}, its lines have {format_vnd(loaded.total_vnd)}."
        yield _control_break(sums, said.total_vnd, loaded.total_vnd)


def _control_break(sentence: str, said_vnd: int | None, found_vnd: int) -> Break:
    return Break(
        break_kind=BreakKind.CONTROL_TOTAL_DIFFERS,
        ref="",
        bank_txn_id="",
        book_amount_vnd=said_vnd,
        statement_amount_vnd=found_vnd,
        detail=sentence,
    )


def _notes(loaded: Loaded, *, untold: bool) -> Iterator[str]:
    name = loaded.header.path.name
    if untold:
        yield f"{name}: no rows, so nothing tells what it is; say it with --third-is"
    if loaded.header.ignored:
        yield f"{name}: not read: {', '.join(loaded.header.ignored)}"
    if loaded.below_zero:
        yield f"{name}: amounts below zero: {loaded.below_zero}; kind says the direction"


def _order(one: Break) -> tuple[int, str, str, int, int, str]:
    amounts = (one.book_amount_vnd or 0, one.statement_amount_vnd or 0)
    return _RANK[one.break_kind], one.ref, one.bank_txn_id, *amounts, one.detail
