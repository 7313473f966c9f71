"""Connections: one asyncpg pool per process, JSON as text, no reset on release (no session state is used)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg
from asyncpg import Connection, Pool, Record

from paygw.kernel.errors import Alarm, Unavailable
from paygw.store.away import AWAY
from paygw.store.dsn import Dsn

T = TypeVar("T")
AUDIT_S: Final = 3_600.0  # a question over all years takes its time: the client's own limit, beside the server's

_LIMIT = "SELECT set_config('statement_timeout', $1, true)"
_REQUIRED = {"fsync": {"on"}, "full_page_writes": {"on"}, "synchronous_commit": {"on", "remote_apply"}}


class _NoResetConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no type information
    """Saves one round trip per use: we set nothing on a session that would have to be undone."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - overrides asyncpg
        """Roll back what a cancelled use left open; nothing else to undo."""
        if self.is_in_transaction():
            await self.execute("ROLLBACK", timeout=timeout)


async def open_pool(
    dsn: Dsn, *, size: int, application: str, statement_timeout_s: float, idle_timeout_s: float
) -> Pool:
    """Open the pool. Raises Unavailable with what to do when the database is not there."""
    server = {
        "application_name": application,
        "statement_timeout": str(int(statement_timeout_s * 1000)),
        "idle_in_transaction_session_timeout": str(int(idle_timeout_s * 1000)),
        "jit": "off",
        "timezone": "UTC",
    }
    try:
        return await asyncpg.create_pool(
            **dsn.connect_args(),
            min_size=min(2, size),
            max_size=size,
            connection_class=_NoResetConnection,
            server_settings=server,
            command_timeout=statement_timeout_s + 5,
            max_inactive_connection_lifetime=300,
        )
    except (*AWAY, asyncpg.PostgresError) as error:
        raise Unavailable(
            f"cannot reach the database ({type(error).__name__}); is it running, is PAYGW_DATABASE_URL right?"
        ) from error


async def ask_long(connection: Connection, sql: str, *arguments: object) -> list[Record]:
    """The rows of a question that grows with a day or with the books: not held to the limit of a request.

    The limit of the transaction it is asked in, if any, is as before afterwards.
    """
    async with connection.transaction():
        limit = await connection.fetchval("SELECT current_setting('statement_timeout')")
        await connection.execute(_LIMIT, "0")
        rows: list[Record] = await connection.fetch(sql, *arguments, timeout=AUDIT_S)
        await connection.execute(_LIMIT, limit)
    return rows


async def require_durable(connection: Connection) -> None:
    """Refuse to work on a server that may forget what it confirmed. Raises Alarm."""
    for name, allowed in _REQUIRED.items():
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value not in allowed:
            raise Alarm(f"PostgreSQL runs with {name}={value}; money needs {name} in {sorted(allowed)}")


class OneConnection:
    """Stands in for a pool inside a transaction: use cases run in savepoints of it, all or none of them are kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """The one connection."""
        yield self._connection


async def transact(
    pool: Pool | OneConnection,
    work: Callable[[Connection], Awaitable[T]],
    *,
    retries_max: int = 3,
    tell: Callable[[str], object] = bool,
) -> T:
    """Run one use case in one transaction, committed here; deadlocks and serialization errors are tried again.

    `tell` hears `deadlock` or `serialization` before each repeat.
    Raises Unavailable when the database does not answer: the caller may repeat the same request.
    """
    for tried in range(retries_max + 1):
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await work(connection)
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
            if tried == retries_max:
                raise Unavailable("the database is contended") from error
            tell("deadlock" if isinstance(error, asyncpg.DeadlockDetectedError) else "serialization")
        except AWAY as error:
            raise Unavailable("the database does not answer") from error
    raise Unavailable("the database is contended")
