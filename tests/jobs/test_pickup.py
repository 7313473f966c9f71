"""Files are taken from drop folders and a real OpenSSH server, once, whatever lies beside them."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec import structs

from paygw.hub.filed import filed, find_files
from paygw.hub.hub import Hub
from paygw.jobs.pickup import Picked, inbox_of, pick_up
from paygw.kernel.errors import Refused
from paygw.outside.ports import free_port
from paygw.outside.sources import Sftp, Source, load_sources
from reconciliation.statements.read import SHIPPED
from tests.jobs.test_staging import DAY, statement

pytestmark = pytest.mark.db

FOLDER = Source(
    id="so-a", bank="sandbox-a", profile="sandbox-statement", files=r"SK_(?P<day>\d{8})(_(?P<sequence>\d+))?\.csv"
)
NAME = "SK_20261120.csv"


@pytest.fixture
def dropping(hub: Hub, tmp_path: Path) -> Hub:
    """A hub with a drop folder of its own."""
    return replace(hub, settings=hub.settings.model_copy(update={"var": tmp_path, "file_settled_s": 0}))


def drop(hub: Hub, name: str, data: bytes) -> Path:
    """Write as a sender does: under another name first."""
    folder = inbox_of(hub, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    part.write_bytes(data)
    return part.rename(folder / name)


async def test_a_dropped_file_is_staged_and_put_away(dropping: Hub) -> None:
    path = drop(dropping, NAME, statement(100, 200))

    picked = await pick_up(dropping, [FOLDER])

    (view,) = (await find_files(dropping, limit=10))["items"]
    assert picked == [Picked("so-a", kept=1)]
    assert (view["state"], view["source"], view["day"], view["name"]) == ("staged", "folder:so-a", "2026-11-20", NAME)
    assert not path.exists()
    assert len(list((path.parent / "done").iterdir())) == 1


async def test_the_same_file_dropped_again_is_put_away_without_effect(dropping: Hub) -> None:
    drop(dropping, NAME, statement(100))
    await pick_up(dropping, [FOLDER])
    path = drop(dropping, NAME, statement(100))

    picked = await pick_up(dropping, [FOLDER])

    assert picked == [Picked("so-a", known=1)]
    assert not path.exists()
    assert len(await filed(dropping, bank="sandbox-a", kind="statement", day=DAY)) == 1


async def test_a_file_from_a_clock_that_is_ahead_is_taken(dropping: Hub) -> None:
    patient = replace(dropping, settings=dropping.settings.model_copy(update={"file_settled_s": 60}))
    os.utime(drop(patient, NAME, statement(100)), (time.time() + 3_600,) * 2)

    assert await pick_up(patient, [FOLDER]) == [Picked("so-a", kept=1)]


async def test_a_file_that_grows_is_left_until_nobody_writes_to_it(dropping: Hub) -> None:
    patient = replace(dropping, settings=dropping.settings.model_copy(update={"file_settled_s": 60}))
    path = drop(patient, NAME, statement(100, 200))

    assert await pick_up(patient, [FOLDER]) == [Picked("so-a")]
    assert path.exists()
    os.utime(path, (time.time() - 61,) * 2)
    assert await pick_up(patient, [FOLDER]) == [Picked("so-a", kept=1)]


@pytest.mark.parametrize(("data", "said"), [(b"", "Tệp rỗng"), (b"x" * (20 * 1024 * 1024 + 1), "Tệp lớn hơn")])
async def test_what_is_not_even_kept_is_told_by_its_name(dropping: Hub, data: bytes, said: str) -> None:
    path = drop(dropping, NAME, data)

    assert await pick_up(dropping, [FOLDER]) == [Picked("so-a", refused=1)]
    (why,) = [one.read_text(encoding="utf-8") for one in (path.parent / "refused").glob("*.txt")]
    assert why.startswith(f"{NAME}: {said}")


async def test_a_sequence_in_the_name_counts(dropping: Hub) -> None:
    drop(dropping, "SK_20261120_2.csv", statement(100, 200))
    await pick_up(dropping, [FOLDER])
    drop(dropping, "SK_20261120_1.csv", statement(100))
    await pick_up(dropping, [FOLDER])

    (one,) = await filed(dropping, bank="sandbox-a", kind="statement", day=DAY)

    assert (one.sequence, one.lines) == (2, 2)


async def test_a_bad_file_goes_to_refused_with_its_reason(dropping: Hub) -> None:
    path = drop(dropping, NAME, statement(100).replace(b",100,", b",1OO,"))

    await pick_up(dropping, [FOLDER])

    reasons = [one.read_text(encoding="utf-8") for one in (path.parent / "refused").glob("*.txt")]
    assert len(reasons) == 1
    assert reasons[0].startswith(f"{NAME}: Dòng 2: Không phải số tiền nguyên đồng: 1OO. / Line 2:")
    assert not path.exists()


async def test_an_empty_file_goes_to_refused(dropping: Hub) -> None:
    path = drop(dropping, NAME, b"")

    assert await pick_up(dropping, [FOLDER]) == [Picked("so-a", refused=1)]
    assert not path.exists()


async def test_what_is_unfinished_hidden_linked_or_strange_is_left_alone(dropping: Hub, tmp_path: Path) -> None:
    folder = drop(dropping, "other.csv", statement(1)).parent
    secret = tmp_path / "secret"
    secret.write_bytes(statement(7))
    (folder / f"{NAME}.part").write_bytes(statement(2))
    (folder / f".{NAME}").write_bytes(statement(3))
    (folder / "SK_20261121.csv").symlink_to(secret)
    os.mkfifo(folder / "SK_20261122.csv")
    (folder / "SK_20261123.csv").mkdir()

    assert await pick_up(dropping, [FOLDER]) == [Picked("so-a", strange=1)]
    assert (await find_files(dropping, limit=10))["items"] == []


async def test_a_sick_source_delays_no_other(dropping: Hub, tmp_path: Path) -> None:
    away = Sftp(host="127.0.0.1", port=9, user="x", key_file=tmp_path / "none", host_key="ssh-ed25519 AAAA")
    drop(dropping, NAME, statement(100))

    picked = await pick_up(dropping, [Source(id="sick", bank="sandbox-a", profile="x", sftp=away), FOLDER])

    assert [(one.kept, bool(one.error)) for one in picked] == [(0, True), (1, False)]


@dataclass(frozen=True)
class Server:
    """A real OpenSSH server on the loopback, and the folder it shows."""

    sftp: Sftp
    folder: Path


_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@pytest.fixture
def server() -> Iterator[Server]:
    """An sshd of our own that allows SFTP with one key and nothing else."""
    if _SSHD is None:
        pytest.skip("no sshd here: install openssh-server")
    home = Path(tempfile.mkdtemp(prefix="paygw-sftp."))
    try:
        yield from _serve(home)
    finally:
        shutil.rmtree(home)


def _serve(home: Path) -> Iterator[Server]:
    for name in ("host", "user", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True)
    port = free_port()
    folder = home / "out"
    folder.mkdir()
    shutil.copy(home / "user.pub", home / "authorized")
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {home}/authorized\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    process = subprocess.Popen([str(_SSHD), "-D", "-e", "-f", str(home / "config")], stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        key = " ".join((home / "host.pub").read_text().split()[:2])
        user = pwd.getpwuid(os.geteuid()).pw_name
        yield Server(
            Sftp(host="127.0.0.1", port=port, user=user, key_file=home / "user", host_key=key, folder=str(folder)),
            folder,
        )
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int) -> None:
    code = (
        "import socket, time\nfor _ in range(200):\n"
        f"  try: socket.create_connection(('127.0.0.1', {port}), 1).close(); break\n  except OSError: time.sleep(.05)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def _source(server: Server, **changes: object) -> Source:
    sftp = Sftp(**{**{name: getattr(server.sftp, name) for name in Sftp.__struct_fields__}, **changes})
    return Source(id="so-b", bank="sandbox-b", profile="sandbox-statement", files=FOLDER.files, sftp=sftp)


async def test_files_of_a_real_sftp_server_are_taken_once(dropping: Hub, server: Server) -> None:
    (server.folder / NAME).write_bytes(statement(100, 200))
    (server.folder / "SK_20261121.csv.tmp").write_bytes(b"half")
    (server.folder / "SK_20261122.csv").mkdir()

    first = await pick_up(dropping, [_source(server)])
    second = await pick_up(dropping, [_source(server)])

    (view,) = (await find_files(dropping, limit=10))["items"]
    assert first == [Picked("so-b", kept=1, strange=1)]
    assert second == [Picked("so-b", known=1, strange=1)]
    assert (view["state"], view["source"], view["lines"]) == ("staged", "sftp:so-b", 2)


async def test_a_file_that_grows_there_is_left_until_nobody_writes_to_it(dropping: Hub, server: Server) -> None:
    patient = replace(dropping, settings=dropping.settings.model_copy(update={"file_settled_s": 60}))
    (server.folder / NAME).write_bytes(statement(100))

    assert await pick_up(patient, [_source(server)]) == [Picked("so-b")]
    os.utime(server.folder / NAME, (time.time() - 61,) * 2)
    assert await pick_up(patient, [_source(server)]) == [Picked("so-b", kept=1)]


async def test_a_file_written_again_there_is_taken_again(dropping: Hub, server: Server) -> None:
    (server.folder / NAME).write_bytes(statement(100))
    await pick_up(dropping, [_source(server)])
    (server.folder / NAME).write_bytes(statement(300))
    os.utime(server.folder / NAME, (2_000_000_000, 2_000_000_000))

    assert await pick_up(dropping, [_source(server)]) == [Picked("so-b", kept=1)]
    (one,) = await filed(dropping, bank="sandbox-b", kind="statement", day=date(2026, 11, 20))
    assert one.credit_vnd == 300


async def test_a_file_of_several_pieces_comes_from_a_server(dropping: Hub, server: Server, tmp_path: Path) -> None:
    profile = (SHIPPED / "sandbox-statement.yaml").read_text().replace("sandbox-statement", "large")
    (tmp_path / "large.yaml").write_text(f"{profile}limits: {{mib: 30}}\n")
    patient = replace(dropping, settings=dropping.settings.model_copy(update={"file_profiles": tmp_path}))
    data = statement(*range(1, 5_501), memo="x" * 4_000)
    (server.folder / NAME).write_bytes(data)

    picked = await pick_up(patient, [structs.replace(_source(server), profile="large")])

    (view,) = (await find_files(patient, limit=10))["items"]
    assert picked == [Picked("so-b", kept=1)]
    assert (view["state"], view["lines"]) == ("staged", 5_500)
    assert (view["size_bytes"], view["digest"]) == (len(data), sha256(data).hexdigest())


async def test_a_server_with_another_host_key_is_not_talked_to(dropping: Hub, server: Server) -> None:
    other = " ".join((server.folder.parent / "other.pub").read_text().split()[:2])
    (server.folder / NAME).write_bytes(statement(100))

    (picked,) = await pick_up(dropping, [_source(server, host_key=other)])

    assert "HostKeyNotVerifiable" in picked.error
    assert (await find_files(dropping, limit=10))["items"] == []


async def test_a_key_the_server_does_not_know_is_an_error(dropping: Hub, server: Server) -> None:
    (picked,) = await pick_up(dropping, [_source(server, key_file=server.folder.parent / "other")])

    assert "PermissionDenied" in picked.error


async def test_a_folder_that_is_not_there_is_an_error(dropping: Hub, server: Server) -> None:
    (picked,) = await pick_up(dropping, [_source(server, folder="/no/such/folder")])

    assert "SFTPNoSuchFile" in picked.error


async def test_a_file_that_is_too_large_stays_there(dropping: Hub, server: Server) -> None:
    with (server.folder / NAME).open("wb") as file:
        file.truncate(21 * 1024 * 1024)

    assert await pick_up(dropping, [_source(server)]) == [Picked("so-b", refused=1)]


def test_sources_are_read_strictly(tmp_path: Path) -> None:
    good = "sources: [{id: a, bank: sandbox-a, profile: mt940, expected: working_days, due: '10:30'}]"
    path = tmp_path / "sources.yaml"
    path.write_text(good)
    assert load_sources(path)["a"].due_at.hour == 10
    for bad in (
        good.replace("due", "dew"),
        good.replace("10:30", "25:00"),
        good.replace("a,", "'../a',", 1),
        "sources: 1",
        "[",
    ):
        path.write_text(bad)
        with pytest.raises(Refused, match="no list of sources"):
            load_sources(path)
    assert load_sources(None) == {}


async def test_two_looks_at_once_take_a_file_once(dropping: Hub) -> None:
    drop(dropping, NAME, statement(100))

    await asyncio.gather(*(pick_up(dropping, [FOLDER]) for _ in range(3)))

    assert len((await find_files(dropping, limit=10))["items"]) == 1
