"""Worked examples and batches: lines of JSON that ask, and lines that answer in the same shape.

A line is `{id, procedure, province?, as_of, facts}`; a line with `load` holds a procedure to be read instead. The
answer is `{id, expect}` or `{id, error}`; what else a line holds is left alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from paygw.kernel.fees.catalogue import SCHEMA, Catalogue, parse_catalogue, quote_line
from paygw.kernel.fees.errors import BadCatalogue

Line = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An example whose answer is not the one it names."""

    id: object
    expected: object
    got: object


def read_line(text: str | bytes) -> dict[str, object] | None:
    """The object one line holds, or None if it holds none."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def answer_line(catalogue: Catalogue, line: Line) -> dict[str, object]:
    """`{id, expect}` or `{id, error}`; never raises for what a line says."""
    answer = {"error": _load_error(line["load"])} if "load" in line else quote_line(catalogue, line)
    if "error" in answer:
        return {"id": line.get("id"), "error": answer["error"]}
    return {"id": line.get("id"), "expect": answer}


def mismatch_of(catalogue: Catalogue, line: Line) -> Mismatch | None:
    """What an example gives instead of what it expects; None if they are the same."""
    answer = answer_line(catalogue, line)
    expected, got = line.get("expect", line.get("error")), answer.get("expect", answer.get("error"))
    return None if expected == got else Mismatch(line.get("id"), expected, got)


def _load_error(procedure: object) -> str | None:
    try:
        parse_catalogue({"example.yaml": json.dumps({"schema": SCHEMA, "procedures": [procedure]})})
    except BadCatalogue as error:
        return error.kind
    return None
