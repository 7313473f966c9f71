"""Procedures for whoever asks: found by code or name, with the tariffs in force, the earlier ones, and the form."""

import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from paygw.hub.hub import Hub
from paygw.kernel.decide import VIETNAM
from paygw.kernel.fees.catalogue import Procedure, edition_on
from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY
from paygw.kernel.fees.forms import facts_schema
from paygw.kernel.fees.model import Schedule

View = dict[str, object]


def today(hub: Hub) -> date:
    """The day it is in Vietnam."""
    return hub.clock().astimezone(VIETNAM).date()


@lru_cache(maxsize=16_384)
def folded(text: str) -> str:
    """Text for comparing: no accents, no case, one space between words."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def search(hub: Hub, words: str) -> list[Procedure]:
    """Procedures whose code, name or agency has every word, with or without accents; in the order of codes."""
    wanted = folded(words).split()
    found = [one for one in hub.tariffs.procedures.values() if all(word in _searched(one) for word in wanted)]
    return sorted(found, key=lambda one: one.code)


def schedules_of(procedure: Procedure) -> list[Schedule]:
    """Tariffs of every edition: national first, then by province; the newest first."""
    found = [one for edition in (procedure, *procedure.others) for one in edition.tariff.schedules]
    newest = sorted(found, key=lambda one: one.window.first, reverse=True)
    return sorted(newest, key=lambda one: (one.jurisdiction != "VN", one.jurisdiction))


def is_in_force(schedule: Schedule, day: date) -> bool:
    """Whether a tariff counts on a day."""
    return schedule.window.first <= day <= schedule.window.last


def face(procedure: Procedure, day: date) -> View:
    """A procedure in a list, with what is in force on a day."""
    tariff = procedure.tariff
    return {
        "code": tariff.code,
        "code_status": tariff.code_status,
        "name": {"vi": tariff.name_vi, "en": tariff.name_en},
        "agency": {"id": tariff.agency.id, "collector": tariff.agency.collector} if tariff.agency else None,
        "assessed": tariff.assessed,
        "in_force": [_schedule(one) for one in schedules_of(procedure) if is_in_force(one, day)],
    }


def detail(procedure: Procedure, province: str | None, day: date) -> View:
    """A procedure with the facts it asks for on a day as JSON Schema, and every tariff of it."""
    edition = edition_on(procedure, province, day)
    return {
        **face(procedure, day),
        "facts": facts_schema(edition),
        "schedules": [_schedule(one) for one in schedules_of(procedure)],
    }


def _searched(procedure: Procedure) -> str:
    tariff = procedure.tariff
    collector = tariff.agency.collector if tariff.agency else ""
    return folded(f"{tariff.code} {tariff.name_vi} {tariff.name_en} {collector}")


def _schedule(schedule: Schedule) -> View:
    window = schedule.window
    return {
        "id": schedule.id,
        "jurisdiction": schedule.jurisdiction,
        "effective_from": None if window.first == FIRST_DAY else window.first.isoformat(),
        "effective_to": None if window.last == LAST_DAY else window.last.isoformat(),
        "legal": list(schedule.legal),
        "confidence": schedule.confidence or "unmarked",
        "schedule_hash": schedule.content_hash,
        "components": list(_components(schedule)),
    }


def _components(schedule: Schedule) -> Iterator[View]:
    for component in schedule.components:
        yield {"id": component.id, "name": component.name, "type": component.type, "ndkt": component.ndkt}
