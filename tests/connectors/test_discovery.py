"""Connectors are found, not listed."""

from pathlib import Path

import connectors
from connectors import discover


def test_every_module_of_the_package_is_a_connector() -> None:
    modules = {path.stem for path in Path(connectors.__file__).parent.glob("*.py")} - {"__init__"}

    assert set(discover()) == modules


def test_the_sandbox_is_among_them() -> None:
    assert discover()["sandbox"].receipts_per_attempt == "many"
