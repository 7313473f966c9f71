"""Who is who, in memory: an immutable snapshot that every process renews when told, or every few seconds.

Authentication and bank look-ups cost no SQL on the hot paths; a revoked key stops working within `registry_refresh_s`.
"""

import hmac
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from asyncpg import Record

from paygw.kernel.connector import Connector, Secrets
from paygw.kernel.decide import Landing
from paygw.kernel.hosts import Mode, host_of_other_mode
from paygw.outside.vault import Vault, VaultError
from paygw.store.registry import RegistryRows

T = TypeVar("T")
_log = logging.getLogger("paygw.registry")


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal as provisioned. Secrets are the signing secrets of its callbacks (`whsec_…`), newest first."""

    id: str
    name: str
    callback_url: str
    return_origins: tuple[str, ...]
    callback_state: str
    rate_post: int
    rate_get: int
    rate_burst: int
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key by its prefix; only the digest of the whole is known."""

    prefix: str
    digest: bytes = field(repr=False)
    portal_id: str | None
    scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Whether a bank is offered, and for which sums, to a portal's orders for a body; empty names mean every one."""

    portal: str = ""
    body: str = ""
    offered: bool = True
    min_vnd: int | None = None
    max_vnd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Maintenance a bank announced."""

    starts_at: datetime
    ends_at: datetime
    note_vi: str = ""
    note_en: str = ""


@dataclass(frozen=True, slots=True)
class Bank:
    """One configured instance of a connector."""

    id: str
    title: str
    connector: Connector
    secrets: Secrets
    landing: Landing
    enabled: bool
    terms: tuple[Term, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A collecting body's budget dimensions."""

    id: str
    name: str
    chapter: str
    area: str
    budget_unit: str


@dataclass(frozen=True, slots=True)
class Registry:
    """One consistent picture of who is who."""

    portals: Mapping[str, Portal] = field(default_factory=dict)
    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    banks: Mapping[str, Bank] = field(default_factory=dict)
    strangers: Mapping[str, str] = field(default_factory=dict)  # banks left out, by the host of the other mode
    bodies: Mapping[str, Body] = field(default_factory=dict)
    restores: Mapping[int, int] = field(default_factory=dict)  # era of each to the transaction it began with

    def budget_code(self, collecting_body: str, ndkt: str) -> str:
        """chương.tiểu mục.ĐBHC.QHNS of a component; an unregistered body stands in for its budget unit."""
        body = self.bodies.get(collecting_body)
        if body is None:
            return f"-.{ndkt or '-'}.-.{collecting_body}"
        return f"{body.chapter}.{ndkt or '-'}.{body.area}.{body.budget_unit}"


def key_digest(key: str) -> bytes:
    """What is stored of an API key: 192 random bits need no slow hash."""
    return sha256(key.encode()).digest()


def key_prefix(key: str) -> str:
    """What may be shown of a key and is looked up: `sk_test_` and 16 digits of its digest, so that no two are alike."""
    return _prefix(key, key_digest(key))


def _prefix(key: str, digest: bytes) -> str:
    return key[:8] + digest.hex()[:16]


def find_key(registry: Registry, key: str, now: datetime) -> ApiKey | None:
    """The key's record if it is known, whole and in force."""
    digest = key_digest(key)
    known = registry.keys.get(_prefix(key, digest))
    if known is None or not hmac.compare_digest(known.digest, digest):
        return None
    return None if known.expires_at is not None and known.expires_at <= now else known


def build_registry(rows: RegistryRows, vault: Vault, connectors: Mapping[str, Connector], *, mode: Mode) -> Registry:
    """Open what is sealed. A bank whose connector is not in this build, or a row that does not open, is left out.

    So is a bank at its provider's host for the other mode: what it tells of is not this hub's kind of money.

    Leaving out fails closed for that one row, and lets a revoked key of another take effect at once.
    """
    strangers = {row["id"]: host for row in rows.banks if (host := _strange_host(row, connectors, mode))}
    for bank_id, host in strangers.items():
        _log.critical("bank_of_other_mode", extra={"bank": bank_id, "outcome": host})
    return Registry(
        strangers=strangers,
        portals=_opened(rows.portals, lambda row: _portal(row, vault)),
        keys={row["prefix"]: _key(row) for row in rows.keys},
        banks=_opened(
            [row for row in rows.banks if row["connector"] in connectors and row["id"] not in strangers],
            lambda row: replace(
                _bank(row, vault, connectors),
                terms=tuple(Term(**_besides_bank(one)) for one in rows.terms if one["bank"] == row["id"]),
                windows=tuple(Window(**_besides_bank(one)) for one in rows.windows if one["bank"] == row["id"]),
            ),
        ),
        bodies={
            row["id"]: Body(row["id"], row["name"], row["chapter"], row["area"], row["budget_unit"])
            for row in rows.bodies
        },
        restores={row["era"]: row["xid"] for row in rows.restores},
    )


def _opened(rows: Iterable[Record], build: Callable[[Record], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for row in rows:
        try:
            found[row["id"]] = build(row)
        except VaultError as error:
            _log.critical("secret_unopened", extra={"code": type(error).__name__, "outcome": str(error)})
    return found


def portal_place(portal_id: str) -> str:
    """Where a portal's callback secret is sealed."""
    return f"portals/{portal_id}/callback_secret"


def bank_place(bank_id: str) -> str:
    """Where a bank's credentials are sealed."""
    return f"banks/{bank_id}/credentials"


def _portal(row: Record, vault: Vault) -> Portal:
    sealed = [row["callback_secret"], row["callback_secret_previous"]]
    return Portal(
        id=row["id"],
        name=row["name"],
        callback_url=row["callback_url"],
        return_origins=tuple(row["return_origins"]),
        callback_state=row["callback_state"],
        rate_post=row["rate_post"],
        rate_get=row["rate_get"],
        rate_burst=row["rate_burst"],
        secrets=tuple(vault.open(item, where=portal_place(row["id"])).decode() for item in sealed if item),
    )


def _key(row: Record) -> ApiKey:
    return ApiKey(row["prefix"], row["digest"], row["portal_id"], frozenset(row["scopes"]), row["expires_at"])


def _bank(row: Record, vault: Vault, connectors: Mapping[str, Connector]) -> Bank:
    previous = row["credentials_previous"]
    connector = connectors[row["connector"]]
    return Bank(
        id=row["id"],
        title=row["title"] or connector.title,
        connector=connector,
        secrets=Secrets(
            base_url=row["base_url"],
            merchant=row["merchant"],
            values=_credentials(row["credentials"], row["id"], vault),
            previous=_credentials(previous, row["id"], vault) if previous else {},
            options=msgspec.json.decode(row["options"], type=dict[str, str]),
        ),
        landing=Landing(home=row["home"], account=row["account"], holder=row["holder"]),
        enabled=row["enabled"],
    )


def _strange_host(row: Record, connectors: Mapping[str, Connector], mode: Mode) -> str:
    options = msgspec.json.decode(row["options"], type=dict[str, str])
    return host_of_other_mode((row["base_url"], *options.values()), connectors.values(), mode)


def _besides_bank(row: Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "bank"}


def _credentials(sealed: bytes, bank_id: str, vault: Vault) -> dict[str, str]:
    return msgspec.json.decode(vault.open(sealed, where=bank_place(bank_id)), type=dict[str, str])
