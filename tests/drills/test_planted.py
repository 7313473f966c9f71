"""The judge of `paygw demo` is awake: with any of the ten faults planted it ends non-zero and says what differs."""

import os
import subprocess
import sys
import time

import pytest

from paygw.cli.demo.faults import Fault
from tests.drills.conftest import Figures
from tests.drills.kit.processes import ROOT

pytestmark = [pytest.mark.drill, pytest.mark.timeout(2400)]

FAULTS = 10


def test_every_planted_fault_is_found(figures: Figures) -> None:
    """Ten demos, ten failures; each names a difference."""
    ends, slowest_s = {}, 0.0
    for fault in (fault for fault in Fault if fault is not Fault.NONE):
        began_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "paygw", "demo", "--fault", fault.value],
            capture_output=True, text=True, check=False, env=dict(os.environ), cwd=ROOT, timeout=300,
        )  # fmt: skip
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        ends[fault.value] = (done.returncode, [line.strip() for line in done.stdout.splitlines() if "✗" in line])
    figures(ends=ends, slowest_s=round(slowest_s, 1))
    assert len(ends) == FAULTS
    assert {name: code for name, (code, _) in ends.items()} == dict.fromkeys(ends, 1)
    assert all(told for _, told in ends.values())
