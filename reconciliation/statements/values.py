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


def read_amount(cell: Cell, line: int, *, marks: Marks = "any", unit: Unit = "dong") -> int:
    """Whole đồng, below zero where a sign (`-5`, `5-`, `(5)`) says so. Raises BadFile: amount, amount_overflow."""
    value = cell if isinstance(cell, Decimal) else _number(cell, line, marks)
    if not value.is_finite():
        raise BadFile("amount", line, text=str(cell))
    amount = value * _SCALE[unit]
    if abs(amount) > AMOUNT_MAX_VND:
        raise BadFile("amount_overflow", line, most=AMOUNT_MAX_VND)
    if amount != amount.to_integral_value():
        raise BadFile("amount", line, text=str(cell))
    return int(amount)


def _number(cell: str | datetime, line: int, marks: Marks) -> Decimal:
    if isinstance(cell, datetime) or len(cell) > _CHARS_MAX:
        raise BadFile("amount", line, text=str(cell))
    text, minus = _CURRENCY.sub("", cell.strip()), False
    if text.startswith("(") and text.endswith(")"):
        text, minus = text[1:-1], True
    elif text[:1] in {"-", "+"}:
        text, minus = text[1:], text[0] == "-"
    elif text.endswith("-"):
        text, minus = text[:-1], True
    for pattern in _PATTERNS[marks]:
        if found := pattern.fullmatch(text.strip()):
            whole = re.sub(r"[^0-9]", "", found["whole"])
            value = Decimal(f"{whole}.{found['part'] or 0}")
            return -value if minus else value
    raise BadFile("amount", line, text=cell)


def account_number(text: str) -> str:
    """An account as its bare number: `0011 0012.34 (VND) - TEN CHU` is `0011001234`; '' where there is none."""
    found = re.match(r"[0-9A-Za-z]+", text.replace(" ", "").replace(".", ""))
    return found.group().removesuffix("VND") if found else ""


_TOKENS: Final = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "zz": r"(?P<zone>(?:GMT|UTC)?[+-][0-9]{1,2}(?::?[0-9]{2})?|Z)",
    "fff": r"[0-9]{1,6}",
}
_FORM: Final = re.compile(r"yyyy|MM|M|dd|d|HH|H|mm|ss|zz|fff")
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
    """Whether a form of dates has year, month and day, each once."""
    try:
        groups = _pattern(form).groupindex
    except re.error:
        return False
    return {"year", "month", "day"} <= groups.keys()


def read_moment(cell: Cell, line: int, forms: Iterable[str]) -> datetime:
    """A moment, in Vietnam where no zone is given; midnight where no time is. Raises BadFile: date."""
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=VIETNAM)
    wanted = tuple(forms)
    if isinstance(cell, str) and len(cell) <= _CHARS_MAX:
        for form in wanted:
            if found := _pattern(form).fullmatch(cell.strip()):
                moment = _moment(found)
                if moment is not None:
                    return moment
    raise BadFile("date", line, forms=" | ".join(wanted), text=str(cell))


def _moment(found: re.Match[str]) -> datetime | None:
    parts = found.groupdict()
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    try:
        day = date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
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
