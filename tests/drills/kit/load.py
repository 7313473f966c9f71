"""Citizens and a portal at work while things break: what fails is tried again with the same key, as documented."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

import aiohttp

from tests.drills.kit.audit import Acknowledged
from tests.drills.kit.client import Answer, arrive_at_bank, create, go_to_bank, order_body, press_pay
from tests.drills.kit.provision import BANK, OTHER_BANK
from tests.drills.kit.world import World

_CITIZENS_MAX = 40  # at once: a machine that is slow gets fewer orders, not a crowd
_PATIENCES_S = (0.2, 0.4, 0.8, *(1.5 for _ in range(100)))
_VISITS_MAX = 30
_BROKEN = (aiohttp.ClientError, TimeoutError, ConnectionError)


@dataclass(slots=True)
class Load:
    """A steady stream of orders; `acknowledged` is what the hub confirmed, `answers` counts every answer it gave."""

    world: World
    per_s: float
    luck: random.Random
    acknowledged: list[Acknowledged] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    gave_up: list[str] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    async def run(self, stop: asyncio.Event) -> None:
        """Send orders until told to stop; returns when the last citizen is done."""
        seats = asyncio.Semaphore(_CITIZENS_MAX)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200, force_close=True)) as http,
            asyncio.TaskGroup() as citizens,
        ):
            while not stop.is_set():
                await seats.acquire()
                citizen = citizens.create_task(self._citizen(http, next(self._numbers)))
                citizen.add_done_callback(lambda _: seats.release())
                await asyncio.sleep(self.luck.expovariate(self.per_s))

    async def _citizen(self, http: aiohttp.ClientSession, number: int) -> None:
        """One order from its creation to the money."""
        body, key = order_body(f"K-{number}", [f"K-{number}"]), f"k-{uuid4()}"
        answer = await self._created(http, body, key)
        self.acknowledged.append(Acknowledged(key, f"K-{number}", answer.body))
        bank = self.luck.choice((BANK, OTHER_BANK))
        page = await self._at_bank(http, answer.json["pay_url"], bank)
        if page is None:
            self.gave_up.append(f"K-{number}")
            return
        await self._pays(http, page, bank)

    async def _created(self, http: aiohttp.ClientSession, body: bytes, key: str) -> Answer:
        """The same request with the same key, until there is an answer that is final."""
        for patience_s in _PATIENCES_S:
            try:
                answer = await create(http, self._origin(), body, key=key)
            except _BROKEN as error:
                self.answers[f"create {type(error).__name__}"] += 1
            else:
                told = "replayed" if answer.replayed else answer.json.get("code", "")
                self.answers[f"create {answer.status} {told}".strip()] += 1
                if answer.status in {200, 201}:
                    return answer
            await asyncio.sleep(patience_s)
        raise AssertionError("no answer to a create in all this time")

    async def _at_bank(self, http: aiohttp.ClientSession, pay_url: str, chosen: str) -> str | None:
        """The bank's page, after as many tries as a patient citizen makes."""
        for patience_s in _PATIENCES_S[:_VISITS_MAX]:
            try:
                if page := await go_to_bank(http, self._origin(), pay_url, chosen):
                    return page
                self.answers["pay page: not now"] += 1
            except _BROKEN as error:
                told = str(error) if str(error).startswith("answered") else type(error).__name__
                self.answers[f"pay page {told}"] += 1
            await asyncio.sleep(patience_s)
        return None

    async def _pays(self, http: aiohttp.ClientSession, page: str, chosen: str) -> None:
        """Most pay what is asked; at the first bank some twice, some too little; some not at all."""
        bank, kind = self.world.bank, self.luck.random()
        session = await arrive_at_bank(http, page)
        if kind < 0.90 or (chosen != BANK and kind < 0.97):
            await press_pay(http, session)
        elif kind < 0.94:
            await asyncio.to_thread(bank.pay, bank.attempt_of(page), payments=2)
        elif kind < 0.97:
            await asyncio.to_thread(bank.pay, bank.attempt_of(page), amount_vnd=50_000)

    def defects(self) -> list[str]:
        """Answers that no breakdown excuses: a bare 500, a refusal of something that was right."""
        excused = {"create 200", "create 201", "create 200 replayed", "create 201 replayed"}
        excused |= {"create 409 idempotency_in_progress", "create 503 unavailable"}
        wrong = [said for said in self.answers if said.startswith("create ") and said[7].isdigit()]
        return [said for said in wrong if said not in excused] + [
            s for s in self.answers if s == "pay page answered 500"
        ]

    def _origin(self) -> str:
        """A load balancer's choice."""
        return self.luck.choice(self.world.apis).origin
