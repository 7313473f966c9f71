"""Reading the declarations of a catalogue: facts with their labels, parameters, revenue splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Final, cast, get_args

from paygw.kernel.fees.facts import check_of
from paygw.kernel.fees.fields import Field, unique, window
from paygw.kernel.fees.model import Fact, FactKind, Label, ParamRow, Split
from paygw.kernel.split import WHOLE_MILLIONTHS, ShareRule, check_shares

NUMBER_MAX: Final = 10**15
SCALE_MAX: Final = 12
SCALE_DEFAULT: Final = 6

_RESERVED: Final = frozenset({"as_of", "province", "param", "date", "in"})
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("min", "max"),
    "money": ("min", "max"),
    "decimal": ("min", "max", "scale"),
    "bool": (),
    "enum": ("values",),
    "date": (),
}


@dataclass(frozen=True, slots=True)
class Labels:
    """Names for forms: of facts, and of values of facts; names of cases and reliefs for explanations."""

    facts: Mapping[str, Label]
    values: Mapping[tuple[str, str], Label]
    rules: Mapping[str, Label]


def read_facts(field: Field, labels: Labels) -> tuple[Fact, ...]:
    """The facts of a procedure in file order."""
    return tuple(_fact(name, declared, labels) for name, declared in field.entries().items())


def _fact(name: str, field: Field, labels: Labels) -> Fact:
    if not name.isidentifier() or not name.isascii() or name in _RESERVED:
        raise field.bad(f"'{name}' cannot be the name of a fact.")
    declared = field.entries().get("type")
    if declared is None:
        raise field.bad("'type' is missing here.")
    kind = cast("FactKind", declared.one_of(get_args(FactKind)))
    fields = field.fields(
        required=("type", "values") if kind == "enum" else ("type",), optional=("default", *_KEYS[kind])
    )
    values = _values(fields["values"]) if kind == "enum" else ()
    scale = 0
    if kind == "decimal":
        scale = fields["scale"].integer(low=0, high=SCALE_MAX) if "scale" in fields else SCALE_DEFAULT
    low = _bound(fields, "min", 0 if kind == "money" else -NUMBER_MAX, scale)
    high = _bound(fields, "max", NUMBER_MAX, scale)
    if low > high:
        raise field.bad("'min' lies above 'max'.")
    value_labels = tuple(labels.values.get((name, value)) for value in values)
    fact = Fact(name, kind, values, low, high, scale, None, labels.facts.get(name), value_labels)
    return _with_default(fact, fields["default"]) if "default" in fields else fact


def _values(field: Field) -> tuple[str, ...]:
    items = field.items()
    unique(items, Field.text)
    return tuple(item.text() for item in items)


def _bound(fields: Mapping[str, Field], key: str, default: int, scale: int) -> int:
    unit = int(10**scale)
    if key not in fields:
        return default * unit
    value = fields[key].decimal()
    if value is None or (value * unit).denominator != 1 or abs(value) > NUMBER_MAX:
        raise fields[key].bad(f"A number with at most {scale} decimals, at most 10^15, is expected here.")
    return int(value * unit)


def _with_default(fact: Fact, field: Field) -> Fact:
    given = field.node.value
    value = check_of(fact)(given.isoformat() if isinstance(given, date) else given)
    if value is None:
        raise field.bad(f"The default of '{fact.name}' is not a value this fact may have.")
    return Fact(
        fact.name, fact.kind, fact.values, fact.low, fact.high, fact.scale, value, fact.label, fact.value_labels
    )


def read_params(field: Field) -> dict[str, tuple[ParamRow, ...]]:
    """Dated parameters by name, rows sorted by date; two rows never cover one day."""
    return {name: _param(rows) for name, rows in field.entries().items()}


def _param(field: Field) -> tuple[ParamRow, ...]:
    rows = []
    for item in field.items():
        fields = item.fields(required=("from", "value"), optional=("to", "legal", "confidence", "note"))
        value = fields["value"].decimal(percent=True)
        if value is None:
            raise fields["value"].bad("A whole number, or a decimal or percentage in quotes, is expected here.")
        rows.append((ParamRow(window(fields, "from", "to"), value), item))
    rows.sort(key=lambda row: row[0].window)
    for (before, _), (after, item) in pairwise(rows):
        if before.window.overlaps(after.window):
            raise item.bad(f"Two values of this parameter cover {after.window.first}.")
    return tuple(row for row, _ in rows)


def read_splits(field: Field) -> dict[str, Split]:
    """Revenue splits by name; each is a list of shares or `{shares, confidence}`."""
    return {name: _split(name, declared) for name, declared in field.entries().items()}


def _split(name: str, field: Field) -> Split:
    listed = field
    if isinstance(field.node.value, dict):
        listed = field.fields(required=("shares",), optional=("confidence", "note"))["shares"]
    shares = tuple(_share(item) for item in listed.items())
    if problem := check_shares(shares):
        raise listed.bad(f"{problem[0].upper()}{problem[1:]}.")
    return Split(name, shares)


def _share(item: Field) -> ShareRule:
    fields = item.fields(required=("to",), optional=("pct", "rest"))
    to = fields["to"].slug()
    if "rest" in fields and fields["rest"].flag() and "pct" not in fields:
        return ShareRule(to, None)
    if "pct" not in fields or "rest" in fields:
        raise item.bad("A share has either 'pct' or 'rest: true'.")
    parts = (fields["pct"].decimal() or Fraction(0)) * (WHOLE_MILLIONTHS // 100)
    if parts.denominator != 1 or parts <= 0:
        raise fields["pct"].bad("A percentage above 0 with at most four decimals is expected here, in quotes.")
    return ShareRule(to, int(parts))


def read_labels(field: Field) -> Labels:
    """`facts: {name: {vi, en}}`, `values: {fact: {value: {vi, en}}}`, `rules: {id: {vi, en}}`."""
    fields = field.fields(optional=("facts", "values", "rules"))
    facts = fields["facts"].entries() if "facts" in fields else {}
    values = fields["values"].entries() if "values" in fields else {}
    rules = fields["rules"].entries() if "rules" in fields else {}
    return Labels(
        {name: _label(declared) for name, declared in facts.items()},
        {(fact, value): _label(one) for fact, declared in values.items() for value, one in declared.entries().items()},
        {name: _label(declared) for name, declared in rules.items()},
    )


def _label(field: Field) -> Label:
    fields = field.fields(required=("vi", "en"))
    return Label(fields["vi"].text(), fields["en"].text())
