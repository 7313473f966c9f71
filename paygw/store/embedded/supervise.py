"""The supervisor: a small process that owns PostgreSQL and ends with its last client.

    python -m paygw.store.embedded.supervise VAR OPTIONS_JSON OWNER_LOCK_DESCRIPTOR

Its starter took the owner lock and hands it over open. The supervisor reports once on standard output, then
watches three things: its child the postmaster (started again when it dies), the clients' lock (nobody left:
stop), and SIGTERM. When the supervisor itself is killed the kernel tells the postmaster to shut down
(PR_SET_PDEATHSIG), so no server is ever left without an owner; orphaned backends come to us (subreaper).
"""

import ctypes
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec

from paygw.store.embedded.binaries import Binaries, check_runs, copy_binaries, find_binaries, landmarks
from paygw.store.embedded.errors import EmbeddedError, StartFailed, explain_os_error
from paygw.store.embedded.layout import PORT, Control, Layout, control_of, lay_out
from paygw.store.embedded.lock import open_lock, try_exclusive
from paygw.store.embedded.options import Options, check_options
from paygw.store.embedded.process import end_postgres_in, identify
from paygw.store.embedded.server import Server, ensure_roles, last_words, launch, make_data, stop, wait_ready
from paygw.store.embedded.state import Failure, Ready, State, forget_state, make_passwords, write_state
from paygw.store.embedded.user import ServerUser, can_reach, choose_user

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_WATCHED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
_POLL_S = 0.1
_RESTARTS_MAX = 5
_RESTARTS_WINDOW_S = 60.0
_LOG_MAX_BYTES = 1_000_000

_log = logging.getLogger("paygw.store.embedded")


def main(var_dir: str, options_json: str, owner_lock: str) -> int:
    """Supervise the server of one `var` folder; returns the exit status."""
    if os.fork():
        return 0  # nobody's child: the starter may leave while others stay, and has nobody to reap
    options = msgspec.json.decode(options_json, type=Options)
    os.set_inheritable(int(owner_lock), False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        control = control_of(Path(var_dir))
        forget_state(control)
        _log_to(control)
        server, notices = _prepare(control, options)
        postmaster = _bring_up(control, server)
    except EmbeddedError as error:
        return _give_up(error)
    except OSError as error:
        return _give_up(explain_os_error(error, path=Path(error.filename or var_dir)))
    state = _state_of(server, notices)
    write_state(control, state)
    _report(Ready(state))
    return _watch(control, server, postmaster, state)


def _prepare(control: Control, options: Options) -> tuple[Server, tuple[str, ...]]:
    check_options(options)
    user = choose_user()
    layout, notices = lay_out(control, user)
    binaries = _reachable(find_binaries(), user, layout)
    check_runs(binaries, user)
    server = Server(binaries, layout, user, options)
    if ended := end_postgres_in(layout.data):
        _log.warning("ended %d processes of an earlier run", ended)
    if make_data(server, in_child=_tie_to(os.getpid())):
        _log.info("made a new data folder %s", layout.data)
    return server, tuple(notices)


def _reachable(wheel: Binaries, user: ServerUser, layout: Layout) -> Binaries:
    return wheel if can_reach(user, *landmarks(wheel)) else copy_binaries(wheel, layout.program)


def _bring_up(control: Control, server: Server) -> subprocess.Popen[bytes]:
    postmaster = launch(server, in_child=_tie_to(os.getpid()))
    try:
        wait_ready(server, postmaster)
        ensure_roles(server, make_passwords(control.secret) if server.options.tcp_port else None)
    except EmbeddedError:
        stop(server, postmaster)
        raise
    _log.info("postmaster %d is ready", postmaster.pid)
    return postmaster


def _tie_to(supervisor_pid: int) -> Callable[[], None]:
    """Returns what a server program does between fork and exec: hear signals again, and end when we end."""

    def tie() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != supervisor_pid:
            os._exit(1)

    return tie


def _watch(control: Control, server: Server, postmaster: subprocess.Popen[bytes], state: State) -> int:
    clients = open_lock(control.clients_lock)
    deaths: deque[float] = deque(maxlen=_RESTARTS_MAX)
    idle_since: float | None = None
    while True:
        heard = signal.sigtimedwait(_WATCHED, _POLL_S)
        _reap_orphans(postmaster)
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            _log.info("asked to stop by %s", signal.Signals(heard.si_signo).name)
            break
        if postmaster.poll() is not None:
            _log.error("postmaster ended with %s: %s", postmaster.returncode, last_words(server.layout)[-500:])
            forget_state(control)
            revived = _restart(control, server, deaths)
            if revived is None:
                return 1
            postmaster = revived
            write_state(control, state)
        if not try_exclusive(clients):
            idle_since = None
            continue
        idle_since = idle_since or time.monotonic()
        if time.monotonic() - idle_since >= server.options.linger_s:
            _log.info("the last client left")
            break
        fcntl.flock(clients, fcntl.LOCK_UN)
    forget_state(control)
    clean = stop(server, postmaster)
    end_postgres_in(server.layout.data)
    if not server.layout.sockets.is_relative_to(server.layout.server):
        with suppress(OSError):
            server.layout.sockets.rmdir()
    _log.info("stopped %s", "cleanly" if clean else "by force; the next start recovers")
    return 0


def _restart(control: Control, server: Server, deaths: deque[float]) -> subprocess.Popen[bytes] | None:
    """Start a dead postmaster again; returns None after too many deaths in a short time."""
    now = time.monotonic()
    if len(deaths) == _RESTARTS_MAX and now - deaths[0] < _RESTARTS_WINDOW_S:
        _log.critical("the postmaster died %d times in %.0f s: giving up", _RESTARTS_MAX, _RESTARTS_WINDOW_S)
        return None
    deaths.append(now)
    try:
        end_postgres_in(server.layout.data)
        return _bring_up(control, server)
    except EmbeddedError as error:
        _log.critical("%s", error)
        return None


def _reap_orphans(postmaster: subprocess.Popen[bytes]) -> None:
    """Collect backends that came to us from a dead postmaster; the postmaster itself is left to `poll`."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == postmaster.pid:
                return
            os.waitpid(ended.si_pid, 0)


def _state_of(server: Server, notices: tuple[str, ...]) -> State:
    me = identify(os.getpid())
    if me is None:
        message = "the folder /proc is not mounted: mount it, or set PAYGW_DATABASE_URL"
        raise StartFailed(message)
    return State(
        supervisor_pid=me.pid,
        supervisor_born_ticks=me.born_ticks,
        sockets=str(server.layout.sockets),
        port=server.options.tcp_port or PORT,
        tcp=server.options.tcp_port is not None,
        durable=server.options.durable,
        linger_s=server.options.linger_s,
        stop_timeout_s=server.options.stop_timeout_s,
        data=str(server.layout.data),
        notices=notices,
    )


def _report(report: Ready | Failure) -> None:
    """Tell the starter, who may be dead by now: then the clients' lock will end us."""
    with suppress(BrokenPipeError), os.fdopen(os.dup(1), "wb") as pipe:
        pipe.write(msgspec.json.encode(report) + b"\n")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


def _give_up(error: EmbeddedError) -> int:
    _log.error("%s", error)
    _report(Failure(type(error).__name__, str(error)))
    return 1


def _log_to(control: Control) -> None:
    handler = RotatingFileHandler(control.log, maxBytes=_LOG_MAX_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
