"""Reading expressions and numbers where a schedule has them, under the names declared for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from paygw.kernel.fees.dates import LAST_DAY, Window, day_after
from paygw.kernel.fees.errors import BadCatalogue
from paygw.kernel.fees.expr import Expr, Number, names, number
from paygw.kernel.fees.fields import Field
from paygw.kernel.fees.grammar import BadExpression, parse
from paygw.kernel.fees.model import Fact, Limits, ParamRow
from paygw.kernel.fees.sorts import BOOL, DATE, FREE_TEXT, Kind, Sort, between, want

PARAM_PREFIX: Final = "param."


@dataclass(frozen=True, slots=True)
class Scope:
    """The names an expression may use, and the days on which it may be evaluated."""

    sorts: Mapping[str, Sort]
    params: Mapping[str, tuple[ParamRow, ...]]
    window: Window

    def during(self, window: Window) -> "Scope":
        """The same names on fewer days."""
        first, last = max(self.window.first, window.first), min(self.window.last, window.last)
        return replace(self, window=Window(first, max(first, last)))


def scope_of(facts: Sequence[Fact], params: Mapping[str, tuple[ParamRow, ...]]) -> Scope:
    """Everything a procedure's expressions can name."""
    sorts: dict[str, Sort] = {"as_of": DATE, "province": FREE_TEXT}
    for name, rows in params.items():
        values = [row.value for row in rows]
        sorts[PARAM_PREFIX + name] = between(min(values), max(values))
    for fact in facts:
        sorts[fact.name] = fact_sort(fact)
    return Scope(sorts, params, Window())


def fact_sort(fact: Fact) -> Sort:
    """The sort of a fact, with its declared range or values."""
    match fact.kind:
        case "bool":
            return BOOL
        case "date":
            return DATE
        case "enum":
            return Sort("text", values=frozenset(fact.values))
        case _:
            unit = 10**fact.scale
            return between(number(fact.low).value / unit, number(fact.high).value / unit)


def condition(field: Field, scope: Scope) -> Expr:
    """An expression that is true or false."""
    return _expression(field, "bool", scope)[0]


def optional_condition(fields: Mapping[str, Field], scope: Scope, key: str = "when") -> Expr | None:
    """The condition under a key, if it is there."""
    return condition(fields[key], scope) if key in fields else None


def amount(field: Field, scope: Scope, *, negative: bool = False) -> Expr:
    """A number: an integer, a quoted decimal, or an expression. A constant below 0 only where `negative` allows it."""
    exact = field.decimal()
    if exact is None:
        expr, sort = _expression(field, "number", scope)
    else:
        expr, sort = number(exact), between(exact, exact)
    if sort.high < 0 and not negative:
        raise field.bad("A number of 0 or more is expected here.")
    return expr


def optional_amount(fields: Mapping[str, Field], key: str, scope: Scope) -> Expr | None:
    """The number under a key, if it is there."""
    return amount(fields[key], scope) if key in fields else None


def constant(field: Field, scope: Scope) -> Expr:
    """A number that depends on no fact: only integers, decimals and parameters."""
    expr = amount(field, scope)
    if any(not name.startswith(PARAM_PREFIX) for name in names(expr)):
        raise field.bad("Only numbers and parameters may stand here, no facts.")
    return expr


def limits(field: Field, scope: Scope) -> Limits:
    """`{min, max, when}`, at least one of the bounds."""
    fields = field.fields(optional=("min", "max", "when"))
    found = Limits(
        optional_amount(fields, "min", scope),
        optional_amount(fields, "max", scope),
        optional_condition(fields, scope),
    )
    if found.minimum is None and found.maximum is None:
        raise field.bad("Limits need 'min' or 'max'.")
    low, high = found.minimum, found.maximum
    if isinstance(low, Number) and isinstance(high, Number) and low.value > high.value:
        raise field.bad("'min' lies above 'max'.")
    return found


def _expression(field: Field, kind: Kind, scope: Scope) -> tuple[Expr, Sort]:
    if not isinstance(field.node.value, str):
        raise field.bad("An expression in quotes is expected here.")
    try:
        expr = parse(field.node.value)
        sort = want(expr, kind, scope.sorts)
    except BadExpression as problem:
        raise field.bad(str(problem)) from problem
    for name in set(names(expr)):
        if name.startswith(PARAM_PREFIX):
            _check_coverage(field, name.removeprefix(PARAM_PREFIX), scope)
    return expr, sort


def _check_coverage(field: Field, param: str, scope: Scope) -> None:
    """Exactly one row must cover every day on which the expression may be evaluated."""
    day = scope.window.first
    for row in scope.params[param]:
        if row.window.first <= day <= row.window.last:
            if row.window.last >= scope.window.last:
                return
            day = day_after(row.window.last)
    raise _uncovered(field, param, scope, day.isoformat() if day < LAST_DAY else "the last day")


def _uncovered(field: Field, param: str, scope: Scope, day: str) -> BadCatalogue:
    last = "without end" if scope.window.last == LAST_DAY else f"to {scope.window.last}"
    message = f"Parameter '{param}' has no value on {day}, and is used here from {scope.window.first} {last}."
    return field.bad(message)
