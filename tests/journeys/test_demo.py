"""The demo as a person runs it: it agrees to the đồng, and it fails when anything is wrong."""

import os
import subprocess
import sys

import pytest

from paygw.cli.demo.faults import Fault

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paygw", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=280)


def test_demo_ends_in_agreement() -> None:
    done = _demo()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "agree to the đồng" in done.stdout


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NONE])
def test_demo_fails_when_a_fault_is_planted(fault: Fault) -> None:
    done = _demo("--fault", fault.value)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "✗" in done.stdout
