"""The sandbox banks of a drill: a process of their own whose word are the files it syncs."""

import json
import random
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from paygw.outside.ports import free_port
from tests.drills.kit.provision import BANK, OTHER_BANK
from tests.sandbox_fixtures import SandboxProcess

_SCHEDULE_S = (0, 0.5, 0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 5, 10, 10, 10, 10, 10, 10)


class SandboxBank:
    """Two banks with a compressed schedule, and what their customers do; at the first one where none is named."""

    def __init__(self, folder: Path, hub: str) -> None:
        options = {"webhook_schedule_s": _SCHEDULE_S, "webhook_timeout_s": 3}
        self._process = SandboxProcess(folder / "banks", free_port(), free_port(), options, hub=hub)

    @property
    def base_urls(self) -> dict[str, str]:
        """Where the hub finds them."""
        return {bank: self._process.secrets(bank).base_url for bank in (BANK, OTHER_BANK)}

    def truth_file(self, bank: str = BANK) -> Path:
        """All money a bank moved, on the disk before anybody heard of it."""
        return self._process.folder / bank / "truth.jsonl"

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

    def pay(self, ref: str | None, bank: str = BANK, **how: object) -> Any:  # noqa: ANN401 - the bank's JSON
        """A person pays, in whatever way; without a reference nobody can tell for what."""
        return self._process.control(bank, "payments", attempt_ref=ref, **how)

    def reverse(self, bank_txn_id: str, bank: str = BANK) -> None:
        """The bank takes a payment back."""
        self._process.control(bank, "reversals", bank_txn_id=bank_txn_id)

    def fail(self, ref: str, bank: str = BANK) -> None:
        """The bank refuses a try."""
        self._process.control(bank, "closings", attempt_ref=ref, status="failed")

    def misbehave(self, bank: str = BANK, ref: str | None = None, **how: object) -> None:
        """From now on, the whole bank or about one attempt; with nothing given it behaves."""
        self._process.misbehave(bank, ref, **how)

    def is_quiet(self) -> bool:
        """Whether no webhook waits to be taken."""
        counts = [self._process.ask("GET", f"/control/{bank}/webhooks") for bank in (BANK, OTHER_BANK)]
        return not any(count["running"] or count["held"] for count in counts)


def dice() -> random.Random:
    """The luck of a drill, the same every time."""
    return random.Random(20261123)  # noqa: S311 - no secret
