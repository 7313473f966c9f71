"""Where things lie under `var`, and folders that are ours and nobody else's.

    VAR/postgres/             control folder, ours: owner.lock clients.lock state.json secret.json supervisor.log
    VAR/postgres/server/      what the server needs: data/ log/ run/ program/ pg_hba.conf pg_ident.conf

Run as root the server is another account, and `VAR` may lie where that account cannot pass (/root/...). We never
open other people's folders: then `server` is a symlink to a new folder /var/lib/paygw-XXXXXXXX.
"""

import errno
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from paygw.store.embedded.errors import DataDamaged, FolderNotTrusted, FolderNotWritable, explain_os_error
from paygw.store.embedded.user import ServerUser, can_reach

PORT = 5432
_SOCKET_PATH_MAX_BYTES = 107 - len(f"/.s.PGSQL.{PORT}")
_UNFIT_FOR_SOCKET = frozenset(",:\"'\\\n")
_ELSEWHERE = Path("/var/lib")
_SHORT_ROOT = Path("/tmp")  # noqa: S108 - the folder made there is checked for owner, mode and symlink
_PRIVATE = 0o700
_PASSABLE = 0o711


@dataclass(frozen=True, slots=True)
class Control:
    """The files by which hub processes and the supervisor find each other."""

    folder: Path

    @property
    def owner_lock(self) -> Path:
        """Returns the lock of the one supervisor."""
        return self.folder / "owner.lock"

    @property
    def clients_lock(self) -> Path:
        """Returns the lock shared by the processes that use the server."""
        return self.folder / "clients.lock"

    @property
    def state(self) -> Path:
        """Returns the file that says where the server listens."""
        return self.folder / "state.json"

    @property
    def secret(self) -> Path:
        """Returns the file with the passwords for TCP."""
        return self.folder / "secret.json"

    @property
    def log(self) -> Path:
        """Returns the supervisor's log."""
        return self.folder / "supervisor.log"


@dataclass(frozen=True, slots=True)
class Layout:
    """The server's folders, absolute and real."""

    server: Path
    sockets: Path

    @property
    def data(self) -> Path:
        """Returns PGDATA."""
        return self.server / "data"

    @property
    def log(self) -> Path:
        """Returns the folder of the server's rotating logs."""
        return self.server / "log"

    @property
    def program(self) -> Path:
        """Returns the folder of the copied programs, used only where the wheel cannot be reached."""
        return self.server / "program"

    @property
    def startup_log(self) -> Path:
        """Returns the file with what the server says before its own log is open."""
        return self.server / "startup.log"


def control_of(var_dir: Path) -> Control:
    """Make and check the control folder. Raises FolderNotWritable, FolderNotTrusted, DiskFull."""
    folder = var_dir.absolute() / "postgres"
    mode = _PASSABLE if os.getuid() == 0 else _PRIVATE
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, mode)
        _trust(folder, uid=os.getuid(), mode=mode)
        folder = folder.resolve(strict=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    except OSError as error:
        raise explain_os_error(error, path=folder) from error
    return Control(folder)


def lay_out(control: Control, user: ServerUser) -> tuple[Layout, list[str]]:
    """Make the server's folders; returns them with sentences the operator should read.

    Raises FolderNotWritable, FolderNotTrusted, DataDamaged, DiskFull.
    """
    notices: list[str] = []
    server = control.folder / "server"
    try:
        if not server.is_symlink() and (not server.is_dir() or _is_ours_and_empty(server)):
            notices += _make_server_folder(server, control, user)
        if not server.exists():
            message = f"{server.readlink()}, where the data of {server} was, is gone: bring it back, or remove {server}"
            raise DataDamaged(message)
        server = server.resolve(strict=True)
        _trust(server, uid=os.getuid(), mode=_PASSABLE if user.switch else _PRIVATE)
        for name in ("log", "run"):
            _own_folder(server / name, user)
        layout = Layout(server, _socket_folder(server, user))
    except OSError as error:
        raise explain_os_error(error, path=server) from error
    if not can_reach(user, layout.log):
        message = f"the account of the server can no longer reach {server}: move it where everyone may pass"
        raise FolderNotWritable(message)
    return layout, notices


def _make_server_folder(server: Path, control: Control, user: ServerUser) -> list[str]:
    if can_reach(user, control.folder.parent) or not user.switch:
        _make(server, _PASSABLE if user.switch else _PRIVATE)
        return []
    elsewhere = Path(tempfile.mkdtemp(prefix="paygw-", dir=_ELSEWHERE))
    elsewhere.chmod(_PASSABLE)
    (elsewhere / "belongs-to").write_text(f"{control.folder}\n", encoding="utf-8")
    server.symlink_to(elsewhere)
    return [f"PostgreSQL does not run as root and its account cannot enter {control.folder}: data is in {elsewhere}"]


def _socket_folder(server: Path, user: ServerUser) -> Path:
    """Returns `run`, or where that path is too long or has signs that URLs and settings split at, a short one."""
    run = server / "run"
    if len(os.fsencode(run)) <= _SOCKET_PATH_MAX_BYTES and not _UNFIT_FOR_SOCKET & set(str(run)):
        return run
    digest = hashlib.sha256(os.fsencode(server)).hexdigest()[:16]
    return _own_folder(_SHORT_ROOT / f"paygw-{user.uid}-{digest}", user)


def _own_folder(folder: Path, user: ServerUser) -> Path:
    """Make a folder that only the server's account may enter, or check that it is one."""
    if _make(folder, _PRIVATE) and user.switch:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    _trust(folder, uid=user.uid, mode=_PRIVATE)
    return folder


def _make(folder: Path, mode: int) -> bool:
    """Make a folder with exactly this mode, whatever the umask; returns False when something is there already.

    An empty folder of our own is what a start that was cut short left: it is finished as if it were new.
    """
    try:
        folder.mkdir(mode=_PRIVATE)
    except FileExistsError:
        if not _is_ours_and_empty(folder):
            return False
    folder.chmod(mode)
    return True


def _is_ours_and_empty(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not any(folder.iterdir())


def _trust(folder: Path, *, uid: int, mode: int) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        message = f"{folder} is not a folder of user number {uid}: remove it, or choose another var folder"
        raise FolderNotTrusted(message)
    if stat.S_IMODE(found.st_mode) & ~mode & 0o077:
        message = f"{folder} is open to other users: chmod {mode:o} it, or choose another var folder"
        raise FolderNotTrusted(message)
