"""Tables of a tariff as pieces of polynomials: row and marginal brackets, unit steps, interpolated rates.

Within one period every bound, amount and rate is constant. Each row then is `c0 + c1 * x + c2 * x * x` up to a bound,
and reading the table is one binary search and one exact evaluation.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, lcm

from paygw.kernel.fees.compile import Names, Rational, Term, constant_value, number_term
from paygw.kernel.fees.errors import BadCatalogue, FeeError
from paygw.kernel.fees.facts import Env
from paygw.kernel.fees.model import Brackets, Interpolated


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One row: what it pays up to `bound` (None: without end), never less than `least`."""

    bound: Fraction | None
    inclusive: bool
    c0: Fraction
    c1: Fraction
    c2: Fraction = Fraction(0)
    least: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A compiled table: `amount` as a Term, `row` to find the index of the row a value falls in."""

    amount: Term
    quantity: Term
    row: Callable[[Rational], int]
    pieces: tuple[Piece, ...]
    before: Term | None


def bracket_table(base: Brackets, names: Names) -> Table:
    """The table of a `brackets` or `unit_steps` base during one period. Raises BadCatalogue if bounds do not rise."""
    pieces = _row_pieces(base, names) if base.mode == "row" else _marginal_pieces(base, names)
    _check_rising(base, pieces)
    before = None if base.cumulative_from is None else number_term(base.cumulative_from, names)
    return _table(pieces, number_term(base.of, names), before)


def interpolated_table(base: Interpolated, names: Names) -> Table:
    """Value * rate, the rate on straight lines between the points: one quadratic piece for each line."""
    (first_at, first_rate), (_, last_rate) = base.points[0], base.points[-1]
    zero = Fraction(0)
    pieces = [Piece(first_at, inclusive=True, c0=zero, c1=first_rate)]
    for (low, low_rate), (high, high_rate) in pairwise(base.points):
        slope = (high_rate - low_rate) / (high - low)
        pieces.append(Piece(high, inclusive=True, c0=zero, c1=low_rate - slope * low, c2=slope))
    pieces.append(Piece(None, inclusive=True, c0=zero, c1=last_rate))
    return _table(pieces, number_term(base.of, names), None)


def _row_pieces(base: Brackets, names: Names) -> list[Piece]:
    pieces = []
    for row in base.rows:
        fixed, over = constant_value(row.fixed, names), constant_value(row.over, names)
        least = None if row.row_min is None else constant_value(row.row_min, names)
        bound = None if row.bound is None else constant_value(row.bound, names)
        pieces.append(Piece(bound, row.inclusive, fixed - row.rate * over, row.rate, least=least))
    return pieces


def _marginal_pieces(base: Brackets, names: Names) -> list[Piece]:
    pieces, start, paid = [], Fraction(0), Fraction(0)
    for row in base.rows:
        bound = None if row.bound is None else constant_value(row.bound, names)
        pieces.append(Piece(bound, row.inclusive, paid - row.rate * start, row.rate))
        if bound is not None:
            paid, start = paid + row.rate * (bound - start), bound
    return pieces


def _check_rising(base: Brackets, pieces: Sequence[Piece]) -> None:
    """In row mode `below 5` may be followed by `upto 5`; slices of a marginal table must not be empty."""
    bounds = [(piece.bound, piece.inclusive and base.mode == "row") for piece in pieces if piece.bound is not None]
    if base.mode == "marginal":
        bounds.insert(0, (Fraction(0), False))
    for before, after in pairwise(bounds):
        if after <= before:
            message = f"The bounds of the rows must rise: {after[0]} comes after {before[0]}."
            raise BadCatalogue("bad_catalogue", at=base.place.at, path=base.place.path, message=message)


def _table(pieces: Sequence[Piece], of: Term, before: Term | None) -> Table:
    below = of.below if before is None else lcm(of.below, before.below)
    whole = of.whole and (before is None or before.whole)
    row = _finder(pieces, below, whole=whole)
    scale = lcm(*(_scale(piece, below) for piece in pieces))
    pay = _payer(pieces, row, below, scale)
    now = of.over(below)
    if before is None:
        return Table(Term(lambda env: pay(now(env)), scale, None, whole), of, row, tuple(pieces), None)
    paid = before.over(below)

    def instalment(env: Env) -> Rational:
        already = paid(env)
        return pay(already + now(env)) - pay(already)

    return Table(Term(instalment, scale, None, whole), of, row, tuple(pieces), before)


def _finder(pieces: Sequence[Piece], below: int, *, whole: bool) -> Callable[[Rational], int]:
    """Finds the row of a value given as `x / below`."""
    bounded = [piece for piece in pieces if piece.bound is not None]
    scaled = [piece.bound * below for piece in bounded if piece.bound is not None]
    if whole:
        lasts = [floor(b) if piece.inclusive else ceil(b) - 1 for piece, b in zip(bounded, scaled, strict=True)]
        return lambda x: bisect_left(lasts, x)
    keys = [(b, piece.inclusive) for piece, b in zip(bounded, scaled, strict=True)]
    return lambda x: bisect_left(keys, (x, True))


def _scale(piece: Piece, below: int) -> int:
    """A denominator that makes every coefficient of `x / below` whole."""
    least = 1 if piece.least is None else piece.least.denominator
    return lcm(piece.c0.denominator, (piece.c1 / below).denominator, (piece.c2 / below**2).denominator, least)


def _payer(
    pieces: Sequence[Piece], row: Callable[[Rational], int], below: int, scale: int
) -> Callable[[Rational], Rational]:
    """The amount over `scale` for a value over `below`."""
    rows = [
        (
            int(piece.c0 * scale),
            int(piece.c1 * scale / below),
            int(piece.c2 * scale / below**2),
            None if piece.least is None else int(piece.least * scale),
        )
        for piece in pieces
    ]

    def pay(x: Rational) -> Rational:
        index = row(x)
        if index >= len(rows):
            raise FeeError("no_case_matches", "No row of the tariff covers this quantity or value.")
        c0, c1, c2, least = rows[index]
        amount = c0 + c1 * x + c2 * x * x if c2 else c0 + c1 * x
        return amount if least is None or amount >= least else least

    return pay
