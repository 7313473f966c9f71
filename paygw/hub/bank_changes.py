"""Banks, changed in parts: where they are offered and for which sums, their maintenance, their secrets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.registry import bank_place
from paygw.kernel.errors import Refused
from paygw.store import banks as store
from paygw.store.provisioning import find

State = Literal["created", "unchanged", "updated", "rotated", "revoked"]
Shown = dict[str, object]


class TermChange(msgspec.Struct, frozen=True, kw_only=True, tag="bank_term"):
    """Where a bank is offered, or for which sums; None leaves that part as it is, a sum of 0 takes the limit away."""

    id: str
    portal: str = ""
    body: str = ""
    offered: bool | None = None
    min_vnd: int | None = None
    max_vnd: int | None = None


class WindowChange(msgspec.Struct, frozen=True, kw_only=True, tag="bank_window"):
    """Maintenance of a bank; without an end, the one that begins then is called off."""

    id: str
    starts_at: datetime
    ends_at: datetime | None = None
    note_vi: str = ""
    note_en: str = ""


class SecretsRotation(msgspec.Struct, frozen=True, kw_only=True, tag="bank_secrets"):
    """New secret values for a bank; what is not given stays. Those before them count until they are ended.

    `finish` ends the previous ones; then no value is given.
    """

    id: str
    values: dict[str, str]
    finish: bool = False


BankPart = TermChange | WindowChange | SecretsRotation


async def apply_part(hub: Hub, connection: Connection, change: BankPart) -> tuple[State, Shown]:
    """Make it so. Raises Refused: not_found, invalid_value."""
    row: Mapping[str, bytes | None] | None = await find(connection, "banks", change.id)
    if row is None:
        raise Refused("not_found", f"There is no bank {change.id}: paygw bank list shows them.")
    match change:
        case TermChange():
            return await _term(connection, change)
        case WindowChange():
            return await _window(connection, change)
        case SecretsRotation():
            return await _secrets(hub, connection, change, row)


async def _term(connection: Connection, change: TermChange) -> tuple[State, Shown]:
    known = await store.find_term(connection, change.id, change.portal, change.body)
    before = (known["offered"], known["min_vnd"], known["max_vnd"]) if known else (True, None, None)
    offered = before[0] if change.offered is None else change.offered
    min_vnd = before[1] if change.min_vnd is None else change.min_vnd or None
    max_vnd = before[2] if change.max_vnd is None else change.max_vnd or None
    if min_vnd is not None and max_vnd is not None and min_vnd > max_vnd:
        raise Refused("invalid_value", f"min: {min_vnd} is above the most, {max_vnd}.")
    place = (change.id, change.portal, change.body)
    shown: Shown = {
        "id": change.id,
        "portal": change.portal or None,
        "body": change.body or None,
        "offered": offered,
        "min_vnd": min_vnd,
        "max_vnd": max_vnd,
    }
    says_nothing = not change.portal and not change.body  # a term for somebody is an exception, even if it offers all
    if before == (offered, min_vnd, max_vnd) and (known is not None or says_nothing):
        return "unchanged", shown
    await store.put_term(connection, place, offered=offered, min_vnd=min_vnd, max_vnd=max_vnd)
    return "updated" if known else "created", shown


async def _window(connection: Connection, change: WindowChange) -> tuple[State, Shown]:
    known = await store.find_window(connection, change.id, change.starts_at)
    shown: Shown = {"id": change.id, "starts_at": change.starts_at.isoformat()}
    if change.ends_at is None:
        if known is not None:
            await store.drop_window(connection, change.id, change.starts_at)
        return "revoked" if known else "unchanged", shown
    if change.ends_at <= change.starts_at:
        raise Refused("invalid_value", "until: maintenance ends after it begins.")
    shown |= {"ends_at": change.ends_at.isoformat(), "note_vi": change.note_vi, "note_en": change.note_en}
    wanted = (change.ends_at, change.note_vi, change.note_en)
    if known is not None and (known["ends_at"], known["note_vi"], known["note_en"]) == wanted:
        return "unchanged", shown
    span = (change.starts_at, change.ends_at)
    await store.put_window(connection, change.id, span, note_vi=change.note_vi, note_en=change.note_en)
    return "updated" if known else "created", shown


async def _secrets(
    hub: Hub, connection: Connection, change: SecretsRotation, row: Mapping[str, bytes | None]
) -> tuple[State, Shown]:
    place, sealed = bank_place(change.id), row["credentials"] or b""
    shown: Shown = {"id": change.id, "rotated": sorted(change.values)}
    if change.finish:
        await store.set_secrets(connection, change.id, sealed=sealed, previous=None)
        return "revoked" if row["credentials_previous"] else "unchanged", shown
    current = msgspec.json.decode(hub.vault.open(sealed, where=place), type=dict[str, str])
    wanted = {**current, **change.values}
    if wanted == current:
        return "unchanged", shown
    fresh = hub.vault.seal(msgspec.json.encode(wanted), where=place)
    await store.set_secrets(connection, change.id, sealed=fresh, previous=sealed)
    return "rotated", shown
