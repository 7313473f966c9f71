"""Message authentication codes as Vietnamese providers use them: HMAC over a text, in hexadecimal digits."""

import hmac
from collections.abc import Iterable
from typing import Literal

Algorithm = Literal["sha256", "sha512"]


def hmac_hex(key: str, text: str, algorithm: Algorithm = "sha256") -> str:
    """Lower-case hexadecimal digits over the UTF-8 bytes of `text`. Lone surrogates, which JSON can hold, are kept."""
    return hmac.new(_bytes(key), _bytes(text), algorithm).hexdigest()


def made_with(given: object, keys: Iterable[str], text: str, algorithm: Algorithm = "sha256") -> bool:
    """Whether one of `keys` made this code; constant time per key, digits in any case. An empty key makes nothing."""
    code = _bytes(given.lower()) if isinstance(given, str) else b""
    return any(hmac.compare_digest(code, hmac_hex(key, text, algorithm).encode()) for key in keys if key)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
