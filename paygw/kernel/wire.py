"""Strict reading of JSON that a bank sent: duplicate names, fractions and odd texts never get past this point.

Every function raises Malformed and nothing else, whatever the bytes. A fraction in a field that nobody reads does no
harm: it is kept as it was written (`Fraction`), since a signature may cover it, and is no number to any reader here.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from paygw.kernel.connector import ASKED_MAX_VND, Malformed

Json = dict[str, object]

AMOUNT_MAX_VND = ASKED_MAX_VND
TEXT_MAX_CHARS = 500
ITEMS_MAX = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_MAX = 18
_CODE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_MS_MAX = 4_102_444_800_000  # the year 2100
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Fraction:
    """A number that is not whole, as it was written."""

    written: str


def parsed(body: bytes) -> Json:
    """One JSON object in UTF-8, without duplicate names or NaN; numbers are whole, or a `Fraction`."""
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_float=Fraction, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as fault:
        raise Malformed("not the JSON we expect") from fault
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def text(fields: Json, name: str) -> str:
    """A text of 1 to 500 characters, unprintable ones replaced by spaces: money is never refused over a bad memo."""
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Malformed(f"{name} is no text")
    return UNPRINTABLE.sub(" ", value)[:TEXT_MAX_CHARS]


def text_or_none(fields: Json, name: str) -> str | None:
    """The same where the field may be missing, null or blank."""
    value = fields.get(name)
    blank = value is None or (isinstance(value, str) and not value.strip())
    return None if blank else text(fields, name)


def amount(fields: Json, name: str = "amount_vnd") -> int:
    """Whole đồng as a JSON integer, 1 to 10^12."""
    value = fields.get(name)
    if type(value) is not int or not 0 < value <= AMOUNT_MAX_VND:
        raise Malformed(f"{name} is no amount")
    return value


def whole(fields: Json, name: str, *, least: int = 0) -> int:
    """A whole number from `least` to 10^18, as a JSON integer or as digits in a text."""
    value = fields.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        value = int(value)
    if type(value) is not int or not least <= value <= 10**_DIGITS_MAX:
        raise Malformed(f"{name} is no whole number")
    return value


def sum_vnd(fields: Json, name: str) -> int:
    """A sum as providers write it: 1 to 10^12 đồng, as a JSON integer or as digits in a text."""
    value = whole(fields, name, least=1)
    if value > AMOUNT_MAX_VND:
        raise Malformed(f"{name} is no amount")
    return value


def signed_vnd(fields: Json, name: str) -> int:
    """The same with money that left below zero: -10^12 to 10^12 đồng, not 0."""
    value = fields.get(name)
    if isinstance(value, str) and value.startswith("-"):
        return -sum_vnd({name: value[1:]}, name)
    if type(value) is int and value < 0:
        return -sum_vnd({name: -value}, name)
    return sum_vnd(fields, name)


def number_or_none(fields: Json, name: str) -> str | None:
    """A provider's number of a transaction as digits; None for 0, which some send before there is one."""
    number = whole(fields, name)
    return str(number) if number else None


def result_code(fields: Json, name: str) -> int | None:
    """A result code, as a JSON integer or as digits in a text; None for anything else."""
    value = fields.get(name)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    return value if type(value) is int else None


def since_1970(fields: Json, name: str) -> datetime:
    """Milliseconds since 1970 as a time."""
    milliseconds = whole(fields, name, least=1)
    if milliseconds >= _MS_MAX:
        raise Malformed(f"{name} is no time")
    return EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(at: datetime) -> int:
    """A time as milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def word(value: object) -> str:
    """A JSON value as providers write it into a signed text: null is empty. Raises Malformed for lists and objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        return value.written
    if isinstance(value, list | dict):
        raise Malformed("a list or an object where a value belongs")
    return "" if value is None else str(value)


def moment(fields: Json, name: str = "occurred_at") -> datetime:
    """An ISO 8601 time with its offset, as UTC."""
    value = fields.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Malformed(f"{name} is no time") from fault
    raise Malformed(f"{name} is no time with offset")


def objects(fields: Json, name: str) -> list[Json]:
    """A list of at most 1000 objects."""
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > ITEMS_MAX or not all(isinstance(item, dict) for item in value):
        raise Malformed(f"{name} is no list of objects")
    return value


def _unique(pairs: list[tuple[str, object]]) -> Json:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("a name occurs twice")
    return fields


def _no_number(_: str) -> NoReturn:
    raise Malformed("NaN is no number")
