"""Decisions about money: one person proposes an action with its document, another approves exactly that, and it moves.

For what no break and no batch asks for (paygw/hub/actions.py). The approval, the row of the money rules and the end of
the decision are one transaction: all or nothing. Over the API the second person has another key.
"""

import hmac
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

from paygw.hub.actions import MoneyAction
from paygw.hub.breaks import content_hash
from paygw.hub.deeds import TITLES, Deed, do, find
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons, principal_of, require_checker, require_maker, tell_audit
from paygw.hub.views import instant
from paygw.hub.writing import new_id
from paygw.kernel.errors import Refused
from paygw.kernel.refs import private_id, public_id
from paygw.store import decisions as store

_DOCUMENT_CHARS_MAX: Final = 1_000


def action_of(name: str, fields: Mapping[str, object]) -> MoneyAction:
    """An action by its name; texts are read as what the fields are. Raises Refused `invalid_value`."""
    try:
        return msgspec.convert({"action": name, **fields}, MoneyAction, strict=False)  # type: ignore[no-any-return]  # a union is no type to mypy
    except msgspec.ValidationError as error:
        raise Refused("invalid_value", f"{error}. paygw decide actions shows what each one needs.") from None


def list_actions() -> list[View]:
    """Every action with its names and fields, required ones first."""
    found = []
    for kind, (vi, en) in TITLES.items():
        fields = msgspec.structs.fields(kind)
        found.append(
            {
                "action": kind.__struct_config__.tag,
                "title_vi": vi,
                "title_en": en,
                "needs": [one.name for one in fields if one.required],
                "takes": [one.name for one in fields if not one.required],
            }
        )
    return found


async def propose(hub: Hub, asked: MoneyAction, *, document: str, by: str, via: str = "cli") -> View:
    """Keep what one person would do. Raises Refused: `role_missing`, `invalid_value`, `nothing_selected`."""
    if not 0 < len(document.strip()) <= _DOCUMENT_CHARS_MAX:
        raise Refused("invalid_value", "Name the document both persons look at: its number and date.")
    decision_id = new_id()

    async def work(connection: Connection) -> None:
        await require_maker(connection, by)
        content: View = {
            "decision": decision_id,
            "asked": msgspec.to_builtins(asked),
            "found": await find(connection, asked),
            "document": document.strip(),
        }
        text, digest = content_hash(content)
        action = str(content["asked"]["action"])
        await store.propose(
            connection, decision_id, action=action, content=text, digest=digest, by=by, via=via, at=hub.clock()
        )
        await tell_audit(connection, principal_of(by), "decision.proposed", decision_id, decided=action, hash=digest)

    await hub.transact(work)
    return await show_decision(hub, public_id("dec", decision_id))


async def approve(hub: Hub, decision_id: str, *, by: str, shown: str, via: str = "cli") -> View:
    """Do exactly what was shown.

    Raises Refused: `proposal_decided`, `stale_version` (another content), `same_person`, `role_missing`, the action's.
    """
    await hub.transact(partial(_approve, hub, _uid(decision_id), by, shown, via))
    return await show_decision(hub, decision_id)


async def _approve(hub: Hub, uid: UUID, by: str, shown: str, via: str, connection: Connection) -> None:
    row = await _waiting(connection, uid, by, via)
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    _, digest = content_hash(content)
    if not hmac.compare_digest(digest.encode(), shown.encode()) or digest != row["content_hash"]:
        raise Refused("stale_version", "That is not the decision as it stands: look at it again.")
    persons = TwoPersons(maker=row["proposed_by"], checker=by, document=content["document"])
    await require_checker(connection, by)
    asked: MoneyAction = msgspec.convert(content["asked"], MoneyAction)
    deed = Deed(hub=hub.within(connection), connection=connection, found=content["found"], persons=persons)
    await do(deed, asked)
    await _close(hub, connection, row, "approved", by)


async def reject(hub: Hub, decision_id: str, *, by: str, via: str = "cli") -> View:
    """Say no, once; nothing moves."""

    async def work(connection: Connection) -> None:
        row = await _waiting(connection, _uid(decision_id), by, via)
        await require_checker(connection, by)
        await _close(hub, connection, row, "rejected", by)

    await hub.transact(work)
    return await show_decision(hub, decision_id)


async def _close(hub: Hub, connection: Connection, row: Record, status: str, by: str) -> None:
    if not await store.decide(connection, row["id"], status=status, by=by, at=hub.clock()):
        raise Refused("proposal_decided", "Somebody decided meanwhile.")
    told = {"decided": row["action"], "hash": row["content_hash"]}
    await tell_audit(connection, principal_of(by), f"decision.{status}", str(row["id"]), **told)


async def _waiting(connection: Connection, uid: UUID, by: str, via: str) -> Record:
    row = await store.find_decision(connection, uid)
    if row is None:
        raise Refused("not_found", "There is no such decision.")
    if row["status"] != "open":
        raise Refused("proposal_decided", f"The decision is {row['status']}.")
    if row["proposed_by"] == by:
        raise Refused("same_person", "A second person must decide.")
    if row["proposed_via"] == via and via.startswith("key:"):
        raise Refused("same_person", "Who proposed by one API key is decided on by another key, or at the console.")
    return row


async def show_decision(hub: Hub, decision_id: str) -> View:
    """One decision with its content and hash. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        row = await store.find_decision(connection, _uid(decision_id))
    if row is None:
        raise Refused("not_found", "There is no such decision.")
    return _view(row)


async def list_decisions(hub: Hub, *, status: str | None = None, limit: int = 100) -> list[View]:
    """The latest decisions."""
    async with hub.pool.acquire() as connection:
        return [_view(row) for row in await store.list_decisions(connection, status, limit)]


def _view(row: Record) -> View:
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    return {
        "id": public_id("dec", str(row["id"])),
        "action": row["action"],
        "status": row["status"],
        "document": content["document"],
        "asked": content["asked"],
        "found": content["found"],
        "content_hash": row["content_hash"],
        "proposed_by": row["proposed_by"],
        "proposed_at": instant(row["proposed_at"]),
        "decided_by": row["decided_by"],
        "decided_at": instant(row["decided_at"]) if row["decided_at"] else None,
    }


def _uid(text: str) -> UUID:
    uid = private_id("dec", text)
    if uid is None:
        raise Refused("not_found", "A decision's id looks like dec_ and 32 digits: paygw decide list shows them.")
    return UUID(uid)
