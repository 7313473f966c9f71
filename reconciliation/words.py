"""The words of the kinds of breaks that files show, and what the files are called."""

from collections.abc import Mapping
from typing import Final

from paygw.kernel.break_words import WORDS as ALL_WORDS
from paygw.kernel.break_words import Words
from reconciliation.model import BreakKind

FILES_VI: Final[Mapping[str, str]] = {"book": "Sổ", "statement": "Sao kê", "third": "Tệp thứ ba"}
ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "portal": ("cổng đã ghi nhận", "what portals applied"),
    "lines": ("sao kê thứ hai", "another statement"),
    "credits": ("các khoản ghi có thuần", "net credits"),
}
WORDS: Final[Mapping[BreakKind, Words]] = {kind: ALL_WORDS[kind.value] for kind in BreakKind}
