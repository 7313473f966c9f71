"""A table of a bank to one statement: header by aliases, lines by columns, totals and balances checked."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from reconciliation.statements.errors import BadFile
from reconciliation.statements.header import Header, columns_found, find_columns, has_header, header_of, wanted_columns
from reconciliation.statements.lines import Reader
from reconciliation.statements.profile import Fact, Profile, Words
from reconciliation.statements.rows import Row, delimited, head
from reconciliation.statements.staged import VIETNAM, StagedLine, Statement
from reconciliation.statements.text import Text, fold
from reconciliation.statements.totals import Tally, check_totals
from reconciliation.statements.values import (
    Cell,
    account_number,
    check_currency,
    identifier,
    masked,
    read_amount,
    read_moment,
)

_COUNTED: Final = re.compile(r"\s+(?:giao dịch|giao dich|GD|bút toán|dòng|transactions|items|lines)$", re.IGNORECASE)

Keep = Callable[[StagedLine], None]
Sheet = tuple[str, Callable[[], Iterator[Row]]]

_DAY_FORMS: Final = ("iso", "yyyy-MM-dd", "dd/MM/yyyy", "dd-MM-yyyy", "yyyyMMdd", "dd/MM/yyyy HH:mm:ss")


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
    keep: Keep
    marks: Words
    skip: Words
    labels: Mapping[str, Fact]
    header: Header = field(default_factory=dict)
    head: tuple[Cell, ...] = ()
    width: int = 0
    not_read: tuple[str, ...] = ()
    facts: dict[Fact, tuple[Cell, int]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    accounts: dict[str, int] = field(default_factory=dict)  # and the line that first told it
    days: set[date | None] = field(default_factory=set)
    rows: int = 0
    ended: bool = False


def read_delimited(text: Text, profile: Profile, given: Given, keep: Keep) -> Statement:
    """A statement from text. Raises BadFile."""
    tried = {one: head(delimited(text.lines(), one), profile.header_rows_max) for one in profile.delimiters}
    best = max(profile.delimiters, key=lambda one: columns_found(tried[one], profile))
    return read_table(delimited(text.lines(), best), profile, given, keep, whole_rows=True)


def read_sheets(sheets: Sequence[Sheet], profile: Profile, given: Given, keep: Keep) -> Statement:
    """A statement from the one sheet that has the header. Raises BadFile, `sheets` where several have it."""
    tables = [one for one in sheets if has_header(head(one[1](), profile.header_rows_max), profile)]
    if len(tables) > 1:
        raise BadFile("sheets", sheets=", ".join(name for name, _ in tables))
    _, rows = (tables or sheets)[0]
    return read_table(rows(), profile, given, keep)


def read_table(
    rows: Iterable[Row], profile: Profile, given: Given, keep: Keep, *, whole_rows: bool = False
) -> Statement:
    """A statement without its lines, which are kept one by one; `whole_rows`: a short row is one that was cut.

    Lines that were kept mean nothing before this has returned. Raises BadFile.
    """
    table = _Table(
        profile,
        keep,
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


def _find_header(table: _Table, rows: Iterator[Row]) -> None:
    best: Header = {}
    profile, before = table.profile, None
    for seen, row in enumerate(rows, 1):
        found = header_of(before, row, profile)
        if found is not None:
            table.header, cells, table.head = found[0], found[1].cells, row.cells
            table.width = len(cells)
            places = set(table.header.values())
            table.not_read = tuple(str(one) for n, one in enumerate(cells) if one != "" and n not in places)
            return
        best = max(best, find_columns(row, profile), key=len)
        _read_labels(table, row)
        before = row or before
        if seen >= profile.header_rows_max:
            break
    wanted = wanted_columns(profile)
    missing = ", ".join(profile.columns[name][0] for name in profile.columns if name in wanted and name not in best)
    raise BadFile("header_missing", columns=missing)


def _take(table: _Table, reader: Reader, row: Row, *, whole_rows: bool) -> None:
    is_line = reader.is_line(row)
    if _passed(table, row, is_line=is_line):
        return
    if not is_line and sum(cell != "" for cell in row.cells) == 1:
        raise BadFile("strange_row", row.line, text=row.first())
    if table.ended:
        raise BadFile("after_trailer", row.line)
    table.rows += 1
    if table.rows > table.profile.limits.rows:
        raise BadFile("rows", row.line, most=table.profile.limits.rows)
    fitted = _fitted(row, table.width, whole=whole_rows)
    line, written = reader.line(fitted)
    table.tally.add(line, written)
    if line.account:
        table.accounts.setdefault(account_number(line.account), line.line)
    table.days.add(_day_of(line, table.profile))
    table.keep(line)


def _passed(table: _Table, row: Row, *, is_line: bool) -> bool:
    """Whether a row that is no line is known: totals, a word to skip, a fact, the header on a further page.

    What says when and how much is a line, unless its first cell is a mark of the trailer and nothing else.
    """
    first = fold(row.first())
    if not is_line and _read_labels(table, row, inside=True):
        return True
    ended, skipped = (_longest(first, words) for words in (table.marks, table.skip))
    if ended > skipped and (not is_line or first in table.marks):
        _read_trailer(table, row)
        return True
    if is_line:
        return row.cells == table.head
    return skipped > 0


def _longest(text: str, words: Words) -> int:
    return max((len(word) for word in words if text.startswith(word)), default=0)


def _read_trailer(table: _Table, row: Row) -> None:
    if table.ended:
        raise BadFile("after_trailer", row.line)
    table.ended = True
    facts = table.profile.trailer.facts if table.profile.trailer is not None else {}
    for fact, column in facts.items():
        place = table.header.get(column, len(row.cells))
        if place < len(row.cells) and row.cells[place] != "":
            table.facts[fact] = (row.cells[place], row.line)


def _fitted(row: Row, width: int, *, whole: bool) -> Row:
    """A row as wide as the header."""
    cells = row.cells
    while len(cells) > width and cells[-1] == "":
        cells = cells[:-1]
    if len(cells) > width or (whole and len(cells) < width):
        raise BadFile("ragged", row.line, found=len(row.cells), wanted=width)
    return Row(row.line, cells + ("",) * (width - len(cells)))


def _read_labels(table: _Table, row: Row, *, inside: bool = False) -> bool:
    """Facts beside their labels, `Số dư đầu kỳ: 1.000` in one cell or two. Whether there was one.

    `inside` the table a balance may stand in its column, with its name in the first filled cell or the last.
    """
    seen = False
    ends = {next((n for n, cell in enumerate(row.cells) if cell != ""), -1), _last_filled(row)}
    for place, cell in enumerate(row.cells):
        if not isinstance(cell, str) or not cell or (inside and place not in ends):
            continue
        label, _, after = cell.partition(":")
        fact = table.labels.get(fold(label))
        if fact is not None:
            said: Cell = after.strip() or next((one for one in row.cells[place + 1 :] if one != ""), "")
            if said == "" and inside:
                said = row.cells[table.header["balance_vnd"]] if "balance_vnd" in table.header else ""
            if said != "":
                table.facts[fact] = (said, row.line)
                seen = True
    return seen


def _last_filled(row: Row) -> int:
    return max((n for n, cell in enumerate(row.cells) if cell != ""), default=-1)


def _amount(table: _Table, fact: Fact) -> int | None:
    found = table.facts.get(fact)
    amounts = table.profile.amounts
    return None if found is None else read_amount(found[0], found[1], marks=amounts.marks, unit=amounts.unit)


def _count(table: _Table, fact: Fact) -> int | None:
    found = table.facts.get(fact)
    if found is None:
        return None
    cell, line = found
    return read_amount(_COUNTED.sub("", cell) if isinstance(cell, str) else cell, line)


def _statement(table: _Table, given: Given) -> Statement:
    if "currency" in table.facts:
        text, line = table.facts["currency"]
        check_currency(str(text), line, table.profile.amounts.unit)
    statement = Statement(
        kind=table.profile.kind,
        account=_account(table, given),
        day=_day(table, given),
        sequence=_count(table, "sequence") or given.sequence,
        opening_vnd=_amount(table, "opening_vnd"),
        closing_vnd=_amount(table, "closing_vnd"),
        not_read=table.not_read,
    )
    amounts: tuple[Fact, ...] = ("total_vnd", "fee_vnd", "fee_vat_vnd", "credit_vnd", "debit_vnd")
    told = {"lines": _count(table, "lines")} | {name: _amount(table, name) for name in amounts}
    check_totals(told, table.tally.totals())
    return table.tally.closed(statement)


def _account(table: _Table, given: Given) -> str:
    if len(table.accounts) > 1:
        first, other = list(table.accounts)[:2]
        raise BadFile("accounts_mixed", table.accounts[other], first=masked(first), other=masked(other))
    said = set(table.accounts)
    if "account" in table.facts:
        cell, line = table.facts["account"]
        said.add(account_number(identifier(cell, line)))
    if given.account:
        said.add(account_number(given.account))
    if len(said) > 1:
        first, other = sorted(said)[:2]
        raise BadFile("account_differs", first=masked(first), other=masked(other))
    if said <= {""} and table.profile.kind == "statement" and table.rows:  # a day without lines may be nobody's
        raise BadFile("account_missing")
    return said.pop() if said else ""


def _day(table: _Table, given: Given) -> date:
    if "day" in table.facts:
        cell, line = table.facts["day"]
        said = read_moment(cell, line, (*table.profile.dates, *_DAY_FORMS)).astimezone(VIETNAM).date()
        if given.day is not None and given.day != said:
            raise BadFile("day_differs", line, said=said.isoformat(), wanted=given.day.isoformat())
        return said
    told = sorted(day for day in table.days if day is not None)
    if given.day is not None:
        if told and given.day not in told:
            raise BadFile("day_differs", said=told[0].isoformat(), wanted=given.day.isoformat())
        return given.day
    if len(told) > 1:
        raise BadFile("days_mixed", first=told[0].isoformat(), last=told[-1].isoformat())
    if not told or None in table.days:
        raise BadFile("day_missing")
    return told[0]


def _day_of(line: StagedLine, profile: Profile) -> date | None:
    match profile.day_of:
        case "booked_at":
            return line.booked_at.astimezone(VIETNAM).date()
        case "value_date":
            return line.value_date
        case "settled_on":
            return line.settled_on
