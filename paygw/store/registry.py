"""Who is who, as stored: portals, keys, banks, collecting bodies. Small tables, read whole into each process."""

from dataclasses import dataclass, field

from asyncpg import Connection, Record
from sqlalchemy import select

from paygw.store.banks import read_terms, read_windows
from paygw.store.query import Query
from paygw.store.restores import read_eras
from paygw.store.tables import api_keys, banks, collecting_bodies, portals

_PORTALS = Query(select(portals))
_KEYS = Query(select(api_keys).where(api_keys.c.revoked_at.is_(None)))
_BANKS = Query(select(banks))
_BODIES = Query(select(collecting_bodies))


@dataclass(frozen=True, slots=True)
class RegistryRows:
    """The rows as they are, secrets sealed."""

    portals: list[Record]
    keys: list[Record]
    banks: list[Record]
    bodies: list[Record]
    terms: list[Record] = field(default_factory=list)
    windows: list[Record] = field(default_factory=list)
    restores: list[Record] = field(default_factory=list)


async def read_registry(connection: Connection) -> RegistryRows:
    """Everything, in one snapshot of the database."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return RegistryRows(
            portals=await _PORTALS.all(connection),
            keys=await _KEYS.all(connection),
            banks=await _BANKS.all(connection),
            bodies=await _BODIES.all(connection),
            terms=await read_terms(connection),
            windows=await read_windows(connection),
            restores=await read_eras(connection),
        )
