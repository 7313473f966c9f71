"""YAML read into nodes that know their line and keep every scalar exact.

Built on the parser's events, not on its loader: floats, tags, duplicate keys and unquoted octal look-alikes are
refused, aliases are shared instead of copied, and depth and expanded size are bounded before anything walks the tree.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import yaml

from paygw.kernel.fees.errors import BadCatalogue

SOURCE_CHARS_MAX: Final = 2_000_000
DEPTH_MAX: Final = 40
NODES_MAX: Final = 200_000

Scalar: TypeAlias = str | int | bool | date | None

_INT: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_INT_DIGITS_MAX: Final = 30
_CONSTANTS: Final[dict[str, Scalar]] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A mapping, a list or a scalar, where it stands, and how many nodes it is once aliases are expanded."""

    value: "dict[str, Node] | list[Node] | Scalar"
    file: str
    line: int
    size: int = 1

    @property
    def at(self) -> str:
        """`file:line`, as editors read it."""
        return f"{self.file}:{self.line}"


def read_source(text: str, *, file: str) -> Node:
    """Read one YAML document. Raises BadCatalogue at the first thing that is not exact, plain data."""
    if len(text) > SOURCE_CHARS_MAX:
        raise BadCatalogue(
            "bad_catalogue", at=f"{file}:1", path="document", message="The file is too long for a catalogue."
        )
    composer = _Composer(file, yaml.parse(text, Loader=yaml.CSafeLoader))
    try:
        return composer.document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        message = f"This is not YAML: {error.problem or error.context}."
        raise BadCatalogue("bad_catalogue", at=f"{file}:{line}", path=composer.path, message=message) from error
    except (yaml.YAMLError, UnicodeError) as error:
        message = "This is not YAML: it holds characters that text may not hold."
        raise BadCatalogue("bad_catalogue", at=f"{file}:1", path="document", message=message) from error


def plain(node: Node) -> object:
    """The data without positions, dates as ISO text: what a content hash is taken of."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value.isoformat() if isinstance(node.value, date) else node.value


class _Composer:
    """Turns one stream of parser events into nodes."""

    def __init__(self, file: str, events: Iterator[yaml.Event]) -> None:
        self._file = file
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._trail: list[str] = []

    @property
    def path(self) -> str:
        """The keys and indexes that lead to where the composer stands."""
        return "".join(self._trail).removeprefix(".") or "document"

    def document(self) -> Node:
        opening = [next(self._events) for _ in ("stream", "document")]
        if not isinstance(opening[1], yaml.DocumentStartEvent):
            raise self._bad(opening[1], "The file is empty.")
        node = self._node(next(self._events), depth=0)
        next(self._events)  # the document's end
        after = next(self._events)
        if isinstance(after, yaml.DocumentStartEvent):
            raise self._bad(after, "One file holds one document.")
        return node

    def _node(self, event: yaml.Event, *, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise self._bad(event, f"Nesting is deeper than {DEPTH_MAX} levels.")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if not isinstance(event, yaml.NodeEvent):
            raise self._bad(event, "A value is missing.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._bad(event, f"Tags are not accepted: {tag}.")
        node = self._untagged(event, depth=depth)
        if node.size > NODES_MAX:
            raise self._bad(event, f"With its aliases this expands to more than {NODES_MAX} nodes.")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _untagged(self, event: yaml.NodeEvent, *, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event), self._file, _line(event))
        if isinstance(event, yaml.SequenceStartEvent):
            children = self._sequence(depth=depth)
            return Node(children, self._file, _line(event), 1 + sum(child.size for child in children))
        mapping = self._mapping(depth=depth)
        return Node(mapping, self._file, _line(event), 1 + sum(child.size for child in mapping.values()))

    def _alias(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise self._bad(event, f"Alias *{event.anchor} has no finished anchor above it.")
        return node

    def _sequence(self, *, depth: int) -> list[Node]:
        children: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._trail.append(f"[{len(children)}]")
            children.append(self._node(event, depth=depth + 1))
            self._trail.pop()
        return children

    def _mapping(self, *, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            self._trail.append(f".{key}")
            value = self._node(next(self._events), depth=depth + 1)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
                merged = self._merge(event, value)
            elif key in own:
                raise self._bad(event, f"Key '{key}' appears twice.")
            else:
                own[key] = value
            self._trail.pop()
        return {**merged, **own}

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor is not None:
            raise self._bad(event, "A key must be plain text.")
        return event.value

    def _merge(self, event: yaml.Event, value: Node) -> dict[str, Node]:
        sources = value.value if isinstance(value.value, list) else [value]
        merged: dict[str, Node] = {}
        for source in sources:
            if not isinstance(source.value, dict):
                raise self._bad(event, "Only mappings can be merged with '<<'.")
            merged = {**source.value, **merged}
        return merged

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text = event.value
        if event.style:
            return text
        if text.lower() in _CONSTANTS and text in {text.lower(), text.upper(), text.capitalize()}:
            return _CONSTANTS[text.lower()]
        if _INT.fullmatch(text) and len(text) <= _INT_DIGITS_MAX:
            return int(text)
        if _DATE.fullmatch(text):
            return self._date(event, text)
        if _FLOAT.fullmatch(text):
            message = f"{text} is not an exact whole number; write decimals, percentages and codes in quotes."
            raise self._bad(event, message)
        return text

    def _date(self, event: yaml.Event, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise self._bad(event, f"{text} is not a day of the calendar.") from error

    def _bad(self, event: yaml.Event, message: str) -> BadCatalogue:
        return BadCatalogue("bad_catalogue", at=f"{self._file}:{_line(event)}", path=self.path, message=message)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
