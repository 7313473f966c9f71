"""One night in a process of its own, which ends itself by SIGKILL where it is told to.

    python -m tests.drills.night_run DATABASE_URL BANK_URL DAY (before|after STEP | at COMMIT | through)

`before` a step has done anything, `after` its work and before the journal knows, `at` the n-th commit of the run.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from asyncpg import Connection

from connectors import discover
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Registry
from paygw.jobs import nightly
from paygw.kernel.connector import Secrets
from paygw.kernel.decide import Landing
from paygw.kernel.fees.catalogue import load_catalogue
from paygw.outside.bank_http import BankLimits, bank_http
from paygw.outside.metrics import Metrics
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.dsn import parse_dsn
from paygw.store.engine import open_pool
from reconciliation.model import Booked, Break, BreakKind, Line
from reconciliation.nightly import Figures, Late
from tests.hub_fixtures import CATALOGUE, PORTAL, sandbox_bank
from tests.sandbox_fixtures import KEY

T = TypeVar("T")
BANK = "sandbox-a"


def die() -> None:
    """At once, without tidying up."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DyingHub(Hub):
    """A hub whose process dies right before the n-th commit, or right after it where n is negative."""

    dies_at: int = 0
    commits: list[int]

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Count, and perhaps die with the work done and not committed."""
        self.commits.append(1)
        number = len(self.commits)

        async def watched(connection: Connection) -> T:
            done = await work(connection)
            if number == self.dies_at:
                die()
            return done

        done: T = await Hub.transact(self, watched)
        if number == -self.dies_at:
            die()
        return done


@dataclass(slots=True, kw_only=True)
class DyingNight(nightly.Night):
    """A night that dies before or after one step."""

    when: str = ""
    step: str = ""

    async def journal(self, step: str, figures: Figures) -> None:
        """The step's work is done; the journal does not know yet."""
        if (self.when, self.step) == ("after", step):
            die()
        await nightly.Night.journal(self, step, figures)

    def _begin(self, step: str) -> None:
        if (self.when, self.step) == ("before", step):
            die()

    async def fetch(self, kind: Any) -> Late | int:  # noqa: ANN401 - as the port has it
        """Dies before the first file."""
        self._begin("fetch")
        return await nightly.Night.fetch(self, kind)

    async def book(self, lines: Sequence[Line]) -> Sequence[Booked]:
        """Read twice: for the first look and for the second."""
        self._begin("match" if not self.looked else "rematch")
        self.looked = True
        return await nightly.Night.book(self, lines)

    looked: bool = False

    async def close_gone(self, kinds: Iterable[BreakKind], still: Sequence[Break]) -> int:
        """Part of the second look."""
        return await nightly.Night.close_gone(self, kinds, still)

    async def repair(self, proven: Sequence[int]) -> Figures:
        """Evidence."""
        self._begin("repair")
        return await nightly.Night.repair(self, proven)

    async def settle(self) -> Figures:
        """Rows 15, 17."""
        self._begin("settle")
        return await nightly.Night.settle(self)

    async def close(self) -> Figures:
        """Row 16."""
        self._begin("close")
        return await nightly.Night.close(self)

    async def watch(self) -> Figures:
        """Overdue things."""
        self._begin("watch")
        return await nightly.Night.watch(self)

    async def resend(self) -> Figures:
        """News."""
        self._begin("resend")
        return await nightly.Night.resend(self)

    async def minutes(self) -> Figures:
        """The record."""
        self._begin("minutes")
        return await nightly.Night.minutes(self)


async def main(database: str, bank_url: str, day: str, when: str, where: str) -> None:
    """Run it, print what it came to and how often it committed."""
    pool = await open_pool(parse_dsn(database), size=6, application="drill", statement_timeout_s=20, idle_timeout_s=20)
    secrets = Secrets(base_url=bank_url, merchant="PAYGW", values={"secret": KEY}, options={"flow": "redirect"})
    bank = replace(sandbox_bank(BANK), secrets=secrets, landing=Landing(holder="retained@G22.99"))
    commits: list[int] = []
    async with bank_http(limits=BankLimits(), observer=Metrics()) as talk:
        hub = DyingHub(
            settings=Settings(portal_applies_s=0.001),
            pool=pool,
            vault=Vault(b"k" * 32),
            connectors=discover(),
            catalogue=load_catalogue(CATALOGUE),
            clock=lambda: datetime.now(UTC),
            observe=Metrics(),
            talk=talk,
            registry_holder=RegistryHolder(Registry(portals={PORTAL.id: PORTAL}, banks={BANK: bank})),
            dies_at=int(where) if when == "at" else 0,
            commits=commits,
        )
        make = (lambda **fields: DyingNight(when=when, step=where, **fields)) if when in {"before", "after"} else None
        done = await nightly.reconcile(hub, BANK, date.fromisoformat(day), port=make or nightly.Night)
    print(json.dumps({"commits": len(commits), "status": done["status"]}))  # noqa: T201 - the drill reads it


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], *(*sys.argv[4:6], "", "")[:2]))
