"""Versions: one schedule with everything that decides its amounts, in a document of its own, named by its content.

A version needs no other file: its document holds the procedure with this one schedule, and the splits, parameters,
chapters and labels it uses. Two texts that say the same, whatever the order of their keys, are one version.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from paygw.kernel.fees.catalogue import SCHEMA, Catalogue, Procedure, parse_catalogue
from paygw.kernel.fees.dates import LAST_DAY, Window, iso_day
from paygw.kernel.fees.model import Schedule
from paygw.kernel.fees.select import Timeline
from paygw.kernel.fees.source import plain, read_source

Plain: TypeAlias = dict[str, Any]
"""JSON objects as Python has them."""

Confidence: TypeAlias = str
CONFIDENCES: Final = ("verified", "memory", "illustrative", "unmarked")
"""From the surest to the least sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One schedule by content. `digest` is of the whole document, `schedule_hash` of what decides amounts."""

    digest: str
    schedule_hash: str
    procedure: str
    name: str
    jurisdiction: str
    schedule: str
    window: Window
    confidence: Confidence
    code_status: str
    document: str


def versions_of(sources: Mapping[str, str]) -> tuple[Version, ...]:
    """Every schedule of a catalogue as a version. Raises BadCatalogue."""
    catalogue = parse_catalogue(sources)
    whole = _merged(sources)
    found = []
    for raw in whole.get("procedures", ()):
        procedure = catalogue.procedures[raw["code"]]
        by_id = {schedule["id"]: schedule for schedule in raw["schedules"]}
        schedules = procedure.tariff.schedules
        found += [_version(whole, raw, by_id[schedule.id], schedule, procedure) for schedule in schedules]
    return tuple(found)


def read_version(document: str) -> Procedure:
    """The procedure of a version, ready to be priced. Raises BadCatalogue."""
    catalogue = parse_catalogue({"version.json": document})
    return next(iter(catalogue.procedures.values()))


def compose(versions: Iterable[tuple[Procedure, Iterable[Window]]]) -> Catalogue:
    """The catalogue in which each version is in force during its windows and at no other time.

    Versions of one procedure that ask for other facts become editions of it; the newest stands first.
    """
    procedures: dict[str, list[tuple[Procedure, tuple[Window, ...]]]] = {}
    for procedure, windows in versions:
        procedures.setdefault(procedure.code, []).append((procedure, tuple(windows)))
    return Catalogue({code: _procedure(units) for code, units in sorted(procedures.items())})


def weakest(marks: Iterable[Confidence]) -> Confidence:
    """The least sure of several marks."""
    return max(marks, key=CONFIDENCES.index, default="unmarked")


def _version(whole: Plain, raw: Plain, schedule_raw: Plain, schedule: Schedule, procedure: Procedure) -> Version:
    splits = {component["split"] for component in schedule_raw["components"] if "split" in component}
    facts, labels = raw["facts"], whole.get("labels", {})
    values = {name: one for name, one in labels.get("values", {}).items() if name in facts}
    document: Plain = {
        "schema": SCHEMA,
        "splits": _only(whole.get("splits", {}), splits - raw.get("splits", {}).keys()),
        "params": _only(whole.get("params", {}), schedule.params),
        "chapters": _only(whole.get("chapters", {}), [raw.get("agency", {}).get("chapter")]),
        "labels": {
            "facts": _only(labels.get("facts", {}), facts),
            "values": values,
            "rules": _only(labels.get("rules", {}), [*_ids(schedule_raw["components"]), *schedule.params]),
        },
        "procedures": [{**{k: v for k, v in raw.items() if not k.startswith("x-")}, "schedules": [schedule_raw]}],
    }
    text = canonical({key: value for key, value in document.items() if value})
    return Version(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        schedule_hash=schedule.content_hash,
        procedure=procedure.code,
        name=procedure.tariff.name_vi,
        jurisdiction=schedule.jurisdiction,
        schedule=schedule.id,
        window=schedule.window,
        confidence=weakest(_marks(document, schedule)),
        code_status=procedure.tariff.code_status or "unmarked",
        document=text,
    )


def canonical(value: object) -> str:
    """The one JSON text of some data."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _marks(document: Plain, schedule: Schedule) -> Iterator[Confidence]:
    """The schedule's mark, those of its splits, and those of the parameters that count while it is in force."""
    yield schedule.confidence or "unmarked"
    for split in document["splits"].values():
        if isinstance(split, dict) and "confidence" in split:
            yield split["confidence"]
    for rows in document["params"].values():
        for row in rows:
            last = iso_day(row.get("to") or "") or LAST_DAY
            during = Window(iso_day(row["from"]) or LAST_DAY, last)
            if "confidence" in row and during.overlaps(schedule.window):
                yield row["confidence"]


def _merged(sources: Mapping[str, str]) -> Plain:
    """The sections of all files together, without positions."""
    whole: Plain = {}
    for name, text in sources.items():
        document = plain(read_source(text, file=name))
        if not isinstance(document, dict):
            continue
        sections = {"procedures": [document]} if "code" in document else document
        for section, content in sections.items():
            if isinstance(content, list):
                whole.setdefault(section, []).extend(content)
            elif isinstance(content, dict) and not section.startswith("x-"):
                _merge_into(whole.setdefault(section, {}), content)
    return whole


def _merge_into(target: Plain, content: Plain) -> None:
    for key, value in content.items():
        known = target.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            target[key] = {**known, **value}
        else:
            target[key] = value


def _ids(value: object) -> Iterator[str]:
    """Ids of everything below: components, cases, reliefs."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from _ids(child)


def _only(declared: Plain, names: Iterable[object]) -> Plain:
    wanted = set(names)
    return {name: value for name, value in declared.items() if name in wanted}


def _procedure(units: list[tuple[Procedure, tuple[Window, ...]]]) -> Procedure:
    """The editions of a procedure, newest first; the first one carries the others."""
    editions: dict[object, list[tuple[Procedure, tuple[Window, ...]]]] = {}
    for unit in units:
        editions.setdefault(_edition_key(unit[0]), []).append(unit)
    made = sorted((_edition(members) for members in editions.values()), key=_newest, reverse=True)
    return replace(made[0], others=tuple(made[1:]))


def _edition_key(procedure: Procedure) -> object:
    tariff = procedure.tariff
    texts = tuple(text for _, text in procedure.constraints)
    return (tariff.facts, texts, tariff.assessed, tariff.agency, tariff.name_vi, tariff.name_en, tariff.code_status)


def _newest(edition: Procedure) -> Window:
    return max((schedule.window for schedule in edition.tariff.schedules), default=Window())


def _edition(units: list[tuple[Procedure, tuple[Window, ...]]]) -> Procedure:
    """One procedure of several versions that ask for the same facts, each cut to the windows it is in force."""
    first = units[0][0]
    plans: dict[str, list[Any]] = {}
    schedules = []
    for unit, windows in units:
        for window in windows:
            schedules += [replace(one, window=_cut(one.window, window)) for one in unit.tariff.schedules]
            for jurisdiction, timeline in unit.timelines.items():
                plans.setdefault(jurisdiction, []).extend(
                    replace(plan, period=_cut(plan.period, window))
                    for plan in timeline.plans
                    if plan.period.overlaps(window)
                )
    timelines = {}
    for jurisdiction, found in plans.items():
        found.sort(key=lambda plan: plan.period)
        timelines[jurisdiction] = Timeline(tuple(plan.period.first for plan in found), tuple(found))
    schedules.sort(key=lambda one: (one.jurisdiction, one.window))
    return replace(first, tariff=replace(first.tariff, schedules=tuple(schedules)), timelines=timelines)


def _cut(window: Window, to: Window) -> Window:
    return Window(max(window.first, to.first), min(window.last, to.last))
