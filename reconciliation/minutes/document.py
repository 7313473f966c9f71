"""Minutes as PDF/A, typeset by typst with the fonts it brings: the same content gives the same bytes."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, Final

import typst

from reconciliation.minutes.words import (
    MODES,
    Content,
    batches,
    breakdown,
    breaks,
    day_vi,
    dong,
    moment_vi,
    sources,
    totals,
)

_TEMPLATE: Final = files("reconciliation.minutes") / "minutes.typ"
_RUN: Final = 14
_SPLIT: Final = re.compile(r".{14}")


def minutes_pdf(minutes: Mapping[str, Any]) -> bytes:
    """The printed minutes with hash and signatures. `minutes` is what `hub.minutes.read_minutes` gives."""
    content: Content = minutes["content"]
    told = {
        "number": f"{minutes['no']:02d}/{content['bank']}/{content['day']}",
        "day": day_vi(content),
        "bank": content["bank"],
        "bank_title": content["bank_title"],
        "merchant": content["merchant"],
        "mode": MODES[content["mode"]],
        "in_words": content["in_words"],
        "receipts": dong(content["book"]["receipts_vnd"]),
        "totals": [[name, "" if count is None else dong(count), dong(vnd)] for name, count, vnd in totals(content)],
        "breakdown": _figures(breakdown(content)),
        "breakdown_sum": [
            dong(sum(row["vnd"] for row in content["breakdown"])),
            dong(sum(row["treasury_vnd"] for row in content["breakdown"])),
        ],
        "batches": _figures(batches(content)),
        "breaks": [[_breakable(cell) for cell in row] for row in _figures(breaks(content))],
        "files": _figures(sources(content)),
        "hash": minutes["content_hash"],
        "signatures": {
            one["role"]: {"name": one["name"] or one["person"], "at": moment_vi(one["at"])}
            for one in minutes["signatures"]
        },
    }
    day = date.fromisoformat(content["day"])
    made: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"minutes": json.dumps(told, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
    )
    return made


def _breakable(cell: str) -> str:
    """A long reference may be broken over lines."""
    words = (word if len(word) <= _RUN else _SPLIT.sub("\\g<0>\u200b", word) for word in cell.split(" "))
    return " ".join(words)


def _figures(rows: list[list[str | int]]) -> list[list[str]]:
    return [[dong(cell) if isinstance(cell, int) else cell for cell in row] for row in rows]
