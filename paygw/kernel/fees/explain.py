"""A quote in sentences for people, in Vietnamese and English.

One generator walks the quote; the two languages are two tables of templates, so neither can say less than the other.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Final

from paygw.kernel.fees.plan import BaseNote, ComponentPlan, ExemptionPlan
from paygw.kernel.fees.quote import Quote
from paygw.kernel.fees.speech import Language, Speech
from paygw.kernel.fees.steps import Found, Step, TrailEntry, found_by, steps_of
from paygw.kernel.split import split
from paygw.kernel.words import amount_in_words

_BARE: Final = frozenset({"fixed", "expr"})
_REMEMBERED_MAX: Final = 4_096

_VI: Final[Mapping[str, str]] = {
    "vnd": "{} đồng",
    "about": "khoảng {}",
    "head": "{name} ({code}): biểu mức thu {schedule}, căn cứ {legal}, tính tại ngày {day}.",
    "province": "Áp dụng mức thu của tỉnh, thành phố mã {province}.",
    "component": "{name} ({type}, tiểu mục {ndkt}): {amount}.",
    "phi": "phí",
    "le_phi": "lệ phí",
    "an_phi": "án phí",
    "cases": "Trường hợp áp dụng: {cases}. ",
    "fixed": "Mức thu: {after}.",
    "expr": "Mức thu tính theo công thức: {after}.",
    "per_unit": "Mức thu: {quantity} x {price} = {after}.",
    "per_unit_free": "Mức thu: {quantity}, trong đó {free} đầu không thu, còn lại x {price} = {after}.",
    "percent": "Mức thu: {rate} của {value} = {after}.",
    "row": "Giá trị tính {value} thuộc bậc {row} của biểu ({bounds}): {after}.",
    "marginal": "{value} tính lũy tiến từng phần, đến bậc {row} ({bounds}): {after}.",
    "unit_steps": "{value} đơn vị, đơn giá theo từng bậc, đến bậc {row} ({bounds}): {after}.",
    "interpolated_rate": "Tỷ lệ nội suy cho {value} ({bounds}) là {rate}: {after}.",
    "instalment": " Đã tính trước đó trên {before}; lần này thu phần chênh lệch của tổng lũy kế.",
    "above": "trên {}",
    "from": "từ {}",
    "upto": "đến {}",
    "below": "dưới {}",
    "all": "mọi mức",
    "times": "Nhân với số lượng {times}: {after}.",
    "cap": "Không vượt mức tối đa: {before} tính bằng {after}.",
    "floor": "Không thấp hơn mức tối thiểu: {before} tính bằng {after}.",
    "modifier_down": "Giảm ({id}), căn cứ {legal}{window}: từ {before} còn {after}.",
    "modifier_up": "Tăng ({id}), căn cứ {legal}{window}: từ {before} lên {after}.",
    "modifier_same": "Áp dụng ({id}), căn cứ {legal}{window}: vẫn là {after}.",
    "exemption": "Miễn ({id}), căn cứ {legal}{window}: không phải nộp {before}.",
    "window_both": ", từ ngày {first} đến hết ngày {last}",
    "window_from": ", từ ngày {first}",
    "window_to": ", đến hết ngày {last}",
    "rounding_half_up": "Làm tròn đến {to} (từ một nửa trở lên làm tròn lên): {before} thành {after}.",
    "rounding_down": "Làm tròn xuống bội số của {to}: {before} thành {after}.",
    "share": "Đơn vị thụ hưởng: {shares}.",
    "treasury": "ngân sách nhà nước",
    "retained": "để lại tổ chức thu",
    "before_relief": "Mức trước miễn, giảm: {before}; số được miễn, giảm: {waived}.",
    "charged": "Tổng số phải nộp: {total} ({words}).",
    "free": "Tổng số phải nộp: 0 đồng, biểu mức thu quy định không thu trong trường hợp này.",
    "exempt": "Tổng số phải nộp: 0 đồng, được miễn toàn bộ.",
    "not_applicable": "Yêu cầu này không thuộc khoản nào của biểu mức thu: không có phí, lệ phí phải nộp.",
    "no_legal": "biểu mức thu",
}
_EN: Final[Mapping[str, str]] = {
    "vnd": "{} VND",
    "about": "about {}",
    "head": "{name} ({code}): tariff {schedule}, under {legal}, as of {day}.",
    "province": "The tariff of the province with code {province} applies.",
    "component": "{name} ({type}, budget sub-item {ndkt}): {amount}.",
    "phi": "fee (phí)",
    "le_phi": "charge (lệ phí)",
    "an_phi": "court fee (án phí)",
    "cases": "Case that applies: {cases}. ",
    "fixed": "Tariff amount: {after}.",
    "expr": "Tariff amount by formula: {after}.",
    "per_unit": "Tariff amount: {quantity} x {price} = {after}.",
    "per_unit_free": "Tariff amount: {quantity}, of which the first {free} are free, the others x {price} = {after}.",
    "percent": "Tariff amount: {rate} of {value} = {after}.",
    "row": "The value {value} falls in row {row} of the table ({bounds}): {after}.",
    "marginal": "{value} charged slice by slice, up to row {row} ({bounds}): {after}.",
    "unit_steps": "{value} units at prices by step, up to step {row} ({bounds}): {after}.",
    "interpolated_rate": "The rate interpolated for {value} ({bounds}) is {rate}: {after}.",
    "instalment": " {before} was assessed before; this instalment is the difference on the cumulative total.",
    "above": "above {}",
    "from": "from {}",
    "upto": "up to {}",
    "below": "below {}",
    "all": "any value",
    "times": "Times {times}: {after}.",
    "cap": "Capped at the maximum: {before} becomes {after}.",
    "floor": "Raised to the minimum: {before} becomes {after}.",
    "modifier_down": "Reduced ({id}), under {legal}{window}: from {before} to {after}.",
    "modifier_up": "Increased ({id}), under {legal}{window}: from {before} to {after}.",
    "modifier_same": "Applied ({id}), under {legal}{window}: still {after}.",
    "exemption": "Exempt ({id}), under {legal}{window}: {before} need not be paid.",
    "window_both": ", from {first} to {last} inclusive",
    "window_from": ", from {first}",
    "window_to": ", until {last} inclusive",
    "rounding_half_up": "Rounded to {to} (halves up): {before} becomes {after}.",
    "rounding_down": "Rounded down to a multiple of {to}: {before} becomes {after}.",
    "share": "Beneficiaries: {shares}.",
    "treasury": "state budget",
    "retained": "retained by the collecting body",
    "before_relief": "Before relief: {before}; relief granted: {waived}.",
    "charged": "Total to pay: {total}.",
    "free": "Total to pay: 0 VND; the tariff charges nothing in this case.",
    "exempt": "Total to pay: 0 VND; fully exempt.",
    "not_applicable": "No item of the tariff covers this request: there is nothing to charge.",
    "no_legal": "the tariff",
}


_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {"vi": _VI, "en": _EN}


def explain_vi(quote: Quote) -> list[str]:
    """Sentences in Vietnamese: legal basis, each component step by step, beneficiaries, total."""
    return list(_sentences(Speech("vi", _VI, {}), quote, _told(quote)))


def explain_en(quote: Quote) -> list[str]:
    """The same sentences in English; names of fees stay in Vietnamese, as the law prints them."""
    return list(_sentences(Speech("en", _EN, {}), quote, _told(quote)))


def explain_both(quote: Quote) -> dict[str, list[str]]:
    """Both languages at once, by `vi` and `en`."""
    told = _told(quote)
    return {
        "vi": list(_sentences(Speech("vi", _VI, {}), quote, told)),
        "en": list(_sentences(Speech("en", _EN, {}), quote, told)),
    }


def _told(quote: Quote) -> list[Mapping[Language, tuple[str, ...]]]:
    return [
        _component(
            one.plan,
            found_by(one.plan, one.env),
            one.trail,
            one.exemption,
            one.amount_vnd,
            one.before_relief_vnd,
            quote.rule.legal,
        )
        for one in quote.components
    ]


def _sentences(speech: Speech, quote: Quote, told: list[Mapping[Language, tuple[str, ...]]]) -> Iterator[str]:
    tariff, is_vi = quote.tariff, speech.language == "vi"
    legal = "; ".join(quote.rule.legal) or speech.texts["no_legal"]
    name = tariff.name_vi if is_vi else tariff.name_en
    yield speech.say(
        "head", name=name, code=tariff.code, schedule=quote.schedule, legal=legal, day=speech.day(quote.as_of)
    )
    if quote.rule.jurisdiction != "VN":
        yield speech.say("province", province=quote.rule.jurisdiction)
    for lines in told:
        yield from lines[speech.language]
    total = speech.money(quote.total_vnd)
    yield speech.say(quote.outcome, total=total, words=amount_in_words(quote.total_vnd) if is_vi else "")


@lru_cache(maxsize=_REMEMBERED_MAX)
def _component(
    plan: ComponentPlan,
    found: Found,
    trail: tuple[TrailEntry, ...],
    exemption: ExemptionPlan | None,
    amount_vnd: int,
    before_relief_vnd: int,
    legal: tuple[str, ...],
) -> Mapping[Language, tuple[str, ...]]:
    """The sentences of one component in every language.

    Most fees of a tariff come out in a few ways, so these are remembered: by the tariff and by what it came to, never
    by facts.
    """
    steps = steps_of(plan, found, trail, exemption, amount_vnd)
    return {
        language: tuple(
            _component_lines(Speech(language, texts, plan.labels), plan, steps, amount_vnd, before_relief_vnd, legal)
        )
        for language, texts in _TEXTS.items()
    }


def _component_lines(
    speech: Speech,
    plan: ComponentPlan,
    steps: tuple[Step, ...],
    amount_vnd: int,
    before_relief_vnd: int,
    legal: tuple[str, ...],
) -> Iterator[str]:
    rule = plan.rule
    yield speech.say(
        "component",
        name=rule.name,
        type=speech.texts[rule.type],
        ndkt=rule.ndkt or "-",
        amount=speech.money(amount_vnd),
    )
    own_legal = "; ".join(rule.legal or legal) or speech.texts["no_legal"]
    for step in steps:
        yield _step(speech, step, own_legal)
    if before_relief_vnd != amount_vnd:
        before, waived = speech.money(before_relief_vnd), speech.money(before_relief_vnd - amount_vnd)
        yield speech.say("before_relief", before=before, waived=waived)
    parts = zip((share.to for share in rule.split.shares), split(amount_vnd, rule.split.shares), strict=True)
    paid = [f"{speech.texts.get(to) or speech.name(to)} {speech.money(part_vnd)}" for to, part_vnd in parts if part_vnd]
    if paid:
        yield speech.say("share", shares=", ".join(paid))


def _step(speech: Speech, step: Step, legal: str) -> str:
    before, after = speech.money(step.before), speech.money(step.after)
    match step.kind:
        case "base":
            return "" if step.base is None else _base(speech, step.base, step.after)
        case "times":
            return speech.say("times", times=speech.number(step.times or Fraction(0)), after=after)
        case "rounding":
            rule = step.rounding
            key, to = ("half_up", 1) if rule is None else (rule.mode, rule.to)
            return speech.say(f"rounding_{key}", to=speech.money(to), before=before, after=after)
        case "modifier":
            turn = "same" if step.after == step.before else "down" if step.after < step.before else "up"
            return _ruled(speech, f"modifier_{turn}", step, legal)
        case "exemption":
            return _ruled(speech, "exemption", step, legal)
        case "cap" | "floor":
            return speech.say(step.kind, before=before, after=after)


def _ruled(speech: Speech, key: str, step: Step, legal: str) -> str:
    return speech.say(
        key,
        id=speech.name(step.id or ""),
        legal=step.legal or legal,
        window=_window(speech, step.first, step.last),
        before=speech.money(step.before),
        after=speech.money(step.after),
    )


def _window(speech: Speech, first: date | None, last: date | None) -> str:
    if first and last:
        return speech.say("window_both", first=speech.day(first), last=speech.day(last))
    if first:
        return speech.say("window_from", first=speech.day(first))
    return speech.say("window_to", last=speech.day(last)) if last else ""


def _base(speech: Speech, note: BaseNote, after: Fraction) -> str:
    """The tariff amount with the case, the quantity, the price or rate, and the row of the table."""
    cases = speech.say("cases", cases=" / ".join(map(speech.name, note.cases))) if note.cases else ""
    told = speech.money(after)
    if note.form in _BARE:
        return cases + speech.say(note.form, after=told)
    quantity = note.quantity or Fraction(0)
    counted = speech.money if note.money or note.form == "percent" else speech.number
    instalment = "" if note.before is None else speech.say("instalment", before=counted(note.before))
    if note.form == "per_unit":
        count, price = speech.number(quantity), speech.money(note.price or 0)
        key, free = ("per_unit_free", speech.number(note.free)) if note.free else ("per_unit", "")
        return cases + speech.say(key, quantity=count, price=price, free=free, after=told) + instalment
    rate = after / quantity if note.form == "interpolated_rate" and quantity else note.price or Fraction(0)
    values = {"value": counted(quantity), "rate": speech.number(rate * 100) + "%", "row": str((note.row or 0) + 1)}
    return cases + speech.say(note.form, **values, bounds=_bounds(speech, note), after=told) + instalment


def _bounds(speech: Speech, note: BaseNote) -> str:
    """The span of the row: a bound is inside or outside, and one đồng matters."""
    parts = []
    if note.lower is not None and note.lower.bound is not None:
        word = speech.texts["above" if note.lower.inclusive else "from"]
        parts.append(word.format(speech.number(note.lower.bound)))
    if note.piece is not None and note.piece.bound is not None:
        word = speech.texts["upto" if note.piece.inclusive else "below"]
        parts.append(word.format(speech.number(note.piece.bound)))
    return " ".join(parts) or speech.texts["all"]
