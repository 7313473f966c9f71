"""The supervisor of `paygw run`: what it keeps alive, and what does not end it."""

from itertools import count
from pathlib import Path

import pytest

from paygw.cli.run import Child, Tree, keep
from paygw.store.embedded.errors import StartFailed
from paygw.store.embedded.process import identify


def test_database_that_cannot_be_revived_is_tried_again_and_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk once ended the whole run although its processes could have waited."""
    seconds, tries = count(step=60), count(1)

    def look_after() -> bool:
        if (number := next(tries)) <= 3:
            raise StartFailed("no space left on device")
        tree.stopping = number - 3
        return True

    tree = Tree(tmp_path, (), look_after=look_after, clock=lambda: float(next(seconds)))

    assert keep(tree) == 0

    assert capsys.readouterr().err.splitlines() == [
        "the database cannot be started again: no space left on device; tried again until it can",
        "the database is back",
    ]


def test_pauses_between_tries_grow_so_that_a_hopeless_start_does_not_eat_the_machine(tmp_path: Path) -> None:
    now_s, tried = [0.0], list[float]()

    def look_after() -> bool:
        tried.append(now_s[0])
        raise OSError

    tree = Tree(tmp_path, (), look_after=look_after, clock=lambda: now_s[0])

    def pass_time() -> float:
        now_s[0] += 0.25
        tree.stopping = int(now_s[0] >= 20)
        return now_s[0]

    tree.clock = pass_time
    keep(tree)

    assert len(tried) <= 10  # of some eighty looks


_CHILD = """
import sys, time
if "--spare" in sys.argv and not sys.stdin.readline():
    sys.exit()
open(sys.argv[1], "a").write("spare\\n" if "--spare" in sys.argv else "fresh\\n")
time.sleep(60)
"""


def test_spare_stands_in_for_a_killed_child_and_nothing_of_it_is_left_at_the_end(tmp_path: Path) -> None:
    """A killed API once had to read all its code before anybody was served again."""
    (tmp_path / "child.py").write_text(_CHILD)
    lives = tmp_path / "lives"
    child = Child("one", ("child", str(lives)), {"PYTHONPATH": str(tmp_path)}, has_spare=True)
    seconds, processes = count(step=10), list[int]()

    def look_after() -> None:
        told = lives.read_text().splitlines() if lives.exists() else []
        if told == ["fresh"] and child.process and child.spare and child.process.pid not in processes:
            processes.extend((child.process.pid, child.spare.pid))
            child.process.kill()
        if "spare" in told and child.process and child.spare:
            assert child.process.pid == processes[1]
            processes.append(child.spare.pid)
            tree.stopping = 1

    tree = Tree(tmp_path, (child,), look_after=look_after, clock=lambda: float(next(seconds)))
    keep(tree)

    assert lives.read_text().split() == ["fresh", "spare"]
    assert [identify(pid) for pid in processes] == [None] * 3


def test_child_killed_now_and_then_is_started_at_once_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills ten seconds apart once counted as a crash loop: the sixth was answered half a minute later."""
    (tmp_path / "child.py").write_text("import time; time.sleep(60)")
    child = Child("one", ("child",), {"PYTHONPATH": str(tmp_path)})
    seconds, kills = count(step=10), count(1)

    def look_after() -> None:
        if child.process:
            child.process.kill()
            child.process.wait()
            tree.stopping = int(next(kills) > 7)

    tree = Tree(tmp_path, (child,), look_after=look_after, clock=lambda: float(next(seconds)))
    keep(tree)

    said = capsys.readouterr().err.splitlines()
    assert set(said) == {"one ended with -9; again in 0 s"}
    assert len(said) >= 6
