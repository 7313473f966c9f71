"""Reconciling two files, beside a bare DuckDB join, datacompy and pandas on the same files.

    python -m bench.recon [--rows 1000000] [--python INTERPRETER_WITH_DATACOMPY_AND_POLARS] [--limit 2GB] [--json]

Every side is a process of its own: from two CSV files of --rows payments each to files of matches and differences.
`duckdb` is the bare join: both files read with every column, joined in full on kind and reference, equal pairs to
Parquet, the others to CSV; `duckdb-count` only counts them. Neither checks a cell, sees a duplicate, a fee, a period or
a netted batch. Figures are the best wall time of --rounds, its processor time, and the peak memory. Start-up of our
command line is in its figures, and told apart: the same on a thousand rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

SIDE: Final = Path(__file__).with_name("recon_side.py")
GOALS: Final = {"time of a bare join": 1.5, "memory of a bare join": 1.5, "times faster than datacompy on polars": 3}
SMALL: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One side: seconds of the wall and of all processors, mebibytes at the peak."""

    side: str
    wall_s: float
    cpu_s: float
    peak_mib: int


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Two files that differ in about 2.5 rows of 10,000; by a child, whose memory is not in the children's peaks."""
    book, statement = folder / f"book-{rows}.csv", folder / f"statement-{rows}.csv"
    subprocess.run([sys.executable, str(SIDE), "write", str(book), str(statement), str(folder), str(rows)], check=True)
    return book, statement


def measure(side: str, command: list[str], rounds: int) -> Measured:
    """The best of several rounds."""
    return min((_once(side, command) for _ in range(rounds)), key=lambda one: one.wall_s)


def _once(side: str, command: list[str]) -> Measured:
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{side} ended with {child.returncode}"
    return Measured(
        side=side,
        wall_s=round(wall_s, 2),
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
        peak_mib=used.ru_maxrss // 1024,
    )


def commands(book: Path, statement: Path, out: Path, *, peers: str | None, limit: str | None) -> dict[str, list[str]]:
    """What each side runs."""
    files = [str(book), str(statement), str(out)]
    ours = [sys.executable, "-m", "paygw", "recon", "match", "--book", files[0], "--statement", files[1], "--out"]
    found = {"paygw": [*ours, files[2], "--json", *(["--memory-limit", limit] if limit else [])]}
    for name in ("duckdb", "duckdb-count"):
        found[name] = [sys.executable, str(SIDE), name, *files, *([limit] if limit else [])]
    for name in ("datacompy-polars", "datacompy-pandas", "pandas") if peers else ():
        found[name] = [str(peers), str(SIDE), name, *files]
    return found


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--python", help="an interpreter with datacompy, polars and pandas")
    options.add_argument("--limit", help="hold ours and DuckDB to this memory, as 2GB")
    options.add_argument("--only", default="", help="sides, by comma")
    options.add_argument("--json", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-recon-") as folder:
        small = write_files(Path(folder), SMALL)
        ours = commands(*small, Path(folder) / "out", peers=None, limit=None)["paygw"]
        start = measure("start-up", ours, told.rounds)
        files = write_files(Path(folder), told.rows)
        sides = commands(*files, Path(folder) / "out", peers=told.python, limit=told.limit)
        chosen = [name for name in sides if not told.only or name in told.only.split(",")]
        found = {name: measure(name, sides[name], told.rounds) for name in chosen}
    if told.json:
        print(json.dumps([asdict(one) for one in (start, *found.values())]))
        return
    print(f"{told.rows:,} rows a side" + (f", held to {told.limit}" if told.limit else ""))
    for one in (start, *found.values()):
        print(f"{one.side:17} {one.wall_s:8.2f} s wall {one.cpu_s:8.2f} s cpu {one.peak_mib:7,} MiB")
    _ratios(found, start)


def _ratios(found: dict[str, Measured], start: Measured) -> None:
    ours = found.get("paygw")
    if ours is None:
        return
    for name, one in found.items():
        if name != "paygw":
            net_s = max(0.01, ours.cpu_s - start.cpu_s)
            print(
                f"paygw / {name}: wall {ours.wall_s / one.wall_s:.2f}, cpu {ours.cpu_s / one.cpu_s:.2f}"
                f" (without start-up {net_s / one.cpu_s:.2f}), memory {ours.peak_mib / one.peak_mib:.2f}"
            )
    print("goals:", ", ".join(f"{name} {ratio}" for name, ratio in GOALS.items()))


if __name__ == "__main__":
    main()
