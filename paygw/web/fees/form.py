"""The calculator's form: fields drawn from the facts of a procedure, and what people typed made into facts.

People write `1.205.000` and `1,5`; the engine wants exact JSON. What does not fit is handed on as it is, so that the
engine's own refusal names the field.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paygw.kernel.fees.facts import unscaled
from paygw.kernel.fees.model import Fact, FactKind, Label
from paygw.kernel.fees.speech import Language

Form = Mapping[str, str]

FACT_PREFIX: Final = "f."

_GROUPED: Final = re.compile(r"-?[0-9]{1,3}([.\s\u00a0][0-9]{3})*|-?[0-9]+")
_NUMBERS: Final = frozenset({"int", "money", "decimal"})
_WIDE: Final = 10**12  # bounds beyond this are the language's, not the law's: not worth telling


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field: `value` is what was typed, or the default."""

    name: str
    label: str
    kind: FactKind
    value: str
    required: bool
    low: str
    high: str
    options: tuple[tuple[str, str], ...]


def fields_of(facts: tuple[Fact, ...], form: Form | None, language: Language) -> list[FormField]:
    """The fields of a procedure, filled with what was typed, or with defaults where nothing was sent yet."""
    return [_field(fact, form, language) for fact in facts]


def facts_of(facts: tuple[Fact, ...], form: Form) -> dict[str, object]:
    """What was typed, as facts; empty fields are left out, so that defaults count and required ones are missed."""
    found: dict[str, object] = {}
    for fact in facts:
        typed = form.get(FACT_PREFIX + fact.name, "").strip()
        if fact.kind == "bool":
            found[fact.name] = typed == "1"
        elif typed:
            found[fact.name] = _value(fact.kind, typed)
    return found


def _value(kind: FactKind, typed: str) -> object:
    if kind in {"int", "money"} and _GROUPED.fullmatch(typed):
        return int(re.sub(r"[.\s\u00a0]", "", typed))
    return typed.replace(",", ".") if kind == "decimal" else typed


def _field(fact: Fact, form: Form | None, language: Language) -> FormField:
    bounded = fact.kind in _NUMBERS and abs(fact.high) < _WIDE * 10**fact.scale
    return FormField(
        name=FACT_PREFIX + fact.name,
        label=_label(fact.label, fact.name, language),
        kind=fact.kind,
        value=_default(fact) if form is None else form.get(FACT_PREFIX + fact.name, ""),
        required=fact.default is None and fact.kind != "bool",
        low=unscaled(fact.low, fact.scale) if bounded else "",
        high=unscaled(fact.high, fact.scale) if bounded else "",
        options=tuple(
            (value, _label(label, value, language)) for value, label in zip(fact.values, fact.value_labels, strict=True)
        ),
    )


def _default(fact: Fact) -> str:
    if fact.default is None:
        return ""
    if fact.kind == "bool":
        return "1" if fact.default else ""
    return unscaled(fact.default, fact.scale) if isinstance(fact.default, int) else str(fact.default)


def _label(label: Label | None, name: str, language: Language) -> str:
    if label is None:
        return name
    return label.vi if language == "vi" else label.en
