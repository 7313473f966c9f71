"""SWIFT MT940 customer statements (SRG November 2023 field formats): strict fields, each with its line.

Our own reader: the library `mt-940` (our peer in tests) writes what it cannot parse into the log, names and accounts
with it, takes digits of every script, and knows no line numbers. VND has no decimals: amounts end with the comma.
RC takes back a credit (money out), RD a debit (money in).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import (
    AMOUNT_MAX_VND,
    ROWS_MAX,
    VIETNAM,
    Direction,
    LineKind,
    StagedLine,
    Statement,
)
from reconciliation.statements.totals import tallied

NO_REFERENCE: Final = "NONREF"
MEMO_CHARS_MAX: Final = 1_000

_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?):(.*)")
_ENVELOPE: Final = re.compile(r"\{[1-3]:|\{4:$|-\}|-$")
_BALANCE: Final = re.compile(r"(?P<mark>[DC])(?P<day>[0-9]{6})(?P<currency>[A-Z]{3})(?P<amount>[0-9]{1,14},[0-9]{0,2})")
_NUMBER: Final = re.compile(r"([0-9]{1,5})(?:/([0-9]{1,5}))?")
_ENTRY: Final = re.compile(
    r"(?P<day>[0-9]{6})(?P<entry>[0-9]{4})?(?P<mark>RC|RD|C|D)(?P<funds>[A-Z])?(?P<amount>[0-9]{1,14},[0-9]{0,2})"
    r"(?P<type>[SNF][A-Z0-9]{3})(?P<customer>[^\n]{0,35}?)(?://(?P<bank>[^\n]{1,34}))?"
)
_MARKS: Final = {
    "C": (Direction.CREDIT, LineKind.PAYMENT),
    "D": (Direction.DEBIT, LineKind.DEBIT),
    "RC": (Direction.DEBIT, LineKind.REVERSAL),
    "RD": (Direction.CREDIT, LineKind.RETURN),
}
_TYPES: Final = {  # SWIFT transaction type identification codes
    ("CHG", Direction.DEBIT): LineKind.FEE,
    ("COM", Direction.DEBIT): LineKind.FEE,
    ("INT", Direction.CREDIT): LineKind.INTEREST,
}
_ALLOWED: Final = frozenset(
    [
        "20",
        "21",
        "25",
        "25P",
        "28",
        "28C",
        "60F",
        "60M",
        "61",
        "62F",
        "62M",
        "64",
        "65",
        "86",
        "13D",
        "34F",
        "90C",
        "90D",
    ]
)
_ACCOUNT_CHARS_MAX: Final = 35
_YEAR_BASE: Final = 2000


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    value: str
    line: int


@dataclass(slots=True)
class _Open:
    """A statement being read."""

    account: str = ""
    part: str = ""
    number: int = 0
    opening_vnd: int | None = None
    closing_vnd: int | None = None
    day: date | None = None
    lines: list[StagedLine] = field(default_factory=list)


def read_mt940(text: str, rows_max: int = ROWS_MAX) -> tuple[Statement, ...]:
    """Every statement of a file, balances checked. Raises BadFile."""
    statements: list[Statement] = []
    current: _Open | None = None
    about_entry = False
    for tag in _tags(text):
        if tag.name not in _ALLOWED:
            raise BadFile("mt940", tag.line, text=f":{tag.name}:")
        if tag.name == "20":
            if current is not None:
                statements.append(_closed(current, tag.line))
            current = _Open()
            continue
        if current is None:
            raise BadFile("mt940", tag.line, text=":20:")
        if tag.name == "86" and about_entry:
            current.lines[-1] = _with_memo(current.lines[-1], tag)
        else:
            _take(current, tag)
        about_entry = tag.name == "61" or (about_entry and tag.name == "86")
        if sum(len(one.lines) for one in statements) + len(current.lines) > rows_max:
            raise BadFile("rows", tag.line, most=rows_max)
    if current is None:
        raise BadFile("mt940", text=":20:")
    statements.append(_closed(current, None))
    return tuple(statements)


def _tags(text: str) -> Iterator[_Tag]:
    """Fields with their continuation lines; the envelope of blocks 1 to 3 and the end marks are left out."""
    name, value, at = "", [""], 0
    for number, line in enumerate(text.split("\n"), 1):
        if found := _TAG.fullmatch(line):
            if name:
                yield _Tag(name, "\n".join(value), at)
            name, value, at = found[1], [found[2]], number
        elif _ENVELOPE.match(line) or not line.strip():
            if name:
                yield _Tag(name, "\n".join(value), at)
            name = ""
        elif name:
            value.append(line)
        else:
            raise BadFile("mt940", number, text=line)
    if name:
        yield _Tag(name, "\n".join(value), at)


def _take(current: _Open, tag: _Tag) -> None:
    match tag.name:
        case "25" | "25P":
            if current.account:
                raise BadFile("mt940", tag.line, text=f":{tag.name}:")
            account = tag.value.split("\n")[0].strip()
            current.account = account.rpartition("/")[2].removesuffix("VND").strip()
            if not current.account or len(current.account) > _ACCOUNT_CHARS_MAX:
                raise BadFile("account_missing", tag.line)
        case "28" | "28C":
            found = _NUMBER.fullmatch(tag.value.strip())
            if found is None or current.part:
                raise BadFile("mt940", tag.line, text=f":{tag.name}:")
            current.number, current.part = int(found[1]), tag.value.strip()
        case "60F" | "60M":
            if current.opening_vnd is not None:
                raise BadFile("mt940", tag.line, text=f":{tag.name}:")
            current.opening_vnd, _ = _balance(tag)
        case "61":
            if current.opening_vnd is None or current.closing_vnd is not None:
                raise BadFile("mt940", tag.line, text=":61:")
            current.lines.append(_entry(current.account, tag))
        case "62F" | "62M":
            if current.closing_vnd is not None:
                raise BadFile("mt940", tag.line, text=f":{tag.name}:")
            current.closing_vnd, current.day = _balance(tag)
        case _:
            return


def _closed(current: _Open, line: int | None) -> Statement:
    for missing, tag in (
        (not current.account, ":25:"),
        (not current.part, ":28C:"),
        (current.opening_vnd is None, ":60F:"),
    ):
        if missing:
            raise BadFile("mt940", line, text=tag)
    if current.closing_vnd is None or current.day is None:
        raise BadFile("trailer_missing", line, marks=":62F:")
    _, statement = tallied(
        Statement(
            kind="statement",
            account=current.account,
            day=current.day,
            part=current.part,
            number=current.number,
            opening_vnd=current.opening_vnd,
            closing_vnd=current.closing_vnd,
            lines=tuple(current.lines),
        )
    )
    return statement


def _entry(account: str, tag: _Tag) -> StagedLine:
    first, _, supplementary = tag.value.partition("\n")
    found = _ENTRY.fullmatch(first.rstrip())
    if found is None:
        raise BadFile("mt940", tag.line, text=":61:")
    amount_vnd = _amount(found["amount"], tag.line)
    if amount_vnd == 0:
        raise BadFile("amount_sign", tag.line, text=found["amount"])
    direction, kind = _MARKS[found["mark"]]
    if found["mark"] in {"C", "D"}:
        kind = _TYPES.get((found["type"][1:], direction), kind)
    value_date = _date(found["day"], tag.line)
    customer = found["customer"].strip()
    return StagedLine(
        line=tag.line,
        account=account,
        bank_txn_id=(found["bank"] or "").strip(),
        ref="" if customer == NO_REFERENCE else customer,
        kind=kind,
        direction=direction,
        amount_vnd=amount_vnd,
        fee_vnd=None,
        status=Status.SUCCEEDED,
        booked_at=datetime.combine(_entry_date(value_date, found["entry"], tag.line), time(), VIETNAM),
        value_date=value_date,
        memo=supplementary.strip(),
    )


def _with_memo(line: StagedLine, tag: _Tag) -> StagedLine:
    memo = " ".join(tag.value.replace("\n", " ").split())
    if len(memo) > MEMO_CHARS_MAX:
        raise BadFile("cell_too_long", tag.line, most=MEMO_CHARS_MAX)
    return line.remembering(memo)


def _balance(tag: _Tag) -> tuple[int, date]:
    found = _BALANCE.fullmatch(tag.value.strip())
    if found is None:
        raise BadFile("mt940", tag.line, text=f":{tag.name}:")
    if found["currency"] != "VND":
        raise BadFile("currency", tag.line, text=found["currency"])
    amount = _amount(found["amount"], tag.line)
    return (amount if found["mark"] == "C" else -amount), _date(found["day"], tag.line)


def _amount(text: str, line: int) -> int:
    whole, _, part = text.partition(",")
    if part.strip("0"):
        raise BadFile("amount", line, text=text)
    if int(whole) > AMOUNT_MAX_VND:
        raise BadFile("amount_overflow", line, most=AMOUNT_MAX_VND)
    return int(whole)


def _date(text: str, line: int) -> date:
    try:
        return date(_YEAR_BASE + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise BadFile("date", line, forms="yyMMdd", text=text) from None


def _entry_date(value_date: date, text: str | None, line: int) -> date:
    """The booking day MMDD in the year that lies next to the value date."""
    if text is None:
        return value_date
    near: list[date] = []
    for year in (value_date.year - 1, value_date.year, value_date.year + 1):
        try:
            near.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    if not near:
        raise BadFile("date", line, forms="MMdd", text=text)
    return min(near, key=lambda day: abs(day - value_date))
