"""Where in a body something is wrong: JSON pointers (RFC 6901) and codes made of what msgspec says.

msgspec names the place and the rule in a sentence, sometimes with the value. Only the place and a code go out; a name
that the caller invented goes out only if it looks like a name.
"""

import re
from collections.abc import Sequence
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_PLACE: Final = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")
_KEYED: Final = re.compile(r" - at `key` in `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_FIELD: Final = re.compile(r"field `(?P<name>[^`]*)`")

# The first that fits the start of the sentence; order matters where one is the beginning of another.
_CODES: Final = (
    (re.compile(r"Object missing required field"), "missing_field"),
    (re.compile(r"Object contains unknown field"), "unknown_field"),
    (re.compile(r"Expected `str` of length <="), "too_long"),
    (re.compile(r"Expected `str` of length >="), "too_short"),
    (re.compile(r"Expected `str` matching"), "wrong_format"),
    (re.compile(r"Expected `(array|object)` of length <="), "too_many"),
    (re.compile(r"Expected `(array|object)` of length >="), "too_few"),
    (re.compile(r"Expected `\w+` (<=|<) "), "too_large"),
    (re.compile(r"Expected `\w+` (>=|>) "), "too_small"),
    (re.compile(r"Integer value out of range"), "too_large"),
    (re.compile(r"Expected `datetime` with"), "offset_missing"),
    (re.compile(r"Invalid enum value"), "not_listed"),
    (re.compile(r"Invalid "), "wrong_format"),
    (re.compile(r"Expected "), "wrong_type"),
)


def pointer(path: Sequence[str | int]) -> str:
    """RFC 6901; stops before a step whose name the caller invented and that does not look like one."""
    steps: list[str] = []
    for step in path:
        if isinstance(step, str) and not _NAME.fullmatch(step):
            break
        steps.append(f"/{step}")
    return "".join(steps)


def pointed(sentence: str) -> tuple[str, str]:
    """The pointer and the code of a sentence of msgspec's."""
    code = next((code for pattern, code in _CODES if pattern.match(sentence)), "invalid")
    place = _KEYED.search(sentence) or _PLACE.search(sentence)
    path: list[str | int] = []
    for step in _STEP.finditer(place["path"] if place else ""):
        if step["name"] is not None:
            path.append(step["name"])
        elif step["index"] is not None:
            path.append(int(step["index"]))
        else:
            break
    if code in {"missing_field", "unknown_field"} and (field := _FIELD.search(sentence)):
        path.append(field["name"])
    return pointer(path), code
