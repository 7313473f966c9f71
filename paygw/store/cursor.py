"""A place in the order of transactions: readers that stop below the oldest running one cannot skip a late commit."""

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

_PLAIN = re.compile(rb"([0-9]{1,18})\.([0-9]{1,18})")
_CHARS_MAX = 60


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """The last row seen: its transaction and its number. Both zero: the beginning."""

    xid: int = 0
    seq: int = 0


BEGINNING = Cursor()


def write_cursor(cursor: Cursor) -> str:
    """The opaque text a client gets and gives back."""
    return urlsafe_b64encode(f"{cursor.xid}.{cursor.seq}".encode()).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor | None:
    """The cursor behind a text, or None if it is not one of ours."""
    if not text.isascii() or len(text) > _CHARS_MAX:
        return None
    try:
        plain = _PLAIN.fullmatch(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (Base64Error, ValueError):
        return None
    return Cursor(int(plain[1]), int(plain[2])) if plain else None
