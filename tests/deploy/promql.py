"""As much of PromQL as a reader needs: which series an expression asks for, by which labels, with which values.

It evaluates nothing. Strings are put aside first, so that brackets and words inside them mean nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

from paygw.outside.metrics import METRICS
from tests.house.sources import ROOT

RULES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text("utf-8"))
ALL: Final[list[dict[str, Any]]] = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS: Final[dict[str, dict[str, Any]]] = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDS: Final[dict[str, str]] = {rule["record"]: rule["expr"] for rule in ALL if "record" in rule}

_TARGET: Final = frozenset({"job", "instance"})  # what the monitor itself puts on every series
_CLOSING: Final = {")": "(", "}": "{", "]": "["}
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "group_left", "group_right"})
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_NAME: Final = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])\s*(\{[^}]*\})?")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*(?:,|$)')
_THRESHOLD: Final = re.compile(r"(<=|>=|<|>|==|!=)\s*(-?\d+(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label must be like."""

    label: str
    sign: str
    value: str

    def admits(self, value: str) -> bool:
        """Whether a series with this value is meant."""
        same = re.fullmatch(self.value, value) is not None if "~" in self.sign else value == self.value
        return same is not self.sign.startswith("!")


@dataclass(frozen=True, slots=True)
class Selector:
    """One series asked for."""

    name: str
    matchers: tuple[Matcher, ...]

    def picks(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a sample is one of those asked for."""
        return name == self.name and all(one.admits(labels.get(one.label, "")) for one in self.matchers)


def balance(text: str) -> str:
    """The first bracket or quote that has no partner; '' when all have one."""
    bare, open_ones = _STRING.sub("", text), list[str]()
    for char in bare:
        if char in _CLOSING.values():
            open_ones.append(char)
        elif (char in _CLOSING and (not open_ones or open_ones.pop() != _CLOSING[char])) or char == '"':
            return char
    return open_ones[-1] if open_ones else ""


def selectors(text: str) -> Iterator[Selector]:
    """Every series an expression asks for, as it is written."""
    kept: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        kept.append(found.group(0))
        return f'"{len(kept) - 1}"'

    bare = _GROUPING.sub(" ", _STRING.sub(put_aside, text))
    for found in _NAME.finditer(re.sub(r"\[[^\]]*\]|\boffset\s+\w+", " ", bare)):
        if found.group(1) in _WORDS:
            continue
        inside = re.sub(r'"(\d+)"', lambda one: kept[int(one.group(1))], (found.group(2) or "{}")[1:-1])
        matchers = tuple(Matcher(*one.groups()) for one in _MATCHER.finditer(inside))
        assert len(matchers) == inside.count('"') // 2, f"a matcher of {text} is not understood"
        yield Selector(found.group(1), matchers)


def grouped_by(text: str) -> set[str]:
    """The labels an expression groups or joins by."""
    found = _GROUPING.findall(_STRING.sub('""', text))
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}


@cache
def labels_of(series: str) -> frozenset[str] | None:
    """The labels a series may bear; None where nobody makes it."""
    if series == "up":
        return _TARGET
    if series in RECORDS:
        return frozenset(grouped_by(RECORDS[series]))
    if series in METRICS and METRICS[series].kind != "seconds":
        return frozenset(METRICS[series].labels) | _TARGET
    stem, _, ending = series.rpartition("_")
    if stem in METRICS and METRICS[stem].kind == "seconds" and ending in {"bucket", "sum", "count"}:
        return frozenset(METRICS[stem].labels) | _TARGET | ({"le"} if ending == "bucket" else frozenset())
    return None


def faults(text: str) -> list[str]:
    """What is wrong with an expression, one sentence each."""
    if unpaired := balance(text):
        return [f"{unpaired} has no partner"]
    asked = list(selectors(text))
    known = {one.name: labels_of(one.name) for one in asked}
    found = [f"nobody makes {name}" for name, labels in known.items() if labels is None]
    found += [
        f"{one.name} has no label {matcher.label}"
        for one in asked
        for matcher in one.matchers
        if matcher.label not in (known[one.name] or {matcher.label})
    ]
    grouping = grouped_by(text) - {label for labels in known.values() for label in labels or ()}
    return found + [f"nothing in it has a label {label}" for label in sorted(grouping)]


def threshold(text: str) -> tuple[str, float]:
    """The comparison an alert ends with: sign and number."""
    found = _THRESHOLD.search(text)
    assert found, f"{text} does not end in a comparison"
    return found.group(1), float(found.group(2))
