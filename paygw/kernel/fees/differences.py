"""What changes from one version to another: which days come out differently, and which entries differ."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from paygw.kernel.fees.dates import FIRST_DAY, LAST_DAY, Window, day_after, day_before, iso_day
from paygw.kernel.fees.versions import Plain, canonical

_EDITORIAL: Final = frozenset({"note", "confidence", "code_status", "name", "legal", "id"})
_KEPT_IDS: Final = frozenset({"components", "modifiers", "exemptions", "cases"})
_RELIEFS: Final = frozenset({"modifiers", "exemptions"})
_DATED: Final = (("from", "to"), ("effective_from", "effective_to"))


def changed_windows(old: str, new: str, during: Window) -> list[Window]:
    """The days of `during` on which two documents charge by different rules; names and legal texts do not count."""
    before, after = json.loads(old), json.loads(new)
    firsts = sorted({during.first} | {day for day in (*_cuts(before), *_cuts(after)) if _inside(day, during)})
    lasts = [*(day_before(day) for day in firsts[1:]), during.last]
    found: list[Window] = []
    for first, last in zip(firsts, lasts, strict=True):
        if rules_on(before, first) == rules_on(after, first):
            continue
        if found and day_after(found[-1].last) == first:
            found[-1] = Window(found[-1].first, last)
        else:
            found.append(Window(first, last))
    return found


def rules_on(document: Plain, day: date) -> str:
    """What a document charges by on a day, as comparable text: entries of other days are left out."""
    procedure = document["procedures"][0]
    content = {
        "facts": list(procedure["facts"].items()),
        "constraints": [one["expr"] for one in procedure.get("constraints", ())],
        "assessed": procedure.get("assessed", False),
        "components": _standing(procedure["schedules"][0]["components"], day, "components"),
        "splits": _standing({**document.get("splits", {}), **procedure.get("splits", {})}, day, ""),
        "params": {
            name: [str(row["value"]) for row in rows if _covers(row, day)]
            for name, rows in document.get("params", {}).items()
        },
    }
    return canonical(content)


def entries_changed(old: str, new: str) -> list[tuple[str, object, object]]:
    """Every leaf that differs: its path, its value before and after; None where there is none."""
    return list(_compare("", json.loads(old), json.loads(new)))


def _compare(path: str, old: object, new: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _compare(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        by_id = [{_name(item, i): item for i, item in enumerate(items)} for items in (old, new)]
        for name in [*by_id[0], *(name for name in by_id[1] if name not in by_id[0])]:
            yield from _compare(f"{path}[{name}]", by_id[0].get(name), by_id[1].get(name))
    elif old != new:
        yield path, old, new


def _name(item: object, index: int) -> str:
    if isinstance(item, dict):
        for key in ("id", "code", "from"):
            if isinstance(item.get(key), str):
                return str(item[key])
    return str(index)


def _standing(value: Any, day: date, under: str) -> Any:  # noqa: ANN401 - any JSON
    """A copy without what is not in force on the day, without dates, names and legal texts."""
    if isinstance(value, dict):
        kept = {key for keys in _DATED for key in keys} | (_EDITORIAL - ({"id"} if under in _KEPT_IDS else set()))
        standing = {key: _standing(child, day, key) for key, child in value.items() if key not in kept}
        return {key: child for key, child in standing.items() if child != [] or key not in _RELIEFS}
    if isinstance(value, list):
        return [_standing(item, day, under) for item in value if not isinstance(item, dict) or _covers(item, day)]
    return value


def _covers(item: Mapping[str, Any], day: date) -> bool:
    first, last = _bounds(item)
    return first <= day <= last


def _bounds(item: Mapping[str, Any]) -> tuple[date, date]:
    return iso_day(item.get("from") or "") or FIRST_DAY, iso_day(item.get("to") or "") or LAST_DAY


def _cuts(value: object) -> Iterator[date]:
    """Every first day of something dated, and the day after each last one."""
    if isinstance(value, dict):
        for first, last in _DATED:
            if day := iso_day(_text(value.get(first))):
                yield day
            if day := iso_day(_text(value.get(last))):
                yield day_after(day)
        for child in value.values():
            yield from _cuts(child)
    elif isinstance(value, list):
        for child in value:
            yield from _cuts(child)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _inside(day: date, during: Window) -> bool:
    return during.first <= day <= during.last
