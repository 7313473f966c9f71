"""What can stop the embedded server. Each message is one sentence that ends with what to do.

Unavailable
└── EmbeddedError
    ├── DiskFull · FolderNotWritable · FolderNotTrusted · FilesystemNoExec
    ├── SocketTrouble · PortInUse · WrongMajor · DataDamaged
    ├── WheelMissing · MachineUnsupported · NoServerUser · SettingRefused
    ├── CopyFailed · DataInUse
    └── StartFailed · StartTimeout
"""

import errno
from pathlib import Path

from paygw.kernel.errors import Unavailable


class EmbeddedError(Unavailable):
    """The embedded PostgreSQL cannot run here; the message says what to do."""


class DiskFull(EmbeddedError):
    """No space left where the data lives."""


class FolderNotWritable(EmbeddedError):
    """The data folder cannot be made or written by the user that runs the server."""


class FolderNotTrusted(EmbeddedError):
    """A folder of ours belongs to somebody else, is a symlink, or is open to others."""


class FilesystemNoExec(EmbeddedError):
    """The server's programs lie on a filesystem that forbids running them."""


class SocketTrouble(EmbeddedError):
    """The unix socket cannot be made."""


class PortInUse(EmbeddedError):
    """The TCP port asked for is taken."""


class WrongMajor(EmbeddedError):
    """The data was written by another major version of PostgreSQL."""


class DataDamaged(EmbeddedError):
    """The data folder is incomplete or the server cannot recover from it."""


class WheelMissing(EmbeddedError):
    """The wheel that carries the PostgreSQL programs is not installed."""


class MachineUnsupported(EmbeddedError):
    """The programs do not run on this machine."""


class NoServerUser(EmbeddedError):
    """There is no user account to run the server as."""


class SettingRefused(EmbeddedError):
    """A setting would weaken durability or leave the machine open."""


class CopyFailed(EmbeddedError):
    """The data could not be copied while the server works."""


class DataInUse(EmbeddedError):
    """There is a database already where one is to be put."""


class StartFailed(EmbeddedError):
    """The server ended while starting for a reason not in our table."""


class StartTimeout(EmbeddedError):
    """The server did not become ready in time."""


_LEAVES = {
    leaf.__name__: leaf
    for leaf in (
        DiskFull, FolderNotWritable, FolderNotTrusted, FilesystemNoExec, SocketTrouble, PortInUse, WrongMajor,
        DataDamaged, WheelMissing, MachineUnsupported, NoServerUser, SettingRefused, StartFailed, StartTimeout,
    )
}  # fmt: skip

# What PostgreSQL says (in C locale) -> what it means. First match wins.
_SAID: tuple[tuple[str, type[EmbeddedError], str], ...] = (
    ("No space left on device", DiskFull, "the disk of {path} is full: free some space there and start again"),
    ("Disk quota exceeded", DiskFull, "the disk quota for {path} is used up: free some space there and start again"),
    ("incompatible with server", WrongMajor, "{path} was written by another PostgreSQL: restore it by dump and load"),
    ("Unix-domain socket path", SocketTrouble, "the socket path under {path} is too long: choose a shorter folder"),
    ("could not create any Unix-domain sockets", SocketTrouble, "no unix socket can be made: is {path} a local disk?"),
    ("could not bind IPv4 address", PortInUse, "the TCP port is taken: choose another port or none"),
    ("could not create any TCP/IP sockets", PortInUse, "the TCP port is taken: choose another port or none"),
    ("Read-only file system", FolderNotWritable, "{path} is on a read-only filesystem: choose another folder"),
    ("Permission denied", FolderNotWritable, "the server may not write {path}: give the folder back to its user"),
    ("could not locate a valid checkpoint record", DataDamaged, "{path} is damaged: restore the latest backup"),
    ("is not a valid data directory", DataDamaged, "{path} is incomplete: restore the latest backup"),
    ("Out of memory", StartFailed, "the machine has too little memory: lower shared_buffers"),
    ("could not map anonymous shared memory", StartFailed, "too little memory: lower shared_buffers"),
    ("error while loading shared libraries", MachineUnsupported, "a system library is missing: see {path}"),
)


def leaf_named(name: str) -> type[EmbeddedError]:
    """Returns the error class a supervisor reported by name."""
    return _LEAVES.get(name, StartFailed)


def explain(output: str, *, path: Path) -> EmbeddedError:
    """Turn the last words of `initdb` or `postgres` into an error; `path` is the folder it was working on."""
    for words, leaf, sentence in _SAID:
        if words in output:
            return leaf(sentence.format(path=path))
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it said nothing")
    return StartFailed(f"the database server in {path} did not start ({last}): read its log there")


def explain_os_error(error: OSError, *, path: Path) -> EmbeddedError:
    """Turn a refusal of the operating system at `path` into an error."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"the disk of {path} is full: free some space there and start again")
    if error.errno == errno.ELOOP:
        return FolderNotTrusted(f"a file in {path} is a symlink: remove it, or choose another var folder")
    return FolderNotWritable(
        f"{path} cannot be written ({error.strerror}): give it to this user, or choose another var folder"
    )
