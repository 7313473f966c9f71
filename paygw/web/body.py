"""Reading JSON strictly: size capped while reading, UTF-8, no repeated keys, shallow, clean text, no unknown field.

Models are msgspec structs with `forbid_unknown_fields=True` (base `In`). One parse finds repeated keys and builds the
tree, msgspec makes the model of it. The walk over the tree happens only where a cheap look at the text says that it
may find something.
"""

import asyncio
import json
import re
from json import JSONDecodeError, JSONDecoder
from math import isinf
from typing import Annotated, Any, Final, NoReturn, TypeVar
from unicodedata import is_normalized

import msgspec
from starlette.requests import ClientDisconnect, Request

from paygw.web.context import hub_of
from paygw.web.errors import Problem
from paygw.web.pointers import pointed, pointer

Model = TypeVar("Model")

AMOUNT_MAX_VND: Final = 10**12
AmountVnd = Annotated[int, msgspec.Meta(ge=1, le=AMOUNT_MAX_VND, description="Whole đồng.", examples=[150_000])]

# C0 and C1 controls, line and paragraph separators, lone surrogates, and what turns the direction of text around.
_UNCLEAN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_UNCLEAN_RAW: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\\]"
)
_STRINGS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_JSON_TYPES: Final = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)
_DIGITS_MAX: Final = 12


class In(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of every body a caller sends."""


async def read_json(request: Request, model: type[Model], *, max_bytes: int | None = None) -> Model:
    """The body as a model. Raises Problem: too_large, unsupported_media_type, malformed_json, invalid_body."""
    settings = hub_of(request).settings
    _require_json(request)
    body = await read_bytes(request, max_bytes=max_bytes or settings.body_max_bytes, timeout_s=settings.body_timeout_s)
    return decode(body, model, depth_max=settings.json_depth_max)


async def read_bytes(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """The raw body, refused as soon as it is longer than allowed. Raises Problem: too_large, request_timeout."""
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise Problem("malformed_request", "Content-Length is not a number.")
    if len(announced) > _DIGITS_MAX or int(announced) > max_bytes:
        _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    _too_large(max_bytes)
                parts.append(part)
    except TimeoutError:
        raise Problem("request_timeout", f"A body has {timeout_s:g} s to arrive.") from None
    except ClientDisconnect:
        raise Problem("malformed_request", "The connection closed before the body was complete.") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode(body: bytes, model: type[Model], *, depth_max: int = 20) -> Model:
    """Strict JSON to a model. Raises Problem: malformed_json, invalid_body."""
    text = _utf8(body)
    if text.count("{") + text.count("[") > depth_max:
        _check_depth(text, depth_max)
    tree = _parsed(text)
    if _UNCLEAN_RAW.search(text) or not (text.isascii() or is_normalized("NFC", text)):
        _check_texts(tree)
    try:
        return msgspec.convert(tree, model)
    except msgspec.ValidationError as error:
        where, code = pointed(str(error))
        raise Problem("invalid_body", "The body is not what is asked for.", errors=((where, code),)) from None


def _require_json(request: Request) -> None:
    kind = b""
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            kind = value.lower()
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Problem("unsupported_media_type", "Send the body as it is, without Content-Encoding.")
    if kind not in _JSON_TYPES:
        raise Problem("unsupported_media_type", "Send Content-Type: application/json.")


def _too_large(max_bytes: int) -> NoReturn:
    raise Problem("too_large", f"A body has at most {max_bytes} bytes here.", headers={"connection": "close"})


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("malformed_json", "The body is not UTF-8.") from None


def _check_depth(text: str, depth_max: int) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > depth_max:
            raise Problem("malformed_json", f"JSON is nested at most {depth_max} deep here.")


class _Repeated(ValueError):
    """An object names a key twice."""


class _NotFinite(ValueError):
    """A number that is none."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Repeated
    return made


def _number(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise _NotFinite
    return value


def _constant(_: str) -> NoReturn:
    raise _NotFinite


_PARSER: Final = JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value, made into a model next
    try:
        return _PARSER.decode(text)
    except _Repeated:
        raise Problem("malformed_json", "An object names a key twice.") from None
    except _NotFinite:
        raise Problem("malformed_json", "JSON knows no infinite number and no NaN.") from None
    except JSONDecodeError as error:
        detail = f"Not JSON at line {error.lineno}, column {error.colno}."
        raise Problem("malformed_json", detail) from None
    except ValueError:  # an integer of thousands of digits
        raise Problem("malformed_json", "A number is too long.") from None


def _check_texts(tree: Any) -> None:  # noqa: ANN401 - any JSON value
    """Raise for the first text that is not NFC or holds a control character; keys count as text."""
    rest: list[tuple[tuple[str | int, ...], Any]] = [((), tree)]
    while rest:
        path, value = rest.pop()
        if isinstance(value, str):
            _check_text(path, value)
        elif isinstance(value, dict):
            for key, item in value.items():
                _check_text(path, key)
                rest.append(((*path, key), item))
        elif isinstance(value, list):
            rest.extend(((*path, index), item) for index, item in enumerate(value))


def _check_text(path: tuple[str | int, ...], text: str) -> None:
    if _UNCLEAN.search(text):
        code = "control_character"
    elif not is_normalized("NFC", text):
        code = "not_normalized"
    else:
        return
    raise Problem("invalid_body", "Text is plain NFC without controls.", errors=((pointer(path), code),))


def canonical(tree: object) -> bytes:
    """One spelling of a validated body, for fingerprints: keys sorted, no blanks."""
    return json.dumps(msgspec.to_builtins(tree), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
