"""A table of a bank to one statement: header by aliases, lines by columns, totals and balances checked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Final

from reconciliation.statements.errors import BadFile
from reconciliation.statements.lines import Reader
from reconciliation.statements.profile import Column, Fact, Profile, Words
from reconciliation.statements.rows import Row, delimited, head
from reconciliation.statements.staged import ROWS_MAX, VIETNAM, Direction, StagedLine, Statement
from reconciliation.statements.text import fold
from reconciliation.statements.totals import check_balances, check_totals
from reconciliation.statements.values import Cell, account_number, read_amount, read_moment

_DAY_FORMS: Final = ("iso", "yyyy-MM-dd", "dd/MM/yyyy", "dd-MM-yyyy", "yyyyMMdd", "dd/MM/yyyy HH:mm:ss")
_Header = dict[Column, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What whoever brought the file says of it; what the file itself says must agree."""

    account: str = ""
    day: date | None = None
    sequence: int = 0


@dataclass(slots=True)
class _Table:
    """What is known of a table while it is read."""

    profile: Profile
    marks: Words
    skip: Words
    labels: Mapping[str, Fact]
    header: _Header = field(default_factory=dict)
    width: int = 0
    facts: dict[Fact, tuple[Cell, int]] = field(default_factory=dict)
    lines: list[StagedLine] = field(default_factory=list)
    ended: bool = False


def read_delimited(text: str, profile: Profile, given: Given) -> Statement:
    """A statement from text. Raises BadFile."""
    best = max(profile.delimiters, key=lambda one: _columns_found(text, one, profile))
    return read_table(delimited(text, best), profile, given, whole_rows=True)


def read_table(rows: Iterable[Row], profile: Profile, given: Given, *, whole_rows: bool = False) -> Statement:
    """A statement from rows; `whole_rows`: a short row is one that was cut. Raises BadFile."""
    table = _Table(
        profile,
        marks=tuple(map(fold, profile.trailer.marks)) if profile.trailer is not None else (),
        skip=tuple(map(fold, profile.skip)),
        labels={fold(label): fact for fact, labels in profile.labels.items() for label in labels},
    )
    source = iter(rows)
    _find_header(table, source)
    reader = Reader(profile, table.header)
    for row in source:
        if row:
            _take(table, reader, row, whole_rows=whole_rows)
    if profile.trailer is not None and profile.trailer.required and not table.ended:
        raise BadFile("trailer_missing", marks=", ".join(profile.trailer.marks))
    return _statement(table, given)


def _columns_found(text: str, delimiter: str, profile: Profile) -> int:
    rows = head(text, delimiter, profile.header_rows_max)
    return max((len(_map(row, profile, strict=False)) for row in rows), default=0)


def _find_header(table: _Table, rows: Iterator[Row]) -> None:
    best: _Header = {}
    profile, wanted = table.profile, _wanted(table.profile)
    for seen, row in enumerate(rows, 1):
        found = _map(row, profile, strict=False)
        if wanted <= found.keys():
            table.header, table.width = _map(row, profile, strict=True), len(row.cells)
            return
        best = max(best, found, key=len)
        _read_labels(table, row)
        if seen >= profile.header_rows_max:
            break
    missing = ", ".join(profile.columns[name][0] for name in profile.columns if name in wanted and name not in best)
    raise BadFile("header_missing", columns=missing)


def _wanted(profile: Profile) -> set[Column]:
    amounts: set[Column] = {"amount_vnd"} if "amount_vnd" in profile.columns else {"debit_vnd", "credit_vnd"}
    when: set[Column] = {"booked_at"} if "booked_at" in profile.columns else {"value_date"}
    return amounts | when | set(profile.required)


def _map(row: Row, profile: Profile, *, strict: bool) -> _Header:
    aliases = _aliases(profile)
    found: _Header = {}
    for place, cell in enumerate(row.cells):
        column = aliases.get(fold(cell)) if isinstance(cell, str) and cell else None
        if column is None:
            continue
        if column in found and strict:
            raise BadFile("header_repeated", row.line, column=str(cell))
        found.setdefault(column, place)
    return found


def _aliases(profile: Profile) -> dict[str, Column]:
    return _folded(tuple((name, alias) for name, aliases in profile.columns.items() for alias in aliases))


@lru_cache(maxsize=64)
def _folded(pairs: tuple[tuple[Column, str], ...]) -> dict[str, Column]:
    return {fold(alias): name for name, alias in pairs}


def _take(table: _Table, reader: Reader, row: Row, *, whole_rows: bool) -> None:
    profile, first = table.profile, fold(row.first())
    trailer = profile.trailer
    if trailer is not None and first.startswith(table.marks):
        if table.ended:
            raise BadFile("after_trailer", row.line)
        table.ended = True
        for fact, column in trailer.facts.items():
            place = table.header[column] if column in table.header else len(row.cells)
            if place < len(row.cells) and row.cells[place] != "":
                table.facts[fact] = (row.cells[place], row.line)
        return
    if first.startswith(table.skip) or _read_labels(table, row, first_only=True):
        return
    if table.ended:
        raise BadFile("after_trailer", row.line)
    if len(table.lines) >= ROWS_MAX:
        raise BadFile("rows", row.line, most=ROWS_MAX)
    table.lines.append(reader.line(_fitted(row, table.width, whole=whole_rows)))


def _fitted(row: Row, width: int, *, whole: bool) -> Row:
    """A row as wide as the header."""
    cells = row.cells
    while len(cells) > width and cells[-1] == "":
        cells = cells[:-1]
    if len(cells) > width or (whole and len(cells) < width):
        raise BadFile("ragged", row.line, found=len(row.cells), wanted=width)
    return Row(row.line, cells + ("",) * (width - len(cells)))


def _read_labels(table: _Table, row: Row, *, first_only: bool = False) -> bool:
    """Facts beside their labels, `Số dư đầu kỳ: 1.000` in one cell or two. Whether there was one."""
    seen = False
    for place, cell in enumerate(row.cells):
        if not isinstance(cell, str) or not cell:
            continue
        label, _, after = cell.partition(":")
        fact = table.labels.get(fold(label))
        if fact is not None:
            said: Cell = after.strip() or next((one for one in row.cells[place + 1 :] if one != ""), "")
            if said != "":
                table.facts[fact] = (said, row.line)
                seen = True
        if first_only:
            break
    return seen


def _amount(table: _Table, fact: Fact) -> int | None:
    found = table.facts.get(fact)
    amounts = table.profile.amounts
    return None if found is None else read_amount(found[0], found[1], marks=amounts.marks, unit=amounts.unit)


def _count(table: _Table, fact: Fact) -> int | None:
    found = table.facts.get(fact)
    return None if found is None else read_amount(found[0], found[1])


def _statement(table: _Table, given: Given) -> Statement:
    lines = tuple(table.lines)
    account = _account(table, given)
    statement = Statement(
        kind=table.profile.kind,
        account=account,
        day=_day(table, given),
        sequence=_count(table, "sequence") or given.sequence,
        opening_vnd=_amount(table, "opening_vnd"),
        closing_vnd=_amount(table, "closing_vnd"),
        said_lines=_count(table, "lines"),
        said_vnd=_amount(table, "total_vnd"),
        said_fee_vnd=_amount(table, "fee_vnd"),
        lines=tuple(replace(line, account=account) for line in lines) if account else lines,
    )
    sums = {Direction.CREDIT: _amount(table, "credit_vnd"), Direction.DEBIT: _amount(table, "debit_vnd")}
    check_totals(statement, sums)
    return check_balances(statement)


def _account(table: _Table, given: Given) -> str:
    said = {account_number(line.account) for line in table.lines if line.account}
    if "account" in table.facts:
        said.add(account_number(str(table.facts["account"][0])))
    if given.account:
        said.add(account_number(given.account))
    if len(said) > 1:
        raise BadFile("account_differs")
    if said <= {""} and table.profile.kind == "statement" and table.lines:  # a day without lines may be nobody's
        raise BadFile("account_missing")
    return said.pop() if said else ""


def _day(table: _Table, given: Given) -> date:
    if "day" in table.facts:
        cell, line = table.facts["day"]
        said = read_moment(cell, line, (*table.profile.dates, *_DAY_FORMS)).astimezone(VIETNAM).date()
        if given.day is not None and given.day != said:
            raise BadFile("day_differs", line, said=said.isoformat(), wanted=given.day.isoformat())
        return said
    days = {_day_of(line, table.profile) for line in table.lines}
    if given.day is not None:
        told = sorted(day for day in days if day is not None)
        if told and given.day not in told:
            raise BadFile("day_differs", said=told[0].isoformat(), wanted=given.day.isoformat())
        return given.day
    if len(days) != 1 or None in days:
        raise BadFile("day_missing")
    return next(day for day in days if day is not None)


def _day_of(line: StagedLine, profile: Profile) -> date | None:
    match profile.day_of:
        case "booked_at":
            return line.booked_at.astimezone(VIETNAM).date()
        case "value_date":
            return line.value_date
        case "settled_on":
            return line.settled_on
