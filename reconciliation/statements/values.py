"""Cells to values: whole đồng from what banks write, dates and times from declared forms. ASCII digits only."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import AMOUNT_MAX_VND, VIETNAM

Cell = str | Decimal | datetime
"""A cell of a table: text, or what a workbook knows to be a number or a time (naive: Vietnam's)."""

Marks = Literal["any", "vi", "en", "plain"]
Unit = Literal["dong", "x100", "nghin"]

_CHARS_MAX: Final = 40
_SHOWN_DIGITS: Final = 4
_EXACT_DIGITS: Final = 15  # a spreadsheet keeps no more digits of a number
_ROUNDED: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_PART_DIGITS: Final[dict[Unit, int]] = {"dong": 2, "x100": 2, "nghin": 3}
_SCALE: Final = {"dong": Decimal(1), "x100": Decimal("0.01"), "nghin": Decimal(1000)}
# Groups of three and at most one decimal mark; a VND amount has no decimals, so three digits after a mark are a group.
_GROUPED: Final = {
    "vi": r"(?P<whole>[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?P<part>[0-9]{1,3}))?",
    "en": r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]{1,3}))?",
    "plain": r"(?P<whole>[0-9]+)(?:[.,](?P<part>[0-9]{1,3}))?",
}
_ANY: Final = (
    r"(?P<whole>[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?P<part>[0-9]{1,2}))?",
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]{1,2}))?",
    r"(?P<whole>[0-9]{1,3}(?:[ \u00a0\u202f][0-9]{3})+)(?:[.,](?P<part>[0-9]{1,2}))?",
)
_PATTERNS: Final = {name: (re.compile(pattern),) for name, pattern in _GROUPED.items()} | {
    "any": tuple(re.compile(pattern) for pattern in _ANY)
}
_CURRENCY: Final = re.compile(r"\s*(?:VND|VNĐ|đ|₫|đồng)$", re.IGNORECASE)
_DONG: Final = frozenset({"vnd", "vnđ", "704", "đ", "₫", "đồng", "dong", "việt nam đồng", "đồng việt nam"})
_MONEY: Final[dict[Unit, frozenset[str]]] = {
    "dong": _DONG,
    "x100": _DONG | {"xu"},
    "nghin": frozenset({"nghìn đồng", "ngàn đồng", "nghìn vnd", "1.000 đồng", "1,000 đồng", "1000 đồng", "1.000 vnd"}),
}
_SIDE: Final = re.compile(r"\s*(CR|DR)$")
_NOTHING: Final = frozenset({"-", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}"})  # how accounts print a zero


def read_amount(cell: Cell, line: int, *, marks: Marks = "any", unit: Unit = "dong") -> int:
    """Whole đồng, below zero where a sign (`-5`, `5-`, `(5)`, `5 DR`) says so; a dash alone is zero.

    Raises BadFile: amount, amount_overflow.
    """
    if isinstance(cell, str) and unit == "dong" and len(cell) <= _EXACT_DIGITS and cell.isascii() and cell.isdigit():
        return int(cell)  # as machines write it
    value = cell if isinstance(cell, Decimal) else _number(cell, line, marks, unit)
    if not value.is_finite():
        raise BadFile("amount", line, text=str(cell))
    amount = value * _SCALE[unit]
    if abs(amount) > AMOUNT_MAX_VND:
        raise BadFile("amount_overflow", line, most=AMOUNT_MAX_VND)
    if amount != amount.to_integral_value():
        raise BadFile("amount", line, text=str(cell))
    return int(amount)


def _number(cell: str | datetime, line: int, marks: Marks, unit: Unit) -> Decimal:
    if isinstance(cell, datetime) or len(cell) > _CHARS_MAX:
        raise BadFile("amount", line, text=str(cell))
    if cell.strip() in _NOTHING:
        return Decimal(0)
    text, minus = cell.strip().removeprefix("'").replace("\N{MINUS SIGN}", "-"), False
    if side := _SIDE.search(text):
        text, minus = text[: side.start()], side[1] == "DR"
    text = _CURRENCY.sub("", text)
    if text.startswith("(") and text.endswith(")"):
        text, minus = text[1:-1], True
    elif text[:1] in {"-", "+"}:
        text, minus = text[1:], text[0] == "-"
    elif text.endswith("-"):
        text, minus = text[:-1], True
    for pattern in _PATTERNS[marks]:
        if found := pattern.fullmatch(text.strip()):
            if len(found["part"] or "") > _PART_DIGITS[unit]:
                break  # `150,000` where a comma begins decimals: 150 or 150 000
            whole = re.sub(r"[^0-9]", "", found["whole"])
            value = Decimal(f"{whole}.{found['part'] or 0}")
            return -value if minus else value
    raise BadFile("amount", line, text=cell)


def check_currency(text: str, line: int, unit: Unit) -> None:
    """What a file says of its money must be đồng, in the unit of its profile; nothing said is nothing wrong."""
    said = " ".join(text.casefold().split()).strip(" .:()")
    if said and said not in _MONEY[unit]:
        raise BadFile("currency", line, text=text)


def identifier(cell: Cell, line: int) -> str:
    """A reference as its bank gave it, out of what spreadsheets put around it (`'00123`, `="00123"`).

    Raises BadFile `id_rounded` for one a spreadsheet made a number of (`1.2E+15`, more than 15 digits): its last digits
    are lost, and a guess would name another payment. Raises `formula` for one.
    """
    if isinstance(cell, Decimal):
        if not cell.is_finite() or cell != cell.to_integral_value() or cell.adjusted() >= _EXACT_DIGITS:
            raise BadFile("id_rounded", line, text=str(cell))
        return str(int(cell))
    text = str(cell)
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    text = text.removeprefix("'").strip()
    if text.startswith("="):
        raise BadFile("formula", line)
    if _ROUNDED.fullmatch(text):
        raise BadFile("id_rounded", line, text=text)
    return text


def account_number(text: str) -> str:
    """An account as its bare number: `0011 0012.34 (VND) - TEN CHU` is `0011001234`.

    '' where there is none, or only a part of it is shown (`0011****234`).
    """
    if "*" in text:
        return ""
    found = re.match(r"[0-9A-Za-z]+", text.replace(" ", "").replace(".", ""))
    return found.group().removesuffix("VND") if found else ""


def masked(account: str) -> str:
    """An account as it may be shown: its last digits."""
    return f"…{account[-_SHOWN_DIGITS:]}"


_TOKENS: Final = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<short>[0-9]{2})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "hh": r"(?P<hour>[0-9]{2})",
    "h": r"(?P<hour>[0-9]{1,2})",
    "tt": r"(?P<half>AM|PM|SA|CH)",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "zz": r"(?P<zone>(?:GMT|UTC)?[+-][0-9]{1,2}(?::?[0-9]{2})?|Z)",
    "fff": r"[0-9]{1,6}",
}
_FORM: Final = re.compile(r"yyyy|yy|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|tt|zz|fff")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NOON: Final = 12
_CENTURY: Final = 2000
# Days a workbook counts from 1899-12-30: those of 2000 to 2099; other numbers in a column of dates are no dates.
_SERIALS: Final = range(36_526, 73_051)
_SERIAL_ZERO: Final = datetime(1899, 12, 30, tzinfo=VIETNAM)
_ISO: Final = "yyyy-MM-ddTHH:mm:sszz"


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    form = _ISO if form == "iso" else form
    pattern, at = "", 0
    for found in _FORM.finditer(form):
        pattern += re.escape(form[at : found.start()]) + _TOKENS[found.group()]
        at = found.end()
    return re.compile(pattern + re.escape(form[at:]))


def is_form(form: str) -> bool:
    """Whether a form of dates has year, month and day, each once, and AM or PM beside an hour of twelve."""
    try:
        groups = _pattern(form).groupindex.keys()
    except re.error:
        return False
    one_each = all(len(names & groups) == 1 for names in ({"year", "short"}, {"month", "name"}, {"day"}))
    twelve = any(found.group() in {"h", "hh"} for found in _FORM.finditer(form))
    return one_each and twelve == ("half" in groups)


def read_moment(cell: Cell, line: int, forms: Iterable[str]) -> datetime:
    """A moment, in Vietnam where no zone is given; midnight where no time is. Raises BadFile: date."""
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=VIETNAM)
    if isinstance(cell, Decimal) and cell.is_finite() and int(cell) in _SERIALS:
        return _SERIAL_ZERO + timedelta(seconds=round(cell * 86_400))
    wanted = tuple(forms)
    moment = _written(" ".join(cell.split()), wanted) if isinstance(cell, str) and len(cell) <= _CHARS_MAX else None
    if moment is None:
        raise BadFile("date", line, forms=" | ".join(wanted), text=str(cell))
    return moment


@lru_cache(maxsize=4_096)  # the days of a file are few
def _written(text: str, forms: tuple[str, ...]) -> datetime | None:
    tried = (_moment(found) for form in forms if (found := _pattern(form).fullmatch(text)))
    return next((moment for moment in tried if moment is not None), None)


def _moment(found: re.Match[str]) -> datetime | None:
    parts = found.groupdict()
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    try:
        if half := parts.get("half"):
            if not 1 <= hour <= _NOON:
                return None
            hour = hour % _NOON + (_NOON if half in {"PM", "CH"} else 0)
        month = int(parts["month"]) if parts.get("month") else _MONTHS.index(parts["name"].lower()) + 1
        year = int(parts["year"]) if parts.get("year") else _CENTURY + int(parts["short"])
        day = date(year, month, int(parts["day"]))
        return datetime.combine(day, time(hour, minute, second), _zone(parts.get("zone")))
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if text is None:
        return VIETNAM
    if text == "Z":
        return timezone(timedelta())
    digits = text.removeprefix("GMT").removeprefix("UTC").replace(":", "")
    sign, digits = digits[0], digits[1:]
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])  # noqa: PLR2004 - hours alone
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
