"""Physical copies of the embedded server's data: taken while it works, put in place whole or not at all.

A copy is the tar of pg_basebackup, with the log that makes it consistent. It is physical because transaction numbers
must go on where they were: cursors, seals and the feed walk by them (`paygw.store.cursor`).
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from paygw.store.dsn import Dsn
from paygw.store.embedded.binaries import find_binaries
from paygw.store.embedded.errors import CopyFailed, DataInUse, explain_os_error
from paygw.store.embedded.layout import Layout, control_of, lay_out
from paygw.store.embedded.lock import open_lock, try_exclusive
from paygw.store.embedded.user import ServerUser, choose_user

_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
_PIECE_BYTES = 1 << 20
_PRIVATE = 0o700
_FILTER = getattr(tarfile, "tar_filter", lambda member, _: member)  # Python 3.11.4 brought it; the tar is authentic


def copy_out(dsn: Dsn) -> Generator[bytes]:
    """The running server's data as a tar, piece by piece; `dsn` is its superuser's. Raises CopyFailed."""
    ours, theirs = os.pipe()
    with tempfile.TemporaryFile() as said, os.fdopen(ours, "rb") as pieces:
        with os.fdopen(theirs, "wb") as tar:
            copying = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [
                    find_binaries().program("pg_basebackup"), "-h", dsn.host, "-p", str(dsn.port), "-U", dsn.user,
                    "-D", "-", "-F", "tar", "-X", "fetch", "-c", "fast", "-w",
                ],
                stdin=subprocess.DEVNULL, stdout=tar, stderr=said, cwd="/", env=_ENVIRONMENT,
            )  # fmt: skip
        try:
            while piece := pieces.read(_PIECE_BYTES):
                yield piece
        finally:
            pieces.close()
            status = _ended(copying)
        if status != 0:
            said.seek(0)
            words = said.read().decode("utf-8", errors="replace").strip().splitlines()
            raise CopyFailed(f"the database could not be copied ({words[-1] if words else status}): try again")


def put_in_place(var_dir: Path, tar: BinaryIO) -> None:
    """Unpack a copy as the data of a `var` folder that has none. Raises DataInUse, DiskFull, FolderNotWritable."""
    with _vacant(var_dir) as (layout, user):
        fresh = layout.server / "data.restored"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=_PRIVATE)
        try:
            with tarfile.open(fileobj=tar, mode="r|") as packed:
                packed.extraction_filter = _FILTER
                packed.extractall(fresh)  # noqa: S202 - authentic, and filtered where Python can
            _give(fresh, user)
            os.sync()
            fresh.rename(layout.data)
        except OSError as error:
            raise explain_os_error(error, path=fresh) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)  # where it was not put in place


def move_data(source_var: Path, target_var: Path) -> None:
    """Make the data of one `var` folder, whose server has stopped, that of another which has none."""
    with _vacant(target_var) as (target, _), _unused(source_var) as (source, _):
        try:
            source.data.rename(target.data)
            os.sync()
        except OSError as error:
            raise explain_os_error(error, path=target.data) from error


def require_vacant(var_dir: Path) -> None:
    """Raises DataInUse where a `var` folder has data already."""
    with _vacant(var_dir):
        return


@contextmanager
def _vacant(var_dir: Path) -> Generator[tuple[Layout, ServerUser]]:
    with _unused(var_dir) as (layout, user):
        if layout.data.exists():
            message = f"{layout.data} holds a database already: move it away first, or choose another PAYGW_VAR"
            raise DataInUse(message)
        yield layout, user


@contextmanager
def _unused(var_dir: Path) -> Generator[tuple[Layout, ServerUser]]:
    """The folders, with the lock held that a supervisor needs: no server begins or goes on there meanwhile."""
    control = control_of(var_dir)
    lock = open_lock(control.owner_lock)
    try:
        if not try_exclusive(lock):
            raise DataInUse(f"a database is running in {control.folder}: stop the hub first")
        user = choose_user()
        layout, _ = lay_out(control, user)
        yield layout, user
    finally:
        os.close(lock)


def _give(folder: Path, user: ServerUser) -> None:
    """Everything in it becomes the server's, as initdb would have made it."""
    if user.switch:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The status of a copy that has said all, or is not wanted any more."""
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
