"""Expressions turned into closures over an Env, once, at load.

A number is computed as an integer over a denominator known at load, so that adding, comparing and scaling cost integer
arithmetic. Only a division by something that varies gives a Fraction; everything stays exact either way.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm
from typing import Any, Final, TypeAlias, cast

from paygw.kernel.fees.dates import completed_years
from paygw.kernel.fees.expr import ARITHMETIC, Binary, Call, Choice, Day, Expr, Name, Not, Number, Text, Within
from paygw.kernel.fees.facts import AS_OF, FIRST_FACT, PROVINCE, Env
from paygw.kernel.fees.model import Fact

Rational: TypeAlias = int | Fraction
Test: TypeAlias = Callable[[Env], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """A number: `top(env) / below`. `constant` is its value where it does not vary; `whole` if top is an int."""

    top: Callable[[Env], Rational]
    below: int
    constant: Fraction | None = None
    whole: bool = True

    def over(self, below: int) -> Callable[[Env], Rational]:
        """The numerator over a common denominator, a multiple of this one."""
        factor, top = below // self.below, self.top
        return top if factor == 1 else lambda env: top(env) * factor

    def value(self, env: Env) -> Fraction:
        """The exact value, for explanations."""
        return self.constant or Fraction(self.top(env), self.below)


@dataclass(frozen=True, slots=True)
class Names:
    """Where names live: facts in Env slots, parameters as the constants of one period."""

    slots: Mapping[str, int]
    facts: Mapping[str, Fact]
    params: Mapping[str, Fraction]


def names_of(facts: tuple[Fact, ...], params: Mapping[str, Fraction]) -> Names:
    """The names of a procedure during one period."""
    slots = {"as_of": AS_OF, "province": PROVINCE}
    slots |= {fact.name: FIRST_FACT + index for index, fact in enumerate(facts)}
    return Names(slots, {fact.name: fact for fact in facts}, params)


def constant_term(value: Fraction) -> Term:
    """A number that never varies."""
    top = value.numerator
    return Term(lambda _env: top, value.denominator, value)


def constant_value(expr: Expr, names: Names) -> Fraction:
    """The value of an expression that reads no fact."""
    term = number_term(expr, names)
    return term.value([]) if term.constant is None else term.constant


def predicate(expr: Expr, names: Names) -> Test:  # noqa: PLR0911 - one arm for each kind of condition
    """A condition as a closure."""
    match expr:
        case Name(name):
            return cast("Test", operator.itemgetter(names.slots[name]))
        case Not(operand):
            inner = predicate(operand, names)
            return lambda env: not inner(env)
        case Binary("&&", left, right):
            first, second = predicate(left, names), predicate(right, names)
            return lambda env: first(env) and second(env)
        case Binary("||", left, right):
            first, second = predicate(left, names), predicate(right, names)
            return lambda env: first(env) or second(env)
        case Binary():
            return _comparison(expr, names)
        case Within(needle, haystack):
            return _within(needle, haystack, names)
        case Choice(condition, then, otherwise):
            asked, yes, no = predicate(condition, names), predicate(then, names), predicate(otherwise, names)
            return lambda env: yes(env) if asked(env) else no(env)
        case _:
            msg = f"not a condition: {expr}"
            raise AssertionError(msg)


def number_term(expr: Expr, names: Names) -> Term:
    """A number as a closure over the smallest denominator known at load."""
    match expr:
        case Number(value):
            return constant_term(value)
        case Name(name):
            return _named(name, names)
        case Binary(op, left, right):
            return _ARITHMETIC[op](number_term(left, names), number_term(right, names))
        case Choice(condition, then, otherwise):
            asked, yes, no = predicate(condition, names), number_term(then, names), number_term(otherwise, names)
            below = lcm(yes.below, no.below)
            first, second = yes.over(below), no.over(below)
            return Term(lambda env: first(env) if asked(env) else second(env), below, None, yes.whole and no.whole)
        case Call():
            return _call(expr, names)
        case _:
            msg = f"not a number: {expr}"
            raise AssertionError(msg)


def _named(name: str, names: Names) -> Term:
    if name in names.slots:
        top = cast("Callable[[Env], int]", operator.itemgetter(names.slots[name]))
        return Term(top, 10 ** names.facts[name].scale)
    return constant_term(names.params[name.removeprefix("param.")])


def _plus(left: Term, right: Term) -> Term:
    if left.constant is not None and right.constant is not None:
        return constant_term(left.constant + right.constant)
    below = lcm(left.below, right.below)
    a, b = left.over(below), right.over(below)
    return Term(lambda env: a(env) + b(env), below, None, left.whole and right.whole)


def _minus(left: Term, right: Term) -> Term:
    return _plus(left, _times(constant_term(Fraction(-1)), right))


def _times(left: Term, right: Term) -> Term:
    if left.constant is not None and right.constant is not None:
        return constant_term(left.constant * right.constant)
    if left.constant is None and right.constant is not None:
        left, right = right, left
    below, whole, b = left.below * right.below, left.whole and right.whole, right.top
    if left.constant is not None:
        factor = left.constant.numerator
        return Term(b if factor == 1 else lambda env: factor * b(env), below, None, whole)
    a = left.top
    return Term(lambda env: a(env) * b(env), below, None, whole)


def _divided(left: Term, right: Term) -> Term:
    if right.constant is not None:
        return _times(left, constant_term(1 / right.constant))
    a, b = left.over(left.below * right.below), right.over(left.below * right.below)
    return Term(lambda env: Fraction(a(env)) / b(env), 1, None, whole=False)


_ARITHMETIC: Final[Mapping[str, Callable[[Term, Term], Term]]] = {
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _divided,
}


def _call(expr: Call, names: Names) -> Term:
    match expr.function:
        case "max" | "min":
            return _extreme(max if expr.function == "max" else min, [number_term(arg, names) for arg in expr.args])
        case "round":
            term = number_term(expr.args[0], names)
            top, below = term.top, term.below
            if term.whole and below == 1:
                return term
            return Term(lambda env: (2 * top(env) + below) // (2 * below), 1)
        case "days":
            first, last = (_value(arg, names) for arg in expr.args)
            return Term(lambda env: cast("date", last(env)).toordinal() - cast("date", first(env)).toordinal(), 1)
        case "age":
            return Term(_age(expr, names), 1)


def _age(expr: Call, names: Names) -> Callable[[Env], int]:
    birth, on = expr.args
    if isinstance(birth, Name) and isinstance(on, Name):
        born, today = names.slots[birth.name], names.slots[on.name]
        return lambda env: completed_years(env[born], env[today])
    first, last = _value(birth, names), _value(on, names)
    return lambda env: completed_years(first(env), last(env))


def _extreme(choose: Callable[..., Rational], terms: list[Term]) -> Term:
    if len(terms) == 1:
        return terms[0]
    below = lcm(*(term.below for term in terms))
    tops, whole = [term.over(below) for term in terms], all(term.whole for term in terms)
    if len(tops) == 2:  # noqa: PLR2004 - nearly every tariff compares two values
        a, b = tops
        return Term(lambda env: choose(a(env), b(env)), below, None, whole)
    return Term(lambda env: choose(top(env) for top in tops), below, None, whole)


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPARE_CONSTANT: Final[Mapping[str, Callable[[Callable[[Env], Any], Any], Test]]] = {
    "==": lambda left, constant: lambda env: left(env) == constant,
    "!=": lambda left, constant: lambda env: left(env) != constant,
    "<": lambda left, constant: lambda env: left(env) < constant,
    "<=": lambda left, constant: lambda env: left(env) <= constant,
    ">": lambda left, constant: lambda env: left(env) > constant,
    ">=": lambda left, constant: lambda env: left(env) >= constant,
}
"""Most conditions compare a fact with a constant: one call less for each."""


def _comparison(expr: Binary, names: Names) -> Test:
    if _is_number(expr.left, names):
        left, right = number_term(expr.left, names), number_term(expr.right, names)
        below = lcm(left.below, right.below)
        if right.constant is not None:
            return _COMPARE_CONSTANT[expr.op](left.over(below), int(right.constant * below))
        return _compare(expr.op, left.over(below), right.over(below))
    if isinstance(expr.right, Text | Day):
        if isinstance(expr.left, Name) and expr.op == "==":  # what nearly every case of a tariff asks
            slot, constant = names.slots[expr.left.name], expr.right.value
            return cast("Test", lambda env: env[slot] == constant)
        return _COMPARE_CONSTANT[expr.op](_value(expr.left, names), expr.right.value)
    return _compare(expr.op, _value(expr.left, names), _value(expr.right, names))


def _compare(op: str, left: Callable[[Env], Any], right: Callable[[Env], Any]) -> Test:
    compare = _COMPARE[op]
    return lambda env: compare(left(env), right(env))


def _within(needle: Expr, haystack: tuple[Expr, ...], names: Names) -> Test:
    if all(isinstance(item, Text) for item in haystack):
        values, value = frozenset(item.value for item in haystack if isinstance(item, Text)), _value(needle, names)
        return lambda env: value(env) in values
    tests = [_comparison(Binary("==", needle, item), names) for item in haystack]
    return lambda env: any(equal(env) for equal in tests)


def _value(expr: Expr, names: Names) -> Callable[[Env], Any]:
    """Text, a day or a condition as a closure."""
    match expr:
        case Text(value) | Day(value):
            return lambda _env: value
        case Name(name):
            return operator.itemgetter(names.slots[name])
        case Choice(condition, then, otherwise):
            asked, yes, no = predicate(condition, names), _value(then, names), _value(otherwise, names)
            return lambda env: yes(env) if asked(env) else no(env)
        case _:
            return predicate(expr, names)


def _is_number(expr: Expr, names: Names) -> bool:
    match expr:
        case Number() | Call():
            return True
        case Name(name):
            fact = names.facts.get(name)
            return name not in names.slots or (fact is not None and fact.kind in {"int", "money", "decimal"})
        case Binary(op):
            return op in ARITHMETIC
        case Choice(_, then):
            return _is_number(then, names)
        case _:
            return False
