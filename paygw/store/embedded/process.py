"""Processes, known by proof: a number from a file is believed only after /proc agrees.

A postmaster and its backends all work inside their data folder and run the program `postgres`; that pair
identifies them even when the process titles are rewritten. Numbers of dead processes are given to others.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for ever: its number and the clock tick of its birth."""

    pid: int
    born_ticks: int

    def alive(self) -> bool:
        """Returns whether this very process still runs; a zombie does not."""
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """Returns the identity of a running process, or None when it is gone or a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    state, born_ticks = fields[0], int(fields[19])
    return None if state in "ZX" else Identity(pid, born_ticks)


def exists(pid: int) -> bool:
    """Returns whether the number is taken, if only by a zombie."""
    return (_PROC / str(pid)).exists()


def postgres_in(data: Path) -> set[Identity]:
    """Returns every postgres process that works in the folder `data`, postmaster or orphan."""
    try:
        home = data.stat()
    except FileNotFoundError:
        return set()
    return {
        identity
        for entry in _PROC.iterdir()
        if entry.name.isdigit() and _is_postgres_in(entry, home) and (identity := identify(int(entry.name)))
    }


def signal_postgres(identity: Identity, data: Path, number: signal.Signals) -> None:
    """Signal a postgres process of ours, and nobody who took its number meanwhile."""
    with contextlib.suppress(OSError):
        if identity.alive() and _is_postgres_in(_PROC / str(identity.pid), data.stat()):
            os.kill(identity.pid, number)


def wait_gone(identities: Iterable[Identity], *, timeout_s: float) -> bool:
    """Wait until all have ended; returns False when time ran out first."""
    end = time.monotonic() + timeout_s
    while any(identity.alive() for identity in identities):
        if time.monotonic() > end:
            return False
        time.sleep(_STEP_S)
    return True


def end_postgres_in(data: Path) -> int:
    """End what an earlier life left running on `data`; returns how many processes there were.

    Only the holder of the owner lock may call this: then whatever still works there has no owner. Fast
    shutdown first, since a checkpoint now spares the recovery later; orphaned backends see only the last two.
    """
    found = postgres_in(data)
    steps = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
    for number, timeout_s in steps:
        if not (remaining := postgres_in(data)):
            break
        for identity in remaining:
            signal_postgres(identity, data, number)
        wait_gone(remaining, timeout_s=timeout_s)
    return len(found)


def _is_postgres_in(entry: Path, home: os.stat_result) -> bool:
    try:
        inside = os.path.samestat((entry / "cwd").stat(), home)
        program = (entry / "exe").readlink().name if inside else ""
    except OSError:
        return False
    return program.removesuffix(" (deleted)") == "postgres"
