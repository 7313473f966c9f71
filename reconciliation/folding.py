"""References as people and banks write them: folded for comparison, and found again inside a transfer's text.

A bank cuts diacritics and punctuation, changes case and puts its own words in front (`MBVCB.32789.DVC 2026 01.CT`).
Two references are the same if they are once folded; a text that is plainly a memo also names each reference whose
folded form is a run of its words. A reference with a few strange letters more is another reference.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

# Words banks put in front of a customer's text: channel, bank or kind of transfer.
BANK_PREFIXES: Final = frozenset(
    {"ACB", "AGR", "BIDV", "CK", "CT", "CTG", "FT", "IBFT", "ICB", "MB", "MBCT", "MBVCB", "MOMO", "NAPAS", "ND", "QR"}
    | {"SHB", "STB", "TCB", "TPB", "VBA", "VCB", "VIB", "VIETQR", "VTB", "ZALOPAY"}
)

_WORDS_MAX: Final = 40  # of a memo that are looked at
_RUN_MAX: Final = 6  # words one reference may be torn into
_CODE_MIN: Final = 5  # letters and digits below which a run of words is no reference
_NOT_CODE: Final = re.compile(r"[^A-Z0-9]+")


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Capital letters and digits alone: `Đvc-2026 01` gives `DVC202601`."""
    return "".join(_words(text))


def is_memo(text: str) -> bool:
    """Whether this is a transfer's text and not a bare reference."""
    first, dot, _ = text.partition(".")
    return any(letter.isspace() for letter in text.strip()) or (bool(dot) and fold(first) in BANK_PREFIXES)


def codes(text: str) -> Iterator[str]:
    """Each run of words that could be a reference, folded; longer runs first."""
    words = _words(text)[:_WORDS_MAX]
    for length in range(min(_RUN_MAX, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            code = "".join(words[start : start + length])
            if len(code) >= _CODE_MIN:
                yield code


def same_reference(ours: str, theirs: str) -> bool:
    """Whether the bank's text names our reference. A blank text names every one."""
    if not ours or not theirs or ours == theirs or fold(ours) == fold(theirs):
        return True
    return is_memo(theirs) and fold(ours) in codes(theirs)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D").upper().replace("Đ", "D"))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word for word in _NOT_CODE.split(bare) if word]
