"""Who is who, changed: portals, keys, banks, people, collecting bodies. The same values again change nothing.

In live mode a change is only proposed here and applied when a second person approves (hub/proposals.py).
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Final, Literal, assert_never

import msgspec
from asyncpg import Connection

from paygw.hub import bank_changes
from paygw.hub.bank_changes import BankPart, SecretsRotation, TermChange, WindowChange, apply_part
from paygw.hub.hub import Hub
from paygw.hub.registry import bank_place, key_digest, key_prefix, portal_place
from paygw.kernel.errors import Refused
from paygw.store import provisioning as store
from paygw.store.audit import AuditRow, add_audit

State = bank_changes.State
Shown = bank_changes.Shown

KEYS_ACTIVE_MAX = 2

_KEY_BYTES = 32
_SECRET_BYTES = 32


class PortalChange(msgspec.Struct, frozen=True, kw_only=True, tag="portal"):
    """A portal as it should be. An empty key or secret is made for a new portal and left alone on a known one."""

    id: str
    name: str
    callback_url: str
    return_origins: tuple[str, ...]
    rate_post: int
    rate_get: int
    rate_burst: int
    key: str = ""
    secret: str = ""
    update: bool = False


class KeyRotation(msgspec.Struct, frozen=True, kw_only=True, tag="portal_key"):
    """One more key for a portal; of three the oldest ends."""

    portal_id: str
    key: str


class SecretRotation(msgspec.Struct, frozen=True, kw_only=True, tag="portal_secret"):
    """A new signing secret for a portal's callbacks; the one before it signs too until the next rotation."""

    portal_id: str
    secret: str


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, tag="key"):
    """A key of no portal, for finance or for who runs the hub."""

    key: str
    scope: Literal["finance", "operator"]


class KeyEnd(msgspec.Struct, frozen=True, kw_only=True, tag="key_end"):
    """A key that ends now, by its prefix."""

    prefix: str


class BankChange(msgspec.Struct, frozen=True, kw_only=True, tag="bank"):
    """A bank as it should be: secret `values`, open `options`, where its money lands."""

    id: str
    connector: str
    title: str
    base_url: str
    merchant: str
    values: dict[str, str]
    options: dict[str, str]
    home: Literal["provider", "account"]
    account: str
    holder: str | None
    update: bool = False


class PersonChange(msgspec.Struct, frozen=True, kw_only=True, tag="person"):
    """A member of staff with one role."""

    id: str
    name: str
    role: Literal["clerk", "approver", "auditor", "admin", "operator"]


class BodyChange(msgspec.Struct, frozen=True, kw_only=True, tag="body"):
    """A collecting body's budget dimensions."""

    id: str
    name: str
    chapter: str
    area: str
    budget_unit: str
    update: bool = False


Change = (
    PortalChange | KeyRotation | SecretRotation | KeyChange | KeyEnd | BankChange | BankPart | PersonChange | BodyChange
)


def new_key(mode: str) -> str:
    """An API key of 256 random bits."""
    return f"sk_{mode}_{secrets.token_urlsafe(_KEY_BYTES)}"


def new_secret() -> str:
    """A signing secret in the form of Standard Webhooks."""
    return "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


async def apply(hub: Hub, connection: Connection, change: Change, *, by: str) -> Shown:
    """Make it so and leave an audit row. Raises Refused: already_exists (no update was asked), not_found."""
    match change:
        case PortalChange():
            state, shown = await _portal(hub, connection, change)
        case KeyRotation(portal_id=portal_id, key=key):
            await _known(connection, "portals", portal_id)
            state, shown = await _add_portal_key(connection, portal_id, key), {"id": portal_id, "key": key}
        case SecretRotation():
            state, shown = await _rotate_secret(hub, connection, change)
        case KeyChange(key=key, scope=scope):
            state = await _add_key(connection, key, portal_id=None, scope=scope)
            shown = {"prefix": key_prefix(key), "scope": scope, "key": key}
        case KeyEnd(prefix=prefix):
            state, shown = await _end_key(connection, prefix), {"prefix": prefix}
        case BankChange():
            state, shown = await _bank(hub, connection, change)
        case TermChange() | WindowChange() | SecretsRotation():
            state, shown = await apply_part(hub, connection, change)
        case PersonChange():
            values: Shown = {"name": change.name, "role": change.role}
            state = await _upsert(connection, "persons", change.id, values, update=False)
            shown = {"id": change.id, **values}
        case BodyChange():
            values = {name: getattr(change, name) for name in ("name", "chapter", "area", "budget_unit")}
            state = await _upsert(connection, "collecting_bodies", change.id, values, update=change.update)
            shown = {"id": change.id, **values}
        case _:
            assert_never(change)
    if state != "unchanged":
        kind = str(change.__struct_config__.tag)
        subject = str(shown.get("id") or shown.get("prefix"))
        await add_audit(connection, AuditRow(principal=by, action=f"{kind}.{state}", subject=subject))
    return {"state": state, **shown}


async def _portal(hub: Hub, connection: Connection, change: PortalChange) -> tuple[State, Shown]:
    values: Shown = {
        "name": change.name,
        "callback_url": change.callback_url,
        "return_origins": list(change.return_origins),
        "rate_post": change.rate_post,
        "rate_get": change.rate_get,
        "rate_burst": change.rate_burst,
    }
    known = await store.find(connection, "portals", change.id)
    if known is None:
        key, secret = change.key or new_key(hub.settings.mode), change.secret or new_secret()
        sealed = hub.vault.seal(secret.encode(), where=portal_place(change.id))
        await store.add(connection, "portals", change.id, {**values, "callback_secret": sealed})
        await _add_key(connection, key, portal_id=change.id, scope="portal")
        return "created", {"id": change.id, **values, "key": key, "secret": secret}
    secret = hub.vault.open(known["callback_secret"], where=portal_place(change.id)).decode()
    if change.secret and change.secret != secret:
        raise Refused("already_exists", f"Portal {change.id} has another secret: use paygw portal rotate-secret.")
    if change.key and key_prefix(change.key) not in {
        row["prefix"] for row in await store.keys_of(connection, change.id)
    }:
        raise Refused("already_exists", f"Portal {change.id} has another key: use paygw portal rotate-key.")
    state = await _upsert(connection, "portals", change.id, values, update=change.update)
    given = {name: value for name, value in (("key", change.key), ("secret", change.secret)) if value}
    return state, {"id": change.id, **values, **given}


async def _rotate_secret(hub: Hub, connection: Connection, change: SecretRotation) -> tuple[State, Shown]:
    known = await _known(connection, "portals", change.portal_id)
    place = portal_place(change.portal_id)
    current = hub.vault.open(known["callback_secret"], where=place).decode()
    if current == change.secret:
        return "unchanged", {"id": change.portal_id, "secret": change.secret}
    sealed = hub.vault.seal(change.secret.encode(), where=place)
    await store.rotate_secret(connection, change.portal_id, sealed=sealed, previous=known["callback_secret"])
    return "rotated", {"id": change.portal_id, "secret": change.secret}


async def _add_portal_key(connection: Connection, portal_id: str, key: str) -> State:
    """The new key and the one before it stay; older ones end."""
    state = await _add_key(connection, key, portal_id=portal_id, scope="portal")
    if state == "unchanged":
        return state
    keys = await store.keys_of(connection, portal_id)
    for row in [row for row in keys if row["prefix"] != key_prefix(key)][: len(keys) - KEYS_ACTIVE_MAX]:
        await store.revoke_key(connection, row["prefix"])
    return "rotated"


async def _add_key(connection: Connection, key: str, *, portal_id: str | None, scope: str) -> State:
    known = await store.find_key_row(connection, key_prefix(key))
    if known is None:
        await store.add_key(
            connection, prefix=key_prefix(key), digest=key_digest(key), portal_id=portal_id, scopes=[scope]
        )
        return "created"
    if known["portal_id"] != portal_id or scope not in known["scopes"] or known["revoked_at"] is not None:
        raise Refused("already_exists", "This key was given to somebody else, or has ended: make a new one.")
    return "unchanged"


async def _end_key(connection: Connection, prefix: str) -> State:
    known = await store.find_key_row(connection, prefix)
    if known is None:
        raise Refused("not_found", "There is no key of that prefix: paygw key list shows them.")
    if known["revoked_at"] is not None:
        return "unchanged"
    await store.revoke_key(connection, prefix)
    return "revoked"


# A landing of cash is known for ever by these: told again under others, it would be booked a second time.
_IDENTIFYING: Final = frozenset({"connector", "merchant", "home", "account"})
_STAYS: Final = "name the payments it has brought: add another bank for what changes, and hide this one."


async def _bank(hub: Hub, connection: Connection, change: BankChange) -> tuple[State, Shown]:
    takes_money = bool(hub.connectors[change.connector].methods) if change.connector in hub.connectors else False
    if hub.settings.funds == "custody" and takes_money and not change.account:
        raise Refused("invalid_value", "In custody mode --account says which account of ours this bank pays into.")
    place = bank_place(change.id)
    sealed = hub.vault.seal(msgspec.json.encode(change.values), where=place)
    shown: Shown = {
        "connector": change.connector,
        "title": change.title,
        "base_url": change.base_url,
        "merchant": change.merchant,
        "options": msgspec.json.encode(change.options).decode(),
        "home": change.home,
        "account": change.account,
        "holder": change.holder,
    }
    known = await store.find(connection, "banks", change.id)
    if known is None:
        await store.add(connection, "banks", change.id, {**shown, "credentials": sealed})
        return "created", {"id": change.id, **shown, "options": change.options}
    before = msgspec.json.decode(hub.vault.open(known["credentials"], where=place), type=dict[str, str])
    differing = _differing(known, shown) + (["secrets"] if before != change.values else [])
    if differing and not change.update:
        raise _exists("banks", change.id, differing)
    lasting = [name for name in differing if name in _IDENTIFYING]
    if lasting and await store.has_receipts(connection, change.id):
        raise Refused("already_exists", f"{', '.join(lasting)} of {change.id} {_STAYS}")
    if differing:
        if before == change.values:
            kept = {"credentials": known["credentials"], "credentials_previous": known["credentials_previous"]}
        else:
            kept = {"credentials": sealed, "credentials_previous": known["credentials"]}
        await store.change(connection, "banks", change.id, {**shown, **kept})
    return "updated" if differing else "unchanged", {"id": change.id, **shown, "options": change.options}


async def _upsert(connection: Connection, table: str, row_id: str, values: Shown, *, update: bool) -> State:
    known = await store.find(connection, table, row_id)
    if known is None:
        await store.add(connection, table, row_id, values)
        return "created"
    differing = _differing(known, values)
    if not differing:
        return "unchanged"
    if not update:
        raise _exists(table, row_id, differing)
    await store.change(connection, table, row_id, values)
    return "updated"


async def _known(connection: Connection, table: str, row_id: str) -> Mapping[str, bytes]:
    row: Mapping[str, bytes] | None = await store.find(connection, table, row_id)
    if row is None:
        raise Refused("not_found", f"There is no {row_id} in {table}.")
    return row


def _differing(known: Mapping[str, object], wanted: Shown) -> list[str]:
    return [name for name, value in wanted.items() if _plain(known[name], name) != _plain(value, name)]


def _plain(value: object, name: str) -> object:
    """Options come back from the database spelled its own way."""
    return msgspec.json.decode(str(value)) if name == "options" else value


def _exists(table: str, row_id: str, differing: list[str]) -> Refused:
    told = f"{row_id} in {table} exists with another {', '.join(differing)}; --update changes what may change."
    return Refused("already_exists", told)
