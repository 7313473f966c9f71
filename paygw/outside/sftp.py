"""Files of an SFTP server whose host key is pinned; read whole, bounded, nothing there is changed."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO, Final

import asyncssh

from paygw.kernel.errors import Unavailable
from paygw.outside.sources import Sftp

ENTRIES_MAX: Final = 10_000
CONNECT_S: Final = 10.0
READ_S: Final = 120.0

_BYTES_PER_S: Final = 1_000_000  # a large file may take longer
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """A file there. `stamp` changes when it is written again."""

    name: str
    size_bytes: int
    modified_at: datetime

    @property
    def stamp(self) -> str:
        """Time and size, as kept beside the file."""
        return f"{int(self.modified_at.timestamp())}:{self.size_bytes}"


@dataclass(frozen=True, slots=True)
class SftpFolder:
    """An open folder: list what nobody wrote to for some seconds, read a file of the list. Both raise Unavailable."""

    list: Callable[[float], Awaitable[list[Remote]]]
    read: Callable[[Remote, BinaryIO], Awaitable[bool]]


@asynccontextmanager
async def open_folder(where: Sftp) -> AsyncIterator[SftpFolder]:
    """Sign in and open the folder. Raises Unavailable: unreachable, another host key, not let in, no such folder.

    Neither the configuration nor the known hosts nor the agent of whoever runs us is looked at.
    """
    with _reaching(where):
        async with asyncio.timeout(CONNECT_S):
            connection = await asyncssh.connect(
                where.host,
                where.port,
                username=where.user,
                client_keys=[str(where.key_file)],
                known_hosts=([asyncssh.import_public_key(where.host_key)], [], []),
                preferred_auth=["publickey"],
                agent_path=None,
                config=None,
            )
    try:
        with _reaching(where):
            async with asyncio.timeout(CONNECT_S):
                client = await connection.start_sftp_client()
        yield SftpFolder(partial(_list, where, client), partial(_read, where, client))
    finally:
        connection.abort()
        await connection.wait_closed()


@contextmanager
def _reaching(where: Sftp) -> Iterator[None]:
    """What goes wrong on the way is one error that tells no names."""
    try:
        yield
    except (asyncssh.Error, OSError, TimeoutError, ValueError) as error:
        reason = type(error).__name__
        raise Unavailable(f"cannot read files from {where.host}:{where.port} ({reason})") from error


async def _list(where: Sftp, client: asyncssh.SFTPClient, settled_s: float) -> list[Remote]:
    found: list[Remote] = []
    with _reaching(where):
        async with asyncio.timeout(READ_S):
            async for entry in client.scandir(where.folder):
                name, kind = str(entry.filename), entry.attrs.permissions or 0
                if stat.S_ISREG(kind) and "/" not in name and not name.startswith(".") and _settled(entry, settled_s):
                    at = datetime.fromtimestamp(entry.attrs.mtime or 0, UTC)
                    found.append(Remote(name, entry.attrs.size or 0, at))
                if len(found) >= ENTRIES_MAX:
                    break
    return sorted(found, key=lambda one: (one.modified_at, one.name))


def _settled(entry: asyncssh.SFTPName, settled_s: float) -> bool:
    """Whether a file was left alone for a while, as far as the server's clock is ours."""
    return not 0 <= time.time() - (entry.attrs.mtime or 0) < settled_s


async def _read(where: Sftp, client: asyncssh.SFTPClient, remote: Remote, into: BinaryIO) -> bool:
    """The bytes of a file; False if it is not, or no longer, as it was listed: it is being written."""
    read_bytes = 0
    with _reaching(where):
        async with asyncio.timeout(READ_S + remote.size_bytes / _BYTES_PER_S):
            async with client.open(f"{where.folder}/{remote.name}", "rb") as file:
                while read_bytes <= remote.size_bytes:
                    piece: Any = await file.read(_PIECE)  # bytes, in mode rb
                    if not piece:
                        break
                    into.write(piece)
                    read_bytes += len(piece)
            now = await client.stat(f"{where.folder}/{remote.name}")
    same = (now.size, now.mtime) == (remote.size_bytes, int(remote.modified_at.timestamp()))
    return same and read_bytes == remote.size_bytes
