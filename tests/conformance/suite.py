"""The conformance suite as a function: which of its checks a given connector does not pass."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import ModuleType
from typing import Any, Final

import pytest

from tests.conformance import (
    test_dialogues,
    test_fields,
    test_returns,
    test_sessions,
    test_settlement,
    test_shape,
    test_webhooks,
)
from tests.conformance.pairs import Pair

MODULES: Final = (test_webhooks, test_fields, test_dialogues, test_returns, test_shape, test_sessions, test_settlement)
_SUPPLIED: Final = frozenset({"pair", "spoken", "connector"})

Check = Callable[..., None]


def failures(pair: Pair) -> Iterator[str]:
    """The names of the checks this connector fails, one after the other as they are found."""
    for module in MODULES:
        for name, check in _checks(module):
            if not all(_passes(check, given) for given in _arguments(check, pair)):
                yield name


def _checks(module: ModuleType) -> Iterator[tuple[str, Check]]:
    for name, value in vars(module).items():
        if name.startswith("test_") and callable(value):
            needed = set(inspect.signature(value).parameters)
            if needed & _SUPPLIED:
                yield name, value


def _arguments(check: Check, pair: Pair) -> Iterator[Mapping[str, Any]]:
    """Every call pytest would make of this check for this connector."""
    axes: list[list[Mapping[str, Any]]] = [_supplied(check, pair)]
    for mark in getattr(check, "pytestmark", []):
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else list(mark.args[0])
        if not set(names) & _SUPPLIED:
            several = len(names) > 1
            axes.append([dict(zip(names, value if several else (value,), strict=True)) for value in mark.args[1]])
    for chosen in product(*axes):
        yield {name: value for part in chosen for name, value in part.items()}


def _supplied(check: Check, pair: Pair) -> list[Mapping[str, Any]]:
    needed = set(inspect.signature(check).parameters)
    if "spoken" in needed:
        return [{"spoken": (pair, seen)} for seen in pair.side.samples]
    known = {"pair": pair, "connector": pair.connector}
    return [{name: value for name, value in known.items() if name in needed}]


def _passes(check: Check, given: Mapping[str, Any]) -> bool:
    try:
        check(**given)
    except pytest.skip.Exception:
        return True
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - whatever a check raises, the connector has not passed it
        return False
    return True
