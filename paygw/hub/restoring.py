"""A hub brought back from a backup: what leaves it waits, banks are asked again, and a person lets it go.

Between the backup and the loss the hub received, sent and paid what it no longer knows of. So callbacks, refunds on
their way to a bank and payment messages are held back until enquiries have told what became of every payment that was
not final or young, and a person has looked.
"""

from functools import partial

from asyncpg import Connection

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import tell_audit
from paygw.hub.position import prove_position
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.kernel.seals import Head
from paygw.store import seals
from paygw.store.restores import Restored, last_restore, release_restores


async def examine(hub: Hub, heads: tuple[Head, ...]) -> View:
    """Whether the books of a restored copy hold: the chains up to the backup's heads, every invariant, the position."""
    async with hub.pool.acquire() as connection:
        bad = await seals.verify(connection, heads)
    proof = await prove_position(hub)
    findings = [] if bad is None else [f"chain {bad.chain}, seal {bad.seal}: {bad.row}: {bad.fault}"]
    findings += proof["violations"]
    findings += [f"{one['kind']} of {one['amount_vnd']} đ at {one['account']}" for one in proof["differences"]]
    return {
        "ok": not findings,
        "held_vnd": proof["held_vnd"],
        "owed_vnd": proof["owed_vnd"],
        "portals": len(hub.registry.portals),
        "banks": len(hub.registry.banks),
        "findings": findings,
    }


async def show_restore(hub: Hub) -> View:
    """The last restore, and what it still holds back."""
    async with hub.pool.acquire() as connection:
        found = await last_restore(connection)
    return {"restored": False} if found is None else _view(found)


async def release(hub: Hub, *, by: str, anyway: bool) -> View:
    """Let what was held back leave again. Raises Refused `restored` while banks are still to be asked."""
    await hub.transact(partial(_release, by=by, anyway=anyway))
    return await show_restore(hub)


async def _release(connection: Connection, *, by: str, anyway: bool) -> None:
    found = await last_restore(connection)
    if found is None or found.released_at is not None:
        return
    if found.unasked and not anyway:
        raise Refused(
            "restored",
            f"{found.unasked} payments have not been asked about since the restore: let the hub run until none is, "
            "or say --anyway for those whose bank cannot be asked.",
        )
    await release_restores(connection, by)
    await tell_audit(connection, by, "restore.released", str(found.era), unasked=found.unasked)


def _view(found: Restored) -> View:
    return {
        "restored": True,
        "shows": instant(found.made_at),
        "restored_by": found.restored_by,
        "held": found.released_at is None,
        "unasked": found.unasked,
        "deliveries_waiting": found.deliveries,
        "released_at": instant(found.released_at) if found.released_at else None,
        "released_by": found.released_by,
    }
