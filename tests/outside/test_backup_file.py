"""A backup's file opens whole, with its key, or not at all."""

from collections.abc import Iterator
from hashlib import shake_256
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.seals import Head
from paygw.outside.backup_file import BackupReader, BadBackup, Manifest, write_backup
from paygw.outside.vault import Vault

VAULT = Vault(bytes(range(32)))
MANIFEST = Manifest(
    made_at="2026-11-26T03:00:00Z",
    version="0.1",
    schema="0018",
    mode="test",
    funds="routing",
    database_bytes=1,
    heads=(Head(chain="ledger", no=3, head=b"\x01\x02"),),
)


def _written(folder: Path, *pieces: bytes) -> bytes:
    path = folder / "one.backup"
    size, _ = write_backup(path, VAULT, MANIFEST, pieces)
    content = path.read_bytes()
    assert (len(content), path.stat().st_mode & 0o777) == (size, 0o600)
    path.unlink()
    return content


def _read(content: bytes, vault: Vault = VAULT) -> tuple[Manifest, bytes]:
    reader = BackupReader(BytesIO(content), vault, name="one.backup")
    return reader.manifest, BufferedReader(reader).read()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small backup of several frames: what does not compress fills them."""
    noise = shake_256(b"paygw").digest((2 << 20) + 5)
    return _written(tmp_path_factory.mktemp("backup"), b"tables", noise, b"", b"log")


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (1 << 20,), (3 << 20, 5, 1 << 20)])
def test_what_went_in_comes_out(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    pieces = [shake_256(str(size).encode()).digest(size) for size in sizes]

    assert _read(_written(tmp_path, *pieces)) == (MANIFEST, b"".join(pieces))


@given(data=st.data())
def test_no_byte_of_it_may_be_another(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(BadBackup, match="one"):
        _read(bytes(changed))


@given(data=st.data())
def test_a_part_of_it_is_none(content: bytes, data: st.DataObject) -> None:
    with pytest.raises(BadBackup):
        _read(content[: data.draw(st.integers(0, len(content) - 1))])


def test_frames_keep_their_places(tmp_path: Path) -> None:
    content = _written(tmp_path, shake_256(b"paygw").digest(4 << 20))
    frames, at = [], 15 + 16
    while at < len(content):
        size = 4 + int.from_bytes(content[at : at + 4], "big")
        frames.append(content[at : at + size])
        at += size
    swapped = [frames[0], frames[2], frames[1], *frames[3:]]

    assert len(frames) > 4
    assert _read(content[: 15 + 16] + b"".join(frames))[0] == MANIFEST
    for wrong in (frames[:-1], [*frames, frames[-1]], swapped, [frames[0], *frames[2:]], frames[1:]):
        with pytest.raises(BadBackup):
            _read(content[: 15 + 16] + b"".join(wrong))


def test_another_key_is_told_as_such(content: bytes) -> None:
    with pytest.raises(BadBackup, match="PAYGW_KEY_FILE"):
        _read(content, Vault(bytes(32)))


def test_a_write_cut_short_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        write_backup(tmp_path / "one.backup", VAULT, MANIFEST, broken())

    assert list(tmp_path.iterdir()) == []
