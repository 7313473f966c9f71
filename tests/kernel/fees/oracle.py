# ruff: noqa: ANN401, PLR0911 - raw YAML has no types; one branch for each form
"""A second evaluator, slow and plain: it walks raw YAML and expression trees with Fractions only.

It shares the parser of the language with the engine and nothing else: no model, no compiled closures, no periods,
no scaled integers. Where the two disagree, one of them is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from paygw.kernel.fees.expr import Binary, Call, Choice, Day, Expr, Name, Not, Number, Text, Within
from paygw.kernel.fees.grammar import parse

Raw = Mapping[str, Any]


class OracleRefusal(Exception):
    """The oracle's error code."""


@dataclass(frozen=True)
class Oracle:
    """Raw procedures and parameters of a catalogue."""

    procedures: Mapping[str, Raw]
    params: Mapping[str, Sequence[Raw]]

    def quote(self, code: str, province: str | None, as_of: date, facts: Mapping[str, object]) -> dict[str, object]:
        """Facts must be valid; the answer has the shape of the worked examples, without shares."""
        procedure = self.procedures[code]
        env: dict[str, Any] = {"as_of": as_of, "province": province or ""}
        for name, declared in procedure["facts"].items():
            value = facts.get(name, declared.get("default"))
            env[name] = _value(declared["type"], value)
        for name, rows in self.params.items():
            env |= {f"param.{name}": Fraction(row["value"]) for row in rows if _within(row, as_of, "from", "to")}
        if not all(_eval(constraint["expr"], env) for constraint in procedure.get("constraints", ())):
            raise OracleRefusal("inconsistent_facts")
        schedule = _schedule(procedure["schedules"], province, as_of)
        components: list[dict[str, object]] = []
        explain: list[str] = []
        for component in schedule["components"]:
            if "when" in component and not _eval(component["when"], env):
                continue
            amount, status, tokens = _component(component, env)
            components.append({"id": component["id"], "amount": amount, "status": status})
            explain += [f"{component['id']}:{token}" for token in tokens]
        total = sum(int(str(component["amount"])) for component in components)
        return {"schedule": schedule["id"], "components": components, "total": total, "explain": explain}


def _value(kind: str, value: Any) -> Any:
    if kind in {"int", "money", "decimal"}:
        return Fraction(value)
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    return value


def _within(row: Raw, day: date, first: str, last: str) -> bool:
    return (row.get(first) or date.min) <= day <= (row.get(last) or date.max)


def _schedule(schedules: Sequence[Raw], province: str | None, day: date) -> Raw:
    kept = [schedule for schedule in schedules if _within(schedule, day, "effective_from", "effective_to")]
    local = [schedule for schedule in kept if schedule["jurisdiction"] == province]
    chosen = local or [schedule for schedule in kept if schedule["jurisdiction"] == "VN"]
    if len(chosen) == 1:
        return chosen[0]
    raise OracleRefusal("province_required" if kept and province is None else "no_schedule_in_force")


def _component(component: Raw, env: Raw) -> tuple[int, str, list[str]]:
    tokens: list[str] = []
    amount = max(_base(component["base"], env), Fraction(0))
    amount = _limit(component.get("base_limits", {}), amount, env, tokens)
    amount = max(amount * _number(component.get("times", 1), env), Fraction(0))
    groups: set[str] = set()
    modifiers = component.get("modifiers", ())
    for modifier in modifiers:
        group = modifier.get("group")
        if group in groups:
            continue
        groups |= {group} - {None}
        members = [modifier] if group is None else [other for other in modifiers if other.get("group") == group]
        active = [m for m in members if _within(m, env["as_of"], "from", "to") and _eval(m.get("when", "1 == 1"), env)]
        if active:
            results = [max(_modified(member, amount, env), Fraction(0)) for member in active]
            amount = min(results)
            tokens.append(f"mod:{active[results.index(amount)]['id']}")
    for exemption in component.get("exemptions", ()):
        if _within(exemption, env["as_of"], "from", "to") and _eval(exemption["when"], env):
            return 0, "exempt", [f"exempt:{exemption['id']}"]
    amount = _limit(component.get("limits", {}), amount, env, tokens)
    rounding = component.get("round", {"to": 1})
    steps = amount / rounding["to"] + (0 if rounding.get("mode") == "down" else Fraction(1, 2))
    return steps.numerator // steps.denominator * rounding["to"], "charged", tokens


def _limit(limits: Raw, amount: Fraction, env: Raw, tokens: list[str]) -> Fraction:
    if not _eval(limits.get("when", "1 == 1"), env):
        return amount
    if "max" in limits and amount > _number(limits["max"], env):
        tokens.append("cap")
        amount = _number(limits["max"], env)
    if "min" in limits and 0 < amount < _number(limits["min"], env):
        tokens.append("floor")
        amount = _number(limits["min"], env)
    return amount


def _modified(modifier: Raw, amount: Fraction, env: Raw) -> Fraction:
    if "multiply" in modifier:
        amount *= _number(modifier["multiply"], env)
    elif "add" in modifier:
        amount += _number(modifier["add"], env)
    elif "set" in modifier:
        amount = _number(modifier["set"], env)
    else:
        off = amount * Fraction(modifier["percent_off"]["pct"]) / 100
        most = modifier["percent_off"].get("max")
        amount -= off if most is None else min(off, _number(most, env))
    return max(amount, _number(modifier["min"], env)) if "min" in modifier and amount > 0 else amount


def _base(base: Raw, env: Raw) -> Fraction:
    if "cases" in base:
        for row in base["cases"]:
            if _within(row, env["as_of"], "from", "to") and _eval(row.get("when", "1 == 1"), env):
                return _base(row, env)
        raise OracleRefusal("no_case_matches")
    if "fixed" in base or "expr" in base:
        return _number(base.get("fixed", base.get("expr")), env)
    if "per_unit" in base:
        part = base["per_unit"]
        counted = _number(part["quantity"], env)
        if "free" in part:
            counted = max(Fraction(0), counted - _number(part["free"], env))
        return counted * _number(part["price"], env)
    if "percent" in base:
        return _number(base["percent"]["of"], env) * _rate(base["percent"]["rate"])
    if "interpolated_rate" in base:
        return _interpolated(base["interpolated_rate"], env)
    if "unit_steps" in base:
        rows = [{**step, "rate": step["price"]} for step in base["unit_steps"]["steps"]]
        return _marginal(rows, _number(base["unit_steps"]["quantity"], env), env)
    part = base["brackets"]
    read = _marginal if part["mode"] == "marginal" else _row
    x, before = _number(part["of"], env), _number(part.get("cumulative_from", 0), env)
    if "cumulative_from" in part:
        return read(part["rows"], x + before, env) - read(part["rows"], before, env)
    return read(part["rows"], x, env)


def _row(rows: Sequence[Raw], x: Fraction, env: Raw) -> Fraction:
    for row in rows:
        fits = x < _number(row["below"], env) if "below" in row else x <= _number(row.get("upto", x), env)
        if fits:
            over = _number(row.get("over", 0), env)
            amount = _number(row.get("fixed", 0), env) + _rate(row.get("rate", 0)) * (x - over)
            return max(amount, _number(row["row_min"], env)) if "row_min" in row else amount
    raise OracleRefusal("no_case_matches")


def _marginal(rows: Sequence[Raw], x: Fraction, env: Raw) -> Fraction:
    total, start = Fraction(0), Fraction(0)
    for row in rows:
        bound = row.get("upto", row.get("below"))
        end = x if bound is None else min(x, _number(bound, env))
        total += _rate(row["rate"]) * (end - start)
        fits = bound is None or (x < _number(bound, env) if "below" in row else x <= _number(bound, env))
        if fits:
            return total
        start = end
    raise OracleRefusal("no_case_matches")


def _interpolated(part: Raw, env: Raw) -> Fraction:
    x = _number(part["of"], env)
    points = [(Fraction(at), _rate(rate)) for at, rate in part["points"]]
    inside = min(max(x, points[0][0]), points[-1][0])
    for (low, low_rate), (high, high_rate) in pairwise(points):
        if inside <= high:
            return x * (low_rate + (high_rate - low_rate) * (inside - low) / (high - low))
    return x * points[-1][1]


def _rate(value: Any) -> Fraction:
    text = str(value)
    return Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def _number(value: Any, env: Raw) -> Fraction:
    if isinstance(value, int | Fraction):
        return Fraction(value)
    return Fraction(value) if value.replace(".", "", 1).isdigit() else Fraction(_eval(value, env))


def _eval(text: str, env: Raw) -> Any:
    return _walk(parse(text), env)


def _walk(expr: Expr, env: Raw) -> Any:
    match expr:
        case Number(value) | Text(value) | Day(value):
            return value
        case Name(name):
            return env[name]
        case Not(operand):
            return not _walk(operand, env)
        case Within(needle, haystack):
            return _walk(needle, env) in [_walk(item, env) for item in haystack]
        case Choice(test, then, otherwise):
            return _walk(then if _walk(test, env) else otherwise, env)
        case Call(function, args):
            return _called(function, [_walk(arg, env) for arg in args])
        case Binary(op, left, right):
            return _combined(op, _walk(left, env), _walk(right, env))


def _combined(op: str, a: Any, b: Any) -> Any:
    return {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "==": lambda: a == b,
        "!=": lambda: a != b,
        "<": lambda: a < b,
        "<=": lambda: a <= b,
        ">": lambda: a > b,
        ">=": lambda: a >= b,
        "&&": lambda: a and b,
        "||": lambda: a or b,
    }[op]()


def _called(function: str, args: list[Any]) -> Any:
    if function in {"max", "min"}:
        return max(args) if function == "max" else min(args)
    if function == "round":
        doubled = args[0] + Fraction(1, 2)
        return Fraction(doubled.numerator // doubled.denominator)
    first, last = args
    if function == "days":
        return Fraction((last - first).days)
    birthday_to_come = (last.month, last.day) < (first.month, first.day)
    return Fraction(last.year - first.year - birthday_to_come)
