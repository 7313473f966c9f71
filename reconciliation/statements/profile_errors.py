"""What is wrong in a profile somebody writes: the line, the reason, and what would be right, in two languages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import yaml

from reconciliation.statements.errors import BadFile

_HINTS_MAX: Final = 3
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(?P<text>.+?)`(?: - at `(?P<at>.+)`)?")
_UNKNOWN_KEY: Final = re.compile(r"Invalid enum value '(?P<text>.+)' - at `key` in `(?P<at>.+)`")
_UNKNOWN_WORD: Final = re.compile(r"Invalid enum value '(?P<text>.+)' - at `(?P<at>.+)`")
_NOT_TEXT: Final = re.compile(r"Expected `str`, got `(?:int|float|bool|null|object)`(?: - at `(?P<at>.+)`)?")
_NOT_LIST: Final = re.compile(r"Expected `array`, got `\w+`(?: - at `(?P<at>.+)`)?")
_MISSING: Final = re.compile(r"Object missing required field `(?P<text>.+?)`(?: - at `(?P<at>.+)`)?")
_NAME: Final = re.compile(r"Expected `str` matching regex .* - at `\$\.profile`")
_AT: Final = re.compile(r" - at `(?P<at>.+)`")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"

Choices = Mapping[str, Sequence[str]]
"""What may stand somewhere, by its path: `$.columns` for keys of columns, `$.amounts.marks` for a value."""


def composed(text: str) -> yaml.Node:
    """A profile's tree with its lines. Raises BadFile: profile_yaml, profile_twice, profile_empty."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadFile("profile_yaml", mark.line + 1 if mark else None, text=error.problem or "YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise BadFile("profile_yaml", text="YAML") from None
    if not isinstance(root, yaml.MappingNode):
        raise BadFile("profile_empty")
    for mapping in _mappings(root):
        seen: set[str] = set()
        for key, _ in mapping.value:
            if str(key.value) in seen:
                raise BadFile("profile_twice", _line(key), text=str(key.value))
            seen.add(str(key.value))
    return root


def explained(message: str, root: yaml.Node, choices: Choices) -> BadFile:
    """What a type says of a profile, in words and with its line."""
    for pattern in (_UNKNOWN_FIELD, _UNKNOWN_KEY, _UNKNOWN_WORD):
        if found := pattern.match(message):
            text, at = found["text"], _path(found["at"])
            return BadFile("profile_word", line_of(root, at, text), text=text, known=_hints(text, choices.get(at, ())))
    if found := _MISSING.match(message):
        return BadFile("profile_missing", text=found["text"])
    if _NAME.match(message):
        return BadFile("profile_name", line_of(root, "$.profile"))
    if found := _NOT_TEXT.match(message):
        place = next(_scalars(_under(root, _path(found["at"])), text=False), None)
        return BadFile("profile_quote", _line(place) if place else None, text=str(place.value) if place else "")
    if found := _NOT_LIST.match(message):
        below = _under(root, _path(found["at"]))
        values = [value for _, value in below.value] if isinstance(below, yaml.MappingNode) else [below]
        place = next((one for one in values if isinstance(one, yaml.ScalarNode)), None)
        return BadFile("profile_list", _line(place) if place else None, text=str(place.value) if place else "")
    place_of = _AT.search(message)
    line = line_of(root, _path(place_of["at"])) if place_of else None
    return BadFile("profile_invalid", line, text=_AT.sub("", message))


def line_of(root: yaml.Node, path: str, text: str = "") -> int:
    """The line of a key or value below a path, else of the path itself."""
    below = _under(root, path)
    for node in _all(below):
        if isinstance(node, yaml.ScalarNode) and text and node.value == text:
            return _line(node)
    return _line(below)


def _hints(text: str, known: Sequence[str]) -> str:
    near = get_close_matches(text, known, _HINTS_MAX) if len(known) > 2 * _HINTS_MAX else ()
    return ", ".join(near or known)


def _path(at: str | None) -> str:
    """A path without the places in lists and dictionaries."""
    return re.sub(r"\[[^\]]*\]", "", at or "$")


def _under(root: yaml.Node, path: str) -> yaml.Node:
    node = root
    for name in path.split(".")[1:]:
        inside = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in inside if key.value == name), node)
    return node


def _scalars(root: yaml.Node, *, text: bool) -> Iterator[yaml.ScalarNode]:
    """Values that are text, or that YAML takes for something else."""
    for node in _all(root, keys=False):
        if isinstance(node, yaml.ScalarNode) and (node.tag == _TEXT_TAG) is text:
            yield node


def _mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    return (node for node in _all(root) if isinstance(node, yaml.MappingNode))


def _all(root: yaml.Node, *, keys: bool = True, once: set[int] | None = None) -> Iterator[yaml.Node]:
    """A node and what lies in it, each once whatever refers to it."""
    seen = once if once is not None else set()
    if id(root) in seen:
        return
    seen.add(id(root))
    yield root
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            yield from _all(key, once=seen) if keys else ()
            yield from _all(value, keys=keys, once=seen)
    elif isinstance(root, yaml.SequenceNode):
        for value in root.value:
            yield from _all(value, keys=keys, once=seen)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
