"""The facts of a procedure as a JSON Schema, so that a portal can draw the form and check it before asking."""

from typing import Final

from paygw.kernel.fees.catalogue import Procedure
from paygw.kernel.fees.facts import unscaled
from paygw.kernel.fees.model import Fact, Label

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DAY: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def facts_schema(procedure: Procedure) -> dict[str, object]:
    """JSON Schema (draft 2020-12) of the `facts` object. Labels, where declared, are under `title` and `x-labels`.

    It accepts everything the engine accepts. The engine is stricter where JSON Schema cannot be: 12.0 is no integer,
    a decimal string has its range, and facts must fit together.
    """
    facts = procedure.facts
    return {
        "$schema": DIALECT,
        "title": procedure.tariff.name_vi,
        "type": "object",
        "properties": {fact.name: _property(fact) for fact in facts},
        "required": [fact.name for fact in facts if fact.default is None],
        "additionalProperties": False,
        "x-constraints": [text for _, text in procedure.constraints],
    }


def _property(fact: Fact) -> dict[str, object]:
    found = _shape(fact)
    if fact.label is not None:
        found |= {"title": fact.label.vi, "x-labels": _both(fact.label)}
    if fact.default is not None:
        found["default"] = _default(fact)
    return found


def _shape(fact: Fact) -> dict[str, object]:
    match fact.kind:
        case "int" | "money":
            unit = {"x-unit": "VND"} if fact.kind == "money" else {}
            return {"type": "integer", "minimum": fact.low, "maximum": fact.high, **unit}
        case "decimal":
            return _decimal(fact)
        case "bool":
            return {"type": "boolean"}
        case "date":
            return {"type": "string", "format": "date", "pattern": _DAY}
        case "enum":
            labels = {
                value: _both(label)
                for value, label in zip(fact.values, fact.value_labels, strict=True)
                if label is not None
            }
            return {"type": "string", "enum": list(fact.values), **({"x-value-labels": labels} if labels else {})}


def _decimal(fact: Fact) -> dict[str, object]:
    unit = 10**fact.scale
    places = f"(\\.[0-9]{{1,{fact.scale}}})?" if fact.scale else ""
    sign = "-?" if fact.low < 0 else ""
    return {
        "anyOf": [
            {"type": "string", "pattern": f"^{sign}[0-9]{{1,30}}{places}$"},
            {"type": "integer", "minimum": -(-fact.low // unit), "maximum": fact.high // unit},
        ],
        "x-minimum": unscaled(fact.low, fact.scale),
        "x-maximum": unscaled(fact.high, fact.scale),
        "x-scale": fact.scale,
    }


def _default(fact: Fact) -> object:
    if fact.kind == "decimal" and isinstance(fact.default, int):
        return unscaled(fact.default, fact.scale)
    return str(fact.default) if fact.kind == "date" else fact.default


def _both(label: Label) -> dict[str, str]:
    return {"vi": label.vi, "en": label.en}
