"""`paygw run` keeps the hub up: the API is killed again and again, and each time somebody answers soon."""

import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from paygw.outside.ports import free_port
from tests.drills.conftest import Figures
from tests.drills.kit.processes import Api, environment, until

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

KILLS = 10
_SETTLE_S = 8.0  # a run makes its spare once the API has lived a while


def test_a_killed_api_is_there_again_under_a_new_pid(
    folder: Path, scaled: Callable[..., int], figures: Figures
) -> None:
    """Killed while it is settled (a spare stands by), and at once again (none does)."""
    port = free_port()
    words = ["-m", "paygw", "run", "--port", str(port)]
    hub = Api("run", words, environment(folder), folder / "run.log", port=port)
    hub.start()
    try:
        hub.wait_ready()
        settled_s = [_kill(hub, folder, rest_s=_SETTLE_S) for _ in range(scaled(KILLS, least=3))]
        at_once_s = [_kill(hub, folder, rest_s=0.0) for _ in range(2)]
    finally:
        code = hub.end()
    spread = {"median": statistics.median(settled_s), "max": max(settled_s)}
    figures(settled_s=spread, at_once_s=at_once_s, exit_code=code, said=hub.said("serve ended")[-3:])
    assert code == 0
    assert len(hub.said("serve ended with -9")) == len(settled_s) + len(at_once_s)
    assert not hub.said("Traceback")


def _kill(hub: Api, folder: Path, *, rest_s: float) -> float:
    """Seconds from a kill of the API to its next readiness."""
    time.sleep(rest_s)
    file = folder / "var" / "run" / "serve.pid"
    victim = int(file.read_text())
    os.kill(victim, signal.SIGKILL)
    began_s = time.monotonic()
    until(lambda: _pid(file) not in {0, victim} and hub.is_ready(), lambda: f"no API after a kill: {hub.said('')[-5:]}")
    return round(time.monotonic() - began_s, 2)


def _pid(file: Path) -> int:
    text = file.read_text().strip()
    return int(text) if text else 0
