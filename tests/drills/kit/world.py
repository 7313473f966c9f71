"""One hub to drill: its database, API processes, a sandbox bank, and what they say of themselves."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import MappingProxyType

import aiohttp
import asyncpg

from paygw.store.embedded import Cluster, start
from tests.drills.kit.audit import Acknowledged, Findings, audit, read_truth
from tests.drills.kit.bank import SandboxBank
from tests.drills.kit.client import Answer, create
from tests.drills.kit.portal import Delivery
from tests.drills.kit.processes import Api, api, environment, running
from tests.drills.kit.provision import FLOWS, provision

Ask = tuple[bytes, str, str]  # body, Idempotency-Key, API key


@dataclass(frozen=True, slots=True)
class World:
    """Everything a drill talks to."""

    folder: Path
    cluster: Cluster
    apis: tuple[Api, ...]
    bank: SandboxBank

    async def all_at_once(self, asked: Iterable[Ask]) -> list[Answer]:
        """Send every create at the same moment, shared out among the processes."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            return await asyncio.gather(
                *(
                    create(http, one.origin, body, key=key, api_key=api_key)
                    for one, (body, key, api_key) in zip(cycle(self.apis), asked, strict=False)
                )
            )

    async def value(self, statement: str, *given: object) -> object:
        """One figure of the database."""
        connection = await asyncpg.connect(**self.cluster.runtime_dsn().connect_args())
        try:
            return await connection.fetchval(statement, *given)
        finally:
            await connection.close()

    async def rows(self, statement: str, *given: object) -> list[asyncpg.Record]:
        """Rows of the database."""
        connection = await asyncpg.connect(**self.cluster.runtime_dsn().connect_args())
        try:
            return list(await connection.fetch(statement, *given))
        finally:
            await connection.close()

    async def deadlocks(self) -> int:
        """How many the database has broken up since it started."""
        return int(str(await self.value("SELECT coalesce(sum(deadlocks), 0) FROM pg_stat_database")))

    async def audit(self, acknowledged: Iterable[Acknowledged] = (), heard: Iterable[Delivery] = ()) -> Findings:
        """Everything that does not agree, defects the processes report of themselves included."""
        truth = {bank: read_truth(self.bank.truth_file(bank)) for bank in self.bank.base_urls}
        findings = await audit(self.cluster.runtime_dsn(), truth=truth, acknowledged=acknowledged, heard=heard)
        for one in self.apis:
            findings.note(f"{one.name} reports", one.said('"defect"', '"alarm"', "Traceback"))
        return findings


@contextmanager
def world(
    folder: Path,
    *,
    apis: int = 2,
    callback_url: str = "",
    more: Mapping[str, str] = MappingProxyType({}),
    flows: Mapping[str, str] = FLOWS,
) -> Iterator[World]:
    """Start all, end all. `more` goes into the environment of the hub's processes."""
    served = tuple(api(folder, f"api-{number}", **more) for number in range(1, apis + 1))
    bank = SandboxBank(folder, served[0].origin)
    with bank.running(), start(folder / "var") as cluster:
        settings = environment(folder, **more)
        provision(settings, bank_urls=bank.base_urls, callback_url=callback_url, flows=flows)
        with running(*served):
            yield World(folder, cluster, served, bank)
