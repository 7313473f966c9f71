"""A sequence of actions over a hub of its own, every invariant recomputed after each."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors import discover
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Registry
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import Catalogue
from paygw.kernel.scene import Landing
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.engine import open_pool
from paygw.store.ledger_checks import Mode, find_violations
from tests.db_fixtures import Database
from tests.hub.world import staffed
from tests.hub_fixtures import PORTAL, Clock, Counts, ScriptedBank, sandbox_bank
from tests.properties.money_actions import ACTIONS, PRELUDE
from tests.properties.money_world import ACCOUNT, HOLDER, World


@asynccontextmanager
async def money_hub(database: Database, catalogue: Catalogue, mode: Mode) -> AsyncIterator[Hub]:
    """A hub whose loop is the sequence's own: two card banks, and one whose transfers land on an account."""
    pool = await open_pool(database.runtime, size=8, application="test", statement_timeout_s=15, idle_timeout_s=30)
    landing = Landing(home="account", account=ACCOUNT, holder=HOLDER)
    banks = {name: sandbox_bank(name) for name in ("sandbox-a", "sandbox-b")}
    banks["sandbox-t"] = sandbox_bank("sandbox-t", landing=landing)
    try:
        yield Hub(
            settings=Settings(funds=mode, netting_allowed=(HOLDER,)),
            pool=pool,
            vault=Vault(b"k" * 32),
            connectors=discover(),
            catalogue=catalogue,
            clock=Clock(),
            observe=Counts(),
            talk=ScriptedBank(),
            registry_holder=RegistryHolder(Registry(portals={PORTAL.id: PORTAL}, banks=banks)),
        )
    finally:
        await pool.close()


async def play(database: Database, catalogue: Catalogue, mode: Mode, steps: list[tuple[int, int]]) -> Counter[str]:
    """One sequence on a database of its own; which actions came about."""
    done: Counter[str] = Counter()
    async with money_hub(database, catalogue, mode) as hub:
        world = World(await staffed(hub))
        for action, luck in (*PRELUDE, *((ACTIONS[which], luck) for which, luck in steps)):
            try:
                await action(world, luck)
            except Refused as refused:
                done[f"{action.__name__}: {refused.code}"] += 1
                continue
            done[action.__name__] += 1
            async with hub.pool.acquire() as connection:
                found = await find_violations(connection, mode=mode)
            assert found == [], (action.__name__, luck, found)
    return done
