"""Signed forms: query strings whose fields carry a prefix, amounts in hundredths, times of Vietnam without offset.

Shared by the connectors of redirect protocols. Nothing here knows a bank.
"""

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from urllib.parse import quote_plus, unquote_to_bytes

from paygw.kernel.connector import BadSignature, Malformed, Secrets
from paygw.kernel.wire import AMOUNT_MAX_VND, TEXT_MAX_CHARS, UNPRINTABLE, Json

VIETNAM: Final = timezone(timedelta(hours=7))
FACTOR: Final = 100
PAIRS_MAX: Final = 100
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_DIGITS_MAX: Final = 15  # 10^12 times 100
_STAMP: Final = re.compile(r"[0-9]{14}", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)

Digest = Callable[[str, bytes], str]  # (secret, signed bytes) -> lower-case hex


def keys_of(secrets: Secrets, name: str) -> tuple[str, ...]:
    """The current secret and, in rotation, the previous one; nothing at all without a current one."""
    current, previous = secrets.values.get(name, ""), secrets.previous.get(name, "")
    return tuple(key for key in (current, previous) if key) if current else ()


def signed_by(given: str, texts: Iterable[bytes], keys: Iterable[str], digest: Digest) -> bool:
    """Whether `given` (hex in any case) is the digest of one of these texts under one of these keys."""
    wanted = given.lower() if _HEX.fullmatch(given) else ""
    made = [digest(key, text) for key in keys for text in texts]
    return any([hmac.compare_digest(one, wanted) for one in made])  # noqa: C419 - all are compared, whichever fits


def raw_pairs(query: str, prefixes: tuple[str, ...]) -> dict[str, bytes]:
    """The pairs of a query string whose name begins so, values as they stand.

    Raises BadSignature for a repeated name, a disguised one, or too many.
    """
    pairs = [pair.partition("=") for pair in query.split("&", PAIRS_MAX)]
    found: dict[str, bytes] = {}
    for name, _, value in pairs:
        plain = _NAME.fullmatch(name) is not None
        if not (name if plain else unquote_to_bytes(_octets(name.replace("+", " "))).decode("latin-1")).startswith(
            prefixes
        ):
            continue
        if not plain or name in found or len(pairs) > PAIRS_MAX:
            raise BadSignature("a parameter is repeated or disguised")
        found[name] = _octets(value)
    return found


def decoded(raw: Mapping[str, bytes]) -> dict[str, str]:
    """The texts behind form-encoded values. Raises Malformed where one is not UTF-8."""
    try:
        return {name: unquote_to_bytes(value.replace(b"+", b" ")).decode() for name, value in raw.items()}
    except UnicodeDecodeError as fault:
        raise Malformed("not text in UTF-8") from fault


def joined(raw: Mapping[str, bytes]) -> bytes:
    """The pairs as they stood, in this order."""
    return b"&".join(name.encode() + b"=" + value for name, value in raw.items())


def form_encoded(text: str) -> str:
    """As PHP and JavaScript clients encode it: space is +, everything but letters, digits and `-._` is %XX."""
    return quote_plus(text, safe="").replace("~", "%7E")


def sorted_form(fields: Mapping[str, str], without: frozenset[str] = frozenset()) -> str:
    """The non-empty pairs sorted by name, both sides form-encoded, joined by `&`."""
    kept = sorted((name, value) for name, value in fields.items() if value and name not in without)
    return "&".join(f"{form_encoded(name)}={form_encoded(value)}" for name, value in kept)


def piped(fields: Mapping[str, str], names: Iterable[str]) -> str:
    """These values, raw and in this order, between pipes; a missing one is empty."""
    return "|".join(fields.get(name, "") for name in names)


def hmac_sha512(secret: str, text: bytes) -> str:
    """In lower-case hex, keyed with the secret's UTF-8. Raises ValueError for an empty secret."""
    if not secret:
        raise ValueError("an empty secret signs nothing")
    return hmac.digest(secret.encode(), text, "sha512").hex()


def printable(fields: Mapping[str, str]) -> dict[str, str]:
    """Texts for people and for the store: unprintable characters are spaces, 500 at most."""
    return {name: UNPRINTABLE.sub(" ", value)[:TEXT_MAX_CHARS] for name, value in fields.items()}


def line(text: str, *, chars_max: int = TEXT_MAX_CHARS) -> str:
    """A text we send, on one line: unprintable characters are spaces."""
    return UNPRINTABLE.sub(" ", text)[:chars_max]


def number_or_none(text: str) -> str | None:
    """A provider's number of a transaction; None for an empty one or noughts, sent before there is one."""
    return text if text.strip().strip("0") else None


def texts_of(said: Json, names: Iterable[str]) -> dict[str, str]:
    """These fields of a JSON object as texts: a whole number is its digits, a missing one is empty."""
    fields = {name: "" if said.get(name) is None else said[name] for name in names}
    if any(isinstance(value, bool) or not isinstance(value, str | int) for value in fields.values()):
        raise Malformed("a field is no text")
    try:
        return {name: str(value).encode().decode() for name, value in fields.items()}
    except ValueError as fault:
        raise Malformed("a field is no text") from fault


def required(fields: Mapping[str, str], name: str) -> str:
    """A field that must be there."""
    if not fields.get(name, "").strip():
        raise Malformed(f"{name} is missing")
    return fields[name]


def hundredths(amount_vnd: int) -> str:
    """A whole amount as the wire writes it where the unit is a hundredth of a đồng."""
    return str(amount_vnd * FACTOR)


def whole_vnd(text: str) -> int:
    """Whole đồng behind such an amount. Raises Malformed for anything else, a fraction of a đồng too."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0
    if not 0 < value <= AMOUNT_MAX_VND * FACTOR or value % FACTOR:
        raise Malformed("no whole amount in hundredths")
    return value // FACTOR


def whole_vnd_or_none(text: str) -> int | None:
    """The same of a message that moves no cash: None where it names no such amount."""
    with suppress(Malformed):
        return whole_vnd(text)
    return None


def stamp(at: datetime) -> str:
    """YyyyMMddHHmmss in GMT+7."""
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")


def unstamped(text: str) -> datetime | None:
    """The time behind such a stamp as UTC; None if it is none."""
    if not _STAMP.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=VIETNAM).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _octets(text: str) -> bytes:
    """The bytes of a request line, of which every character stands for one; else its UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
