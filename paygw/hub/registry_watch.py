"""Keeps the registry and the tariffs of a process current: told by the database, and looking by itself."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import asyncpg
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.registry import Registry, build_registry
from paygw.hub.tariffs import load_tariffs
from paygw.kernel.errors import PaygwError
from paygw.store.away import AWAY
from paygw.store.registry import read_registry

CHANNEL = "paygw_settings"

_RETRY_S = 0.5
_log = logging.getLogger("paygw.registry")


async def load_registry(hub: Hub) -> Registry:
    """Read who is who and make it the hub's current picture."""
    async with hub.pool.acquire() as connection:
        rows = await read_registry(connection)
    registry = build_registry(rows, hub.vault, hub.connectors, mode=hub.settings.mode)
    hub.registry_holder.now = registry
    return registry


async def _renew(hub: Hub) -> None:
    await load_registry(hub)
    await load_tariffs(hub)


async def watch_registry(hub: Hub) -> None:
    """Renew the picture for as long as the process lives. What cannot be read keeps the old picture and is logged."""
    told = asyncio.Event()
    listener = asyncio.create_task(_listen(hub, told), name="registry-listen")
    try:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(hub.settings.registry_refresh_s):
                    await told.wait()
            told.clear()
            try:
                await _renew(hub)
            except (*AWAY, asyncpg.PostgresError, PaygwError) as error:
                _log.error("registry_stale", extra={"code": type(error).__name__})
                await asyncio.sleep(_RETRY_S)
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def _listen(hub: Hub, told: asyncio.Event) -> None:
    """Hold one connection of the pool that hears of changes; a lost one is replaced."""

    def heard(*_: object) -> None:
        told.set()

    while True:
        try:
            async with hub.pool.acquire() as connection:
                await _hear(connection, heard)
        except (*AWAY, asyncpg.PostgresError) as error:
            _log.warning("registry_deaf", extra={"code": type(error).__name__})
        await asyncio.sleep(_RETRY_S)


async def _hear(connection: Connection, heard: Callable[..., None]) -> None:
    """Listen until the connection is lost or the task is cancelled."""
    lost = asyncio.Event()

    def gone(*_: object) -> None:
        lost.set()

    connection.add_termination_listener(gone)
    await connection.add_listener(CHANNEL, heard)
    heard()
    try:
        await lost.wait()
    finally:
        connection.remove_termination_listener(gone)
        if not connection.is_closed():
            await connection.remove_listener(CHANNEL, heard)
