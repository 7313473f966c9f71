"""A quote against openfisca-core: the same procedure, the same question, the same run.

    python -m bench.fees

openfisca prices many dossiers at once in arrays and explains nothing; one request at a time is what a portal asks.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Final

from bench.rivals import interpreter
from paygw.kernel.fees.catalogue import calculate, load_catalogue

CATALOGUE: Final = Path(__file__).parents[1] / "paygw" / "catalogue" / "fees"
CALLS: Final = 20_000
ROUNDS: Final = 5
SIDE: Final = Path(__file__).with_name("openfisca_side.py")


def engine_us() -> float:
    """Microseconds of one quote of ours; the best of several rounds."""
    catalogue = load_catalogue(CATALOGUE)
    facts = {"channel": "counter", "mode": "list", "persons": 25}
    best = float("inf")
    asked = {"procedure": "1.004194", "province": None, "as_of": "2025-05-05", "facts": facts}
    assert calculate(catalogue, **asked).total_vnd == 250_000
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(CALLS):
            calculate(catalogue, **asked)
        best = min(best, (time.perf_counter() - started) / CALLS * 1e6)
    return best


def compare() -> dict[str, float]:
    """Microseconds of one question, theirs and ours, the ratio, and one of theirs among 100,000 in arrays."""
    ran = subprocess.run([interpreter("fees"), SIDE], check=True, capture_output=True, text=True)
    theirs = json.loads(ran.stdout)
    ours_us = round(engine_us(), 2)
    return {
        "openfisca_us": theirs["single_us"],
        "paygw_us": ours_us,
        "ratio": round(theirs["single_us"] / ours_us),
        "openfisca_in_arrays_us": theirs["many_us"],
    }
