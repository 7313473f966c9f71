"""A bank that is sick in six ways beside one that is well: nothing of the well one waits, nothing is guessed."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest

from tests.drills.conftest import Figures
from tests.drills.kit.audit import Acknowledged
from tests.drills.kit.client import create, go_to_bank, order_body
from tests.drills.kit.processes import running, until, worker
from tests.drills.kit.provision import BANK, OTHER_BANK
from tests.drills.kit.world import World, world

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800)]

MODES: Mapping[str, Mapping[str, Any]] = {
    "slow": {"slow_ms": 1_500},
    "refused": {"down": "refused"},
    "500": {"http_status": 500},
    "garbage": {"garbage": True},
    "cut": {"cut": True},
    "hang": {"slow_ms": 600_000},
}
VISITS = 120
_REST_S = 2.5  # the breaker lets a probe through again
_ROUNDS = 2  # of well and sick neighbours in turn: what the machine does meanwhile falls on both
_EVERY_S = {OTHER_BANK: 0.05, BANK: 0.1}  # citizens do not wait for one another
_MORE = {
    "PAYGW_BANK_DEADLINE_S": "2", "PAYGW_BANK_CONNECT_S": "1", "PAYGW_BREAKER_OPEN_S": "2",
    "PAYGW_ENQUIRY_DELAYS_S": "1,2,4,8,15,30,60,60,60,60,60,60",
}  # fmt: skip
_DIALOGUES = re.compile(r'paygw_bank_requests_total\{bank="([^"]+)",operation="open_session",outcome="([^"]+)"\} (\d+)')
_REFS = "SELECT a.ref FROM attempts a JOIN orders o ON o.id = a.order_id WHERE o.reference LIKE $1"
_SILENT = """
SELECT bank, status, last_contact_failed, intent, enquiries, min(next_enquiry_at - now()) AS due, count(*) FROM attempts
WHERE last_contact_failed OR intent IS NOT NULL GROUP BY 1, 2, 3, 4, 5
"""
_LEFT = "SELECT count(*) FROM orders WHERE reference LIKE $1 AND status <> 'paid'"


@dataclass(slots=True)
class Visits:
    """Citizens who choose a bank; `took_ms` is from the form to the bank's page."""

    hub: World
    http: aiohttp.ClientSession
    acknowledged: list[Acknowledged] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    async def to(self, bank: str, tag: str, visits: int) -> tuple[list[float], int]:
        """So many visits, one after the other begins; the times of all, and how many saw the bank's page."""
        took_ms = list[float]()

        async def one(at: int) -> bool:
            await asyncio.sleep(at * _EVERY_S[bank])
            name = f"{tag}-{next(self._numbers)}"
            answer = await create(self.http, self._origin, order_body(name, [name]), key=name)
            assert answer.status == 201, answer.body
            self.acknowledged.append(Acknowledged(name, name, answer.body))
            began_s = time.monotonic()
            page = await go_to_bank(self.http, self._origin, answer.json["pay_url"], bank)
            took_ms.append((time.monotonic() - began_s) * 1000)
            return page is not None

        seen = await asyncio.gather(*(one(at) for at in range(visits)))
        return took_ms, sum(seen)

    @property
    def _origin(self) -> str:
        return self.hub.apis[0].origin


async def test_a_sick_bank_keeps_nobody_waiting_but_its_own_payers(
    folder: Path, scaled: Callable[..., int], figures: Figures
) -> None:
    """Slow, refusing, answering 500, garbage or half a body, hanging; money at the well one is found all the while."""
    visits, told = scaled(VISITS, least=20), {}
    flows = {BANK: "server", OTHER_BANK: "server"}
    with _opened(folder, flows) as hub:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            party = Visits(hub, http)
            for mode, misbehaviour in MODES.items():
                told[mode] = await _compare(party, mode, visits, misbehaviour)
            await asyncio.to_thread(hub.bank.misbehave, BANK)
            await _everything_is_settled(hub)
        found = await hub.audit(party.acknowledged)
        statuses = Counter(row["status"] for row in await hub.rows("SELECT status FROM attempts WHERE bank = $1", BANK))
        dialogues = _dialogues(hub)
    counted = {" ".join(key): times for key, times in dialogues.items()}
    figures(visits=visits, modes=told, dialogues=counted, sick_attempts=statuses, differences=found.differences)
    assert not found.differences
    assert {outcome for bank, outcome in dialogues if bank == OTHER_BANK} == {"succeeded"}
    assert {one["well_seen"] for one in told.values()} == {2 * _ROUNDS * visits}
    assert statuses["failed"] == 0  # none of this is a bank saying no


async def _compare(party: Visits, mode: str, visits: int, misbehaviour: Mapping[str, Any]) -> dict[str, object]:
    """The well bank beside another well one and beside the sick one, in turn; while it is sick, money is found."""
    bank, told = party.hub.bank, dict[str, list[float]](well=[], sick=[])
    seen = 0
    for neighbour in ("well", "sick") * _ROUNDS:
        await asyncio.to_thread(bank.misbehave, BANK, **(misbehaviour if neighbour == "sick" else {}))
        if neighbour == "well":
            await asyncio.sleep(_REST_S)
        took_ms, pages = await _together(party, f"{neighbour}-{mode}", visits)
        told[neighbour] += took_ms
        seen += pages
    await _find_untold_money(party.hub, f"{OTHER_BANK}-sick-{mode}-%")
    p95 = {neighbour: sorted(took_ms)[int(len(took_ms) * 0.95)] for neighbour, took_ms in told.items()}
    return {
        "p95_beside_well_ms": round(p95["well"]), "p95_beside_sick_ms": round(p95["sick"]),
        "ratio": round(p95["sick"] / p95["well"], 2), "well_seen": seen,
    }  # fmt: skip


async def _together(party: Visits, tag: str, visits: int) -> tuple[list[float], int]:
    """Visits to both banks at once; those of the one that is always well are told."""
    other = asyncio.create_task(party.to(BANK, f"{BANK}-{tag}", visits // 2))
    told = await party.to(OTHER_BANK, f"{OTHER_BANK}-{tag}", visits)
    await other
    return told


async def _find_untold_money(hub: World, references: str) -> None:
    """Citizens pay at the well bank, whose webhooks get lost; asking finds all of it while the other bank is sick."""
    await asyncio.to_thread(hub.bank.misbehave, OTHER_BANK, lost=True)
    for row in await hub.rows(_REFS, references):
        await asyncio.to_thread(hub.bank.pay, row["ref"], OTHER_BANK)
    await asyncio.to_thread(
        until, lambda: asyncio.run(hub.value(_LEFT, references)) == 0, lambda: f"{references}: money is not found"
    )
    await asyncio.to_thread(hub.bank.misbehave, OTHER_BANK)


async def _everything_is_settled(hub: World) -> None:
    """The sick bank is well again: no attempt there is without an answer any more."""
    silent = "SELECT count(*) FROM attempts WHERE last_contact_failed OR intent IS NOT NULL"
    await asyncio.to_thread(
        until,
        lambda: asyncio.run(hub.value(silent)) == 0,
        lambda: f"attempts stay silent: {asyncio.run(hub.rows(_SILENT))}",
        timeout_s=180,
    )


def _dialogues(hub: World) -> dict[tuple[str, str], int]:
    """Opened sessions by bank and outcome, as the API counted them."""
    with urlopen(f"{hub.apis[0].origin}/metrics", timeout=5) as answer:  # noqa: S310 - our own loopback address
        text = answer.read().decode()
    return {(bank, outcome): int(times) for bank, outcome, times in _DIALOGUES.findall(text)}


@contextmanager
def _opened(folder: Path, flows: dict[str, str]) -> Iterator[World]:
    with world(folder, apis=1, more=_MORE, flows=flows) as hub, running(worker(folder, **_MORE)):
        yield hub
