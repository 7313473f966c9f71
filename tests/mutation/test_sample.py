"""A sample of the small deliberate defects: the tests of the money kernel notice every one of them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_a_sample_of_deliberate_defects_is_noticed() -> None:
    command = [sys.executable, "-m", "tests.mutation", "--sample", "80"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
