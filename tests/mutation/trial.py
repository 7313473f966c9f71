"""One mutant on trial: a forked child imports the changed module in place of the real one and runs the tests.

The parent has pytest and hypothesis loaded already, and the runner is bare, so that a trial costs little more than the
tests themselves.
"""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType

import hypothesis

from tests.mutation.mutants import Mutant
from tests.mutation.runner import all_pass

TESTS = {  # and the processor seconds one case of them may take
    "tests.kernel.test_receipt_rows": 5.0,
    "tests.kernel.test_refund_rows": 5.0,
    "tests.kernel.test_reversal_rows": 5.0,
    "tests.kernel.test_dispute_rows": 5.0,
    "tests.kernel.test_settlement_rows": 5.0,
    "tests.kernel.test_refund_outcomes": 5.0,
    "tests.kernel.test_refund_news": 5.0,
    "tests.kernel.test_release": 5.0,
    "tests.kernel.test_carts": 5.0,
    "tests.kernel.test_states": 5.0,
    "tests.kernel.test_doubtful_money": 5.0,
    "tests.kernel.test_takeback": 5.0,
    "tests.properties.test_money_model": 60.0,
    "tests.properties.test_evidence_sets": 60.0,
}
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """`killed` tells whether some test failed (or never ended)."""

    mutant: Mutant
    killed: bool


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module from a changed syntax tree."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.module
        self.code: CodeType = compile(mutant.tree, mutant.path, "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only the changed module is ours."""
        del path, target
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code as the module."""
        exec(self.code, module.__dict__)  # noqa: S102 - running changed code is the whole point


def try_all(mutants: Sequence[Mutant], *, jobs: int, timeout_s: float) -> Iterator[Outcome]:
    """Try every mutant, `jobs` at a time, each in a child of its own; outcomes come as they are known."""
    waiting, running = list(reversed(mutants)), dict[int, tuple[Mutant, float]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_fork(mutant)] = (mutant, time.monotonic() + timeout_s)
        for pid, (mutant, deadline) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended and time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                ended, status = os.waitpid(pid, 0)
            if ended:
                del running[pid]
                yield Outcome(mutant, killed=status != 0)
        time.sleep(_POLL_S)


def _fork(mutant: Mutant) -> int:
    pid = os.fork()
    if pid:
        return pid
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    for name in [name for name in sys.modules if name.startswith(("paygw.kernel", "tests.kernel", "tests.properties"))]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Changed(mutant))
    hypothesis.settings.register_profile("trial", database=None, max_examples=40, deadline=None)
    hypothesis.settings.load_profile("trial")
    passed = False
    try:
        passed = all_pass(TESTS)
    finally:
        os._exit(0 if passed else 1)
