"""A message with one of its fields dropped, changed or said twice: pairs of a query or form, members of a JSON body."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from paygw.kernel.connector import HttpRequest

Part: TypeAlias = tuple[str, ...]


def parts(message: HttpRequest) -> list[Part]:
    """Where the fields of a message are: `("query", name)`, `("form", name)` or `("json", name, ...)`."""
    if not message.body:
        return [("query", pair.partition("=")[0]) for pair in _query(message).split("&") if pair]
    if _is_form(message):
        return [("form", pair.partition("=")[0]) for pair in message.body.decode("latin-1").split("&")]
    return list(_members(json.loads(message.body), ("json",)))


def dropped(message: HttpRequest, part: Part) -> HttpRequest:
    """The message without this field."""
    if part[0] == "json":
        return _rewritten(message, part, drop=True)
    return _with_pairs(message, [pair for pair in _pairs(message) if pair.partition("=")[0] != part[1]])


def changed(message: HttpRequest, part: Part) -> HttpRequest:
    """The message with another value in this field."""
    if part[0] == "json":
        return _rewritten(message, part, drop=False)
    return _with_pairs(
        message, [_other(pair) if pair.partition("=")[0] == part[1] else pair for pair in _pairs(message)]
    )


def repeated(message: HttpRequest, part: Part) -> Iterator[HttpRequest]:
    """The message with this field said twice, the other value before or behind."""
    if part[0] == "json":
        if len(part) == 2:
            said = json.loads(message.body)[part[1]]
            member = f"{json.dumps(part[1])}:{json.dumps(_another(said))}".encode()
            body = message.body.strip()
            yield replace(message, body=b"{" + member + b"," + body[1:])
            yield replace(message, body=body[:-1] + b"," + member + b"}")
        return
    pairs = _pairs(message)
    said = next(pair for pair in pairs if pair.partition("=")[0] == part[1])
    yield _with_pairs(message, [_other(said), *pairs])
    yield _with_pairs(message, [*pairs, _other(said)])


def _is_form(message: HttpRequest) -> bool:
    return "urlencoded" in message.headers.get("content-type", "")


def _query(message: HttpRequest) -> str:
    return message.url.partition("?")[2]


def _pairs(message: HttpRequest) -> list[str]:
    text = message.body.decode("latin-1") if message.body else _query(message)
    return [pair for pair in text.split("&") if pair]


def _with_pairs(message: HttpRequest, pairs: list[str]) -> HttpRequest:
    text = "&".join(pairs)
    if message.body:
        return replace(message, body=text.encode("latin-1"))
    return replace(message, url=f"{message.url.partition('?')[0]}?{text}")


def _other(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={value}00"  # of an amount: a hundred times as much


def _members(value: dict[str, Any], path: Part) -> Iterator[Part]:
    for name, inner in value.items():
        yield (*path, name)
        if isinstance(inner, dict):
            yield from _members(inner, (*path, name))


def _rewritten(message: HttpRequest, part: Part, *, drop: bool) -> HttpRequest:
    whole = json.loads(message.body)
    inner = whole
    for name in part[1:-1]:
        inner = inner[name]
    if drop:
        del inner[part[-1]]
    elif part[-1] in inner:
        inner[part[-1]] = _another(inner[part[-1]])
    return replace(message, body=json.dumps(whole, ensure_ascii=False).encode())


def _another(value: object) -> object:
    match value:
        case bool():
            return not value
        case int():
            return value * 100 + 1
        case str():
            return value + "00"
        case _:
            return "00"
