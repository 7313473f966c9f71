"""Bytes to text, strictly: a byte order mark or a declared encoding decides, one kind of line end, no controls."""

import codecs
import re
from typing import Final, Literal
from unicodedata import normalize

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import FILE_BYTES_MAX

Encoding = Literal["utf-8", "utf-16", "windows-1258"]

LINE_CHARS_MAX: Final = 65_536

_MARKS: Final[tuple[tuple[bytes, Encoding, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_CODECS: Final = {"utf-8": "utf-8", "windows-1258": "cp1258"}
# All of C0 but tab and line ends, DEL, C1, bidirectional overrides, line separators, noncharacters, a mark inside.
_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def read_text(data: bytes, declared: tuple[Encoding, ...]) -> str:
    r"""The text with `\n` at line ends, in NFC.

    Raises BadFile: empty, too_large, encoding, control_character, line_ends, line_too_long.
    """
    if len(data) > FILE_BYTES_MAX:
        raise BadFile("too_large", most=FILE_BYTES_MAX)
    text = _decode(data, declared)
    if not text.strip():
        raise BadFile("empty")
    ends = set(_LINE_END.findall(text))
    if len(ends) > 1:
        raise BadFile("line_ends", _first_other_end(text))
    text = text.replace(ends.pop(), "\n") if ends else text
    if found := _CONTROLS.search(text):
        raise BadFile("control_character", text.count("\n", 0, found.start()) + 1)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LINE_CHARS_MAX:
            raise BadFile("line_too_long", number, most=LINE_CHARS_MAX)
    return normalize("NFC", text)


def fold(text: str) -> str:
    """For comparing words: lower case, no diacritics (đ is d), single blanks, no punctuation at the ends."""
    plain = normalize("NFD", text.casefold().replace("đ", "d"))
    bare = "".join(char for char in plain if not "\u0300" <= char <= "\u036f")
    return " ".join(bare.split()).strip(" .:*#")


def _decode(data: bytes, declared: tuple[Encoding, ...]) -> str:
    names = ", ".join(declared)
    for mark, encoding, codec in _MARKS:
        if data.startswith(mark):
            if encoding not in declared:
                raise BadFile("encoding", declared=names)
            return _strictly(data[len(mark) :], codec, names)
    plain = [_CODECS[encoding] for encoding in declared if encoding in _CODECS]  # UTF-16 needs its mark
    for codec in plain[:-1]:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    if not plain:
        raise BadFile("encoding", declared=names)
    return _strictly(data, plain[-1], names)


def _strictly(data: bytes, codec: str, names: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFile("encoding", line, declared=names) from None


def _first_other_end(text: str) -> int:
    first = ""
    for number, found in enumerate(_LINE_END.finditer(text), 1):
        first = first or found.group()
        if found.group() != first:
            return number
    return 1
