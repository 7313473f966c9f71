# ruff: noqa: ANN401 - raw YAML has no types
"""Catalogues of one procedure, one schedule and one component, written as the rule under test needs them."""

import json
from typing import Any

from paygw.kernel.fees.catalogue import Catalogue, calculate, parse_catalogue
from paygw.kernel.fees.quote import Quote

CODE = "1.000001"

FACTS: dict[str, Any] = {
    "n": {"type": "int", "min": 0, "max": 1000, "default": 1},
    "x": {"type": "money", "default": 0},
    "d": {"type": "decimal", "min": "0", "max": "1000", "scale": 2, "default": "0"},
    "yes": {"type": "bool", "default": False},
    "also": {"type": "bool", "default": False},
    "kind": {"type": "enum", "values": ["a", "b"], "default": "a"},
    "born": {"type": "date", "default": "2000-02-29"},
}


def schedule(component: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A national schedule in force from 2020 with one component `c`."""
    whole = {"id": "c", "type": "phi", "name": "Phí", "ndkt": "2716", **component}
    return {"id": "s", "jurisdiction": "VN", "effective_from": "2020-01-01", "components": [whole], **changes}


def source(*schedules: dict[str, Any], facts: dict[str, Any] | None = None, **sections: Any) -> str:
    """The text of a catalogue file."""
    procedure = {"code": CODE, "facts": FACTS if facts is None else facts, "schedules": list(schedules)}
    return json.dumps({"schema": "paygw.fees/v1", "procedures": [procedure], **sections}, indent=1, ensure_ascii=False)


def catalogue(component: dict[str, Any], **sections: Any) -> Catalogue:
    """A compiled catalogue around one component."""
    return parse_catalogue({"small.yaml": source(schedule(component), **sections)})


def quoted(component: dict[str, Any], as_of: str = "2025-06-15", **facts: object) -> Quote:
    """The quote of one component for some facts."""
    return calculate(catalogue(component), procedure=CODE, province=None, as_of=as_of, facts=facts)


def amount(component: dict[str, Any], as_of: str = "2025-06-15", **facts: object) -> int:
    """Only the total, whole đồng."""
    return quoted(component, as_of, **facts).total_vnd
