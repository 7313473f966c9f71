"""The tariffs in force as one process knows them: read from the database, renewed when somebody publishes.

A fresh test hub takes the starter catalogue as published. A live hub knows only what two people put in force.
"""

import asyncio
from datetime import date

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.kernel.fees.catalogue import Procedure
from paygw.kernel.fees.dates import LAST_DAY, Window
from paygw.kernel.fees.versions import Version, compose, read_version, versions_of
from paygw.store import fees as store

_STARTER = ("starter catalogue", "paygw")  # who drafted, who let it in force on a test hub


async def load_tariffs(hub: Hub) -> None:
    """Make what is in force now the hub's tariffs; quick where nothing changed. Raises BadCatalogue."""
    holder = hub.tariff_holder
    async with hub.pool.acquire() as connection:
        revision = await store.read_revision(connection)
        if revision == holder.revision:
            return
        rows = await store.read_in_force(connection)
        missing = sorted({row["digest"] for row in rows} - holder.units.keys())
        documents = await store.read_documents(connection, missing)
    holder.units |= await asyncio.to_thread(_read, documents)
    windows: dict[str, list[Window]] = {}
    for row in rows:
        windows.setdefault(row["digest"], []).append(Window(row["first"], row["last"] or LAST_DAY))
    holder.now = compose((holder.units[digest], found) for digest, found in windows.items())
    holder.units = {digest: holder.units[digest] for digest in windows}
    holder.revision = revision


async def seed_tariffs(hub: Hub, sources: dict[str, str]) -> None:
    """Publish, on a test hub, the starter's procedures that the database has never seen."""
    if hub.settings.mode != "test":
        return

    async def work(connection: Connection) -> None:
        known = await store.known_procedures(connection)
        if hub.catalogue.procedures.keys() <= known:
            return
        await store.hold_versions(connection)
        known = await store.known_procedures(connection)
        fresh = await asyncio.to_thread(versions_of, sources)
        for version in fresh:
            if version.procedure not in known:
                await _seed(hub, connection, version)

    await hub.transact(work)


def draft_values(version: Version) -> tuple[object, ...]:
    """A version as its row begins."""
    return (
        *(version.digest, version.schedule_hash, version.procedure, version.name, version.jurisdiction),
        *(version.schedule, version.window.first, open_end(version.window.last)),
        *(version.confidence, version.code_status, version.document),
    )


def open_end(day: date) -> date | None:
    """The last day of a window as the database keeps it: None is open."""
    return None if day == LAST_DAY else day


async def _seed(hub: Hub, connection: Connection, version: Version) -> None:
    now, (author, publisher) = hub.clock(), _STARTER
    if await store.add_draft(connection, draft_values(version), by=author, at=now):
        await store.set_reviewed(connection, version.digest, by=publisher, at=now)
        await store.set_published(connection, version.digest, by=publisher, at=now, accepted=version.confidence)


def _read(documents: dict[str, str]) -> dict[str, Procedure]:
    return {digest: read_version(document) for digest, document in documents.items()}
