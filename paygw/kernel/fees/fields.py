"""Reading typed fields out of nodes: each refusal names file, line and path, and says what is expected."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY, Window, iso_day
from paygw.kernel.fees.errors import BadCatalogue, BadKind
from paygw.kernel.fees.model import Place
from paygw.kernel.fees.source import Node

ITEMS_MAX: Final = 2_000
TEXT_MAX: Final = 2_000

_SLUG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_DECIMAL: Final = re.compile(r"(-?[0-9]{1,24})(\.[0-9]{1,12})?(%?)")


@dataclass(frozen=True, slots=True)
class Field:
    """A node and the path that leads to it."""

    node: Node
    path: str

    @property
    def place(self) -> Place:
        """Where this is, for later messages."""
        return Place(self.node.at, self.path)

    def bad(self, message: str, kind: BadKind = "bad_catalogue") -> BadCatalogue:
        """An error to raise that points here."""
        return BadCatalogue(kind, at=self.node.at, path=self.path or "document", message=message)

    def fields(self, *, required: Collection[str] = (), optional: Collection[str] = ()) -> "dict[str, Field]":
        """The entries of a mapping with known keys; keys starting `x-` hold anchors and are skipped."""
        found = self.entries()
        for key, field in found.items():
            if key not in required and key not in optional:
                raise field.bad(f"'{key}' is not a key here; known keys: {', '.join(sorted([*required, *optional]))}.")
        for key in required:
            if key not in found:
                raise self.bad(f"'{key}' is missing here.")
        return found

    def entries(self) -> "dict[str, Field]":
        """The entries of a mapping with free keys."""
        if not isinstance(self.node.value, dict):
            raise self.bad("A mapping is expected here.")
        prefix = f"{self.path}." if self.path else ""
        return {k: Field(node, prefix + k) for k, node in self.node.value.items() if not k.startswith("x-")}

    def items(self) -> "list[Field]":
        """The entries of a list that is not empty, each known in paths by its id where it has one."""
        if not isinstance(self.node.value, list) or not self.node.value:
            raise self.bad("A list with at least one entry is expected here.")
        if len(self.node.value) > ITEMS_MAX:
            raise self.bad(f"A list has at most {ITEMS_MAX} entries.")
        return [Field(node, f"{self.path}[{_key(node, i)}]") for i, node in enumerate(self.node.value)]

    def text(self) -> str:
        """Text that is not blank."""
        if not isinstance(self.node.value, str) or not self.node.value.strip() or len(self.node.value) > TEXT_MAX:
            raise self.bad(f"Text of 1 to {TEXT_MAX} characters is expected here; write codes in quotes.")
        return self.node.value

    def slug(self) -> str:
        """An identifier of letters, digits, `_` and `-`."""
        if not _SLUG.fullmatch(self.text()):
            raise self.bad("An identifier of letters, digits, '_' and '-' is expected here.")
        return self.text()

    def one_of(self, choices: Collection[str]) -> str:
        """One of a closed list of words."""
        if not isinstance(self.node.value, str) or self.node.value not in choices:
            raise self.bad(f"One of {', '.join(sorted(choices))} is expected here.")
        return self.node.value

    def integer(self, *, low: int, high: int) -> int:
        """A whole number in a range, written without quotes."""
        value = self.node.value
        if type(value) is not int or not low <= value <= high:
            raise self.bad(f"A whole number from {low} to {high} is expected here.")
        return value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.node.value, bool):
            raise self.bad("true or false is expected here.")
        return self.node.value

    def day(self) -> date:
        """A calendar day, quoted or not."""
        value = iso_day(self.node.value) if isinstance(self.node.value, str) else self.node.value
        if not isinstance(value, date):
            raise self.bad("A day written yyyy-mm-dd is expected here.")
        return value

    def rate(self) -> Fraction:
        """`"0.15%"` is a percentage; a number without `%` is đồng per unit. Exact, 0 or more."""
        value = self.decimal(percent=True)
        if value is None or value < 0:
            raise self.bad('A rate of 0 or more is expected here, such as "0.15%" or 5000; decimals go in quotes.')
        return value

    def decimal(self, *, percent: bool = False) -> Fraction | None:
        """The exact number an integer or a quoted decimal stands for, or None if it is neither."""
        value = self.node.value
        if type(value) is int:
            return Fraction(value)
        match = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
        if match is None or (match[3] and not percent):
            return None
        return Fraction(match[1] + (match[2] or "")) / (100 if match[3] else 1)


def window(fields: dict[str, Field], first: str, last: str) -> Window:
    """The days between two optional inclusive bounds; null or absent is open."""
    start, end = (
        fields[key] if key in fields and fields[key].node.value is not None else None for key in (first, last)
    )
    found = Window(start.day() if start else FIRST_DAY, end.day() if end else LAST_DAY)
    if end and found.last < found.first:
        raise end.bad(f"'{last}' ({found.last}) lies before '{first}' ({found.first}).")
    return found


def unique(fields: Iterable[Field], key: Callable[[Field], str]) -> None:
    """Refuse the second of two entries with one name."""
    seen: set[str] = set()
    for field in fields:
        name = key(field)
        if name in seen:
            raise field.bad(f"'{name}' appears twice here.")
        seen.add(name)


def _key(node: Node, index: int) -> str:
    if isinstance(node.value, dict):
        for name in ("id", "code"):
            child = node.value.get(name)
            if child is not None and isinstance(child.value, str):
                return child.value
    return str(index)
