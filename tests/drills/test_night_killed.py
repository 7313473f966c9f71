"""kill -9 of a night at each of its steps, twice, and at every one of its commits: it ends like an undisturbed one."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from paygw.hub.hub import Hub
from paygw.kernel.decide import VIETNAM
from paygw.store.ledger_checks import find_violations
from reconciliation.nightly import STEPS
from tests.db_fixtures import Database
from tests.hub.world import staffed
from tests.jobs.night_world import BANK, paid_at_bank, yesterday
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.db, pytest.mark.net, pytest.mark.drill, pytest.mark.timeout(1_800)]

_ROOT = Path(__file__).parent.parent.parent
_LEDGER = """
SELECT coalesce(r.key, '') AS money, l.rule, l.account, l.amount_vnd, coalesce(l.line_no, 0) AS line, count(*) AS n
FROM ledger l LEFT JOIN receipts r ON r.id = l.receipt_id GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
_BREAKS = "SELECT key, kind, status, automatic, risk_vnd FROM breaks ORDER BY key"
_COUNTS = "SELECT (SELECT count(*) FROM minutes) AS minutes, (SELECT count(*) FROM settlement_lines) AS settled"


@pytest.fixture
def sandbox(idle_sandbox: SandboxProcess) -> SandboxProcess:
    """A bank of this drill's own."""
    idle_sandbox.start()
    return idle_sandbox


@pytest.fixture
async def evening(hub: Hub, database: Database, sandbox: SandboxProcess) -> Database:
    """The day is over: paid and heard, paid and not heard, paid by nobody knows whom; nothing reconciled yet."""
    day = await staffed(replace(hub, clock=lambda: datetime.now(UTC)))
    for reference in ("HS-1", "HS-2", "HS-3"):
        await paid_at_bank(day, sandbox, reference, heard=reference != "HS-2")
    noon = datetime.combine(yesterday(), datetime.min.time(), VIETNAM) + timedelta(hours=13)
    sandbox.control(BANK, "payments", amount_vnd=77_000, occurred_at=noon.isoformat())
    await hub.pool.close()
    return database


async def told(database: Database) -> dict[str, Any]:
    """What a night left behind, without ids and clocks; and every invariant of the books holds."""
    connection = await asyncpg.connect(**database.owner.connect_args())
    try:
        assert await find_violations(connection, mode="routing") == []
        return {
            "ledger": [tuple(row) for row in await connection.fetch(_LEDGER)],
            "breaks": [tuple(row) for row in await connection.fetch(_BREAKS)],
            "counts": tuple(await connection.fetchrow(_COUNTS)),
            "minutes": await connection.fetchval("SELECT content_hash FROM minutes ORDER BY no DESC LIMIT 1"),
        }
    finally:
        await connection.close()


async def run(database: Database, sandbox: SandboxProcess, *death: str) -> subprocess.CompletedProcess[str]:
    """One night as a process; it must have died if it was told to."""
    dsn = database.runtime
    url = f"postgresql://{dsn.user}:{dsn.password or ''}@/{dsn.database}?host={quote(dsn.host)}&port={dsn.port}"
    command = [sys.executable, "-m", "tests.drills.night_run", url, f"{sandbox.root}/{BANK}", str(yesterday()), *death]
    done = await asyncio.to_thread(subprocess.run, command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == (-9 if death else 0), done.stderr[-2_000:]
    return done


async def cloned(evening: Database, name: str) -> Database:
    """The same evening once more."""
    twin = evening.named(f"{evening.name}_{name}")
    connection = await asyncpg.connect(**evening.super.connect_args())
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{twin.name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{twin.name}" TEMPLATE "{evening.name}" STRATEGY FILE_COPY')
    finally:
        await connection.close()
    return twin


async def undisturbed(evening: Database, sandbox: SandboxProcess) -> tuple[dict[str, Any], int]:
    """The night nobody disturbs: what it leaves behind, and its commits."""
    calm = await cloned(evening, "calm")
    done = await run(calm, sandbox)
    again = await told(calm)
    await run(calm, sandbox)
    assert await told(calm) == again
    return again, json.loads(done.stdout)["commits"]


async def test_killed_twice_at_every_step(evening: Database, sandbox: SandboxProcess) -> None:
    wanted, _ = await undisturbed(evening, sandbox)
    assert wanted["counts"] == (1, 4)

    for step in STEPS:
        night = await cloned(evening, step)
        await run(night, sandbox, "before", step)
        await run(night, sandbox, "after", step)
        await run(night, sandbox)

        assert await told(night) == wanted, step


async def test_killed_at_every_commit(evening: Database, sandbox: SandboxProcess) -> None:
    wanted, commits = await undisturbed(evening, sandbox)

    for number in range(1, commits + 1):
        night = await cloned(evening, f"c{number}")
        await run(night, sandbox, "at", str(number))  # with the work done, not committed
        await run(night, sandbox, "at", str(-1))  # and once more, right after the first commit
        await run(night, sandbox)

        assert await told(night) == wanted, number
