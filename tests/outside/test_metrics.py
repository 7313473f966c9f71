"""The table of metrics and the code that counts agree: nothing stands there uncounted, nothing is counted wrongly."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from paygw.outside.metrics import METRICS
from tests.house.sources import sources

COUNTED = sorted(name for name, declared in METRICS.items() if declared.kind in {"counter", "seconds"})
_VERBS = {"count": "counter", "took": "seconds"}


@cache
def calls() -> tuple[tuple[str, str, ast.Call], ...]:
    """Every place of the code that counts: where it is, the metric, the call."""
    return tuple(_calls())


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for source in sources():
        if not source.path.startswith("paygw/"):
            continue
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            name = node.args[0]
            if node.func.attr in _VERBS and isinstance(name, ast.Constant) and str(name.value).startswith("paygw_"):
                yield source.path, str(name.value), node


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_declared_is_counted_somewhere(name: str) -> None:
    assert [path for path, counted, _ in calls() if counted == name]


def test_what_is_counted_is_declared_with_those_labels() -> None:
    wrong = [
        f"{path}: {name}"
        for path, name, call in calls()
        if name not in METRICS
        or METRICS[name].kind != _VERBS[call.func.attr]  # type: ignore[attr-defined]  # calls() yields attributes
        or (
            {one.arg for one in call.keywords} - {"by", None} != set(METRICS[name].labels)
            and all(one.arg for one in call.keywords)
        )
    ]

    assert wrong == []
