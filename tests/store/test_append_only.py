"""What is kept for ever cannot be changed: not by the runtime role, not in replica mode, not by a slip of the owner."""

import asyncpg
import pytest

from tests.db_fixtures import Database

pytestmark = pytest.mark.db

KEPT = (
    "ledger", "evidence", "messages", "events", "audit", "seals", "reversals", "delivery_log", "settlement_lines",
    "movements", "fundings",
)  # fmt: skip
COLUMNS = {"ledger": "amount_vnd", "evidence": "kind", "messages": "verdict", "events": "type", "audit": "action"}
CHANGES = ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE")


def _statements(table: str) -> list[str]:
    column = COLUMNS.get(
        table, {"seals": "head", "reversals": "bank", "delivery_log": "outcome"}.get(table, "amount_vnd")
    )
    return [change.format(table, column) for change in CHANGES]


@pytest.mark.parametrize("table", KEPT)
async def test_the_runtime_role_may_not_change_what_is_kept(shared_database: Database, table: str) -> None:
    connection = await asyncpg.connect(**shared_database.runtime.connect_args())
    try:
        for statement in _statements(table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", KEPT)
async def test_the_owner_meets_the_triggers(shared_database: Database, table: str) -> None:
    connection = await asyncpg.connect(**shared_database.owner.connect_args())
    try:
        for statement in _statements(table):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", KEPT)
async def test_replica_mode_switches_nothing_off(shared_database: Database, table: str) -> None:
    for way in (shared_database.runtime, shared_database.owner):
        plain = await asyncpg.connect(**way.connect_args())
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await plain.execute("SET session_replication_role = replica")
        finally:
            await plain.close()
    connection = await asyncpg.connect(**shared_database.super.connect_args())
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in _statements(table):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", KEPT)
async def test_the_runtime_role_cannot_take_the_triggers_away(shared_database: Database, table: str) -> None:
    connection = await asyncpg.connect(**shared_database.runtime.connect_args())
    attempts = (
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only",
        f"DROP TRIGGER {table}_append_only ON {table}",
        f"ALTER TABLE {table} OWNER TO paygw_runtime",
        f"ALTER TABLE {table} ADD COLUMN note text",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        f"DROP TABLE {table}",
    )
    try:
        for statement in attempts:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_ledger_refuses_an_unbalanced_posting(shared_database: Database) -> None:
    connection = await asyncpg.connect(**shared_database.runtime.connect_args())
    try:
        with pytest.raises(asyncpg.CheckViolationError, match="off balance"):
            await connection.execute(
                "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) "
                "VALUES ('lone', 0, '3', 'U:free', 5, '', '', '2026-11-23')"
            )
    finally:
        await connection.close()
