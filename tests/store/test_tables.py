"""The tables as queries see them are the tables as the migrations made them."""

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql.base import PGDialect

from paygw.store.tables import metadata
from tests.db_fixtures import Database

pytestmark = pytest.mark.db

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
_DIALECT = PGDialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
_SPELLED = {"TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "xid8": "xid8"}


async def test_tables_agree_with_the_migrated_database(shared_database: Database) -> None:
    connection = await asyncpg.connect(**shared_database.owner.connect_args())
    rows = await connection.fetch(_COLUMNS)
    await connection.close()
    migrated = {(row["table"], row["column"]): (row["type"], row["required"]) for row in rows}

    described = {
        (table.name, column.name): (
            _SPELLED.get(spelled := column.type.compile(_DIALECT), spelled.lower()),
            not column.nullable,
        )
        for table in metadata.sorted_tables
        for column in table.columns
    }

    assert described
    assert {name: migrated.get(name) for name in described} == described
