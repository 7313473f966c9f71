"""Lines of a file on their way from its reader to the database: on disk without a name, memos sealed, never in memory.

A file is refused or staged only when all of it was read; until then its lines mean nothing and wait here.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from paygw.store.files import LineRow

_LENGTH_BYTES: Final = 4


class Spool:
    """Batches of rows by statement, written once and read as often as staging is tried."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by leaving the spool
        self._begins: dict[int, int] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Gone from the disk."""
        self._file.close()

    def add(self, rows: Sequence[LineRow]) -> None:
        """Append rows of one statement; statements come one after another."""
        self._begins.setdefault(rows[0].statement_n, self._file.tell())
        written = msgspec.msgpack.encode(rows)
        self._file.write(len(written).to_bytes(_LENGTH_BYTES) + written)

    def rows(self, statement_n: int) -> Iterator[LineRow]:
        """The rows of a statement, in order."""
        at = self._begins.get(statement_n)
        while at is not None:
            self._file.seek(at)
            length = int.from_bytes(self._file.read(_LENGTH_BYTES))
            batch = msgspec.msgpack.decode(self._file.read(length), type=list[LineRow]) if length else []
            if not batch or batch[0].statement_n != statement_n:
                return
            yield from batch
            at += _LENGTH_BYTES + length
