"""Two advisory locks on files under `var`, which the kernel drops when their holder dies, however it dies.

owner     exclusive: held by the one supervisor; its starter takes it and passes it on
clients   shared: held by every process that uses the server; the supervisor may end when it can get it alone
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

_STEP_S = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file, making it if needed, and return its descriptor; a symlink there is refused."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def try_exclusive(descriptor: int) -> bool:
    """Take the lock alone if nobody else has it."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def take_shared(descriptor: int, *, timeout_s: float) -> bool:
    """Take the lock beside others; returns False when somebody held it alone for all that time."""
    end = time.monotonic() + timeout_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_STEP_S)


def held_by_somebody(path: Path) -> bool:
    """Returns whether another process holds the lock; leaves it as it was."""
    descriptor = open_lock(path)
    try:
        return not try_exclusive(descriptor)
    finally:
        os.close(descriptor)
