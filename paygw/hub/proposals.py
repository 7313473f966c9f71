"""Two persons for every change of who is who in live mode: one proposes, another one approves what was shown.

A proposal holds the change sealed; its hash binds the approval to exactly that content. In test mode changes are
applied at once. The first two administrators of a live hub have nobody to approve them: they are applied and audited
as `bootstrap`.
"""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from uuid_utils.compat import uuid7

from paygw.hub.hub import Hub
from paygw.hub.provisioning import Change, PersonChange, Shown, apply
from paygw.hub.registry_watch import load_registry
from paygw.kernel.errors import Refused
from paygw.store import provisioning as store
from paygw.store.audit import AuditRow, add_audit

_ADMINS_NEEDED = 2
_SECRET_FIELDS = frozenset({"key", "secret", "values"})
_DECODER: msgspec.json.Decoder[Change] = msgspec.json.Decoder(Change)


async def provision(hub: Hub, change: Change, *, by: str = "") -> Shown:
    """Apply a change, or propose it in live mode (`by` names the person then). Returns the state and what is shown."""
    if hub.settings.mode == "test":
        shown = await hub.transact(lambda connection: apply(hub, connection, change, by=by or "cli"))
        await load_registry(hub)
        return shown
    return await hub.transact(lambda connection: _propose(hub, connection, change, by))


async def approve(hub: Hub, proposal_id: str, *, by: str) -> Shown:
    """Apply what another administrator proposed. Raises Refused: proposal_decided, same_person, role_missing."""

    async def work(connection: Connection) -> Shown:
        row = await _undecided(connection, proposal_id, by)
        sealed = b64decode(msgspec.json.decode(row["content"], type=dict[str, object])["sealed"])  # type: ignore[arg-type]  # text by construction
        content = hub.vault.open(sealed, where=_place(proposal_id))
        if not hmac.compare_digest(_hash(hub, content), row["content_hash"]):
            raise Refused("stale_version", "The proposal is not what was proposed: propose it again.")
        shown = await apply(hub, connection, _DECODER.decode(content), by=f"person:{by}")
        await store.decide(connection, proposal_id, status="approved", by=by)
        return {"proposal": proposal_id, **_open(shown)}

    shown = await hub.transact(work)
    await load_registry(hub)
    return shown


async def reject(hub: Hub, proposal_id: str, *, by: str) -> Shown:
    """Close a proposal without applying it."""

    async def work(connection: Connection) -> Shown:
        row = await _undecided(connection, proposal_id, by)
        await store.decide(connection, proposal_id, status="rejected", by=by)
        subject = f"{row['kind']} {proposal_id}"
        await add_audit(connection, AuditRow(principal=f"person:{by}", action="proposal.rejected", subject=subject))
        return {"proposal": proposal_id, "state": "rejected"}

    return await hub.transact(work)


async def list_proposals(hub: Hub) -> list[Shown]:
    """What waits for a second person, secrets left out."""
    async with hub.pool.acquire() as connection:
        rows = await store.open_proposals(connection)
    return [
        {
            "proposal": str(row["id"]),
            "kind": row["kind"],
            "proposed_by": row["proposed_by"],
            "proposed_at": row["proposed_at"].isoformat(),
            "content": msgspec.json.decode(row["content"], type=dict[str, object])["shown"],
        }
        for row in rows
    ]


async def _propose(hub: Hub, connection: Connection, change: Change, by: str) -> Shown:
    if isinstance(change, PersonChange) and await store.count_admins(connection) < _ADMINS_NEEDED:
        return await apply(hub, connection, change, by="bootstrap")
    await _require_admin(connection, by)
    content, proposal_id = msgspec.json.encode(change), str(uuid7())
    fields = msgspec.to_builtins(change)
    told = {name: value for name, value in fields.items() if name not in _SECRET_FIELDS}
    sealed = b64encode(hub.vault.seal(content, where=_place(proposal_id))).decode()
    kept = await store.propose(
        connection,
        proposal_id=proposal_id,
        kind=fields["type"],
        content=msgspec.json.encode({"shown": told, "sealed": sealed}).decode(),
        content_hash=_hash(hub, content),
        by=by,
    )
    await add_audit(connection, AuditRow(principal=f"person:{by}", action="proposal.made", subject=kept))
    return {
        "state": "proposed",
        "proposal": kept,
        **{name: fields[name] for name in ("key", "secret") if name in fields},
    }


async def _undecided(connection: Connection, proposal_id: str, by: str) -> Record:
    try:
        UUID(proposal_id)
    except ValueError:
        raise Refused("not_found", "A proposal has a uuid: paygw proposal list shows them.") from None
    row = await store.find_proposal(connection, proposal_id)
    if row is None:
        raise Refused("not_found", "There is no such proposal: paygw proposal list shows them.")
    if row["status"] != "open":
        raise Refused("proposal_decided", f"The proposal is already {row['status']}.")
    if row["proposed_by"] == by:
        raise Refused("same_person", "Another person must decide.")
    await _require_admin(connection, by)
    return row


async def _require_admin(connection: Connection, person_id: str) -> None:
    person = await store.find(connection, "persons", person_id)
    if person is None or person["role"] != "admin":
        raise Refused("role_missing", "In live mode an administrator proposes and another decides: give --by PERSON.")


def _place(proposal_id: str) -> str:
    return f"proposals/{proposal_id}/content"


def _hash(hub: Hub, content: bytes) -> bytes:
    return hmac.digest(hub.vault.derive("proposals"), content, sha256)


def _open(shown: Shown) -> Shown:
    """The approver learns no secret: the proposer was shown it."""
    return {name: value for name, value in shown.items() if name not in _SECRET_FIELDS}
