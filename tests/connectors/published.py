"""The published vectors of a protocol, as tests/fixtures/vectors holds them."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "fixtures" / "vectors"


def vectors(protocol: str, *messages: str) -> list[dict[str, Any]]:
    """The vectors of these messages, in order."""
    known = json.loads((FOLDER / f"{protocol}.json").read_text(encoding="utf-8"))["vectors"]
    return [vector for vector in known if vector["message"] in messages]


def named(vector: dict[str, Any]) -> str:
    """Its name in a test report."""
    name: str = vector["id"]
    return name
