# ruff: noqa: ANN401 - raw YAML has no types
"""The starter catalogue for tests: compiled, raw, and as a source of requests near every edge it has."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from paygw.kernel.fees.catalogue import Catalogue, load_catalogue
from paygw.kernel.fees.facts import unscaled
from paygw.kernel.fees.model import Fact
from tests.kernel.fees.oracle import Oracle

STARTER = Path(__file__).parents[3] / "paygw" / "catalogue" / "fees"

AGES = (0, 15, 16, 17, 18, 23, 24, 59, 60, 61)
LEAP_DAYS = (date(2020, 2, 29), date(2024, 2, 29), date(2028, 2, 29))


@cache
def starter() -> Catalogue:
    """The starter catalogue, compiled."""
    return load_catalogue(STARTER)


@cache
def starter_oracle() -> Oracle:
    """The same files, raw, for the oracle."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(STARTER.glob("*.yaml"))]
    procedures = {p["code"]: p for document in documents for p in document.get("procedures", ())}
    params = {name: rows for document in documents for name, rows in document.get("params", {}).items()}
    return Oracle(procedures, params)


@st.composite
def requests(draw: st.DrawFn, code: str) -> dict[str, Any]:
    """A request whose facts are all valid by themselves, drawn from around bounds, windows and birthdays."""
    raw = starter_oracle().procedures[code]
    as_of = draw(st.sampled_from(_edge_days(code)) | st.dates(date(2016, 12, 1), date(2031, 1, 2)))
    jurisdictions = {schedule["jurisdiction"] for schedule in raw["schedules"]} - {"VN"}
    province = draw(st.sampled_from([None, *sorted(jurisdictions), "48"]))
    facts: dict[str, object] = {}
    for fact in starter().procedures[code].facts:
        if fact.default is None or draw(st.booleans()):
            facts[fact.name] = draw(_values(fact, as_of, _edge_numbers(code)))
    return {"procedure": code, "province": province, "as_of": as_of.isoformat(), "facts": facts}


def _values(fact: Fact, as_of: date, edges: tuple[int, ...]) -> st.SearchStrategy[Any]:
    match fact.kind:
        case "bool":
            return st.booleans()
        case "enum":
            return st.sampled_from(fact.values)
        case "date":
            near = st.sampled_from(AGES).map(lambda years: _years_before(as_of, years))
            shifted = st.builds(
                lambda day, days: day + timedelta(days=days), near, st.sampled_from((-61, -60, -1, 0, 1))
            )
            return (shifted | st.sampled_from(LEAP_DAYS) | st.dates(date(1930, 1, 1), date(2030, 1, 1))).map(str)
        case "decimal":
            scaled = _numbers(fact, tuple(edge * 10**fact.scale for edge in edges))
            return scaled.map(lambda value: unscaled(value, fact.scale))
        case _:
            return _numbers(fact, edges)


def _numbers(fact: Fact, edges: tuple[int, ...]) -> st.SearchStrategy[int]:
    near = sorted({e + d for e in edges for d in (-1, 0, 1) if fact.low <= e + d <= fact.high} | {fact.low, fact.high})
    return (
        st.sampled_from(near) | st.integers(fact.low, fact.high) | st.integers(fact.low, min(fact.high, fact.low + 300))
    )


def _years_before(day: date, years: int) -> date:
    return (
        day.replace(year=day.year - years, day=28)
        if (day.month, day.day) == (2, 29)
        else day.replace(year=day.year - years)
    )


@cache
def _edge_numbers(code: str) -> tuple[int, ...]:
    """Every number the procedure prints: its bounds are among them."""
    found = {int(text) for text in re.findall(r"\d+", str(starter_oracle().procedures[code]["schedules"]))}
    return tuple(sorted(found | {2 * int(row["value"]) for row in starter_oracle().params["base_salary"]}))


@cache
def _edge_days(code: str) -> tuple[date, ...]:
    """First and last days of everything dated in the procedure, and their neighbours, and leap days."""
    days = set(_days(starter_oracle().procedures[code])) | set(LEAP_DAYS)
    return tuple(sorted({day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}))


def _days(node: Any) -> Iterator[date]:
    if isinstance(node, date):
        yield node
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from _days(child)
    elif isinstance(node, list):
        for child in node:
            yield from _days(child)
