"""A place in the order of transactions: readers that stop below the oldest running one cannot skip a late commit.

A database brought back from a backup counts its transactions from there anew. A cursor therefore bears the restore it
was given after (its era), and one of before is turned back to where the counting began again.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass

_PLAIN = re.compile(rb"([0-9]{1,18})\.([0-9]{1,18})(?:\.([0-9]{1,12}))?")
_CHARS_MAX = 80


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """The last row seen: its transaction and its number. Both zero: the beginning."""

    xid: int = 0
    seq: int = 0


BEGINNING = Cursor()


def write_cursor(cursor: Cursor, restores: Mapping[int, int]) -> str:
    """The opaque text a client gets and gives back; `restores` maps each era to the transaction it began with."""
    era = max(restores, default=0)
    plain = f"{cursor.xid}.{cursor.seq}" + (f".{era}" if era else "")
    return urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def read_cursor(text: str, restores: Mapping[int, int]) -> Cursor | None:
    """The cursor behind a text, turned back by every restore since; None if the text is not one of ours."""
    if not text.isascii() or len(text) > _CHARS_MAX:
        return None
    try:
        plain = _PLAIN.fullmatch(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (Base64Error, ValueError):
        return None
    if plain is None:
        return None
    given = int(plain[3] or 0)
    return min(
        [Cursor(int(plain[1]), int(plain[2])), *(Cursor(xid, 0) for era, xid in restores.items() if era > given)]
    )
