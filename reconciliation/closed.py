"""Columns of few words: the engine keeps and writes them as numbers, in half the time and a fraction of the memory."""

from collections.abc import Callable, Mapping
from typing import Final, get_args

import ibis
from ibis.expr.types import StringValue

from reconciliation.model import Kind, Status
from reconciliation.passes import PASSES, State

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": tuple(Kind),
    "status": tuple(Status),
    "pass": tuple(how.name for how in PASSES),
    "state": get_args(State),
    "evidence": tuple(how.evidence for how in PASSES),
}


def _word_type(words: tuple[str, ...]) -> str:
    quoted = (word.replace("'", "''") for word in words)
    return "ENUM(" + ", ".join(f"'{word}'" for word in quoted) + ")"


WORD_TYPES: Final = {column: _word_type(words) for column, words in _WORDS.items()}
MACROS: Final = tuple(
    f"CREATE TEMP MACRO as_{column}(said) AS TRY_CAST(said AS {kind})" for column, kind in WORD_TYPES.items()
)


def _as_word(column: str) -> Callable[[StringValue | str], StringValue]:
    def as_word(said: str) -> str:  # the engine's macro of this name is called; here only the types are read
        return said

    called: Callable[[StringValue | str], StringValue] = ibis.udf.scalar.builtin(as_word, name=f"as_{column}")
    return called


AS_WORD: Final = {column: _as_word(column) for column in _WORDS}  # a text as a word; null for any other
