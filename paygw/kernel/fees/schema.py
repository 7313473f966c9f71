"""Reading procedures, schedules and components into the model."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, cast, get_args

from paygw.kernel.fees.bases import BASE_FORMS, read_base
from paygw.kernel.fees.dates import LAST_DAY, Window
from paygw.kernel.fees.declare import Labels, read_facts, read_splits
from paygw.kernel.fees.expr import Expr, number
from paygw.kernel.fees.fields import Field, unique, window
from paygw.kernel.fees.model import (
    Action,
    Agency,
    Base,
    Cases,
    Component,
    ComponentType,
    Constraint,
    Exemption,
    Label,
    Modifier,
    ParamRow,
    Rounding,
    Schedule,
    Split,
    Tariff,
)
from paygw.kernel.fees.reading import (
    PARAM_PREFIX,
    Scope,
    amount,
    condition,
    limits,
    optional_amount,
    optional_condition,
    scope_of,
)
from paygw.kernel.fees.source import Node, plain
from paygw.kernel.split import ShareRule

ROUND_TO_MAX: Final = 10**9

_CODE: Final = re.compile(r"[0-9]\.[0-9]{6}")
_JURISDICTION: Final = re.compile(r"VN|[0-9]{2}")
_NDKT: Final = re.compile(r"[0-9]{4}")
_TREASURY: Final = Split("treasury_100", (ShareRule("treasury", None),))
_CONFIDENCE: Final = ("verified", "memory", "illustrative")
_EDITORIAL: Final = frozenset({"note", "confidence", "code_status"})
_PROCEDURE_KEYS: Final = ("code_status", "name", "agency", "assessed", "constraints", "splits", "note")
_COMPONENT_KEYS: Final = (
    *("name", "ndkt", "split", "when", "base_limits", "times", "modifiers"),
    *("exemptions", "limits", "round", "legal", "note"),
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the files of a catalogue share between procedures."""

    splits: Mapping[str, Split]
    params: Mapping[str, tuple[ParamRow, ...]]
    labels: Labels
    chapters: frozenset[str]


def read_tariff(field: Field, shared: Shared) -> Tariff:
    """One entry of `procedures`."""
    fields = field.fields(required=("code", "facts", "schedules"), optional=_PROCEDURE_KEYS)
    code = fields["code"].text()
    if not _CODE.fullmatch(code):
        raise fields["code"].bad('A procedure code such as "1.004194" is expected here.')
    facts = read_facts(fields["facts"], shared.labels)
    scope = scope_of(facts, shared.params)
    splits = {**shared.splits, **(read_splits(fields["splits"]) if "splits" in fields else {})}
    constraints = tuple(_constraints(fields["constraints"], scope_of(facts, {}))) if "constraints" in fields else ()
    basis: dict[str, object] = {
        key: plain(fields[key].node) for key in ("code", "facts", "constraints", "assessed") if key in fields
    }
    items = fields["schedules"].items()
    schedules = tuple(_schedule(item, scope, splits, basis, shared.labels.rules) for item in items)
    unique(items, lambda item: item.entries()["id"].slug())
    _check_overlaps(items, schedules)
    names = fields["name"].fields(required=("vi",), optional=("en",)) if "name" in fields else {}
    return Tariff(
        code=code,
        code_status=fields["code_status"].text() if "code_status" in fields else None,
        name_vi=names["vi"].text() if names else code,
        name_en=names["en"].text() if "en" in names else code,
        agency=_agency(fields["agency"], shared) if "agency" in fields else None,
        assessed="assessed" in fields and fields["assessed"].flag(),
        facts=facts,
        constraints=constraints,
        schedules=schedules,
    )


def _agency(field: Field, shared: Shared) -> Agency:
    fields = field.fields(required=("id", "collector", "chapter"))
    chapter = fields["chapter"].text()
    if shared.chapters and chapter not in shared.chapters:
        raise fields["chapter"].bad(f"Chapter '{chapter}' is not among the declared chapters.")
    return Agency(fields["id"].text(), fields["collector"].text(), chapter)


def _constraints(field: Field, scope: Scope) -> Iterator[Constraint]:
    for item in field.items():
        fields = item.fields(required=("expr",), optional=("error", "note"))
        if "error" in fields:
            fields["error"].one_of(("inconsistent_facts",))
        yield Constraint(condition(fields["expr"], scope), fields["expr"].text())


def _schedule(
    field: Field,
    scope: Scope,
    splits: Mapping[str, Split],
    basis: Mapping[str, object],
    labels: Mapping[str, Label],
) -> Schedule:
    fields = field.fields(
        required=("id", "jurisdiction", "effective_from", "components"),
        optional=("effective_to", "legal", "confidence", "note"),
    )
    jurisdiction = fields["jurisdiction"].text()
    if not _JURISDICTION.fullmatch(jurisdiction):
        raise fields["jurisdiction"].bad("'VN' or a province code of two digits in quotes is expected here.")
    if fields["effective_from"].node.value is None:
        raise fields["effective_from"].bad("A day written yyyy-mm-dd is expected here.")
    during = window(fields, "effective_from", "effective_to")
    inner = scope.during(during)
    items = fields["components"].items()
    components = tuple(_component(item, inner, splits) for item in items)
    unique(items, lambda item: item.entries()["id"].slug())
    used = {
        name: scope.params[name] for name in sorted(_params_named(fields["components"].node)) if name in scope.params
    }
    return Schedule(
        id=fields["id"].slug(),
        jurisdiction=jurisdiction,
        window=during,
        legal=tuple(item.text() for item in fields["legal"].items()) if "legal" in fields else (),
        confidence=fields["confidence"].one_of(_CONFIDENCE) if "confidence" in fields else None,
        components=components,
        params=used,
        labels={name: labels[name] for name in (*_rule_ids(components), *used) if name in labels},
        content_hash=_content_hash(field.node, basis, components, used),
        place=field.place,
    )


def _component(field: Field, scope: Scope, splits: Mapping[str, Split]) -> Component:
    fields = field.fields(required=("id", "type", "base"), optional=_COMPONENT_KEYS)
    kind = cast("ComponentType", fields["type"].one_of(get_args(ComponentType)))
    ndkt = fields["ndkt"].text() if "ndkt" in fields else None
    if ndkt is not None and not _NDKT.fullmatch(ndkt):
        raise fields["ndkt"].bad("A sub-item code of four digits in quotes is expected here.")
    base = fields["base"]
    return Component(
        id=fields["id"].slug(),
        name=fields["name"].text() if "name" in fields else fields["id"].slug(),
        type=kind,
        ndkt=ndkt,
        split=_split(fields["split"], kind, splits) if "split" in fields else _TREASURY,
        when=optional_condition(fields, scope),
        base=read_base(base.fields(optional=BASE_FORMS), scope, base),
        base_limits=limits(fields["base_limits"], scope) if "base_limits" in fields else None,
        times=optional_amount(fields, "times", scope),
        modifiers=_modifiers(fields["modifiers"], scope) if "modifiers" in fields else (),
        exemptions=_exemptions(fields["exemptions"], scope) if "exemptions" in fields else (),
        limits=limits(fields["limits"], scope) if "limits" in fields else None,
        rounding=_rounding(fields["round"]) if "round" in fields else Rounding(1, "half_up"),
        legal=tuple(item.text() for item in fields["legal"].items()) if "legal" in fields else (),
        place=field.place,
    )


def _split(field: Field, kind: ComponentType, splits: Mapping[str, Split]) -> Split:
    found = splits.get(field.text())
    if found is None:
        raise field.bad(f"Split '{field.text()}' is not declared.")
    if kind == "le_phi" and found.shares != _TREASURY.shares:
        raise field.bad("A lệ phí goes to the budget whole: its split may name only the treasury.")
    return found


def _modifiers(field: Field, scope: Scope) -> tuple[Modifier, ...]:
    items = field.items()
    unique(items, lambda item: item.fields(required=("id",), optional=item.entries())["id"].slug())
    return tuple(_modifier(item, scope) for item in items)


def _modifier(item: Field, scope: Scope) -> Modifier:
    actions = get_args(Action)
    fields = item.fields(required=("id",), optional=("from", "to", "when", "group", "min", "legal", "note", *actions))
    found = [action for action in actions if action in fields]
    if len(found) != 1:
        raise item.bad(f"Exactly one of {', '.join(actions)} is expected here.")
    during = window(fields, "from", "to")
    inner = scope.during(during)
    value, off_max = _action(fields[found[0]], found[0], inner)
    return Modifier(
        id=fields["id"].slug(),
        action=cast("Action", found[0]),
        value=value,
        off_max=off_max,
        minimum=optional_amount(fields, "min", inner),
        when=optional_condition(fields, inner),
        window=during,
        group=fields["group"].slug() if "group" in fields else None,
        legal=fields["legal"].text() if "legal" in fields else None,
    )


def _action(field: Field, action: str, scope: Scope) -> tuple[Expr, Expr | None]:
    if action != "percent_off":
        return amount(field, scope, negative=action == "add"), None
    fields = field.fields(required=("pct",), optional=("max",))
    pct = fields["pct"].decimal()
    if pct is None or not 0 <= pct <= 100:  # noqa: PLR2004 - a percentage
        raise fields["pct"].bad("A percentage from 0 to 100 is expected here; decimals go in quotes.")
    return number(Fraction(pct, 100)), optional_amount(fields, "max", scope)


def _exemptions(field: Field, scope: Scope) -> tuple[Exemption, ...]:
    items = field.items()
    found = []
    for item in items:
        fields = item.fields(required=("id", "when"), optional=("from", "to", "legal", "note"))
        during = window(fields, "from", "to")
        legal = fields["legal"].text() if "legal" in fields else None
        when = condition(fields["when"], scope.during(during))
        found.append(Exemption(fields["id"].slug(), when, during, legal))
    unique(items, lambda item: item.entries()["id"].slug())
    return tuple(found)


def _rounding(field: Field) -> Rounding:
    fields = field.fields(required=("to",), optional=("mode",))
    to = fields["to"].integer(low=1, high=ROUND_TO_MAX)
    mode = fields["mode"].one_of(("half_up", "down")) if "mode" in fields else "half_up"
    return Rounding(to, "down" if mode == "down" else "half_up")


def _check_overlaps(items: list[Field], schedules: tuple[Schedule, ...]) -> None:
    """Two schedules of one jurisdiction never share a day."""
    for index, (item, schedule) in enumerate(zip(items, schedules, strict=True)):
        for other in schedules[:index]:
            if other.jurisdiction == schedule.jurisdiction and other.window.overlaps(schedule.window):
                shared = Window(
                    max(other.window.first, schedule.window.first), min(other.window.last, schedule.window.last)
                )
                until = "without end" if shared.last == LAST_DAY else f"to {shared.last}"
                message = f"Schedules '{other.id}' and '{schedule.id}' are both in force from {shared.first} {until}."
                raise item.bad(message, "ambiguous_schedule")


def _rule_ids(components: Iterable[Component]) -> Iterator[str]:
    """Ids that an explanation may name."""
    for component in components:
        yield from _case_ids(component.base)
        yield from (modifier.id for modifier in component.modifiers)
        yield from (exemption.id for exemption in component.exemptions)
        yield from (share.to for share in component.split.shares)


def _case_ids(base: Base) -> Iterator[str]:
    for row in base.rows if isinstance(base, Cases) else ():
        yield row.id
        yield from _case_ids(row.base)


def _params_named(node: Node) -> set[str]:
    """Parameters an expression anywhere below may read."""
    text = json.dumps(plain(node), ensure_ascii=False)
    return set(re.findall(re.escape(PARAM_PREFIX) + r"([A-Za-z0-9_]+)", text))


def _content_hash(
    node: Node,
    basis: Mapping[str, object],
    components: tuple[Component, ...],
    params: Mapping[str, tuple[ParamRow, ...]],
) -> str:
    """SHA-256 of everything that decides or names an amount, whatever the order of keys; notes are left out."""
    content = {
        "procedure": basis,
        "schedule": _without_notes(plain(node)),
        "splits": {
            component.split.id: [[share.to, share.pct_millionths] for share in component.split.shares]
            for component in components
        },
        "params": {
            name: [[str(row.window.first), str(row.window.last), str(row.value)] for row in rows]
            for name, rows in params.items()
        },
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _without_notes(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_notes(child) for key, child in value.items() if key not in _EDITORIAL}
    if isinstance(value, list):
        return [_without_notes(child) for child in value]
    return value
