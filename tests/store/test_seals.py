"""Tampering is found and named: rows changed, removed, put in, tails cut off, chains made anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.sealing import export, heads_path, seal, verify
from paygw.kernel.seals import Head
from paygw.outside.heads import BadHeads, append_heads, read_heads
from paygw.store.seals import CHAINS, seal_rows
from tests.db_fixtures import Database
from tests.jobs.outbox_kit import open_hub

pytestmark = [pytest.mark.db, pytest.mark.alone]

_HEAD = Head(chain="ledger", no=1, head=b"1" * 32)


@pytest.fixture
async def sealed(database: Database, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub with thirty rows in each chain, sealed in three seals and exported."""
    async with open_hub(database.runtime, [], var=tmp_path) as hub:
        for _ in range(3):
            async with hub.pool.acquire() as connection:
                await _add_rows(connection, 10)
            await seal(hub)
        yield hub


@asynccontextmanager
async def _intruder(database: Database) -> AsyncIterator[Connection]:
    """The owner with every guard taken down, as only somebody with the server can."""
    connection = await asyncpg.connect(**database.owner.connect_args())
    for table in (*CHAINS, "seals"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
    yield connection
    await connection.close()


async def _add_rows(connection: Connection, count: int) -> None:
    await connection.execute(
        "INSERT INTO audit (principal, action, subject) "
        "SELECT 'anna', 'approve', n::text FROM generate_series(1, $1) n",
        count,
    )
    await connection.execute(
        "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) "
        "SELECT k, n, '3', 'A', CASE n WHEN 0 THEN 5 ELSE -5 END, 'b', 'm', '2026-01-02' "
        "FROM (SELECT gen_random_uuid()::text AS k FROM generate_series(1, $1 / 2)) keys, generate_series(0, 1) n",
        count,
    )
    await connection.execute(
        "INSERT INTO evidence (bank, key, kind, authority, body) "
        "SELECT 'b', gen_random_uuid()::text, 'PaymentSeen', 3, '{\"amount_vnd\": 5}' FROM generate_series(1, $1)",
        count,
    )


@pytest.mark.db
async def test_untouched_chains_hold(sealed: Hub) -> None:
    assert await verify(sealed) is None


@pytest.mark.db
async def test_rows_since_the_last_seal_are_no_fault(sealed: Hub) -> None:
    async with sealed.pool.acquire() as connection:
        await _add_rows(connection, 4)

    assert await verify(sealed) is None


_FORGERY = """
INSERT INTO ledger (xid, key, n, rule, account, amount_vnd, bank, merchant, value_date)
SELECT (SELECT xid FROM ledger WHERE seq = 11), 'forged', n, '3', 'A', 5 - 10 * n, 'b', 'm', '2026-01-02'
FROM generate_series(0, 1) n
"""
# What is done, the chain, the fault that is named, the row that is named.
_TAMPERING = {
    "an amount": ("UPDATE ledger SET amount_vnd = 6 WHERE seq = 15", "ledger", "changed", "line"),
    "an account": ("UPDATE ledger SET account = 'B' WHERE seq = 3", "ledger", "changed", "line"),
    "a removed entry": ("DELETE FROM ledger WHERE seq = 12", "ledger", "removed", "line"),
    "an entry put in": (_FORGERY, "ledger", "put in", "forged"),
    "who did it": ("UPDATE audit SET principal = 'bob' WHERE seq = 7", "audit", "changed", "audit 7 "),
    "a removed action": ("DELETE FROM audit WHERE seq = 21", "audit", "removed", "audit 22 "),
    "the last row of a seal": ("DELETE FROM audit WHERE seq = 20", "audit", "removed", "audit 19 "),
    "evidence": ("UPDATE evidence SET body = '{}' WHERE seq = 30", "evidence", "changed", "evidence b"),
    "a time": ("UPDATE audit SET at = at - interval '1 us' WHERE seq = 1", "audit", "changed", "audit 1 "),
    "marks": (
        "UPDATE seals SET marks = sha256('x') || substr(marks, 33) WHERE chain = 'audit' AND no = 2",
        "audit",
        "changed",
        "audit 11 ",
    ),
    "a head": ("UPDATE seals SET head = sha256('x') WHERE chain = 'audit' AND no = 2", "audit", "head", "seal 2"),
    "a removed seal": ("DELETE FROM seals WHERE chain = 'ledger' AND no = 2", "ledger", "missing", "seal 2"),
    "the tail of seals": ("DELETE FROM seals WHERE chain = 'ledger' AND no = 3", "ledger", "cut off", "seal 3"),
    "the tail of both": (
        "DELETE FROM audit WHERE seq > 20; DELETE FROM seals WHERE chain = 'audit' AND no = 3",
        "audit",
        "cut off",
        "seal 3",
    ),
    "everything": ("DELETE FROM evidence; DELETE FROM seals WHERE chain = 'evidence'", "evidence", "cut off", "seal 1"),
}


@pytest.mark.db
@pytest.mark.parametrize("what", _TAMPERING)
async def test_tampering_is_found_and_named(sealed: Hub, database: Database, what: str) -> None:
    sql, chain, fault, row = _TAMPERING[what]
    async with _intruder(database) as connection:
        await connection.execute(sql)

    bad = await verify(sealed)

    assert bad is not None
    assert bad.chain == chain
    assert fault in bad.fault
    assert row in bad.row


@pytest.mark.db
async def test_chain_made_anew_after_tampering_differs_from_the_exported_heads(sealed: Hub, database: Database) -> None:
    """The intruder knows the method: seals are made again over the changed rows, and hold, but for the file."""
    async with _intruder(database) as connection:
        await connection.execute("UPDATE audit SET principal = 'bob' WHERE seq = 7")
        await connection.execute("DELETE FROM seals WHERE chain = 'audit'")
        for _ in range(3):
            await seal_rows(connection, "audit", 10)
    without_file = replace(sealed, settings=sealed.settings.model_copy(update={"var": Path("/nonexistent")}))

    bad = await verify(sealed)

    assert await verify(without_file) is None
    assert bad is not None
    assert "anew" in bad.fault


@pytest.mark.db
async def test_row_that_commits_late_is_sealed_later_and_the_chain_holds(sealed: Hub, database: Database) -> None:
    slow = await asyncpg.connect(**database.runtime.connect_args())
    begun = slow.transaction()
    await begun.start()
    await _add_rows(slow, 2)
    async with sealed.pool.acquire() as connection:
        await _add_rows(connection, 2)
    before = await seal(sealed)
    await begun.commit()
    await slow.close()

    assert (before, await seal(sealed)) == (0, 4)
    assert await verify(sealed) is None


@pytest.mark.db
async def test_two_workers_seal_one_chain_without_a_fork(sealed: Hub) -> None:
    async with sealed.pool.acquire() as connection:
        await _add_rows(connection, 200)

    await asyncio.gather(*(seal(sealed) for _ in range(4)))

    assert await verify(sealed) is None
    assert await sealed.pool.fetchval("SELECT sum(rows) FROM seals WHERE chain = 'audit'") == 230


@pytest.mark.db
async def test_heads_are_exported_once(sealed: Hub) -> None:
    lines = heads_path(sealed.settings).read_bytes().count(b"\n")

    assert (lines, await export(sealed)) == (3, False)


def test_torn_line_is_cut_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    append_heads(path, [_HEAD], at="t")
    path.write_bytes(path.read_bytes() + b'{"at":"t","hea')

    torn = list(read_heads(path))
    append_heads(path, [replace(_HEAD, no=2)], at="t")

    assert [head.no for head in torn] == [1]
    assert [head.no for head in read_heads(path)] == [1, 2]


def test_head_that_is_known_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"

    assert [append_heads(path, [_HEAD], at="t") for _ in range(2)] == [True, False]


def test_damaged_file_of_heads_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    path.write_bytes(b"{}\n")

    with pytest.raises(BadHeads, match="damaged"):
        list(read_heads(path))
