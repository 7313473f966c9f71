"""The process that reads one file somebody sent: bounded in memory, CPU and files, without our environment.

`python -I -m paygw.jobs.reader`: a line of JSON (profile, what was said of the file) and the bytes on stdin; frames on
stdout, each a length and a JSON document: batches of lines as they are read, and at the end the statements they make or
the reason the file is refused. Nothing is ever written to stderr: it may hold names.
"""

import resource
import sys
from collections import defaultdict
from typing import Final

import msgspec

from paygw.jobs.reading import LENGTH_BYTES, Answer, Ask, Bounds, ReadLine
from reconciliation.statements.errors import BadFile
from reconciliation.statements.identity import LineKeys
from reconciliation.statements.read import read_through
from reconciliation.statements.staged import StagedLine

_FILES_MAX: Final = 64
_BATCH_LINES: Final = 200


class Lines:
    """Lines on their way out, in batches, each with its key."""

    def __init__(self) -> None:
        self._keys: defaultdict[int, LineKeys] = defaultdict(LineKeys)
        self._batch: list[ReadLine] = []

    def keep(self, statement_n: int, line: StagedLine) -> None:
        """Hand on a line."""
        self._batch.append(ReadLine(statement_n, self._keys[statement_n].key(line), line))
        if len(self._batch) >= _BATCH_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand on what waits."""
        if self._batch:
            say(Answer(lines=self._batch))
            self._batch = []


def bound(bounds: Bounds) -> None:
    """Give up what a reader does not need; cannot be undone by what runs later."""
    limits = {
        resource.RLIMIT_AS: bounds.memory_bytes,
        resource.RLIMIT_CPU: bounds.cpu_s,
        resource.RLIMIT_NOFILE: _FILES_MAX,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for name, limit in limits.items():
        resource.setrlimit(name, (limit, limit))


def answer(ask: Ask, data: bytes) -> Answer:
    """The statements of the file, whose lines went before, or why it is refused."""
    lines = Lines()
    try:
        staged = read_through(data, ask.profile, ask.given, lines.keep)
        lines.flush()
    except BadFile as bad:
        return Answer(code=bad.code, line=bad.line, facts=bad.facts)
    except (MemoryError, RecursionError):
        return Answer(code="resources")
    except Exception as error:  # noqa: BLE001 - the process ends here; its parent refuses the file and goes on
        return Answer(code="reader_failed", facts={"name": type(error).__name__})
    return Answer(staged=staged)


def say(what: Answer) -> None:
    """One frame."""
    written = msgspec.json.encode(what)
    sys.stdout.buffer.write(len(written).to_bytes(LENGTH_BYTES) + written)
    sys.stdout.buffer.flush()


def main() -> None:
    """Read, answer, end."""
    ask = msgspec.json.decode(sys.stdin.buffer.readline(), type=Ask)
    bound(ask.bounds)
    try:
        say(answer(ask, sys.stdin.buffer.read(ask.profile.limits.bytes_max + 1)))
    except MemoryError:
        say(Answer(code="resources"))


if __name__ == "__main__":
    main()
