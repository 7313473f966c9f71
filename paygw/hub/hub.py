"""The hub as a value: everything a use case may need that is not in the database. Built once by `paygw.app`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from asyncpg import Connection, Pool

from paygw.hub.gathering import Gathering
from paygw.hub.registry import Registry
from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    Connector,
    FetchedFile,
    FileDialogue,
    Session,
    SessionDialogue,
)
from paygw.kernel.fees.catalogue import Catalogue, Procedure
from paygw.kernel.pulse import Pulse, Tally
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.dsn import Dsn
from paygw.store.engine import OneConnection, transact

T = TypeVar("T")
AskOperation = Literal["query", "refund", "query_refund", "cancel"]


class Observer(Protocol):
    """Where the hub counts: metric names and labels are declared in outside/metrics.py."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration."""


class BankTalk(Protocol):
    """The way to the banks: drives a connector's dialogue, says how far it got (outside/bank_http.py)."""

    async def open_session(self, bank: str, dialogue: SessionDialogue) -> Session:
        """Open a session at a bank."""

    async def ask(self, bank: str, operation: AskOperation, dialogue: AnswerDialogue) -> Answer:
        """Hold an enquiry, refund or cancelling dialogue."""

    async def fetch_file(self, bank: str, dialogue: FileDialogue) -> FetchedFile:
        """Fetch a file of the night."""

    def open_circuits(self) -> frozenset[str]:
        """Banks that are being turned away after failures."""

    def take_tallies(self) -> Sequence[Tally]:
        """What was seen of each bank and operation since the last call."""


@dataclass(slots=True)
class HealthHolder:
    """How banks are, by bank and operation, swapped whole every few seconds."""

    now: Mapping[tuple[str, str], Pulse] = field(default_factory=dict)


@dataclass(slots=True)
class RegistryHolder:
    """The one thing that changes while a process runs: the current registry, swapped whole."""

    now: Registry = field(default_factory=Registry)


@dataclass(slots=True)
class TariffHolder:
    """The tariffs in force, swapped whole when somebody publishes; versions already read, by digest."""

    now: Catalogue | None = None
    revision: int = -1
    units: dict[str, Procedure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Settings, database, keys, clock, protocols, tariffs. Use cases take it first.

    `catalogue` is the starter's, which counts until versions are read from the database (hub/tariffs.py).
    """

    settings: Settings
    pool: Pool
    vault: Vault
    connectors: Mapping[str, Connector]
    catalogue: Catalogue
    clock: Callable[[], datetime]
    observe: Observer
    talk: BankTalk
    dsn: Dsn | None = None  # for scheduled work, which has a driver of its own
    registry_holder: RegistryHolder = field(default_factory=RegistryHolder)
    tariff_holder: TariffHolder = field(default_factory=TariffHolder)
    health_holder: HealthHolder = field(default_factory=HealthHolder)
    gathering: Gathering = field(default_factory=Gathering)

    @property
    def registry(self) -> Registry:
        """Who is who, now."""
        return self.registry_holder.now

    @property
    def tariffs(self) -> Catalogue:
        """What is charged by, now."""
        return self.tariff_holder.now or self.catalogue

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """One use case, one transaction, committed at its end."""
        return await transact(
            self.pool, work, retries_max=self.settings.transaction_retries_max, tell=self._tried_again
        )

    def _tried_again(self, reason: str) -> None:
        self.observe.count("paygw_db_retries_total", reason=reason)

    def within(self, connection: Connection) -> "Hub":
        """The hub for use cases that are part of a larger one: they commit with its transaction or not at all."""
        return replace(self, pool=OneConnection(connection))
