"""The composition root: settings become a hub, a hub becomes an application. Connectors are injected here."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from asyncpg import Pool

import connectors
from paygw.hub.bank_health import watch_health
from paygw.hub.hub import Hub, Observer
from paygw.hub.registry_watch import load_registry, watch_registry
from paygw.hub.tariffs import load_tariffs, seed_tariffs
from paygw.kernel.errors import Alarm, Unavailable
from paygw.kernel.fees.catalogue import parse_catalogue, read_sources
from paygw.outside.bank_http import BankLimits, bank_http
from paygw.outside.metrics import Metrics
from paygw.outside.vault import open_vault
from paygw.settings import Settings
from paygw.store.dsn import Dsn, parse_dsn
from paygw.store.embedded import start
from paygw.store.engine import open_pool, require_durable
from paygw.store.health import read_revision
from paygw.store.migrate import head, upgrade
from paygw.store.restores import begins_anew
from paygw.web.auth import Limits
from paygw.web.edge import Edge
from paygw.web.limits import Limiter
from paygw.web.ops import Serving
from paygw.web.site import Site, build_site

STARTER_CATALOGUE: Final = Path(__file__).parent / "catalogue" / "fees"

_CLOSE_S: Final = 5.0


@asynccontextmanager
async def build_hub(
    settings: Settings,
    *,
    application: str = "paygw",
    observe: Observer | None = None,
    clock: Callable[[], datetime] | None = None,
) -> AsyncIterator[Hub]:
    """A hub ready for work: database there, durable and current, keys open, tariffs loaded, registry watched.

    Raises Unavailable, Alarm, VaultError, BadCatalogue: each message says what to do.
    """
    async with AsyncExitStack() as stack:
        dsn = await open_database(settings, stack)
        pool = await open_pool(
            dsn,
            size=settings.pool_size,
            application=application,
            statement_timeout_s=settings.statement_timeout_s,
            idle_timeout_s=settings.idle_in_transaction_timeout_s,
        )
        stack.push_async_callback(_close, pool)
        await _require_current(pool)
        metrics = observe or Metrics()
        starter = read_sources(settings.catalogue or STARTER_CATALOGUE) if settings.mode == "test" else {}
        hub = Hub(
            settings=settings,
            pool=pool,
            dsn=dsn,
            vault=open_vault(settings.kek_path, create=settings.database_url is None or settings.mode == "test"),
            connectors=connectors.discover(),
            catalogue=parse_catalogue(starter),
            clock=clock or _now,
            observe=metrics,
            talk=await stack.enter_async_context(bank_http(limits=_bank_limits(settings), observer=metrics)),
        )
        await seed_tariffs(hub, starter)
        await load_tariffs(hub)
        await load_registry(hub)
        watch = asyncio.create_task(watch_registry(hub), name="registry-watch")
        stack.push_async_callback(_end, watch)
        health = asyncio.create_task(watch_health(hub), name="health-watch")
        stack.push_async_callback(_end, health)
        yield hub


async def open_database(settings: Settings, stack: AsyncExitStack) -> Dsn:
    """The runtime's way in; the embedded server is started and migrated first, any other is somebody's care."""
    if settings.database_url is not None:
        return parse_dsn(settings.database_url.get_secret_value())
    cluster = await asyncio.to_thread(start, settings.var)
    stack.push_async_callback(asyncio.to_thread, cluster.close)
    await upgrade(cluster.owner_dsn())
    return cluster.runtime_dsn()


def migrate_embedded(settings: Settings, stack: ExitStack) -> Callable[[], object]:
    """Start and migrate the embedded database for as long as the stack is open, where it is the one to use.

    Returns what to call now and then so that it comes back should its supervisor die.
    """
    if settings.database_url is not None:
        return bool
    cluster = stack.enter_context(start(settings.var))
    asyncio.run(upgrade(cluster.owner_dsn()))
    return cluster.revive


def create_app(hub: Hub, *, serving: Serving | None = None, site: Site | None = None) -> Edge:
    """The ASGI application of a hub."""
    app = site or build_site()
    app.state.hub = hub
    app.state.serving = serving or Serving()
    app.state.limits = Limits(*(Limiter(time.monotonic) for _ in range(3)))
    return Edge(app, hub.observe, requests_max=hub.settings.requests_max)


def settle_memory() -> None:
    """What start-up made stays: the collector need not walk it again, nor run for every handful of requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _require_current(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await require_durable(connection)
        revision = await read_revision(connection)
        if revision != head():
            raise Unavailable(
                f"the database is at schema {revision or 'none'}, this code needs {head()}: run paygw migrate"
            )
        if await begins_anew(connection):
            raise Alarm(
                "the database was loaded from a dump and counts its transactions anew, so readers would pass over what "
                "comes next: restore a physical copy (docs/deployment.md, Backups)"
            )


def _bank_limits(settings: Settings) -> BankLimits:
    tries = {"query": settings.bank_tries_max, "query_refund": settings.bank_tries_max}
    return BankLimits(
        deadline_s=settings.bank_deadline_s,
        connect_s=settings.bank_connect_s,
        answer_bytes_max=settings.bank_reply_max_bytes,
        seats_per_bank=settings.bank_bulkhead,
        failures_max=settings.breaker_failures,
        rest_s=settings.breaker_open_s,
        tries=tries,
    )


async def _close(pool: Pool) -> None:
    """Give what is under way a moment, then leave."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _now() -> datetime:
    return datetime.now(UTC)
