"""Who is who, listed for people and scripts: never a secret."""

from datetime import datetime

import msgspec
from asyncpg import Record

from paygw.hub.hub import Hub
from paygw.hub.provisioning import Shown
from paygw.hub.views import instant
from paygw.store import provisioning as store

_HIDDEN = frozenset({"callback_secret", "callback_secret_previous", "credentials", "credentials_previous"})


async def list_portals(hub: Hub) -> list[Shown]:
    """Every portal, with the prefixes of its keys."""
    async with hub.pool.acquire() as connection:
        rows = await store.find_all(connection, "portals")
        keys = [await store.keys_of(connection, row["id"]) for row in rows]
    return [{**_shown(row), "keys": [one["prefix"] for one in own]} for row, own in zip(rows, keys, strict=True)]


async def list_keys(hub: Hub) -> list[Shown]:
    """Every key in force, by its prefix."""
    names = ("prefix", "portal_id", "scopes", "created_at", "expires_at")
    async with hub.pool.acquire() as connection:
        portals = [row["id"] for row in await store.find_all(connection, "portals")]
        found = [row for owner in (None, *portals) for row in await store.keys_of(connection, owner)]
    return [{name: _plain(row[name]) for name in names} for row in found]


async def list_banks(hub: Hub) -> list[Shown]:
    """Every bank."""
    return await _listed(hub, "banks")


async def list_persons(hub: Hub) -> list[Shown]:
    """Every member of staff."""
    return await _listed(hub, "persons")


async def list_bodies(hub: Hub) -> list[Shown]:
    """Every collecting body."""
    return await _listed(hub, "collecting_bodies")


async def _listed(hub: Hub, table: str) -> list[Shown]:
    async with hub.pool.acquire() as connection:
        return [_shown(row) for row in await store.find_all(connection, table)]


def _shown(row: Record) -> Shown:
    shown = {name: _plain(value) for name, value in row.items() if name not in _HIDDEN}
    return shown | {"options": msgspec.json.decode(row["options"])} if "options" in shown else shown


def _plain(value: object) -> object:
    return instant(value) if isinstance(value, datetime) else value
