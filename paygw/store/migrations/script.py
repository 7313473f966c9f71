"""Run the SQL script of a revision inside alembic's transaction."""

from pathlib import Path

from alembic import op
from sqlalchemy import text


def run_script(path: Path) -> None:
    """Execute every statement of a file at once; an error undoes the whole revision."""
    bind = op.get_bind()
    bind.execute(text("SELECT 1"))  # opens the driver's transaction before we speak past SQLAlchemy
    script = path.read_text(encoding="utf-8")
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]  # the asyncpg adapter's own method
