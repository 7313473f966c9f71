"""`paygw work` as a process: it can be watched on a port of its own, and a taken port does not stop it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from paygw.outside.ports import free_port
from tests.db_fixtures import Database
from tests.house.sources import ROOT

pytestmark = [pytest.mark.db, pytest.mark.net]


@contextmanager
def _worker(database: Database, folder: Path, port: int) -> Generator["subprocess.Popen[str]"]:
    way = database.runtime
    word = f":{way.password}" if way.password else ""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PAYGW_VAR": str(folder),
        "PAYGW_DATABASE_URL": f"postgresql://{way.user}{word}@/{way.database}?host={way.host}&port={way.port}",
        "PAYGW_WORK_PORT": str(port),
    }
    command = [sys.executable, "-m", "paygw", "work"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def _read(url: str) -> str:
    """The page, as soon as somebody serves it."""
    end_s = time.monotonic() + 60
    while True:
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
                text: str = answer.read().decode()
                return text
        except URLError:
            if time.monotonic() > end_s:
                raise


def test_worker_shows_its_own_metrics(database: Database, tmp_path: Path) -> None:
    port = free_port()

    with _worker(database, tmp_path, port):
        health = _read(f"http://127.0.0.1:{port}/healthz")
        metrics = _read(f"http://127.0.0.1:{port}/metrics")

    assert health == '{"status":"alive"}'
    assert "paygw_outbox_pending" in metrics or "paygw_callback_attempts_total" in metrics


def test_taken_port_costs_the_view_and_not_the_work(database: Database, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        _worker(database, tmp_path, taken.getsockname()[1]) as process,
    ):
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(2)]

    assert "PAYGW_WORK_PORT" in told[0]
    assert told[1] == "paygw works\n"
