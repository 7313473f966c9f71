"""Bring a database to the current schema, as its owner; say which revision it is at."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from paygw.kernel.errors import Unavailable
from paygw.store.away import AWAY
from paygw.store.dsn import Dsn

_FOLDER = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 0x7061_7967_7700  # one migrator at a time, whatever starts together


def head() -> str:
    """The revision this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    return revision or ""


async def upgrade(dsn: Dsn) -> str:
    """Migrate to the head and return it. Idempotent; several callers wait for one another.

    Raises Unavailable while the server starts, recovers or goes away: try again.
    """
    engine = create_async_engine(dsn.url(), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)
    except DBAPIError as error:
        if isinstance(error.orig and error.orig.__cause__, AWAY):
            raise Unavailable(f"the database does not take migrations now ({error.orig}): try again") from error
        raise
    finally:
        await engine.dispose()
    return head()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
