"""Folders for servers of a test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest


@pytest.fixture
def var_dir() -> Iterator[Path]:
    """A folder that any account may pass through, as a clone of the repository is; short, for the socket."""
    folder = Path(mkdtemp(prefix="paygw-embedded-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "var"
    shutil.rmtree(folder)
