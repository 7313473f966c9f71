"""The drop folders: a file is there once it has its name; what was taken is moved, never opened by a name it brought.

VAR/inbox/<source>/             senders write `.name` or `name.part` and rename when it is complete
VAR/inbox/<source>/done/        <id of the file>, after it was kept
VAR/inbox/<source>/refused/     <its id>, and beside it a text that says why, in both languages
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

ENTRIES_MAX: Final = 10_000

_UNFINISHED: Final = (".part", ".tmp", ".filepart")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A complete file in a drop folder."""

    name: str
    size_bytes: int
    stamp: str


@contextmanager
def open_inbox(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, which is made if need be; every file is reached through it."""
    for part in (folder, folder / "done", folder / "refused"):
        part.mkdir(mode=0o770, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def list_dropped(handle: int, *, settled_s: float) -> list[Dropped]:
    """The complete files, oldest first: regular ones only, no links, nothing hidden, unfinished or written just now.

    A sender that writes under the final name is waited for: a file is complete when nothing was written to it for
    `settled_s`.
    """
    now_ns, settled_ns = time.time_ns(), int(settled_s * 1_000_000_000)
    found: list[tuple[int, Dropped]] = []
    with os.scandir(handle) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                continue
            if entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                if 0 <= now_ns - facts.st_mtime_ns < settled_ns:  # a clock that is ahead holds nothing up
                    continue
                stamp = f"{facts.st_mtime_ns}:{facts.st_size}"
                found.append((facts.st_mtime_ns, Dropped(entry.name, facts.st_size, stamp)))
            if len(found) >= ENTRIES_MAX:
                break
    return [dropped for _, dropped in sorted(found, key=lambda one: (one[0], one[1].name))]


@contextmanager
def open_dropped(handle: int, dropped: Dropped) -> Iterator[BinaryIO]:
    """The file, to be read. Raises OSError for a link or a device."""
    opened = os.open(dropped.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle)
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError("not a regular file")
        yield file


def is_unchanged(handle: int, dropped: Dropped) -> bool:
    """Whether nothing was written to a file since it was listed."""
    facts = os.stat(dropped.name, dir_fd=handle, follow_symlinks=False)
    return dropped.stamp == f"{facts.st_mtime_ns}:{facts.st_size}"


def put_away(handle: int, dropped: Dropped, *, into: str, name: str, why: str = "") -> None:
    """Move a file that was decided on; `name` is ours. `why` is written beside it, after the name it came under."""
    if why:
        told = os.open(
            f"{into}/{name}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640, dir_fd=handle
        )
        with os.fdopen(told, "w", encoding="utf-8") as file:
            file.write(f"{''.join(char for char in dropped.name if char.isprintable())}: {why}\n")
    os.rename(dropped.name, f"{into}/{name}", src_dir_fd=handle, dst_dir_fd=handle)
