"""Reconciling two files beside a bare DuckDB join, datacompy and pandas, each from the same two CSV files to files.

    python -m bench.recon [--rows 1000000 ...] [--held 20000000] [--full]

Every side is a process of its own; datacompy, polars and pandas live in an environment of their own, which the first
run makes from requirements/bench-recon.lock. What the sides do is not the same, and the ratios have to be read so:

    paygw            reads every cell strictly, finds duplicates, batches, fees and foreign days; five files out
    duckdb           both files with every column, guessed types, one full join on kind and reference; equal pairs to
                     Parquet, the others to CSV
    duckdb-count     the same join, only counted
    datacompy-...    both files with guessed types; the comparison's report of columns, equal rows and rows of one side
    pandas           both files with guessed types, one outer merge; equal pairs to Parquet, the others to CSV

A figure is the best wall time of --rounds, with its processor time and peak memory. The rounds go around all sides in
turn. Our start-up is inside our figures, and told apart: the same on a thousand rows. `--held` holds ours and DuckDB
to --limit, one round; `--full` is 1M, 5M and 20M held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.rivals import interpreter

SIDE: Final = Path(__file__).with_name("recon_side.py")
OURS: Final = "paygw"
JOINS: Final = ("duckdb", "duckdb-count")
RIVALS: Final = ("datacompy-polars", "datacompy-pandas", "pandas")
JOIN_MOST: Final = 1.5  # times a bare join, in time and in memory
POLARS_LEAST: Final = 3.0  # times faster than datacompy on polars
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


def measure(sides: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Measured]:
    """The best of several rounds of every side."""
    found: dict[str, Measured] = {}
    for _ in range(rounds):
        for side, command in sides.items():
            one = _once(side, command)
            found[side] = min(found.get(side, one), one, key=lambda each: each.wall_s)
    return found


def _once(side: str, command: Sequence[str]) -> Measured:
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


def commands(files: tuple[Path, Path], out: Path, wanted: Sequence[str], limit: str | None) -> dict[str, list[str]]:
    """What each wanted side runs."""
    book, statement = map(str, files)
    held = [limit] if limit else []
    found = {}
    for name in wanted:
        if name == OURS:
            match = [
                sys.executable,
                "-m",
                "paygw",
                "recon",
                "match",
                "--json",
                "--book",
                book,
                "--statement",
                statement,
            ]
            found[name] = [*match, "--out", str(out), *(["--memory-limit", limit] if limit else [])]
        else:
            python = str(interpreter("recon")) if name in RIVALS else sys.executable
            found[name] = [python, str(SIDE), name, book, statement, str(out), *held]
    return found


def compare(folder: Path, rows: int, wanted: Sequence[str], *, rounds: int, limit: str | None) -> list[Measured]:
    """Measure every wanted side on files of a size; print the figures, and our ratios beside the goals."""
    files = write_files(folder, rows)
    try:
        found = measure(commands(files, folder / "out", wanted, limit), rounds)
    finally:
        for path in files:
            path.unlink()
    print(f"\n{rows:,} rows a side" + (f", held to {limit}" if limit else "") + f", load {os.getloadavg()[0]:.1f}")
    for one in found.values():
        print(f"  {one.side:17} {one.wall_s:8.2f} s wall {one.cpu_s:8.2f} s cpu {one.peak_mib:7,} MiB", flush=True)
    return list(found.values())


def ratios(found: Sequence[Measured], start: Measured) -> None:
    """Print ours over each of the others, the goal beside it."""
    ours = next((one for one in found if one.side == OURS), None)
    if ours is None:
        return
    for one in (one for one in found if one.side != OURS):
        net_s = max(0.01, ours.cpu_s - start.cpu_s)
        print(
            f"  {OURS} / {one.side:17} wall {ours.wall_s / one.wall_s:5.2f}  cpu {ours.cpu_s / one.cpu_s:5.2f}"
            f" (without start-up {net_s / one.cpu_s:5.2f})  memory {ours.peak_mib / one.peak_mib:5.2f}",
            _goal(ours, one),
        )


def _goal(ours: Measured, one: Measured) -> str:
    if one.side in JOINS:
        met = [ours.wall_s <= JOIN_MOST * one.wall_s, ours.peak_mib <= JOIN_MOST * one.peak_mib]
        return f"goal <= {JOIN_MOST}: time {_said(met=met[0])}, memory {_said(met=met[1])}"
    if one.side == "datacompy-polars":
        return f"goal {POLARS_LEAST:.0f} times faster: {_said(met=one.wall_s >= POLARS_LEAST * ours.wall_s)}"
    return ""


def _said(*, met: bool) -> str:
    return "met" if met else "missed"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, nargs="*", default=[1_000_000], help="rows a side, one size or several")
    options.add_argument("--held", type=int, nargs="*", default=[], help="rows a side, held to --limit")
    options.add_argument("--limit", default="2GB", help="memory of ours and of DuckDB for --held")
    options.add_argument("--full", action="store_true", help="1M, 5M and 20M held")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default="", help="sides, by comma")
    options.add_argument("--json", type=Path, help="write the figures to this file too")
    told = options.parse_args()
    sizes, held = ([1_000_000, 5_000_000], [20_000_000]) if told.full else (told.rows, told.held)
    chosen = told.only.split(",") if told.only else [OURS, *JOINS, *RIVALS]
    figures: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-recon-") as name:
        folder = Path(name)
        small = commands(write_files(folder, SMALL), folder / "out", [OURS], None)
        start = measure(small, told.rounds)[OURS]
        print(f"start-up {start.wall_s:.2f} s wall {start.cpu_s:.2f} s cpu {start.peak_mib:,} MiB")
        for rows in sizes:
            figures[str(rows)] = compare(folder, rows, chosen, rounds=told.rounds, limit=None)
            ratios(figures[str(rows)], start)
        for rows in held:
            bounded = [side for side in chosen if side not in RIVALS]
            figures[f"{rows} held to {told.limit}"] = compare(folder, rows, bounded, rounds=1, limit=told.limit)
            ratios(figures[f"{rows} held to {told.limit}"], start)
    if told.json:
        told.json.write_text(json.dumps({size: [asdict(one) for one in ones] for size, ones in figures.items()}) + "\n")


if __name__ == "__main__":
    main()
