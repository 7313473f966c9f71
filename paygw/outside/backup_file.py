"""The file of a backup: a manifest and a packed stream, sealed piece by piece under the hub's key.

    magic line · 16 random bytes that name the file · frames
    frame = length (4 bytes, big endian) · sealed piece

The first piece is the manifest, the others are the stream compressed by zlib, the last one says that it is the last.
A piece is bound to its file, its place and whether it ends the file: none can be changed, swapped, left out or cut off.
"""

import os
import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from paygw.kernel.errors import Refused
from paygw.kernel.seals import Head
from paygw.outside.vault import Vault, VaultError

_MAGIC: Final = b"paygw backup 1\n"
_NAME_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_PIECE_BYTES: Final = 1 << 20
_FRAME_BYTES_MAX: Final = _PIECE_BYTES + 256
_LEVEL: Final = 1  # tables compress well at once; more costs more than it saves


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of. `heads` are the newest seals when it began: the restored chains must contain them."""

    made_at: str
    version: str
    schema: str
    mode: str
    funds: str
    database_bytes: int
    heads: tuple[Head, ...]


class BadBackup(Refused):
    """The file is no whole backup of ours; the message says where it fails and what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__("backup_unreadable", detail)


def write_backup(path: Path, vault: Vault, manifest: Manifest, stream: Iterable[bytes]) -> tuple[int, str]:
    """Write the file durably, under its name only when whole; its size in bytes and its SHA-256. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            sealed = _Sealing(file, vault)
            sealed.add(msgspec.json.encode(manifest))
            packing = zlib.compressobj(_LEVEL)
            waiting = bytearray()
            for piece in stream:
                waiting += packing.compress(piece)
                while len(waiting) > _PIECE_BYTES:
                    sealed.add(bytes(waiting[:_PIECE_BYTES]))
                    del waiting[:_PIECE_BYTES]
            waiting += packing.flush()
            while len(waiting) > _PIECE_BYTES:
                sealed.add(bytes(waiting[:_PIECE_BYTES]))
                del waiting[:_PIECE_BYTES]
            sealed.add(bytes(waiting), last=True)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        part.rename(path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return size, sealed.digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BackupReader(RawIOBase):
    """The stream of a backup as a file that is read once; `manifest` is known from the beginning.

    Raises BadBackup, while it is read too: what was read before is authentic.
    """

    def __init__(self, file: BinaryIO, vault: Vault, *, name: str) -> None:
        self._pieces = _pieces(file, vault, name)
        try:
            self.manifest = msgspec.json.decode(next(self._pieces), type=Manifest)
        except msgspec.DecodeError as error:
            raise BadBackup(f"{name} was made by another version of paygw: restore it with that one") from error
        self._unpacking = zlib.decompressobj()
        self._ready = b""

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # io's own name for both
        """Fill some of the buffer; 0 at the end of a whole file."""
        while not self._ready:
            packed = self._unpacking.unconsumed_tail or next(self._pieces, None)
            if packed is None:
                return 0
            self._ready = self._unpacking.decompress(packed, _PIECE_BYTES)
        taken = min(len(buffer), len(self._ready))
        buffer[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken


class _Sealing:
    """Frames of one file as they are written."""

    def __init__(self, file: BinaryIO, vault: Vault) -> None:
        self._file, self._vault = file, vault
        self._name, self._number = os.urandom(_NAME_BYTES), 0
        self.digest = sha256()
        self._write(_MAGIC + self._name)

    def add(self, piece: bytes, *, last: bool = False) -> None:
        sealed = self._vault.seal(piece, where=_place(self._name, self._number, last=last))
        self._number += 1
        self._write(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self.digest.update(content)


def _pieces(file: BinaryIO, vault: Vault, name: str) -> Iterator[bytes]:
    head = file.read(len(_MAGIC) + _NAME_BYTES)
    if not head.startswith(_MAGIC) or len(head) != len(_MAGIC) + _NAME_BYTES:
        raise BadBackup(f"{name} is no backup of paygw: give a file that paygw backup wrote")
    number = 0
    frame = _frame(file, name)
    while frame:
        following = _frame(file, name)
        yield _opened(vault, frame, _place(head[len(_MAGIC) :], number, last=not following), name)
        frame, number = following, number + 1
    if not number:
        raise BadBackup(f"{name} is cut off: copy it here again")


def _opened(vault: Vault, frame: bytes, place: str, name: str) -> bytes:
    if not frame.startswith(vault.key_id):
        raise BadBackup(f"{name} was sealed with another key: set PAYGW_KEY_FILE to the key file of that hub")
    try:
        return vault.open(frame, where=place)
    except VaultError:
        raise BadBackup(f"{name} is cut off or changed: copy it here again") from None


def _frame(file: BinaryIO, name: str) -> bytes:
    """The next sealed piece; nothing at the end of the file."""
    length = file.read(_LENGTH_BYTES)
    if not length:
        return b""
    size = int.from_bytes(length, "big")
    sealed = file.read(size) if len(length) == _LENGTH_BYTES and size <= _FRAME_BYTES_MAX else b""
    if len(sealed) != size or not size:
        raise BadBackup(f"{name} is cut off or changed: copy it here again")
    return sealed


def _place(name: bytes, number: int, *, last: bool) -> str:
    return f"backup/{name.hex()}/{number}/{'last' if last else 'more'}"
