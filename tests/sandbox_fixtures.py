"""The sandbox banks as a process of their own, as drills and journeys meet them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from paygw.kernel.connector import Secrets
from paygw.outside.ports import free_port

ROOT = Path(__file__).parent.parent
KEY = "test-secret-of-sandbox-banks"
START_WAIT_S = 20.0
_SERVE = """
import sys
from pathlib import Path
from paygw.simulators.config import decoded_banks
from paygw.simulators.serve import serve
serve(host="127.0.0.1", port=int(sys.argv[1]), banks=decoded_banks(sys.argv[2].encode()), data_dir=Path(sys.argv[3]))
"""


@dataclass(slots=True)
class SandboxProcess:
    """Two banks: sandbox-a has a port of its own (it can refuse connections), sandbox-b shares the server's."""

    folder: Path
    port: int
    own_port: int
    options: dict[str, Any] = field(default_factory=dict)
    providers: list[dict[str, Any]] = field(default_factory=list)  # further banks, each with a protocol
    process: subprocess.Popen[bytes] | None = None
    hub: str = ""  # its origin, to be told of money that names no session

    @property
    def root(self) -> str:
        """Where the control plane is."""
        return f"http://127.0.0.1:{self.port}"

    def secrets(self, bank: str, *, flow: str = "server") -> Secrets:
        """What the hub knows of a bank."""
        port = self.own_port if bank == "sandbox-a" else self.port
        return Secrets(
            base_url=f"http://127.0.0.1:{port}/{bank}", merchant="PAYGW", values={"secret": KEY}, options={"flow": flow}
        )

    def start(self) -> None:
        """Start and wait until it answers."""
        banks: list[dict[str, Any]] = [
            {"name": "sandbox-a", "secret": KEY, "port": self.own_port, **self.options},
            {"name": "sandbox-b", "secret": KEY, **self.options},
            *({"secret": KEY, **bank} for bank in self.providers),
        ]
        for bank in banks if self.hub else ():
            bank["webhook_url"] = f"{self.hub}/webhooks/{bank['name']}"
        command = [sys.executable, "-c", _SERVE, str(self.port), json.dumps(banks), str(self.folder)]
        self.process = subprocess.Popen(command, cwd=ROOT)
        give_up_at = time.monotonic() + START_WAIT_S
        while True:
            try:
                self.ask("GET", "/healthz")
            except OSError:
                if time.monotonic() > give_up_at or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process; with SIGKILL it gets no chance to tidy up."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def ask(self, method: str, path: str, content: object = None) -> Any:  # noqa: ANN401 - whatever JSON it says
        """One request with the admin's token; the JSON or text of the answer. Raises HTTPError."""
        body = None if content is None else json.dumps(content).encode()
        request = Request(f"{self.root}{path}", body, {"Authorization": f"Bearer {KEY}"}, method=method)  # noqa: S310 - our own loopback address
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - our own loopback address
            text = answer.read().decode()
            return json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def control(self, bank: str, path: str, **content: object) -> Any:  # noqa: ANN401 - whatever JSON it says
        """One command of the control plane."""
        return self.ask("POST", f"/control/{bank}/{path}", content)

    def misbehave(self, bank: str, attempt_ref: str | None = None, **misbehaviour: object) -> None:
        """Misbehave from now on; with nothing given, behave."""
        self.control(bank, "misbehaviour", attempt_ref=attempt_ref, misbehaviour=misbehaviour)

    def truth(self, bank: str) -> list[dict[str, Any]]:
        """The money facts in the bank's file."""
        lines = (self.folder / bank / "truth.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def idle_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """Sandbox banks that a test configures and starts itself."""
    sandbox = SandboxProcess(tmp_path / "banks", free_port(), free_port())
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Sandbox banks for the tests of one module; each test uses attempts of its own and leaves them behaving."""
    sandbox = SandboxProcess(tmp_path_factory.mktemp("banks"), free_port(), free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()
