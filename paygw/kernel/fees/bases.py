"""Reading the base of a component: exactly one of eight forms."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from paygw.kernel.fees.expr import ZERO, Expr, number
from paygw.kernel.fees.fields import Field, unique, window
from paygw.kernel.fees.model import Amount, Base, Bracket, Brackets, Case, Cases, Interpolated, Percent, PerUnit
from paygw.kernel.fees.reading import Scope, amount, constant, optional_amount, optional_condition

_POINT_PARTS: Final = 2


def read_base(fields: Mapping[str, Field], scope: Scope, parent: Field) -> Base:
    """The base among the keys of a component's `base` or of a case row."""
    found = [key for key in BASE_FORMS if key in fields]
    if len(found) != 1:
        forms = ", ".join(BASE_FORMS)
        raise parent.bad(f"Exactly one of {forms} is expected here, not {' and '.join(found) or 'none'}.")
    return _READERS[found[0]](fields[found[0]], scope)


def _fixed(field: Field, scope: Scope) -> Base:
    return Amount("fixed", amount(field, scope))


def _expr(field: Field, scope: Scope) -> Base:
    return Amount("expr", amount(field, scope))


def _cases(field: Field, scope: Scope) -> Base:
    items = field.items()
    rows = []
    for item in items:
        fields = item.fields(required=("id",), optional=("when", "from", "to", "note", *BASE_FORMS))
        during = window(fields, "from", "to")
        inner = scope.during(during)
        when = optional_condition(fields, inner)
        rows.append(Case(fields["id"].slug(), during, when, read_base(fields, inner, item)))
        if when is None and during.covers(scope.window) and item is not items[-1]:
            raise item.bad("This row has no condition, so the rows below it can never win: put it last.")
    unique(items, lambda item: item.entries()["id"].slug())
    return Cases(tuple(rows))


def _per_unit(field: Field, scope: Scope) -> Base:
    fields = field.fields(required=("quantity", "price"), optional=("free",))
    free = optional_amount(fields, "free", scope) or ZERO
    return PerUnit(amount(fields["quantity"], scope), amount(fields["price"], scope), free)


def _percent(field: Field, scope: Scope) -> Base:
    fields = field.fields(required=("of", "rate"))
    literal = fields["rate"].decimal(percent=True)
    rate = amount(fields["rate"], scope) if literal is None else number(fields["rate"].rate())
    return Percent(amount(fields["of"], scope), rate)


def _unit_steps(field: Field, scope: Scope) -> Base:
    fields = field.fields(required=("quantity", "steps"))
    rows = tuple(_step(item, scope) for item in fields["steps"].items())
    _check_rest_is_last(fields["steps"], rows)
    of = amount(fields["quantity"], scope)
    return Brackets("unit_steps", "marginal", of, rows, None, fields["steps"].place)


def _step(item: Field, scope: Scope) -> Bracket:
    fields = item.fields(required=("price",), optional=("upto",))
    bound = constant(fields["upto"], scope) if "upto" in fields else None
    return Bracket(bound, inclusive=True, rate=fields["price"].rate(), fixed=ZERO, over=ZERO, row_min=None)


def _brackets(field: Field, scope: Scope) -> Base:
    fields = field.fields(required=("of", "mode", "rows"), optional=("cumulative_from",))
    mode = fields["mode"].one_of(("row", "marginal"))
    read = _marginal if mode == "marginal" else _row
    rows = tuple(read(item, scope) for item in fields["rows"].items())
    _check_rest_is_last(fields["rows"], rows)
    of, before = amount(fields["of"], scope), optional_amount(fields, "cumulative_from", scope)
    place = fields["rows"].place
    return Brackets("brackets", "marginal" if mode == "marginal" else "row", of, rows, before, place)


def _row(item: Field, scope: Scope) -> Bracket:
    fields = item.fields(optional=("below", "upto", "fixed", "rate", "over", "row_min"))
    if "fixed" not in fields and "rate" not in fields:
        raise item.bad("A row needs 'fixed' or 'rate': a missing amount is never 0.")
    if "over" in fields and "rate" not in fields:
        raise item.bad("'over' has no meaning without 'rate'.")
    bound, inclusive = _bound(item, fields, scope)
    fixed = constant(fields["fixed"], scope) if "fixed" in fields else ZERO
    over = constant(fields["over"], scope) if "over" in fields else ZERO
    row_min = constant(fields["row_min"], scope) if "row_min" in fields else None
    rate = fields["rate"].rate() if "rate" in fields else Fraction(0)
    return Bracket(bound, inclusive, rate, fixed, over, row_min)


def _marginal(item: Field, scope: Scope) -> Bracket:
    fields = item.fields(required=("rate",), optional=("below", "upto"))
    bound, inclusive = _bound(item, fields, scope)
    return Bracket(bound, inclusive, fields["rate"].rate(), ZERO, ZERO, None)


def _bound(item: Field, fields: Mapping[str, Field], scope: Scope) -> tuple[Expr | None, bool]:
    if "below" in fields and "upto" in fields:
        raise item.bad("A row has 'below' or 'upto', not both.")
    if "below" in fields:
        return constant(fields["below"], scope), False
    return (constant(fields["upto"], scope) if "upto" in fields else None), True


def _check_rest_is_last(field: Field, rows: tuple[Bracket, ...]) -> None:
    for item, row in zip(field.items()[:-1], rows, strict=False):
        if row.bound is None:
            raise item.bad("Only the last row may have no bound.")


def _interpolated(field: Field, scope: Scope) -> Base:
    fields = field.fields(required=("of", "points"))
    points: list[tuple[Fraction, Fraction]] = []
    for item in fields["points"].items():
        pair = item.items()
        at = pair[0].decimal()
        if len(pair) != _POINT_PARTS or at is None:
            raise item.bad('A point is [value, rate], such as [15000000000, "0.019%"].')
        if points and at <= points[-1][0]:
            raise item.bad("The values of the points must rise.")
        points.append((at, pair[1].rate()))
    return Interpolated(amount(fields["of"], scope), tuple(points))


_READERS: Final[Mapping[str, Callable[[Field, Scope], Base]]] = {
    "fixed": _fixed,
    "expr": _expr,
    "cases": _cases,
    "per_unit": _per_unit,
    "unit_steps": _unit_steps,
    "percent": _percent,
    "brackets": _brackets,
    "interpolated_rate": _interpolated,
}
BASE_FORMS: Final = tuple(_READERS)
