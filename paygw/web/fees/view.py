"""What the templates of the fee page get: lists, tariffs in words, the form, the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from paygw.hub.hub import Hub
from paygw.hub.procedures import is_in_force, schedules_of, today
from paygw.kernel.fees.catalogue import Procedure, calculate, edition_on
from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY, iso_day
from paygw.kernel.fees.describe import Described, describe
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.explain import explain_en, explain_vi
from paygw.kernel.fees.model import Component, Schedule
from paygw.kernel.fees.quote import Quote
from paygw.kernel.fees.speech import Language
from paygw.kernel.words import amount_in_words
from paygw.web.checkout.view import WORDS as PAGE_WORDS
from paygw.web.fees.form import FACT_PREFIX, Form, facts_of, fields_of
from paygw.web.fees.words import WORDS, FeeWords
from paygw.web.pages import page

PATH: Final = "/phi-le-phi"


@dataclass(frozen=True, slots=True)
class TariffText:
    """A schedule as it is shown: its window in words, its fees line by line."""

    schedule: Schedule
    area: str
    days: str
    fees: tuple[tuple[Component, list[Described]], ...]


def list_page(hub: Hub, found: Sequence[Procedure], asked: str, language: Language) -> Response:
    """The search and what it found."""
    words = WORDS[language]
    context = _common(hub, language, PATH, asked) | {
        "title": words.title,
        "asked": asked,
        "found": found,
        "told": words.found.format(len(found)) if found else words.none_found,
    }
    return page("fees/list.html", context)


def procedure_page(hub: Hub, procedure: Procedure, language: Language, form: Form | None = None) -> Response:
    """A procedure: tariffs in force and before, the calculator, and its result if a form was sent."""
    now = today(hub)
    given = form or {}
    day = iso_day(given.get("as_of", "")) or now
    province = given.get("province", "").strip() or None
    edition = edition_on(procedure, province, day)
    answer = _answer(hub, procedure, edition, given) if form is not None else None
    error = answer if isinstance(answer, FeeError) else None
    schedules = schedules_of(procedure)
    name = procedure.tariff.name_vi if language == "vi" else procedure.tariff.name_en
    context = _common(hub, language, f"{PATH}/{procedure.code}") | {
        "title": name,
        "procedure": procedure,
        "now": _day(now, language),
        "current": [_text(procedure, one, language) for one in schedules if is_in_force(one, now)],
        "others": [_text(procedure, one, language) for one in schedules if not is_in_force(one, now)],
        "fields": fields_of(edition.facts, form, language),
        "as_of": given.get("as_of", now.isoformat()),
        "province": province or "",
        "error": error,
        "error_at": _error_at(error),
        "result": answer if isinstance(answer, Quote) else None,
        "shares": _shares(answer, language),
        "sentences": _sentences(answer, language),
        "in_words": amount_in_words(answer.total_vnd) if isinstance(answer, Quote) and language == "vi" else "",
    }
    return page("fees/procedure.html", context, 200 if error is None else 422)


def missing_page(hub: Hub, language: Language) -> Response:
    """No such procedure."""
    words = WORDS[language]
    return page("fees/missing.html", _common(hub, language, PATH) | {"title": words.not_found}, 404)


def _common(hub: Hub, language: Language, path: str, asked: str = "") -> dict[str, object]:
    other = {"lang": "en"} if language == "vi" else {}
    query = urlencode({**({"q": asked} if asked else {}), **other})
    return {
        "w": PAGE_WORDS[language],
        "f": WORDS[language],
        "language": language,
        "is_test": hub.settings.mode == "test",
        "switch": f"{quote(path)}{f'?{query}' if query else ''}",
        "home": PATH + ("?lang=en" if language == "en" else ""),
        "tail": "?lang=en" if language == "en" else "",
        "path": path,
    }


def _shares(answer: Quote | FeeError | None, language: Language) -> list[tuple[str, int]]:
    """Who receives how much, by the names people know."""
    if not isinstance(answer, Quote):
        return []
    labels = {to: label for one in answer.components for to, label in one.plan.labels.items()}
    named = {to: getattr(label, language) for to, label in labels.items()} | dict(WORDS[language].to)
    return [(named.get(to, to), part_vnd) for to, part_vnd in answer.shares.items()]


def _answer(hub: Hub, procedure: Procedure, edition: Procedure, given: Form) -> Quote | FeeError:
    try:
        return calculate(
            hub.tariffs,
            procedure=procedure.code,
            province=given.get("province", "").strip() or None,
            as_of=given.get("as_of", "").strip(),
            facts=facts_of(edition.facts, given),
        )
    except FeeError as error:
        return error


def _error_at(error: FeeError | None) -> str:
    """The id of the field at fault."""
    if error is None:
        return ""
    if error.fact:
        return FACT_PREFIX + error.fact
    return {"province_required": "province", "bad_request": "as_of", "no_schedule_in_force": "as_of"}.get(
        error.code, "calculator"
    )


def _sentences(answer: Quote | FeeError | None, language: Language) -> list[str]:
    if not isinstance(answer, Quote):
        return []
    return explain_vi(answer) if language == "vi" else explain_en(answer)


def _text(procedure: Procedure, schedule: Schedule, language: Language) -> TariffText:
    words = WORDS[language]
    facts = next(one.facts for one in (procedure, *procedure.others) if schedule in one.tariff.schedules)
    area = words.national if schedule.jurisdiction == "VN" else words.province.format(schedule.jurisdiction)
    fees = tuple((one, describe(one, schedule, facts, language)) for one in schedule.components)
    return TariffText(schedule, area, _days(words, schedule, language), fees)


def _days(words: FeeWords, schedule: Schedule, language: Language) -> str:
    first, last = schedule.window.first, schedule.window.last
    parts = [words.since.format(_day(first, language))] if first != FIRST_DAY else []
    parts += [words.until.format(_day(last, language))] if last != LAST_DAY else []
    return " ".join(parts)


def _day(day: date, language: Language) -> str:
    return day.strftime("%d/%m/%Y") if language == "vi" else day.isoformat()
