"""A bare runner of plain test functions: what pytest does for them, without what it costs a thousand times over.

It knows functions named `test_...`, `parametrize` and the `drill` mark; these tests use no fixtures.
"""

import importlib
import itertools
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import pytest

Case = Callable[[], object]


def all_pass(modules: Mapping[str, float]) -> bool:
    """Import the test modules and run every case until one fails.

    `modules` gives the processor seconds a case may take; one that takes more (an endless loop) ends the process.
    """
    try:
        for name, limit_s in modules.items():
            for case in cases_of(importlib.import_module(name)):
                signal.setitimer(signal.ITIMER_PROF, limit_s)
                case()
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however a defect shows itself, it was noticed
        return False
    return True


def cases_of(module: ModuleType) -> Iterator[Case]:
    """Every test function of a module, once per set of parameters."""
    for name, test in vars(module).items():
        marks = getattr(test, "pytestmark", [])
        if not name.startswith("test_") or isinstance(test, type) or any(mark.name == "drill" for mark in marks):
            continue
        for arguments in _arguments_of(marks):
            yield partial(test, **arguments)


def _arguments_of(marks: Sequence[pytest.Mark]) -> Iterator[Mapping[str, Any]]:
    tables = [list(_rows(mark)) for mark in marks if mark.name == "parametrize"]
    for rows in itertools.product(*tables):
        yield {name: value for row in rows for name, value in row.items()}


def _rows(mark: pytest.Mark) -> Iterator[Mapping[str, Any]]:
    names, values = mark.args
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
        values = [[value] for value in values] if len(names) == 1 else values
    for row in values:
        yield dict(zip(names, row, strict=True))
