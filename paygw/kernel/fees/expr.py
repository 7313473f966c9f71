"""The expression tree of the fee language.

Values are exact numbers, text, booleans and dates. `sorts.py` says which expressions make sense, `compile.py` turns
them into closures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, Literal, TypeAlias

Operator = Literal["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "&&", "||"]
Function = Literal["max", "min", "round", "days", "age"]

ARITHMETIC: Final = frozenset("+-*/")
LOGIC: Final = frozenset({"&&", "||"})


@dataclass(frozen=True, slots=True)
class Number:
    """An exact constant."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string."""

    value: str


@dataclass(frozen=True, slots=True)
class Day:
    """`date('yyyy-mm-dd')`."""

    value: date


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, `as_of`, `province` or `param.<name>`."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """`!operand`."""

    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`."""

    op: Operator
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Within:
    """`needle in [haystack]`."""

    needle: "Expr"
    haystack: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? then : otherwise`."""

    test: "Expr"
    then: "Expr"
    otherwise: "Expr"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language applied to its arguments."""

    function: Function
    args: "tuple[Expr, ...]"


Expr: TypeAlias = Number | Text | Day | Name | Not | Binary | Within | Choice | Call


def children(expr: Expr) -> tuple[Expr, ...]:
    """The parts an expression is made of, left to right."""
    match expr:
        case Not():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case Within():
            return (expr.needle, *expr.haystack)
        case Choice():
            return (expr.test, expr.then, expr.otherwise)
        case Call():
            return expr.args
        case _:
            return ()


def names(expr: Expr) -> Iterator[str]:
    """Every name an expression reads, repeats included."""
    if isinstance(expr, Name):
        yield expr.name
    for child in children(expr):
        yield from names(child)


def number(value: int | Fraction) -> Number:
    """A constant node."""
    return Number(Fraction(value))


ZERO: Final = number(0)
ONE: Final = number(1)
