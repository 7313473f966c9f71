"""Totals of the ledger: rollup plus tail is always the whole, whatever commits when."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from asyncpg import Connection

from paygw.store.cursor import BEGINNING
from paygw.store.ledger import AccountTotal, advance_rollup, entries_after, trial_balance
from tests.db_fixtures import Database

pytestmark = [pytest.mark.db, pytest.mark.alone]


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """The runtime role's connection to a fresh database."""
    opened = await asyncpg.connect(**database.runtime.connect_args())
    yield opened
    await opened.close()


async def book(connection: Connection, amount_vnd: int, debit: str = "H:a:m", credit: str = "U:free") -> None:
    """A balanced posting of two entries."""
    await connection.execute(
        "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) "
        "VALUES ($1, 0, '3', $2, $4, 'a', 'm', '2026-01-02'), ($1, 1, '3', $3, -$4::bigint, 'a', 'm', '2026-01-02')",
        str(uuid4()),
        debit,
        credit,
        amount_vnd,
    )


async def _truth(connection: Connection) -> list[AccountTotal]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in await connection.fetch("SELECT account, amount_vnd FROM ledger"):
        sums[row["account"]][row["amount_vnd"] < 0] += abs(row["amount_vnd"])
    return [AccountTotal(account, *sums[account]) for account in sorted(sums)]


async def test_empty_ledger_has_no_totals(connection: Connection) -> None:
    assert await trial_balance(connection) == (None, [])


async def test_totals_are_the_same_before_during_and_after_the_rollup(connection: Connection) -> None:
    for amount_vnd in (100_000, 7, 20_000, 1):
        await book(connection, amount_vnd)
    seen = [await trial_balance(connection)]
    while await advance_rollup(connection, 3):
        seen.append(await trial_balance(connection))

    expected = [AccountTotal("H:a:m", 120_008, 0), AccountTotal("U:free", 0, 120_008)]
    moved = await connection.fetch("SELECT bank, rule, moved_vnd::bigint FROM ledger_rules")
    assert [tuple(row) for row in moved] == [("a", "3", 120_008)]
    assert len(seen) == 4
    assert [totals for _, totals in seen] == [expected] * 4


async def test_entry_that_commits_late_is_neither_lost_nor_counted_twice(
    connection: Connection, database: Database
) -> None:
    """The slow transaction holds the lower numbers; the rollup advances while it is open, and after."""
    slow = await asyncpg.connect(**database.runtime.connect_args())
    begun = slow.transaction()
    await begun.start()
    await book(slow, 5)
    await book(connection, 1_000)

    advanced = await advance_rollup(connection, 100)
    while_open = (await trial_balance(connection))[1]
    await begun.commit()
    await slow.close()
    while await advance_rollup(connection, 100):
        pass

    assert advanced == 0
    assert while_open == [AccountTotal("H:a:m", 1_000, 0), AccountTotal("U:free", 0, 1_000)]
    assert (await trial_balance(connection))[1] == await _truth(connection)


async def test_many_writers_and_two_rollups_end_in_the_true_totals(connection: Connection, database: Database) -> None:
    own = [await asyncpg.connect(**database.runtime.connect_args()) for _ in range(6)]
    done = asyncio.Event()

    async def write(mine: Connection, n: int) -> None:
        for turn in range(20):
            async with mine.transaction():
                await book(mine, 1 + n + turn, debit=f"H:{n}:m")
                await asyncio.sleep(0.001 * n)

    async def roll(mine: Connection) -> None:
        while not done.is_set() or await advance_rollup(mine, 5):
            await advance_rollup(mine, 5)
            debit = sum(total.debit_vnd - total.credit_vnd for total in (await trial_balance(mine))[1])
            assert debit == 0

    async with asyncio.TaskGroup() as tasks:
        for mine in own[4:]:
            tasks.create_task(roll(mine))
        await asyncio.gather(*(write(mine, n) for n, mine in enumerate(own[:4])))
        done.set()
    for mine in own:
        await mine.close()
    tail = await connection.fetchval(
        "SELECT count(*) FROM ledger l, ledger_rollup_mark m WHERE (l.xid, l.seq) > (m.xid, m.seq)"
    )

    assert tail == 0
    assert (await trial_balance(connection))[1] == await _truth(connection)


async def test_entries_are_paged_whole_and_in_order(connection: Connection) -> None:
    for amount_vnd in range(1, 8):
        await book(connection, amount_vnd)
    seen: list[int] = []
    after = BEGINNING
    while (page := await entries_after(connection, after, 4)).rows:
        seen += [row["amount_vnd"] for row in page.rows]
        after = page.after

    assert seen == [sign * amount for amount in range(1, 8) for sign in (1, -1)]
