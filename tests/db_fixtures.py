"""PostgreSQL for tests: one server per run, one migrated template, a clone for whoever needs one.

    cluster           session   the embedded server, shared by all xdist workers
    database          function  a fresh clone of the migrated template: `.owner`, `.runtime`, `.super`
    shared_database   worker    one clone for all tests of a worker that do not mind what the others left there

PAYGW_TEST_DATABASE_URL names a superuser's way into a server to use instead of the embedded one; roles and
databases are made there. `--db-fast` gives up durability (no fsync); a hub refuses to start on such a server.
"""

import asyncio
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from paygw.store import migrate
from paygw.store.dsn import Dsn, parse_dsn
from paygw.store.embedded import Cluster, Options, start
from paygw.store.roles import OWNER, RUNTIME, enter_sql, roles_sql

_MEMORY_BYTES_MIN = 4 << 30
_URL_VARIABLE = "PAYGW_TEST_DATABASE_URL"
_FOLDER = pytest.StashKey[Path]()
_TEMPLATE_LOCK = 0x7061_7967_7701
_TEST_OPTIONS = Options(shared_buffers="128MB", max_connections=300, max_wal_size="1GB")
_PASSWORDS = {OWNER: "paygw-test-owner", RUNTIME: "paygw-test-runtime"}


@dataclass(frozen=True, slots=True)
class Database:
    """One database and the ways into it."""

    owner: Dsn
    runtime: Dsn
    super: Dsn

    @property
    def name(self) -> str:
        """Returns the database's name."""
        return self.owner.database

    def named(self, name: str) -> "Database":
        """Returns the ways into another database of the same server."""
        ways = (replace(way, database=name) for way in (self.owner, self.runtime, self.super))
        return Database(*ways)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to trade durability for speed."""
    parser.addoption("--db-fast", action="store_true", help="run the test server without fsync")


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder once; xdist workers are told where it is."""
    told: dict[str, str] | None = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_FOLDER] = Path(told["paygw_db_folder"])
        return
    folder = Path(tempfile.mkdtemp(prefix="paygw-test-", dir=_roomy()))
    folder.chmod(0o711)  # the account that runs the server for root must pass
    config.stash[_FOLDER] = folder


def _roomy() -> str:
    """Memory where there is plenty, else the disk: a thousand databases are made and dropped. Short, for the socket."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _MEMORY_BYTES_MIN
    return str(memory if roomy else "/tmp")  # noqa: S108 - the same


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist's node has no public type
    """Tell an xdist worker the folder."""
    node.workerinput["paygw_db_folder"] = str(node.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's folder; every worker has left, and the last one waited for the server."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """The embedded server of this run."""
    fast = bool(pytestconfig.getoption("db_fast"))
    with start(pytestconfig.stash[_FOLDER], replace(_TEST_OPTIONS, durable=not fast)) as running:
        yield running


@pytest.fixture(scope="session")
def _server(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Ways into the server's maintenance database, with the roles there."""
    if url := os.environ.get(_URL_VARIABLE):
        admin = parse_dsn(url)
        apart(_make_roles(admin))
        owner, runtime = (replace(admin, user=role, password=_PASSWORDS[role]) for role in (OWNER, RUNTIME))
        server = Database(owner, runtime, admin)
    else:
        running: Cluster = request.getfixturevalue("cluster")
        server = Database(running.owner_dsn("postgres"), running.runtime_dsn("postgres"), running.super_dsn())
    with _elder(server) if hasattr(request.config, "workerinput") else nullcontext():
        yield server


@contextmanager
def _elder(server: Database) -> Generator[None]:
    """Beside other workers somebody's transaction may be open at any moment: here there always is one.

    What waits for every earlier transaction of the server (feeds, seals, totals) is thereby seen to wait in each run,
    and not in one of a hundred: a test that cannot let it wait is marked `alone`.
    """
    with psycopg.connect(**server.super.connect_args_libpq()) as somebody:  # type: ignore[arg-type]  # it wants literals
        somebody.execute("SELECT pg_current_xact_id()")
        yield


@pytest.fixture(scope="session")
def _template(_server: Database) -> str:
    """The name of the migrated template: made by the first worker that comes, kept for this version of the code."""
    digest = hashlib.sha256()
    folder = Path(migrate.__file__).parent
    for file in sorted((*folder.glob("migrations/**/*.py"), folder / "tables.py", folder / "roles.py")):
        digest.update(file.read_bytes())
    template = _server.named(f"paygw_template_{digest.hexdigest()[:16]}")
    apart(_make_template(_server, template))
    return template.name


@pytest.fixture
def database(_server: Database, _template: str) -> Iterator[Database]:
    """A database nobody else has touched; it is dropped after the test."""
    with _clone(_server, _template) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def clone_database(_server: Database, _template: str) -> Callable[[], AbstractContextManager[Database]]:
    """Makes fresh databases, for a test that needs one per example."""
    return lambda: _clone(_server, _template)


@pytest.fixture(scope="session")
def shared_database(_server: Database, _template: str) -> Iterator[Database]:
    """A database for all tests of this worker that look only at rows of their own."""
    with _clone(_server, _template) as shared:
        yield shared


def apart(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine in a thread with an event loop of its own, whatever loop the test runs in."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, work).result()


@contextmanager
def _clone(server: Database, template: str) -> Generator[Database]:
    fresh = server.named(f"paygw_test_{secrets.token_hex(6)}")
    create = f'CREATE DATABASE "{fresh.name}" TEMPLATE "{template}" OWNER {OWNER} STRATEGY FILE_COPY'
    apart(_execute(server.super, create, enter_sql(fresh.name)))
    try:
        yield fresh
    finally:
        apart(_execute(server.super, f'DROP DATABASE "{fresh.name}" WITH (FORCE)'))


async def _make_roles(admin: Dsn) -> None:
    connection = await asyncpg.connect(**admin.connect_args())
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        await connection.execute(roles_sql(_PASSWORDS))
    finally:
        await connection.close()


async def _make_template(server: Database, template: Database) -> None:
    connection = await asyncpg.connect(**server.super.connect_args())
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        if await connection.fetchval(
            "SELECT true FROM pg_database WHERE datname = $1 AND datistemplate", template.name
        ):
            return
        await connection.execute(f'DROP DATABASE IF EXISTS "{template.name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{template.name}" OWNER {OWNER}')
        await connection.execute(enter_sql(template.name))
        await migrate.upgrade(template.owner)
        await connection.execute(f'ALTER DATABASE "{template.name}" IS_TEMPLATE true')
    finally:
        await connection.close()


async def _execute(dsn: Dsn, *statements: str) -> None:
    connection = await asyncpg.connect(**dsn.connect_args())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
