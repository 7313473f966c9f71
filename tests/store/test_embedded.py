"""The embedded PostgreSQL: it starts anywhere, is shared, leaves nothing behind, and says what is wrong."""

import socket
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from paygw.outside.ports import free_port
from paygw.store.embedded import Cluster, start
from paygw.store.embedded.errors import (
    DataDamaged,
    DiskFull,
    EmbeddedError,
    FolderNotTrusted,
    FolderNotWritable,
    PortInUse,
    SettingRefused,
    StartFailed,
    WrongMajor,
    explain,
)
from paygw.store.embedded.process import identify, postgres_in
from paygw.store.roles import OWNER
from tests.store.embedded_kit import SMALL, fetch, holder_of, postmaster_pid

pytestmark = pytest.mark.db


async def test_data_survive_a_stop(var_dir: Path) -> None:
    with start(var_dir, SMALL) as first:
        await fetch(first.owner_dsn(), "CREATE TABLE kept (amount_vnd bigint)")
        await fetch(first.owner_dsn(), "INSERT INTO kept VALUES (150000)")

    with start(var_dir, SMALL) as second:
        assert await fetch(second.owner_dsn(), "SELECT amount_vnd FROM kept") == 150000


@pytest.mark.parametrize(
    "name",
    ["hồ sơ của Nguyễn Văn Ất", 'a,b:c\'d "e"', "100%s $HOME", "d" * 150],
    ids=["spaces-and-vietnamese", "separators-and-quotes", "percent-and-dollar", "too-long-for-a-socket"],
)
async def test_any_folder_name_works(var_dir: Path, name: str) -> None:
    with start(var_dir / name, SMALL) as cluster:
        assert cluster.data.is_relative_to(var_dir / name)
        assert await fetch(cluster.runtime_dsn(), "SELECT current_user::text") == "paygw_runtime"


async def test_text_is_utf8_and_pages_have_checksums(cluster: Cluster) -> None:
    assert await fetch(cluster.owner_dsn(), "SHOW server_encoding") == "UTF8"
    assert await fetch(cluster.owner_dsn(), "SELECT upper('đường')") == "ĐƯỜNG"
    assert await fetch(cluster.owner_dsn(), "SHOW data_checksums") == "on"


async def test_durability_stays_on_after_alter_system(var_dir: Path) -> None:
    with start(var_dir, SMALL) as first:
        await fetch(first.super_dsn(), "ALTER SYSTEM SET fsync = off")
        await fetch(first.super_dsn(), "ALTER SYSTEM SET full_page_writes = off")
        await fetch(first.super_dsn(), "ALTER SYSTEM SET synchronous_commit = off")

    with start(var_dir, SMALL) as second:
        assert await fetch(second.runtime_dsn(), "SHOW fsync") == "on"
        assert await fetch(second.runtime_dsn(), "SHOW full_page_writes") == "on"
        assert await fetch(second.runtime_dsn(), "SHOW synchronous_commit") == "on"


@pytest.mark.parametrize(
    "forbidden",
    [
        "CREATE TABLE mine (n int)",
        "CREATE TEMP TABLE mine (n int)",
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "SET ROLE paygw_owner",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_runtime_role_may_only_work(cluster: Cluster, forbidden: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(cluster.runtime_dsn(), forbidden)


@pytest.mark.parametrize(
    ("setting", "value"), [("statement_timeout", "5s"), ("idle_in_transaction_session_timeout", "10s")]
)
async def test_runtime_role_is_bounded(cluster: Cluster, setting: str, value: str) -> None:
    assert await fetch(cluster.runtime_dsn(), f"SHOW {setting}") == value


async def test_owner_role_may_not_make_roles(cluster: Cluster) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(cluster.owner_dsn(), "CREATE ROLE other")


async def test_expected_conflicts_stay_out_of_the_log(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        await fetch(cluster.owner_dsn(), "CREATE TABLE once (reference text CONSTRAINT once_key UNIQUE)")
        await fetch(cluster.owner_dsn(), "INSERT INTO once VALUES ('HS-2026-001')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await fetch(cluster.owner_dsn(), "INSERT INTO once VALUES ('HS-2026-001')")

        logged = "".join(file.read_text(encoding="utf-8") for file in cluster.data.parent.glob("log/*.log"))
    assert "ready to accept connections" in logged
    assert "HS-2026-001" not in logged
    assert "once_key" not in logged


async def test_second_process_joins_and_keeps_the_server(var_dir: Path) -> None:
    with start(var_dir, SMALL) as first:
        postmaster = postmaster_pid(first.data)
        with holder_of(var_dir) as second:
            assert second.supervisor_pid == first.supervisor_pid
            first.close()
            first.close()
            assert postmaster_pid(second.data) == postmaster


def test_last_client_leaves_nothing_behind(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        supervisor = identify(cluster.supervisor_pid)

    assert supervisor is not None
    assert not supervisor.alive()
    assert postgres_in(cluster.data) == set()
    assert not (cluster.data / "postmaster.pid").exists()


def test_durable_caller_refuses_a_server_without_fsync(var_dir: Path) -> None:
    with start(var_dir, replace(SMALL, durable=False)), pytest.raises(SettingRefused):
        start(var_dir, SMALL)


async def test_tcp_asks_for_a_password(var_dir: Path) -> None:
    with start(var_dir, replace(SMALL, tcp_port=free_port())) as cluster:
        dsn = cluster.tcp_dsn(OWNER)
        assert await fetch(dsn, "SELECT 1") == 1
        assert await fetch(cluster.runtime_dsn(), "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await fetch(replace(dsn, password="guess"), "SELECT 1")
        assert dsn.password
        assert dsn.password not in repr(dsn)


def test_no_tcp_unless_asked(cluster: Cluster) -> None:
    with pytest.raises(SettingRefused):
        cluster.tcp_dsn(OWNER)


def test_taken_port_is_named(var_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortInUse, match="choose another port"):
            start(var_dir, replace(SMALL, tcp_port=taken.getsockname()[1]))


def test_folder_that_cannot_be_made_is_named(var_dir: Path) -> None:
    var_dir.write_text("a file is in the way", encoding="utf-8")

    with pytest.raises(FolderNotWritable, match="choose another var folder"):
        start(var_dir, SMALL)


def test_other_major_version_is_named(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        version = cluster.data / "PG_VERSION"
    version.write_text("16\n", encoding="ascii")

    with pytest.raises(WrongMajor, match="PostgreSQL 16 and this is 18"):
        start(var_dir, SMALL)


def test_folder_without_data_is_not_overwritten(var_dir: Path) -> None:
    with start(var_dir, SMALL) as cluster:
        (cluster.data / "PG_VERSION").unlink(missing_ok=False)

    with pytest.raises(DataDamaged, match="restore the latest backup"):
        start(var_dir, SMALL)


def test_planted_symlink_is_refused(var_dir: Path, tmp_path: Path) -> None:
    var_dir.mkdir()
    (var_dir / "postgres").symlink_to(tmp_path)

    with pytest.raises(FolderNotTrusted):
        start(var_dir, SMALL)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("last", ["", "server", "server/log", "server/run"])
async def test_folders_of_a_start_cut_short_are_finished(var_dir: Path, last: str) -> None:
    """As `mkdir` leaves them when the start is killed before it gives them their mode and their owner."""
    made = var_dir / "postgres" / last
    made.mkdir(parents=True)
    for folder in (made, *made.parents):
        if folder.is_relative_to(var_dir / "postgres"):
            folder.chmod(0o700 if folder == made else 0o711)

    with start(var_dir, SMALL) as cluster:
        assert await fetch(cluster.runtime_dsn(), "SELECT 1") == 1


def test_start_works_after_a_failed_one(var_dir: Path) -> None:
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(PortInUse):
            start(var_dir, replace(SMALL, tcp_port=port))

    with start(var_dir, SMALL) as cluster:
        assert postmaster_pid(cluster.data)


@pytest.mark.parametrize(
    ("said", "leaf"),
    [
        ('FATAL:  could not write to file "pg_wal/xlogtemp.9": No space left on device', DiskFull),
        ('FATAL:  could not open file "postmaster.pid": Permission denied', FolderNotWritable),
        ("PANIC:  could not locate a valid checkpoint record at 0/2000028", DataDamaged),
        ("something new", StartFailed),
        ("", StartFailed),
    ],
)
def test_last_words_become_an_error_that_names_the_folder(said: str, leaf: type[EmbeddedError]) -> None:
    error = explain(said, path=Path("/srv/var/postgres"))

    assert type(error) is leaf
    assert "/srv/var/postgres" in str(error)
