"""The import linter configures logging for itself and silences loggers that exist: give them their voice back."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _loggers_keep_their_voice() -> Iterator[None]:
    yield
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).disabled = False
