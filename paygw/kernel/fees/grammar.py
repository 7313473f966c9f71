"""The grammar of the fee language (a small CEL) and its bounded parser. No loops, no input, no clock."""

from fractions import Fraction
from functools import lru_cache
from typing import Final, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError, UnexpectedInput, VisitError

from paygw.kernel.fees.dates import iso_day
from paygw.kernel.fees.expr import (
    Binary,
    Call,
    Choice,
    Day,
    Expr,
    Function,
    Name,
    Not,
    Number,
    Operator,
    Text,
    Within,
    children,
    number,
)

LENGTH_MAX: Final = 600
DEPTH_MAX: Final = 24
NODES_MAX: Final = 200

_GRAMMAR: Final = r"""
?start: choice
?choice: any_of | any_of "?" choice ":" choice -> choice
?any_of: all_of | any_of OR all_of -> binary
?all_of: relation | all_of AND relation -> binary
?relation: sum
    | sum RELATION sum -> binary
    | sum "in" "[" sum ("," sum)* "]" -> within
?sum: product | sum SIGN product -> binary
?product: unary | product FACTOR unary -> binary
?unary: primary
    | "!" unary -> negation
    | "-" unary -> minus
?primary: INT -> integer
    | STRING -> text
    | NAME -> name
    | "param" "." NAME -> param
    | "date" "(" STRING ")" -> day
    | FUNCTION "(" choice ("," choice)* ")" -> call
    | "(" choice ")"

OR: "||"
AND: "&&"
RELATION: "==" | "!=" | "<=" | ">=" | "<" | ">"
SIGN: "+" | "-"
FACTOR: "*" | "/"
FUNCTION.2: /(max|min|round|days|age)(?=\s*\()/
INT: /[0-9]+/
STRING: /'[^'\n]*'/ | /"[^"\n]*"/
NAME: /[A-Za-z_][A-Za-z0-9_]*/
%import common.WS
%ignore WS
"""


class BadExpression(ValueError):
    """What is wrong with an expression, as one sentence."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Expr:
    """The tree of an expression. Raises BadExpression where the text is not one, or is too long or too deep."""
    if len(text) > LENGTH_MAX:
        msg = f"An expression has at most {LENGTH_MAX} characters."
        raise BadExpression(msg)
    try:
        expr = cast("Expr", _PARSER.parse(text))
    except UnexpectedInput as error:
        column = getattr(error, "column", 0)
        msg = f"'{text}' is not an expression: look at character {column if column > 0 else len(text)}."
        raise BadExpression(msg) from error
    except VisitError as error:
        raise BadExpression(str(error.orig_exc)) from error
    except LarkError as error:
        msg = f"'{text}' is not an expression."
        raise BadExpression(msg) from error
    _check_size(expr)
    return expr


def _check_size(expr: Expr) -> None:
    level, depth, nodes = [expr], 0, 0
    while level:
        depth, nodes = depth + 1, nodes + len(level)
        level = [child for parent in level for child in children(parent)]
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            msg = f"An expression has at most {DEPTH_MAX} levels and {NODES_MAX} parts."
            raise BadExpression(msg)


@v_args(inline=True)
class _Builder(Transformer[Token, Expr]):
    """Builds the tree while the parser reduces, so nothing here recurses."""

    def integer(self, token: Token) -> Expr:
        return number(int(token))

    def text(self, token: Token) -> Expr:
        return Text(token[1:-1])

    def name(self, token: Token) -> Expr:
        return Name(str(token))

    def param(self, token: Token) -> Expr:
        return Name(f"param.{token}")

    def day(self, token: Token) -> Expr:
        if (value := iso_day(token[1:-1])) is None:
            msg = f"{token} is not a day written yyyy-mm-dd."
            raise BadExpression(msg)
        return Day(value)

    def negation(self, operand: Expr) -> Expr:
        return Not(operand)

    def minus(self, operand: Expr) -> Expr:
        return Number(-operand.value) if isinstance(operand, Number) else Binary("-", Number(Fraction(0)), operand)

    def binary(self, left: Expr, op: Token, right: Expr) -> Expr:
        return Binary(cast("Operator", str(op)), left, right)

    def within(self, needle: Expr, *haystack: Expr) -> Expr:
        return Within(needle, haystack)

    def choice(self, test: Expr, then: Expr, otherwise: Expr) -> Expr:
        return Choice(test, then, otherwise)

    def call(self, function: Token, *args: Expr) -> Expr:
        return Call(cast("Function", str(function)), args)


_PARSER: Final = Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)
