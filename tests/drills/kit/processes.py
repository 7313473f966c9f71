"""The hub's processes as an operator starts them, and as a power cut ends them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from paygw.outside.ports import free_port

ROOT = Path(__file__).parents[3]
READY_WAIT_S = 120.0
_STEP_S = 0.05
# What a drill compresses: a portal that failed is asked again within seconds; nobody is turned away for haste.
_COMMON = {
    "PAYGW_LOG_LEVEL": "warning",
    "PAYGW_RATE_POST": "100000",
    "PAYGW_RATE_GET": "100000",
    "PAYGW_RATE_BURST": "100000",
    "PAYGW_CALLBACK_DELAYS_S": "0,0.3,0.5,1,1,2,2,3,3,5,5,5,5,10,10,10,10",
    "PAYGW_REFUSED_KEYS_PER_MIN": "1000000",
    "PAYGW_DRAIN_S": "0.1",
    "PAYGW_CALLBACK_DEADLINE_S": "2",
    "PAYGW_CALLBACK_LEASE_S": "4",
    "PAYGW_ENQUIRY_DELAYS_S": "2,2,3,5,5,10,10,10,10,10,10",
}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of every hub process of a drill: nothing of ours leaks in but the path."""
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return {**path, **_COMMON, "PAYGW_VAR": str(folder / "var"), **more}


@dataclass(slots=True)
class Hand:
    """One process that a drill may kill and start again with the same words, as `paygw run` would."""

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, *self.words], cwd=ROOT, env=dict(self.environment), stderr=said, stdout=said
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End this very process and wait for it; its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(40)
        self.process = None
        return code

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def said(self, *words: str) -> list[str]:
        """Lines of its log that hold one of these words."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if any(word in line for word in words)]

    def wrecks(self) -> list[str]:
        """Exceptions nobody caught, each with the frames that led to it."""
        found, lines = [], self.said("")
        for at, line in enumerate(lines):
            if line.startswith("Traceback"):
                end = next((n for n in range(at + 1, len(lines)) if not lines[n].startswith(" ")), len(lines) - 1)
                found.append("\n".join(lines[at : end + 1]))
        return found


@dataclass(slots=True)
class Api(Hand):
    """`paygw serve` on a port that stays the same over its lives."""

    port: int = field(default_factory=free_port)

    @property
    def origin(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Whether /readyz says 200 just now."""
        try:
            with urlopen(f"{self.origin}/readyz", timeout=3) as answer:  # noqa: S310 - our own loopback address
                return bool(answer.status == 200)
        except (HTTPError, URLError, OSError):
            return False

    def wait_ready(self) -> None:
        """Wait until it takes money, starting it again should it have given up; fails with its last words."""

        def is_ready() -> bool:
            if self.process is not None and not self.is_alive():
                self.start()
            return self.is_ready()

        until(is_ready, lambda: f"{self.name} is not ready: {self.said('')[-5:]}")


def until(true: Callable[[], object], told: Callable[[], str], *, timeout_s: float = READY_WAIT_S) -> None:
    """Wait for something that must come about."""
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, told()
        time.sleep(_STEP_S)


def api(folder: Path, name: str, **more: str) -> Api:
    """One API process, not started yet."""
    port = free_port()
    words = ["-m", "paygw", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return Api(name, words, environment(folder, **more), folder / f"{name}.log", port=port)


def worker(folder: Path, **more: str) -> Hand:
    """One worker process, not started yet."""
    return Hand("worker", ["-m", "paygw", "work"], environment(folder, **more), folder / "worker.log")


@contextmanager
def running(*hands: Hand) -> Iterator[None]:
    """Start all, wait for those that can be asked, end all."""
    try:
        for hand in hands:
            hand.start()
        for hand in hands:
            if isinstance(hand, Api):
                hand.wait_ready()
        yield
    finally:
        for hand in hands:
            hand.end()
