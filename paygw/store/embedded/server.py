"""One run of PostgreSQL: make the data folder, start the program, see it ready, ask for the roles, end it."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paygw.store.embedded.binaries import MAJOR, Binaries
from paygw.store.embedded.errors import (
    DataDamaged,
    DiskFull,
    EmbeddedError,
    StartFailed,
    StartTimeout,
    WrongMajor,
    explain,
)
from paygw.store.embedded.layout import PORT, Layout
from paygw.store.embedded.options import Options, access_files, server_arguments
from paygw.store.embedded.process import end_postgres_in, exists, postgres_in, wait_gone
from paygw.store.embedded.user import ServerUser
from paygw.store.roles import SUPER, bootstrap_script

_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
_ROLES_STAMP = "roles.sha256"
_STATUS_LINE = 7
_RUN_BEGINS = "starting PostgreSQL"
_WAL_SEGMENT_BYTES = 16 * 1024 * 1024
_STEP_S = 0.01
_LAST_WORDS_BYTES = 4000
_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """Everything one run needs; `options` and places do not change while it lives."""

    binaries: Binaries
    layout: Layout
    user: ServerUser
    options: Options


def make_data(server: Server, *, in_child: Callable[[], None]) -> bool:
    """Run initdb unless there is data already; returns whether it did. The data folder appears by a rename.

    Raises WrongMajor, DataDamaged, DiskFull, FolderNotWritable, StartFailed.
    """
    data = server.layout.data
    if data.exists():
        _check_major(data)
        return False
    fresh = server.layout.server / "data.new"
    end_postgres_in(fresh)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if server.user.switch:
        os.chown(fresh, server.user.uid, server.user.gid, follow_symlinks=False)
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [
            server.binaries.program("initdb"), "-D", fresh, "-U", SUPER, "--encoding=UTF8", "--no-locale",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums", "--auth-local=peer",
            "--auth-host=scram-sha-256", "--no-instructions", *([] if server.options.durable else ["--no-sync"]),
        ],
        check=False, capture_output=True, text=True, errors="replace", cwd="/", env=_ENVIRONMENT,
        user=server.user.subprocess_user(), group=server.user.subprocess_group(),
        extra_groups=server.user.subprocess_groups(), preexec_fn=in_child,
    )  # fmt: skip
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise explain(done.stderr, path=data)
    (server.layout.server / _ROLES_STAMP).unlink(missing_ok=True)
    fresh.rename(data)
    _sync_folder(server.layout.server)
    return True


def launch(server: Server, *, in_child: Callable[[], None]) -> subprocess.Popen[bytes]:
    """Start the postmaster. Nothing else may work on the data folder (`end_postgres_in` was called)."""
    _clear_stale_pid_files(server.layout)
    for name, text in access_files(server.user.hub).items():
        path = server.layout.server / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
    with server.layout.startup_log.open("wb") as said:
        return subprocess.Popen(  # noqa: S603 - our own program, no shell
            [server.binaries.program("postgres"), *server_arguments(server.options, server.layout)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", env=_ENVIRONMENT,
            user=server.user.subprocess_user(), group=server.user.subprocess_group(),
            extra_groups=server.user.subprocess_groups(), process_group=0, preexec_fn=in_child,  # noqa: PLW1509 - one thread
        )  # fmt: skip


def wait_ready(server: Server, postmaster: subprocess.Popen[bytes]) -> None:
    """Wait until the postmaster says it is ready, through crash recovery if need be.

    Raises the error its last words mean, or StartTimeout.
    """
    end = time.monotonic() + server.options.start_timeout_s
    while _status(server.layout.data, postmaster.pid) != "ready":
        if postmaster.poll() is not None:
            raise _why_it_ended(server.layout)
        if time.monotonic() > end:
            message = (
                f"the database in {server.layout.data} was not ready after {server.options.start_timeout_s:.0f} s: "
                f"read the log in {server.layout.log}, or allow more time"
            )
            raise StartTimeout(message)
        time.sleep(_STEP_S)


def ensure_roles(server: Server, passwords: dict[str, str] | None) -> None:
    """Make roles and database, once for each version of the script. Raises the error psql's words mean."""
    script = bootstrap_script(passwords)
    stamp = server.layout.server / _ROLES_STAMP
    digest = hashlib.sha256(script.encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [
            server.binaries.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.layout.sockets,
            "-p", str(server.options.tcp_port or PORT), "-U", SUPER, "-d", "postgres", "-f", "-",
        ],
        input=script, check=False, capture_output=True, text=True, cwd="/", env=_ENVIRONMENT,
    )  # fmt: skip
    if done.returncode != 0:
        raise explain(done.stderr, path=server.layout.data)
    partial = stamp.with_suffix(".partial")
    partial.write_text(digest, encoding="ascii")
    partial.rename(stamp)


def stop(server: Server, postmaster: subprocess.Popen[bytes]) -> bool:
    """End the postmaster: fast, then immediate, then by force; returns whether the shutdown was clean."""
    patience_s = server.options.stop_timeout_s
    steps = ((signal.SIGINT, patience_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
    for number, timeout_s in steps:
        if postmaster.poll() is None:
            postmaster.send_signal(number)
        try:
            return postmaster.wait(timeout=timeout_s) == 0
        except subprocess.TimeoutExpired:
            continue
    return False


def last_words(layout: Layout) -> str:
    """Returns what the server said in its last run, as far as it could still write."""
    logs = sorted(layout.log.glob("postgres-*.log"), key=lambda path: path.stat().st_mtime)
    texts = [_tail(path) for path in (layout.startup_log, *logs[-1:]) if path.exists()]
    return "\n".join(text.rpartition(_RUN_BEGINS)[2] for text in texts)


def _why_it_ended(layout: Layout) -> EmbeddedError:
    """Returns the reason; on a full disk the server cannot even say it. Its log is a child's, which may end later."""
    wait_gone(postgres_in(layout.data), timeout_s=_LAST_WORDS_S)
    error = explain(last_words(layout), path=layout.data)
    if isinstance(error, StartFailed) and shutil.disk_usage(layout.data).free < _WAL_SEGMENT_BYTES:
        return DiskFull(f"the disk of {layout.data} is full: free some space there and start again")
    return error


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LAST_WORDS_BYTES))
        return file.read().decode("utf-8", errors="replace")


def _check_major(data: Path) -> None:
    try:
        major = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        message = f"{data} is not a PostgreSQL data folder: restore the latest backup there, or move it away"
        raise DataDamaged(message) from error
    if major != str(MAJOR):
        message = (
            f"{data} was written by PostgreSQL {major} and this is {MAJOR}: dump it with PostgreSQL {major}, move the "
            "folder away and load the dump"
        )
        raise WrongMajor(message)


def _status(data: Path, pid: int) -> str:
    """Returns the status a postmaster wrote into its pid file, or '' while the file is not its own yet."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE and lines[0].strip() == str(pid) else ""


def _clear_stale_pid_files(layout: Layout) -> None:
    """Remove pid files whose number is taken by a stranger or by a zombie that nobody reaps.

    PostgreSQL only asks whether the number exists, and would refuse to start. The others it clears itself.
    """
    for file in (layout.data / "postmaster.pid", *layout.sockets.glob(".s.PGSQL.*.lock")):
        try:
            number = abs(int(file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0]))
        except (OSError, ValueError):
            continue
        if exists(number) and not any(found.pid == number for found in postgres_in(layout.data)):
            file.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
