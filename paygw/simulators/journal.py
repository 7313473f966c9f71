"""An append-only file of JSON lines: a line that was appended has reached the disk."""

import asyncio
import os
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

LINES_MAX = 2_000_000

Fact = TypeVar("Fact")


class JournalFull(Exception):
    """The file holds as many lines as it may."""


class Journal(Generic[Fact]):
    """One file of facts of a kind, each appended durably; concurrent appends share an fsync."""

    def __init__(self, path: Path, decoder: "msgspec.json.Decoder[Fact]") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self.facts = _whole_lines(path, decoder)
        self._lines = self._synced = len(self.facts)
        self._file = path.open("ab", buffering=0)
        self._lock = asyncio.Lock()
        _sync_folder(path.parent)

    async def append(self, fact: Fact) -> None:
        """Write one line and wait until it is on the disk. Raises JournalFull."""
        if self._lines >= LINES_MAX:
            raise JournalFull(self._path.name)
        self._file.write(msgspec.json.encode(fact) + b"\n")
        self._lines = mine = self._lines + 1
        async with self._lock:
            if self._synced < mine:
                reached = self._lines
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self._synced = reached

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _whole_lines(path: Path, decoder: "msgspec.json.Decoder[Fact]") -> list[Fact]:
    """The facts of a file; a line torn by a crash was never acknowledged and is cut off."""
    if not path.exists():
        return []
    raw = path.read_bytes()
    whole = raw.rfind(b"\n") + 1
    if whole != len(raw):
        os.truncate(path, whole)
    return [decoder.decode(line) for line in raw[:whole].splitlines()]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
