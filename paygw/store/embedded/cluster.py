"""The client's side: start the server or join the one that runs, learn how to connect, leave.

A process is a client as long as it holds the clients' lock, that is until `close` or its death.
"""

import logging
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

import paygw
from paygw.store.dsn import Dsn
from paygw.store.embedded.errors import SettingRefused, StartFailed, StartTimeout, explain_os_error
from paygw.store.embedded.layout import Control, control_of
from paygw.store.embedded.lock import open_lock, take_shared, try_exclusive
from paygw.store.embedded.options import Options, check_options
from paygw.store.embedded.process import wait_gone
from paygw.store.embedded.state import Failure, State, forget_state, read_passwords, read_report, read_state
from paygw.store.roles import DATABASE, OWNER, RUNTIME, SUPER

_STEP_S = 0.02
# Beyond the start itself: ending an earlier run (20 s at most), initdb, copying the programs once.
_PREPARE_S = 90.0
_SETTLE_S = 2.0

_log = logging.getLogger("paygw.store.embedded")


class Cluster:
    """A running server this process is a client of; `with start(...) as cluster` leaves it at the end."""

    def __init__(self, control: Control, options: Options, *, clients_lock: int) -> None:
        self._control = control
        self._options = options
        self._clients_lock: int | None = clients_lock
        self._state = self._own_or_join()

    @property
    def data(self) -> Path:
        """Returns the data folder of the server."""
        return Path(self._state.data)

    @property
    def notices(self) -> tuple[str, ...]:
        """Returns sentences the operator should read, such as where the data went."""
        return self._state.notices

    @property
    def supervisor_pid(self) -> int:
        """Returns the process that owns the server."""
        return self._state.supervisor_pid

    def super_dsn(self, database: str = "postgres") -> Dsn:
        """Returns the way in for the superuser: making and dropping databases, nothing else."""
        return self._dsn(SUPER, database)

    def owner_dsn(self, database: str = DATABASE) -> Dsn:
        """Returns the way in for migrations."""
        return self._dsn(OWNER, database)

    def runtime_dsn(self, database: str = DATABASE) -> Dsn:
        """Returns the way in for the hub."""
        return self._dsn(RUNTIME, database)

    def tcp_dsn(self, user: str, database: str = DATABASE) -> Dsn:
        """Returns the way in over 127.0.0.1 with a password. Raises SettingRefused when no port is open."""
        if not self._state.tcp:
            message = "this server listens on its unix socket only: start it with a TCP port"
            raise SettingRefused(message)
        return Dsn("127.0.0.1", self._state.port, user, database, read_passwords(self._control.secret)[user])

    def revive(self) -> bool:
        """Start the server again if its supervisor is dead; returns whether that was needed. Ways in stay the same.

        Raises EmbeddedError.
        """
        if self._state.supervisor.alive():
            return False
        self._state = self._own_or_join()
        return True

    def close(self) -> None:
        """Leave. The last one to leave waits until the server has stopped, in bounded time; twice is harmless."""
        if self._clients_lock is None:
            return
        # Asking for it alone may lose the shared lock, which is given up here anyway.
        last = try_exclusive(self._clients_lock)
        os.close(self._clients_lock)
        self._clients_lock = None
        if last and self._state.linger_s == 0:
            self._wait_stopped()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _dsn(self, user: str, database: str) -> Dsn:
        return Dsn(self._state.sockets, self._state.port, user, database)

    def _own_or_join(self) -> State:
        """Become the one who starts the supervisor, or wait for the one who did."""
        end = time.monotonic() + self._options.start_timeout_s + _PREPARE_S
        owner_lock = open_lock(self._control.owner_lock)
        try:
            while not try_exclusive(owner_lock):
                if state := read_state(self._control):
                    return _accept(state, self._options)
                if time.monotonic() > end:
                    message = f"another process is starting the database too slowly: read {self._control.log}"
                    raise StartTimeout(message)
                time.sleep(_STEP_S)
            forget_state(self._control)
            pipe = _spawn(self._control, self._options, owner_lock)
        finally:
            os.close(owner_lock)
        return _await_report(self._control, pipe, timeout_s=end - time.monotonic())

    def _wait_stopped(self) -> None:
        end = time.monotonic() + self._state.stop_timeout_s + _SETTLE_S
        newcomers_from = time.monotonic() + _SETTLE_S
        while not wait_gone([self._state.supervisor], timeout_s=0) and time.monotonic() < end:
            if time.monotonic() > newcomers_from and self._somebody_came():
                return
            time.sleep(_STEP_S)

    def _somebody_came(self) -> bool:
        """Returns whether the supervisor has not taken the clients' lock alone: it is serving somebody."""
        probe = open_lock(self._control.clients_lock)
        try:
            return take_shared(probe, timeout_s=0)
        finally:
            os.close(probe)


def start(var_dir: Path, options: Options | None = None) -> Cluster:
    """Start PostgreSQL under `var_dir`, or join the server that runs there; made on first use.

    Blocks until connections are accepted. Raises EmbeddedError; its message says what to do.
    """
    chosen = options or Options()
    check_options(chosen)
    control = control_of(var_dir)
    try:
        lock = _become_client(control, chosen)
        try:
            cluster = Cluster(control, chosen, clients_lock=lock)
        except BaseException:
            os.close(lock)
            raise
    except OSError as error:
        raise explain_os_error(error, path=control.folder) from error
    for notice in cluster.notices:
        _log.warning("%s", notice)
    return cluster


def _become_client(control: Control, options: Options) -> int:
    """Take part in the clients' lock; waits for a supervisor that is just ending."""
    lock = open_lock(control.clients_lock)
    if take_shared(lock, timeout_s=options.stop_timeout_s + _PREPARE_S):
        return lock
    os.close(lock)
    message = f"the server in {control.folder} does not finish stopping: read {control.log}"
    raise StartTimeout(message)


def _accept(state: State, options: Options) -> State:
    if options.durable and not state.durable:
        message = f"the server in {state.data} was started without durability for tests: stop it first"
        raise SettingRefused(message)
    return state


def _spawn(control: Control, options: Options, owner_lock: int) -> int:
    """Start the supervisor and return the pipe on which it will report.

    Its environment is of our own making: PG* variables and secrets stay behind.
    """
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(Path(*paygw.__path__).parent)}
    ours, theirs = os.pipe()
    with control.log.open("ab") as log, os.fdopen(theirs, "wb") as report:
        subprocess.run(  # noqa: S603 - our own module, no shell
            [
                sys.executable, "-P", "-s", "-m", "paygw.store.embedded.supervise",
                control.folder.parent, msgspec.json.encode(options), str(owner_lock),
            ],
            check=False, stdin=subprocess.DEVNULL, stdout=report, stderr=log, cwd="/", env=environment,
            pass_fds=(owner_lock,), start_new_session=True,
        )  # fmt: skip
    return ours


def _await_report(control: Control, pipe: int, *, timeout_s: float) -> State:
    """Read what the supervisor says. One that is too slow is left: it ends by itself, since it has no client."""
    with os.fdopen(pipe, "rb") as reports:
        readable, _, _ = select.select([reports], [], [], max(0.0, timeout_s))
        line = reports.readline() if readable else b""
    if not readable:
        message = f"the database did not start within {timeout_s:.0f} s: read {control.log}"
        raise StartTimeout(message)
    try:
        report = read_report(line)
    except msgspec.DecodeError as error:
        message = f"the database supervisor ended without a word: read {control.log}"
        raise StartFailed(message) from error
    if isinstance(report, Failure):
        raise report.as_error()
    return report.state
