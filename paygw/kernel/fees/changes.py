"""Modifiers as functions of an exact amount, given and returned as numerator and denominator."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from paygw.kernel.fees.compile import Names, Term, number_term
from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import Action, Modifier

Pair: TypeAlias = tuple[int, int]
"""A numerator and a positive denominator, not reduced."""

Change: TypeAlias = Callable[[Env, int, int], Pair]


def change_of(modifier: Modifier, names: Names) -> Change:
    """What a modifier makes of an amount, its own `min` included."""
    change = _ACTIONS[modifier.action](modifier, names)
    if modifier.minimum is None:
        return change
    minimum = pair_of(number_term(modifier.minimum, names))

    def clamped(env: Env, top: int, below: int) -> Pair:
        top, below = change(env, top, below)
        least, unit = minimum(env)
        return (least, unit) if top > 0 and top * unit < least * below else (top, below)

    return clamped


def _multiply(modifier: Modifier, names: Names) -> Change:
    term = number_term(modifier.value, names)
    if term.constant is not None:
        p, q = term.constant.numerator, term.constant.denominator
        return lambda _env, top, below: (top * p, below * q)
    factor = pair_of(term)

    def multiply(env: Env, top: int, below: int) -> Pair:
        p, q = factor(env)
        return top * p, below * q

    return multiply


def _add(modifier: Modifier, names: Names) -> Change:
    term = pair_of(number_term(modifier.value, names))

    def add(env: Env, top: int, below: int) -> Pair:
        p, q = term(env)
        return top * q + p * below, below * q

    return add


def _set(modifier: Modifier, names: Names) -> Change:
    value = pair_of(number_term(modifier.value, names))
    return lambda env, _top, _below: value(env)


def _percent_off(modifier: Modifier, names: Names) -> Change:
    part = pair_of(number_term(modifier.value, names))
    most = None if modifier.off_max is None else pair_of(number_term(modifier.off_max, names))

    def percent_off(env: Env, top: int, below: int) -> Pair:
        p, q = part(env)
        off, unit = top * p, below * q
        if most is not None:
            limit, limit_unit = most(env)
            if off * limit_unit > limit * unit:
                off, unit = limit, limit_unit
        return top * unit - off * below, below * unit

    return percent_off


_ACTIONS: Final[Mapping[Action, Callable[[Modifier, Names], Change]]] = {
    "multiply": _multiply,
    "add": _add,
    "set": _set,
    "percent_off": _percent_off,
}


def pair_of(term: Term) -> Callable[[Env], Pair]:
    """A number as numerator and denominator, for amounts whose denominator grows as rules apply."""
    top, below = term.top, term.below
    if term.constant is not None:
        pair = (term.constant.numerator, term.constant.denominator)
        return lambda _env: pair

    def found(env: Env) -> Pair:
        value = top(env)
        return value.numerator, value.denominator * below

    return found
