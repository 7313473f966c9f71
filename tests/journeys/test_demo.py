"""The demo as a person runs it: it agrees to the đồng. With planted faults: tests/drills/test_planted.py."""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paygw", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=280)


def test_demo_ends_in_agreement() -> None:
    done = _demo()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "agree to the đồng" in done.stdout
