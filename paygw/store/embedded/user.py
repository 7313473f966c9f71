"""Who runs the server: ourselves, or, since PostgreSQL refuses root, an account without rights."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from paygw.store.embedded.errors import NoServerUser

_CANDIDATES = ("paygw", "nobody")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """`switch` says that we are root and the server is somebody else; `hub` is our own account name."""

    uid: int
    gid: int
    switch: bool
    hub: str

    def subprocess_user(self) -> int | None:
        """Returns the `user` argument for subprocess: None stays as we are."""
        return self.uid if self.switch else None

    def subprocess_group(self) -> int | None:
        """Returns the `group` argument for subprocess."""
        return self.gid if self.switch else None

    def subprocess_groups(self) -> list[int] | None:
        """Returns the `extra_groups` argument for subprocess."""
        return [] if self.switch else None


def choose_user() -> ServerUser:
    """Choose the account of the server. Raises NoServerUser.

    As root that is `paygw` where an administrator made one, else `nobody`. Without root it is ourselves, and
    initdb and the socket's peer check both need our number to have a name.
    """
    uid = os.getuid()
    if uid != 0:
        return ServerUser(uid, os.getgid(), switch=False, hub=_name_of(uid))
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, switch=True, hub=_name_of(uid))
    message = "PostgreSQL does not run as root and there is no account paygw or nobody: make one (useradd -r paygw)"
    raise NoServerUser(message)


def can_reach(user: ServerUser, *paths: Path) -> bool:
    """Returns whether the server's account can enter these folders and read these files.

    Asked of the kernel by a child that has become that account: modes alone miss ACLs and mount options.
    """
    if not user.switch:
        return _may_use(paths)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
        os._exit(0 if _may_use(paths) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _may_use(paths: tuple[Path, ...]) -> bool:
    return all(os.access(path, os.R_OK) or (os.access(path, os.X_OK) and path.is_dir()) for path in paths)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError as error:
        message = f"user number {uid} has no name: add it to /etc/passwd, or set PAYGW_DATABASE_URL"
        raise NoServerUser(message) from error
