"""The facts of one request: checked once, exactly, and laid out for the compiled rules.

Numbers become integers in units of 10**-scale, days become dates; nothing is trimmed, guessed or converted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from paygw.kernel.fees.dates import iso_day
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.model import Fact, FactValue

Env: TypeAlias = list[Any]
"""as_of, province (or ""), then each fact in file order. Any: slots hold what the checks below let through."""

AS_OF: Final = 0
PROVINCE: Final = 1
FIRST_FACT: Final = 2

Check: TypeAlias = Callable[[object], FactValue | None]

_DECIMAL: Final = re.compile(r"(-?[0-9]{1,30})(?:\.([0-9]{1,12}))?")


@dataclass(frozen=True, slots=True)
class Binder:
    """Turns the facts of a request into an Env. In the template None stands for a required fact."""

    facts: tuple[Fact, ...]
    template: tuple[FactValue | None, ...]
    required: tuple[str, ...]
    slots: Mapping[str, tuple[int, Check]]

    def bind(self, facts: Mapping[str, object]) -> Env:
        """The Env without as_of and province. Raises FeeError for the first fact at fault, in file order."""
        env: Env = list(self.template)
        for name, value in facts.items():
            slot = self.slots.get(name)
            if slot is None:
                raise FeeError("unknown_fact", f"This procedure has no fact '{name}'.", fact=str(name))
            checked = slot[1](value)
            if checked is None:
                raise first_problem(self.facts, facts)
            env[slot[0]] = checked
        for name in self.required:
            if name not in facts:
                raise first_problem(self.facts, facts)
        return env


def binder_of(facts: Sequence[Fact]) -> Binder:
    """The binder of a procedure, made once at load."""
    return Binder(
        facts=tuple(facts),
        template=(0, "", *(fact.default for fact in facts)),
        required=tuple(fact.name for fact in facts if fact.default is None),
        slots={fact.name: (FIRST_FACT + index, check_of(fact)) for index, fact in enumerate(facts)},
    )


def first_problem(facts: Sequence[Fact], given: Mapping[str, object]) -> FeeError:
    """The error a bad request answers with: unknown names first, then fact by fact in file order."""
    known = {fact.name for fact in facts}
    for name in given:
        if name not in known:
            return FeeError("unknown_fact", f"This procedure has no fact '{name}'.", fact=str(name))
    for fact in facts:
        if fact.name not in given:
            if fact.default is None:
                return FeeError("missing_fact", f"Fact '{fact.name}' is required.", fact=fact.name)
        elif check_of(fact)(given[fact.name]) is None:
            return _problem(fact, given[fact.name])
    msg = "there is no problem with these facts"
    raise AssertionError(msg)


def check_of(fact: Fact) -> Check:
    """The check of one fact: the value as the rules use it, or None if it is not acceptable."""
    low, high, scale, values = fact.low, fact.high, fact.scale, frozenset(fact.values)
    match fact.kind:
        case "int" | "money":
            return lambda value: value if type(value) is int and low <= value <= high else None
        case "decimal":
            return lambda value: (
                scaled if (scaled := scaled_decimal(value, scale)) is not None and low <= scaled <= high else None
            )
        case "bool":
            return lambda value: value if value is True or value is False else None
        case "enum":
            return lambda value: value if type(value) is str and value in values else None
        case "date":
            return lambda value: iso_day(value) if type(value) is str else None


def scaled_decimal(value: object, scale: int) -> int | None:
    """The integer of units of 10**-scale in an int or a decimal string, or None: never rounded, never a float."""
    if type(value) is int:
        return int(value * 10**scale)
    match = _DECIMAL.fullmatch(value) if type(value) is str else None
    if match is None:
        return None
    places = match[2] or ""
    return int(match[1] + places.ljust(scale, "0")) if len(places) <= scale else None


def _problem(fact: Fact, value: object) -> FeeError:
    """Why a value that its check refused is refused."""
    name = fact.name
    if fact.kind == "enum" and type(value) is str:
        return FeeError("bad_enum", f"Fact '{name}' is one of {', '.join(fact.values)}.", fact=name)
    numeric = (fact.kind in {"int", "money"} and type(value) is int) or (
        fact.kind == "decimal" and scaled_decimal(value, fact.scale) is not None
    )
    if numeric:
        low, high = (unscaled(bound, fact.scale) for bound in (fact.low, fact.high))
        return FeeError("out_of_range", f"Fact '{name}' lies between {low} and {high}.", fact=name)
    return FeeError("bad_type", f"Fact '{name}' must be {_FORMS[fact.kind].format(scale=fact.scale)}.", fact=name)


def unscaled(value: int, scale: int) -> str:
    """The plain decimal text of an integer of units of 10**-scale, without trailing zeros."""
    if not scale:
        return str(value)
    whole, part = divmod(abs(value), 10**scale)
    places = str(part).zfill(scale).rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if places else ''}{places}"


_FORMS: Final[Mapping[str, str]] = {
    "int": "a JSON integer",
    "money": "a JSON integer of whole đồng",
    "decimal": "a decimal string or a JSON integer with at most {scale} decimals",
    "bool": "true or false",
    "enum": "a JSON string",
    "date": "a day written yyyy-mm-dd",
}
