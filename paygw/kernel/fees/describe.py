"""A tariff as people read it: each fee with its prices, tables, reliefs and limits, without anybody's facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY, Window
from paygw.kernel.fees.expr import ARITHMETIC, ZERO, Binary, Call, Choice, Day, Expr, Name, Not, Number, Text, Within
from paygw.kernel.fees.model import (
    Amount,
    Base,
    Bracket,
    Brackets,
    Cases,
    Component,
    Fact,
    Interpolated,
    Modifier,
    Percent,
    PerUnit,
    Schedule,
)
from paygw.kernel.fees.speech import Language, Speech

_ONE: Final = Fraction(1)
_EXACT: Final = 10**6  # denominators of percentages with at most four decimals divide this

_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "vi": {
        "vnd": "{} đồng",
        "about": "khoảng {}",
        "price": "Mức thu",
        "each": "{price} × {quantity}",
        "free": " (không thu {free} đầu)",
        "part": "{rate} phần vượt {over}",
        "rate": "{rate} của {of}",
        "value": "{of}: {bounds}",
        "upto": "đến {}",
        "below": "dưới {}",
        "rest": "còn lại",
        "times": "Nhân với",
        "min": "Tối thiểu",
        "max": "Tối đa",
        "exempt": "Miễn",
        "to": "còn {}",
        "add": "cộng {}",
        "multiply": "tính {}",
        "off": "giảm {}",
        "off_max": ", tối đa {}",
        "from": "từ {}",
        "until": "đến hết {}",
    },
    "en": {
        "vnd": "{} VND",
        "about": "about {}",
        "price": "Price",
        "each": "{price} × {quantity}",
        "free": " (the first {free} are free)",
        "part": "{rate} of what exceeds {over}",
        "rate": "{rate} of {of}",
        "value": "{of}: {bounds}",
        "upto": "up to {}",
        "below": "below {}",
        "rest": "the rest",
        "times": "Times",
        "min": "At least",
        "max": "At most",
        "exempt": "Exempt",
        "to": "becomes {}",
        "add": "plus {}",
        "multiply": "times {}",
        "off": "{} off",
        "off_max": ", at most {}",
        "from": "from {}",
        "until": "until {}",
    },
}


@dataclass(frozen=True, slots=True)
class Described:
    """One line of a tariff: what it is about, what it says, on which legal text and days it alone rests."""

    label: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Reader:
    speech: Speech
    facts: Mapping[str, str]

    def say(self, key: str, **values: str) -> str:
        return self.speech.say(key, **values)

    def put(self, key: str, value: str) -> str:
        return self.speech.texts[key].format(value)

    def expr(self, expr: Expr) -> str:  # noqa: PLR0911 - one way of writing per kind of expression
        """A formula in the words of the form."""
        match expr:
            case Number():
                return self.speech.number(expr.value)
            case Text() | Day():
                return str(expr.value)
            case Name():
                return self.facts.get(expr.name) or self.speech.name(expr.name.removeprefix("param."))
            case Not():
                return f"!{self.expr(expr.operand)}"
            case Binary():
                sign = {"*": "×", "/": ":"}.get(expr.op, expr.op)
                return f"{self._inner(expr.left)} {sign} {self._inner(expr.right)}"
            case Within():
                return f"{self.expr(expr.needle)} ∈ [{', '.join(map(self.expr, expr.haystack))}]"
            case Choice():
                return f"{self.expr(expr.test)} ? {self.expr(expr.then)} : {self.expr(expr.otherwise)}"
            case Call():
                return f"{expr.function}({', '.join(map(self.expr, expr.args))})"

    def _inner(self, expr: Expr) -> str:
        text = self.expr(expr)
        return f"({text})" if isinstance(expr, Binary) and expr.op in ARITHMETIC else text

    def money(self, expr: Expr) -> str:
        """An amount: a figure, or a formula."""
        return self.speech.money(expr.value) if isinstance(expr, Number) else self.expr(expr)

    def part(self, expr: Expr) -> str:
        """A share: a percentage where it has few decimals, else as it is written."""
        value = _constant(expr)
        return self.expr(expr) if value is None or _EXACT % value.denominator else self.percent(value)

    def percent(self, rate: Fraction) -> str:
        return self.speech.number(rate * 100) + "%"


def _constant(expr: Expr) -> Fraction | None:
    if isinstance(expr, Number):
        return expr.value
    if isinstance(expr, Binary) and expr.op == "/" and isinstance(expr.left, Number) and isinstance(expr.right, Number):
        return expr.left.value / expr.right.value
    return None


def describe(component: Component, schedule: Schedule, facts: tuple[Fact, ...], language: Language) -> list[Described]:
    """Every line of one fee of a schedule, in the order in which they are applied."""
    names = {
        fact.name: (fact.label.vi if language == "vi" else fact.label.en) if fact.label else fact.name for fact in facts
    }
    return list(_lines(_Reader(Speech(language, _TEXTS[language], schedule.labels), names), component))


def _lines(reader: _Reader, component: Component) -> Iterator[Described]:
    yield from _base(reader, component.base, reader.say("price"))
    limits = [one for one in (component.base_limits, component.limits) if one is not None]
    if component.times is not None:
        yield Described(reader.say("times"), reader.expr(component.times))
    for modifier in component.modifiers:
        yield Described(reader.speech.name(modifier.id), _change(reader, modifier), _note(reader, modifier))
    for exemption in component.exemptions:
        note = "; ".join(filter(None, (exemption.legal, _days(reader, exemption.window))))
        yield Described(reader.speech.name(exemption.id), reader.say("exempt"), note)
    for limit in limits:
        for key, bound in (("min", limit.minimum), ("max", limit.maximum)):
            if bound is not None:
                yield Described(reader.say(key), reader.money(bound))


def _base(reader: _Reader, base: Base, label: str) -> Iterator[Described]:
    match base:
        case Amount():
            yield Described(label, reader.money(base.value))
        case PerUnit():
            free = "" if base.free == ZERO else reader.say("free", free=reader.expr(base.free))
            each = reader.say("each", price=reader.money(base.price), quantity=reader.expr(base.quantity))
            yield Described(label, each + free)
        case Percent():
            rate = reader.part(base.rate)
            yield Described(label, reader.say("rate", rate=rate, of=reader.expr(base.of)))
        case Brackets():
            of = reader.expr(base.of)
            for row in base.rows:
                bounds = reader.say("value", of=of, bounds=_bound(reader, row))
                yield Described(f"{label} – {bounds}", _row(reader, row))
        case Interpolated():
            for value, at in base.points:
                yield Described(f"{label} – {reader.expr(base.of)} {reader.speech.number(value)}", reader.percent(at))
        case Cases():
            for case in base.rows:
                name = reader.speech.name(case.id)
                days = _days(reader, case.window)
                for line in _base(reader, case.base, name):
                    yield Described(line.label, line.text, "; ".join(filter(None, (line.note, days))))


def _bound(reader: _Reader, row: Bracket) -> str:
    if row.bound is None:
        return reader.say("rest")
    return reader.put("upto" if row.inclusive else "below", reader.expr(row.bound))


def _row(reader: _Reader, row: Bracket) -> str:
    parts = [] if row.fixed == ZERO and row.rate else [reader.money(row.fixed)]
    if row.rate:
        rate = reader.percent(row.rate) if row.rate < _ONE else reader.speech.money(row.rate)
        parts.append(rate if row.over == ZERO else reader.say("part", rate=rate, over=reader.expr(row.over)))
    least = "" if row.row_min is None else f" ({reader.say('min').lower()} {reader.money(row.row_min)})"
    return " + ".join(parts) + least


def _change(reader: _Reader, modifier: Modifier) -> str:
    match modifier.action:
        case "set":
            return reader.put("to", reader.money(modifier.value))
        case "add":
            return reader.put("add", reader.money(modifier.value))
        case "multiply":
            return reader.put("multiply", reader.part(modifier.value))
        case "percent_off":
            off = reader.part(modifier.value)
            most = "" if modifier.off_max is None else reader.put("off_max", reader.money(modifier.off_max))
            return reader.put("off", off) + most


def _note(reader: _Reader, modifier: Modifier) -> str:
    return "; ".join(filter(None, (modifier.legal, _days(reader, modifier.window))))


def _days(reader: _Reader, window: Window) -> str:
    first = "" if window.first == FIRST_DAY else reader.put("from", reader.speech.day(window.first))
    last = "" if window.last == LAST_DAY else reader.put("until", reader.speech.day(window.last))
    return " ".join(filter(None, (first, last)))
