"""A hub for tests: a real database, a clock that a test moves, one portal and the sandbox bank in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import discover
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Bank, Portal, Registry
from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    Contact,
    FetchedFile,
    FileDialogue,
    Secrets,
    Session,
    SessionDialogue,
)
from paygw.kernel.decide import Landing
from paygw.kernel.fees.catalogue import Catalogue, load_catalogue
from paygw.kernel.pulse import Tally
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.engine import open_pool
from tests.db_fixtures import Database

CATALOGUE = Path(__file__).parent.parent / "paygw" / "catalogue" / "fees"
PORTAL = Portal(
    id="hanoi",
    name="Cổng dịch vụ công Hà Nội",
    callback_url="https://dvc.example.vn/callbacks",
    return_origins=("https://dvc.example.vn",),
    callback_state="active",
    rate_post=1000,
    rate_get=1000,
    rate_burst=1000,
    secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",),
)


@dataclass(slots=True)
class Clock:
    """Stands still until a test moves it."""

    now: datetime = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Move on, by timedelta's words."""
        self.now += timedelta(**by)


@dataclass(slots=True)
class Counts:
    """Remembers what was counted."""

    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Remember a count."""
        self.seen.append((name, {**labels, "by": str(by)}))

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Remember a duration."""
        self.seen.append((name, {**labels, "seconds": str(seconds)}))


@dataclass(slots=True)
class ScriptedBank:
    """Plays every bank: a test says what the next contacts come to. Without a word of it, nothing is ever sent."""

    sessions: list[Session] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def open_session(self, bank: str, dialogue: SessionDialogue) -> Session:
        """The next session."""
        dialogue.close()
        self.asked.append((bank, "open_session"))
        return self.sessions.pop(0) if self.sessions else Session(contact=Contact.NOT_SENT)

    async def ask(self, bank: str, operation: str, dialogue: AnswerDialogue) -> Answer:
        """The next answer."""
        dialogue.close()
        self.asked.append((bank, operation))
        return self.answers.pop(0) if self.answers else Answer(contact=Contact.NOT_SENT)

    async def fetch_file(self, bank: str, dialogue: FileDialogue) -> FetchedFile:
        """No files."""
        dialogue.close()
        self.asked.append((bank, "fetch_file"))
        return FetchedFile(contact=Contact.NOT_SENT)

    def open_circuits(self) -> frozenset[str]:
        """No bank is sick."""
        return frozenset()

    def take_tallies(self) -> list[Tally]:
        """Nothing was counted."""
        return []


def sandbox_bank(name: str = "sandbox-a", *, landing: Landing | None = None) -> Bank:
    """One configured sandbox bank."""
    connector = discover()["sandbox"]
    return Bank(
        id=name,
        title=connector.title,
        connector=connector,
        secrets=Secrets(
            base_url="http://127.0.0.1:9", merchant="PAYGW", values={"secret": "s" * 32}, options={"flow": "server"}
        ),
        landing=landing or Landing(),
        enabled=True,
    )


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The starter catalogue, compiled once."""
    return load_catalogue(CATALOGUE)


@pytest.fixture
async def hub(database: Database, catalogue: Catalogue) -> AsyncIterator[Hub]:
    """A hub of its own on a fresh database, in routing mode."""
    pool = await open_pool(database.runtime, size=12, application="test", statement_timeout_s=5, idle_timeout_s=10)
    banks = {name: sandbox_bank(name) for name in ("sandbox-a", "sandbox-b")}
    yield Hub(
        settings=Settings(),
        pool=pool,
        vault=Vault(b"k" * 32),
        connectors=discover(),
        catalogue=catalogue,
        clock=Clock(),
        observe=Counts(),
        talk=ScriptedBank(),
        registry_holder=RegistryHolder(Registry(portals={PORTAL.id: PORTAL}, banks=banks)),
    )
    await pool.close()


@pytest.fixture
def custody_hub(hub: Hub) -> Hub:
    """The same hub, holding the money itself."""
    return replace(hub, settings=hub.settings.model_copy(update={"funds": "custody"}))
