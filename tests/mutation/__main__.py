"""`python -m tests.mutation`: change the money kernel in small ways and report what no test notices.

Exit status 1 when a mutant survives that `equivalent.toml` does not argue for, or when an argument fits no mutant.
"""

import argparse
import ast
import random
import sys
import tomllib
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trial import try_all

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "posting", "allocation", "takeback", "receipts", "orders", "refunds", "reversals", "settlement", "news", "decide",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run the trials and report."""
    asked = _arguments(arguments)
    console = Console()
    everything = [mutant for name in asked.module or MODULES for mutant in _mutants(name)]
    excused = _excused()
    chosen = [mutant for mutant in everything if mutant.key not in excused]
    if asked.sample:
        dice = random.Random(asked.seed)  # noqa: S311 - the same sample again
        chosen = dice.sample(chosen, min(asked.sample, len(chosen)))
    sound = Mutant("none", "none.py", 0, "", "", "", ast.parse(""))
    if next(try_all([sound], jobs=1, timeout_s=asked.timeout_s)).killed:
        console.print("the tests fail on unchanged code: nothing can be learnt from mutants")
        return 1
    survivors: list[Mutant] = []
    with Progress(console=console) as progress:
        task = progress.add_task("mutants", total=len(chosen))
        for outcome in try_all(chosen, jobs=asked.jobs, timeout_s=asked.timeout_s):
            if not outcome.killed:
                survivors.append(outcome.mutant)
                console.print(_sentence(outcome.mutant), markup=False, highlight=False)
            progress.advance(task)
    stale = excused.keys() - {mutant.key for mutant in everything} if not asked.module else set()
    for module, line, before, after in sorted(stale):
        console.print(f"no such mutant any more: {module}: {line}: {before} -> {after}", markup=False)
    argued = len(everything) - len([mutant for mutant in everything if mutant.key not in excused])
    console.print(
        f"{len(everything)} mutants, {len(chosen)} tried, {len(chosen) - len(survivors)} killed, "
        f"{argued} argued equivalent, {len(survivors)} survived"
    )
    return 1 if survivors or stale else 0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", action="append", choices=MODULES, help="only this kernel module (repeatable)")
    parser.add_argument("--sample", type=int, default=0, help="try only so many, chosen at random")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument("--jobs", type=int, default=2, help="children at a time")
    parser.add_argument("--timeout-s", type=float, default=300.0, help="a longer trial counts as killed")
    return parser.parse_args(arguments)


def _mutants(name: str) -> list[Mutant]:
    path = ROOT / "paygw" / "kernel" / f"{name}.py"
    return list(mutants_of(f"paygw.kernel.{name}", path.as_posix(), path.read_text("utf-8")))


def _excused() -> dict[tuple[str, str, str, str], str]:
    """Mutants that change nothing anybody could observe, each with its reason."""
    rows = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text("utf-8")).get("equivalent", [])
    return {(f"paygw.kernel.{row['module']}", row["line"], row["before"], row["after"]): row["reason"] for row in rows}


def _sentence(mutant: Mutant) -> str:
    path = Path(mutant.path).relative_to(ROOT)
    return f"survived: {path}:{mutant.lineno}: {mutant.line}\n    {mutant.before}\n -> {mutant.after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
