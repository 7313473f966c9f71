"""Exported heads of the seals: a file of JSON lines that only grows, to be copied off this machine.

Each line holds the heads of all chains at one time. A head in it can no longer be taken back: whoever rewrites or
shortens a chain in the database is found by it.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from paygw.kernel.errors import PaygwError
from paygw.kernel.seals import Head

_TAIL_BYTES = 8_192  # many times a line


@dataclass(frozen=True, slots=True)
class Line:
    """The heads at one time (RFC 3339)."""

    at: str
    heads: tuple[Head, ...]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Line)


class BadHeads(PaygwError):
    """The file of exported heads holds a line that is none."""


def read_heads(path: Path) -> Iterator[Head]:
    """Every exported head; none without a file. A last line cut short by a crash is left out. Raises BadHeads."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield from _decode(line, path).heads


def append_heads(path: Path, heads: Sequence[Head], *, at: str) -> bool:
    """Add a line, durably, if it says anything newer than the last one; workers of one machine take turns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last_line(file)
        known = {head.chain: head.no for head in _decode(last, path).heads} if last else {}
        if all(head.no <= known.get(head.chain, 0) for head in heads):
            return False
        file.write(_ENCODER.encode(Line(at, tuple(heads))) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def _last_line(file: BinaryIO) -> bytes:
    """The last whole line. What a crash left of another is cut off, so that the next one is not glued to it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    if len(whole) < len(tail):
        file.truncate(size - len(tail) + len(whole))
    return whole[whole[:-1].rfind(b"\n") + 1 :]


def _decode(line: bytes, path: Path) -> Line:
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError:
        raise BadHeads(f"{path} is damaged: fetch the copy that was made off this machine") from None
