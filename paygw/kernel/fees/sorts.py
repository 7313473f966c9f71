"""What kind of value an expression gives, checked at load.

A number also carries the range it can take, worked out from the declared ranges of the facts, so that a division which
could meet zero is refused before anyone asks for a fee.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Final, Literal, NoReturn

from paygw.kernel.fees.expr import (
    ARITHMETIC,
    LOGIC,
    Binary,
    Call,
    Choice,
    Day,
    Expr,
    Name,
    Not,
    Number,
    Text,
    Within,
)
from paygw.kernel.fees.grammar import BadExpression

Kind = Literal["number", "text", "bool", "date"]

_DAYS_MAX: Final = 3_652_058
_YEARS_MAX: Final = 9_998
_KIND_NAMES: Final[Mapping[Kind, str]] = {
    "number": "a number",
    "text": "text",
    "bool": "true or false",
    "date": "a day",
}


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of value. Numbers lie in [low, high]; text is one of `values` where they are known."""

    kind: Kind
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    values: frozenset[str] | None = None


BOOL: Final = Sort("bool")
DATE: Final = Sort("date")
FREE_TEXT: Final = Sort("text")


def between(low: Fraction | int, high: Fraction | int) -> Sort:
    """A number somewhere in [low, high]."""
    return Sort("number", Fraction(low), Fraction(high))


def sort_of(expr: Expr, scope: Mapping[str, Sort]) -> Sort:  # noqa: PLR0911 - one arm for each kind of node
    """The sort of an expression under the declared names. Raises BadExpression where it makes no sense."""
    match expr:
        case Number(value):
            return between(value, value)
        case Text(value):
            return Sort("text", values=frozenset({value}))
        case Day():
            return DATE
        case Name(name):
            return _declared(name, scope)
        case Not(operand):
            return _want(sort_of(operand, scope), "bool", "'!'")
        case Binary():
            return _binary(expr, scope)
        case Within(needle, haystack):
            for item in haystack:
                _comparable(sort_of(needle, scope), sort_of(item, scope), "in")
            return BOOL
        case Choice():
            return _choice(expr, scope)
        case Call():
            return _call(expr, scope)


def want(expr: Expr, kind: Kind, scope: Mapping[str, Sort]) -> Sort:
    """The sort of an expression that must be of one kind."""
    return _want(sort_of(expr, scope), kind, "This place")


def _declared(name: str, scope: Mapping[str, Sort]) -> Sort:
    if name not in scope:
        _refuse(f"'{name}' is not declared: it is no fact of this procedure and no parameter.")
    return scope[name]


def _binary(expr: Binary, scope: Mapping[str, Sort]) -> Sort:
    left, right = sort_of(expr.left, scope), sort_of(expr.right, scope)
    if expr.op in ARITHMETIC:
        return _arithmetic(expr, _want(left, "number", f"'{expr.op}'"), _want(right, "number", f"'{expr.op}'"))
    if expr.op in LOGIC:
        _want(left, "bool", f"'{expr.op}'")
        return _want(right, "bool", f"'{expr.op}'")
    _comparable(left, right, expr.op)
    return BOOL


def _arithmetic(expr: Binary, left: Sort, right: Sort) -> Sort:
    match expr.op:
        case "+":
            return between(left.low + right.low, left.high + right.high)
        case "-":
            return between(left.low - right.high, left.high - right.low)
        case "*":
            return _corners(left, right.low, right.high)
        case _:
            if right.low <= 0 <= right.high:
                _refuse("This division could meet zero: give the fact a range without 0, or divide by max(1, ...).")
            return _corners(left, 1 / right.low, 1 / right.high)


def _corners(left: Sort, low: Fraction, high: Fraction) -> Sort:
    products = [a * b for a, b in product((left.low, left.high), (low, high))]
    return between(min(products), max(products))


def _comparable(left: Sort, right: Sort, op: str) -> None:
    if left.kind != right.kind:
        _refuse(f"'{op}' compares {_KIND_NAMES[left.kind]} with {_KIND_NAMES[right.kind]}.")
    if op not in {"==", "!=", "in"} and left.kind not in {"number", "date"}:
        _refuse(f"'{op}' orders numbers and days only.")
    if left.values is not None and right.values is not None and not left.values & right.values:
        _refuse(f"'{op}' can never hold: {_listed(left.values)} and {_listed(right.values)} have no value in common.")


def _choice(expr: Choice, scope: Mapping[str, Sort]) -> Sort:
    _want(sort_of(expr.test, scope), "bool", "The test before '?'")
    then, otherwise = sort_of(expr.then, scope), sort_of(expr.otherwise, scope)
    if then.kind != otherwise.kind:
        _refuse("Both sides of ':' must be of one kind.")
    values = None if then.values is None or otherwise.values is None else then.values | otherwise.values
    return Sort(then.kind, min(then.low, otherwise.low), max(then.high, otherwise.high), values)


def _call(expr: Call, scope: Mapping[str, Sort]) -> Sort:
    sorts = [sort_of(arg, scope) for arg in expr.args]
    match expr.function:
        case "max" | "min":
            choose = max if expr.function == "max" else min
            for sort in sorts:
                _want(sort, "number", f"{expr.function}()")
            return between(choose(sort.low for sort in sorts), choose(sort.high for sort in sorts))
        case "round":
            only = _want(_exactly(expr, sorts, 1)[0], "number", "round()")
            return between(round_half_up(only.low), round_half_up(only.high))
        case "days" | "age":
            for sort in _exactly(expr, sorts, 2):
                _want(sort, "date", f"{expr.function}()")
            reach = _DAYS_MAX if expr.function == "days" else _YEARS_MAX
            return between(-reach, reach)


def round_half_up(value: Fraction | int) -> int:
    """The nearest integer, halves upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _exactly(expr: Call, sorts: list[Sort], count: int) -> list[Sort]:
    if len(sorts) != count:
        _refuse(f"{expr.function}() takes {count} value{'s' if count > 1 else ''}, not {len(sorts)}.")
    return sorts


def _want(sort: Sort, kind: Kind, place: str) -> Sort:
    if sort.kind != kind:
        _refuse(f"{place} needs {_KIND_NAMES[kind]}, not {_KIND_NAMES[sort.kind]}.")
    return sort


def _listed(values: frozenset[str]) -> str:
    return "/".join(f"'{value}'" for value in sorted(values))


def _refuse(message: str) -> NoReturn:
    raise BadExpression(message)
