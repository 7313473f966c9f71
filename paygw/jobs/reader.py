"""The process that reads one file somebody sent: bounded in memory, CPU and files, without our environment.

`python -I -m paygw.jobs.reader`: a line of JSON (profile, what was said of the file) and the bytes on stdin; one JSON
document on stdout, the staged file or the reason it is refused. Nothing is ever written to stderr: it may hold names.
"""

import resource
import sys
from typing import Final

import msgspec

from paygw.jobs.reading import Answer, Ask, Bounds
from reconciliation.statements.errors import BadFile
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import FILE_BYTES_MAX

_FILES_MAX: Final = 64


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
    """The staged file, or why it is refused."""
    try:
        return Answer(staged=read_file(data, ask.profile, ask.given))
    except BadFile as bad:
        return Answer(code=bad.code, line=bad.line, facts=bad.facts)
    except (MemoryError, RecursionError):
        return Answer(code="resources")
    except Exception as error:  # noqa: BLE001 - the process ends here; its parent refuses the file and goes on
        return Answer(code="reader_failed", facts={"name": type(error).__name__})


def main() -> None:
    """Read, answer, end."""
    ask = msgspec.json.decode(sys.stdin.buffer.readline(), type=Ask)
    bound(ask.bounds)
    try:
        written = msgspec.json.encode(answer(ask, sys.stdin.buffer.read(FILE_BYTES_MAX + 1)))
    except MemoryError:
        written = msgspec.json.encode(Answer(code="resources"))
    sys.stdout.buffer.write(written)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
