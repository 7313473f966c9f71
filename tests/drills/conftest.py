"""What every drill gets: how large to run, a folder of its own, and a place for its figures."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.drills.kit.world import World, world

Figures = Callable[..., None]
REPORT = Path(__file__).parents[2] / "var" / "drill-report.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to run every drill smaller, or larger."""
    parser.addoption("--drill-scale", type=float, default=1.0, help="size of the drills; 0.1 is a tenth")
    parser.addoption("--drill-kills", type=int, default=100, help="kills of the drill that kills everything")
    parser.addoption("--drill-rate", type=float, default=30.0, help="orders per second under those kills")


@pytest.fixture
def scaled(pytestconfig: pytest.Config) -> Callable[..., int]:
    """A full-size figure as this run wants it, never below `least`."""
    scale = float(pytestconfig.getoption("drill_scale"))

    def of(full: int, *, least: int = 1) -> int:
        return max(least, round(full * scale))

    return of


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A short path (for sockets) that the account of the database may pass."""
    made = Path(tempfile.mkdtemp(prefix="paygw-drill-", dir="/tmp"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one drill."""
    with _short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def two_apis() -> Iterator[World]:
    """A hub of two API processes for the drills of one module; each uses names of its own."""
    with _short_folder() as made, world(made) as both:
        yield both


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Print the figures of a drill and keep them in var/drill-report.json."""

    def note(**found: object) -> None:
        name = request.node.name
        print(f"\n{name}")  # noqa: T201 - a drill tells what it measured
        for key, value in found.items():
            print(f"  {key}: {value}")  # noqa: T201 - the same
        REPORT.parent.mkdir(exist_ok=True)
        report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
        report[name] = report.get(name, {}) | found
        REPORT.write_text(json.dumps(report, indent=2, ensure_ascii=False, default=str) + "\n")

    return note
