"""The hub as a value: everything a use case may need that is not in the database. Built once by `paygw.app`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from asyncpg import Connection, Pool

from paygw.hub.registry import Registry
from paygw.kernel.connector import Connector
from paygw.kernel.fees.catalogue import Catalogue
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.engine import transact

T = TypeVar("T")


class Observer(Protocol):
    """Where the hub counts: metric names and labels are declared in outside/metrics.py."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""


@dataclass(slots=True)
class RegistryHolder:
    """The one thing that changes while a process runs: the current registry, swapped whole."""

    now: Registry = field(default_factory=Registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Settings, database, keys, clock, protocols, tariffs. Use cases take it first."""

    settings: Settings
    pool: Pool
    vault: Vault
    connectors: Mapping[str, Connector]
    catalogue: Catalogue
    clock: Callable[[], datetime]
    observe: Observer
    registry_holder: RegistryHolder = field(default_factory=RegistryHolder)

    @property
    def registry(self) -> Registry:
        """Who is who, now."""
        return self.registry_holder.now

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """One use case, one transaction, committed at its end."""
        return await transact(self.pool, work, retries_max=self.settings.transaction_retries_max)
