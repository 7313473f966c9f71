"""A quote against openfisca-core: the same procedure, the same question, the same run.

    python -m bench.openfisca

openfisca prices many dossiers at once in arrays and explains nothing; one request at a time is what a portal asks.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Final

from bench.fees import CALLS, CATALOGUE, ROUNDS
from bench.rivals import interpreter
from paygw.kernel.fees.catalogue import calculate, load_catalogue

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


def main() -> None:
    """Measure and print."""
    ran = subprocess.run([interpreter("fees"), SIDE], check=True, capture_output=True, text=True)
    theirs = json.loads(ran.stdout)
    ours_us = round(engine_us(), 2)
    print(f"one question: openfisca-core {theirs['single_us']} us, paygw {ours_us} us", end=", ")
    print(f"x{theirs['single_us'] / ours_us:.0f}")
    print(f"one of 100,000 in one simulation of arrays: openfisca-core {theirs['many_us']} us")


if __name__ == "__main__":
    main()
