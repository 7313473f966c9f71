"""Bytes to text, strictly: a byte order mark or a declared encoding decides, one kind of line end, no controls.

A text is never in memory as a whole: lines are decoded as they are read.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from unicodedata import normalize

from reconciliation.statements.errors import BadFile

Encoding = Literal["utf-8", "utf-16", "windows-1258"]

LINE_CHARS_MAX: Final = 65_536

_PIECE: Final = 1024 * 1024
_MARKS: Final[tuple[tuple[bytes, Encoding, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_CODECS: Final = {"utf-8": "utf-8", "windows-1258": "cp1258"}
# What is brought under the name of a table and is none; compared in small letters.
_STRANGERS: Final = {
    b"\xd0\xcf\x11\xe0": "Excel 97-2003 (.xls), mật khẩu / password",
    b"%pdf": "PDF",
    b"\x1f\x8b": "gzip",
    b"pk\x03\x04": "zip",
    b"7z\xbc\xaf": "7-Zip",
    b"rar!": "RAR",
    b"<!doctype html": "HTML",
    b"<html": "HTML",
    b"{\\rtf": "RTF",
}
# All of C0 but tab and line ends, DEL, C1, bidirectional overrides, line separators, noncharacters, a mark inside.
_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_DOS_END: Final = "\x1a"  # what programs of the treasury's time write after the last line


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes known to be text in a codec; `lines` may be asked for more than once."""

    data: bytes
    codec: str
    skip: int = 0  # bytes of the mark in front

    def lines(self) -> Iterator[str]:
        r"""Lines in NFC, each with `\n` but perhaps the last. Inside quotes a cell may end its lines in another way.

        Raises BadFile: line_too_long, line_ends, control_character.
        """
        source = io.BytesIO(self.data)
        source.seek(self.skip)
        first, quoted, number = "", False, 0
        with io.TextIOWrapper(source, encoding=self.codec, newline="") as stream:
            while found := stream.readline(LINE_CHARS_MAX + 3):
                number += 1
                line = found.rstrip("\r\n")
                end = found[len(line) :]
                line = line.removesuffix(_DOS_END) if not end else line
                if _CONTROLS.search(line):
                    raise BadFile("control_character", number)
                if len(line) > LINE_CHARS_MAX:
                    raise BadFile("line_too_long", number, most=LINE_CHARS_MAX)
                quoted ^= line.count('"') % 2 == 1
                if end and not quoted:
                    first = first or end
                    if end != first:
                        raise BadFile("line_ends", number)
                yield normalize("NFC", line) + ("\n" if end else "")


def open_text(data: bytes, declared: tuple[Encoding, ...]) -> Text:
    """The text that bytes are, all of them tried. Raises BadFile: not_text, encoding, empty."""
    start = data[:64].lstrip().lower()
    if form := next((form for magic, form in _STRANGERS.items() if start.startswith(magic)), ""):
        raise BadFile("not_text", form=form)
    text = _decoded(data, declared)
    if not any(line.strip() for line in _pieces(data, text.codec, text.skip)):
        raise BadFile("empty")
    return text


def read_text(data: bytes, declared: tuple[Encoding, ...]) -> str:
    r"""The whole text with `\n` at line ends, in NFC. Raises BadFile as `open_text` and `Text.lines` do."""
    whole = io.StringIO(newline="\n")
    whole.writelines(open_text(data, declared).lines())
    return whole.getvalue()


def fold_case(text: str) -> str:
    """For comparing words as they are written: lower case, single blanks, no punctuation at the ends."""
    return " ".join(text.casefold().split()).strip(" .:*#")


def fold(text: str) -> str:
    """For comparing words: lower case, no diacritics (đ is d), single blanks, no punctuation at the ends."""
    if text.isascii():
        return fold_case(text)
    plain = normalize("NFD", text.casefold().replace("đ", "d"))
    bare = "".join(char for char in plain if not "\u0300" <= char <= "\u036f")
    return " ".join(bare.split()).strip(" .:*#")


def _decoded(data: bytes, declared: tuple[Encoding, ...]) -> Text:
    names = ", ".join(declared)
    for mark, encoding, codec in _MARKS:
        if data.startswith(mark):
            if encoding not in declared:
                raise BadFile("encoding", declared=names)
            return _strictly(data, codec, len(mark), names)
    plain = [_CODECS[encoding] for encoding in declared if encoding in _CODECS]  # UTF-16 needs its mark
    for codec in plain[:-1]:
        try:
            return _strictly(data, codec, 0, names)
        except BadFile:
            continue
    if not plain:
        raise BadFile("encoding", declared=names)
    return _strictly(data, plain[-1], 0, names)


def _strictly(data: bytes, codec: str, skip: int, names: str) -> Text:
    line = 1
    try:
        for piece in _pieces(data, codec, skip):
            line += piece.count("\n")
    except UnicodeDecodeError as error:
        raise BadFile("encoding", line + error.object.count(b"\n", 0, error.start), declared=names) from None
    return Text(data, codec, skip)


def _pieces(data: bytes, codec: str, skip: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    view = memoryview(data)
    for at in range(skip, len(data), _PIECE):
        yield decoder.decode(view[at : at + _PIECE])
    yield decoder.decode(b"", final=True)
