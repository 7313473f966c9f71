"""The sandbox bank of a drill: a process of its own whose word is the file it syncs."""

import json
import random
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.drills.kit.provision import BANK
from tests.sandbox_fixtures import SandboxProcess, free_port

_SCHEDULE_S = (0, 0.5, 0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 5, 10, 10, 10, 10, 10, 10)


class SandboxBank:
    """One bank with a compressed schedule, and what its customers do."""

    def __init__(self, folder: Path) -> None:
        self._process = SandboxProcess(
            folder / "banks", free_port(), free_port(), {"webhook_schedule_s": _SCHEDULE_S, "webhook_timeout_s": 3}
        )

    @property
    def base_url(self) -> str:
        """Where the hub finds it."""
        return self._process.secrets(BANK).base_url

    @property
    def truth_file(self) -> Path:
        """All money it moved, on the disk before anybody heard of it."""
        return self._process.folder / BANK / "truth.jsonl"

    @contextmanager
    def running(self) -> Iterator[None]:
        """It answers inside the block."""
        self._process.start()
        try:
            yield
        finally:
            self._process.stop()

    def attempt_of(self, page: str) -> str:
        """The attempt a signed address is about."""
        packed = parse_qs(urlsplit(page).query)["session"][0]
        return str(json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["attempt_ref"])

    def pay(self, ref: str, **how: object) -> Any:  # noqa: ANN401 - the bank's JSON
        """A person pays, in whatever way."""
        return self._process.control(BANK, "payments", attempt_ref=ref, **how)

    def fail(self, ref: str) -> None:
        """The bank refuses a try."""
        self._process.control(BANK, "closings", attempt_ref=ref, status="failed")

    def misbehave(self, **how: object) -> None:
        """From now on."""
        self._process.misbehave(BANK, None, **how)

    def is_quiet(self) -> bool:
        """Whether no webhook waits to be taken."""
        counts = self._process.ask("GET", f"/control/{BANK}/webhooks")
        return bool(counts["running"] == 0 and counts["held"] == 0)


def dice() -> random.Random:
    """The luck of a drill, the same every time."""
    return random.Random(20261123)  # noqa: S311 - no secret
