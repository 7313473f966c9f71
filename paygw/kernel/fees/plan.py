"""A component compiled for one period: a stretch of days on which the same rules and parameters are in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Literal

import msgspec
from msgspec import structs

from paygw.kernel.fees.changes import Change, Pair, change_of, pair_of
from paygw.kernel.fees.compile import Names, Rational, Term, Test, number_term, predicate
from paygw.kernel.fees.dates import Window
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.expr import ZERO, Binary, Call, Expr
from paygw.kernel.fees.expr import names as names_in
from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import (
    Amount,
    Base,
    Brackets,
    Cases,
    Component,
    Exemption,
    Interpolated,
    Label,
    Limits,
    Modifier,
    Percent,
    PerUnit,
    Schedule,
)
from paygw.kernel.fees.tables import Piece, Table, bracket_table, interpolated_table

Form = Literal["fixed", "expr", "per_unit", "percent", "row", "marginal", "unit_steps", "interpolated_rate"]
MarkKind = Literal["modifier", "cap", "floor"]


class BaseNote(msgspec.Struct, frozen=True):
    """How a base was found: cases passed, what was counted, the price or rate, the table row and the one below it.

    `quantity` and `before` are đồng where `money` is set, units otherwise; `row` counts from 0.
    """

    form: Form
    cases: tuple[str, ...]
    quantity: Fraction | None = None
    price: Fraction | None = None
    free: Fraction | None = None
    row: int | None = None
    piece: Piece | None = None
    lower: Piece | None = None
    before: Fraction | None = None
    money: bool = False


@dataclass(frozen=True, slots=True)
class BasePlan:
    """The amount of a base, and on demand how it came about."""

    amount: Term
    note: Callable[[Env], BaseNote]


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Something that changed an amount, as the trail of a quote names it."""

    kind: MarkKind
    token: str
    modifier: Modifier | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One modifier in force: what it makes of an amount while its condition holds."""

    when: Test | None
    change: Change
    mark: Mark


@dataclass(frozen=True, slots=True)
class LimitsPlan:
    """A floor and a cap as pairs."""

    when: Test | None
    minimum: Callable[[Env], Pair] | None
    maximum: Callable[[Env], Pair] | None
    cap: Mark
    floor: Mark


@dataclass(frozen=True, slots=True, eq=False)
class ExemptionPlan:
    """An exemption in force."""

    when: Test
    rule: Exemption
    token: str


@dataclass(frozen=True, slots=True, eq=False)
class ComponentPlan:
    """Everything `charge` needs. `options` holds ungrouped modifiers alone and each group together, in file order.

    `direct` components have nothing between base and rounding but exemptions: most of a catalogue.
    """

    rule: Component
    direct: bool
    when: Test | None
    base: BasePlan
    base_limits: LimitsPlan | None
    times: Term | None
    times_pair: Callable[[Env], Pair] | None
    options: tuple[tuple[Option, ...], ...]
    exemptions: tuple[ExemptionPlan, ...]
    limits: LimitsPlan | None
    labels: Mapping[str, Label]


@dataclass(frozen=True, slots=True, eq=False)
class SchedulePlan:
    """A schedule during one period."""

    rule: Schedule
    period: Window
    components: tuple[ComponentPlan, ...]


def component_plan(rule: Component, names: Names, period: Window, labels: Mapping[str, Label]) -> ComponentPlan:
    """Compile what is in force during a period. Raises BadCatalogue for a table whose bounds do not rise."""
    times = None if rule.times is None else number_term(rule.times, names)
    options = tuple(_options(rule, names, period))
    return ComponentPlan(
        rule=rule,
        direct=not options and rule.base_limits is None and times is None and rule.limits is None,
        when=_optional_test(rule.when, names),
        base=_base(rule.base, names, period),
        base_limits=_limits(rule.base_limits, names, rule.id),
        times=times,
        times_pair=None if times is None else pair_of(times),
        options=options,
        exemptions=tuple(
            ExemptionPlan(predicate(exemption.when, names), exemption, f"{rule.id}:exempt:{exemption.id}")
            for exemption in rule.exemptions
            if exemption.window.covers(period)
        ),
        limits=_limits(rule.limits, names, rule.id),
        labels=labels,
    )


def _base(base: Base, names: Names, period: Window) -> BasePlan:
    match base:
        case Amount():
            note = BaseNote(base.form, ())
            return BasePlan(number_term(base.value, names), lambda _env: note)
        case PerUnit():
            return _per_unit(base, names)
        case Percent():
            return _percent(base, names)
        case Brackets():
            form: Form = "unit_steps" if base.form == "unit_steps" else base.mode
            return _table(form, bracket_table(base, names), money=_is_money(base.of, names))
        case Interpolated():
            return _table("interpolated_rate", interpolated_table(base, names), money=_is_money(base.of, names))
        case Cases():
            return _cases(base, names, period)


def _per_unit(base: PerUnit, names: Names) -> BasePlan:
    charged: Expr = base.quantity
    if base.free != ZERO:
        charged = Call("max", (ZERO, Binary("-", base.quantity, base.free)))
    terms = [number_term(part, names) for part in (base.quantity, base.price, base.free)]

    def note(env: Env) -> BaseNote:
        quantity, price, free = (term.value(env) for term in terms)
        return BaseNote("per_unit", (), quantity=quantity, price=price, free=free or None)

    return BasePlan(number_term(Binary("*", charged, base.price), names), note)


def _percent(base: Percent, names: Names) -> BasePlan:
    terms = [number_term(part, names) for part in (base.of, base.rate)]

    def note(env: Env) -> BaseNote:
        value, rate = (term.value(env) for term in terms)
        return BaseNote("percent", (), quantity=value, price=rate)

    return BasePlan(number_term(Binary("*", base.of, base.rate), names), note)


def _is_money(expr: Expr, names: Names) -> bool:
    return any(name in names.facts and names.facts[name].kind == "money" for name in names_in(expr))


def _table(form: Form, table: Table, *, money: bool) -> BasePlan:
    def note(env: Env) -> BaseNote:
        quantity = table.quantity.value(env)
        before = None if table.before is None else table.before.value(env)
        total = quantity + (before or 0)
        row = next(i for i, piece in enumerate(table.pieces) if _fits(piece, total))
        piece, lower = table.pieces[row], table.pieces[row - 1] if row else None
        return BaseNote(form, (), quantity=quantity, row=row, piece=piece, lower=lower, before=before, money=money)

    return BasePlan(table.amount, note)


def _fits(piece: Piece, value: Fraction) -> bool:
    return piece.bound is None or value < piece.bound or (piece.inclusive and value == piece.bound)


def _cases(base: Cases, names: Names, period: Window) -> BasePlan:
    rows = [
        (row.id, _optional_test(row.when, names) or _always, _base(row.base, names, period))
        for row in base.rows
        if row.window.covers(period)
    ]
    below = lcm(*(plan.amount.below for _, _, plan in rows)) if rows else 1
    tops = [(when, plan.amount.over(below)) for _, when, plan in rows]

    def amount(env: Env) -> Rational:
        for when, top in tops:
            if when(env):
                return top(env)
        raise FeeError("no_case_matches", "The tariff has no row for these facts.")

    def note(env: Env) -> BaseNote:
        case, plan = next((case, plan) for case, when, plan in rows if when(env))
        inner = plan.note(env)
        return structs.replace(inner, cases=(case, *inner.cases))

    return BasePlan(Term(amount, below, None, all(plan.amount.whole for _, _, plan in rows)), note)


def _always(_env: Env) -> bool:
    return True


def _limits(limits: Limits | None, names: Names, component: str) -> LimitsPlan | None:
    if limits is None:
        return None
    minimum, maximum = (
        None if expr is None else pair_of(number_term(expr, names)) for expr in (limits.minimum, limits.maximum)
    )
    cap, floor = Mark("cap", f"{component}:cap"), Mark("floor", f"{component}:floor")
    return LimitsPlan(_optional_test(limits.when, names), minimum, maximum, cap, floor)


def _options(rule: Component, names: Names, period: Window) -> list[tuple[Option, ...]]:
    """A group stands where its first member stands in the file, whether or not that member is in force."""
    places: dict[str, list[Option]] = {}
    for modifier in rule.modifiers:
        members = places.setdefault(modifier.group or f" {modifier.id}", [])
        if modifier.window.covers(period):
            mark = Mark("modifier", f"{rule.id}:mod:{modifier.id}", modifier)
            members.append(Option(_optional_test(modifier.when, names), change_of(modifier, names), mark))
    return [tuple(members) for members in places.values() if members]


def _optional_test(expr: Expr | None, names: Names) -> Test | None:
    return None if expr is None else predicate(expr, names)
