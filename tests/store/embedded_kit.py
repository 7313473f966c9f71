"""What the embedded server's tests share: another process that holds a cluster, SQL in one call, waiting."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from paygw.store.dsn import Dsn
from paygw.store.embedded import Options
from paygw.store.embedded.process import postgres_in

SMALL = Options(shared_buffers="16MB", max_connections=20, max_wal_size="64MB")
_ROOT = Path(__file__).parents[2]
_HOLD = """
import sys
from pathlib import Path
from paygw.store.embedded import Options, start
with start(Path(sys.argv[1]), Options(shared_buffers="16MB", max_connections=20, max_wal_size="64MB")) as cluster:
    print(cluster.supervisor_pid, cluster.data, flush=True)
    sys.stdin.read()
"""
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Another process that is a client of a cluster until its input is closed or it is killed."""

    process: subprocess.Popen[str]
    supervisor_pid: int
    data: Path


def spawn_holder(var_dir: Path, *, python: str = sys.executable) -> subprocess.Popen[str]:
    """Start the other process; it prints one line when it has the cluster."""
    return subprocess.Popen(
        [python, "-c", _HOLD, str(var_dir)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env={"PYTHONPATH": str(_ROOT)},
    )  # fmt: skip


def read_holder(process: subprocess.Popen[str]) -> Holder:
    """Wait for the line of a holder."""
    assert process.stdout
    supervisor_pid, _, data = process.stdout.readline().rstrip("\n").partition(" ")
    return Holder(process, int(supervisor_pid), Path(data))


@contextmanager
def holder_of(var_dir: Path, *, python: str = sys.executable) -> Iterator[Holder]:
    """Another process holds the cluster of `var_dir` inside the block."""
    process = spawn_holder(var_dir, python=python)
    try:
        yield read_holder(process)
    finally:
        process.communicate()


async def fetch(dsn: Dsn, sql: str) -> object:
    """Run SQL on a connection of its own and return the first value."""
    connection = await asyncpg.connect(**dsn.connect_args())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def until(true: Callable[[], object]) -> None:
    """Wait for something that will come about."""
    end = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def postmaster_pid(data: Path) -> int:
    """Returns the postmaster's number; checks that it is one."""
    pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    assert pid in {found.pid for found in postgres_in(data)}
    return pid
