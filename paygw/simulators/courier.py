"""Webhooks out: each fact is told until somebody says 2xx, or not at all where the bank misbehaves."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Literal

import aiohttp
import msgspec
from yarl import URL

from paygw.kernel.connector import HttpReply, HttpRequest
from paygw.kernel.framing import signature, target_of
from paygw.simulators.bank import Bank
from paygw.simulators.config import Misbehaviour
from paygw.simulators.facts import Closing, News, Posted, event_id, event_type, is_told

PENDING_MAX = 100_000
IN_FLIGHT_MAX = 64
ANSWER_MAX_BYTES = 65_536

SIGNATURE = "x-sandbox-signature"
SCHEDULE_S = (0, 1, 5, 15, 60, 300, 900, 3600, 7200, 14400)

_DICE = random.SystemRandom()

ReleaseOrder = Literal["as_is", "reversed", "shuffled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One webhook to be delivered."""

    news: News
    event_id: str
    forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How a protocol tells things.

    `write` makes the message for an address (None: it does not tell this), `stops` says whether the hub's answer ends
    the sending, `schedule_s` are the waits before each try.
    """

    write: Callable[[Event, str], HttpRequest | None]
    stops: Callable[[HttpReply], bool]
    schedule_s: tuple[float, ...]


class Courier:
    """The deliveries of one bank. They survive a restart: what was not delivered is sent again at start."""

    def __init__(self, bank: Bank, http: aiohttp.ClientSession, post: Post) -> None:
        self._bank = bank
        self._http = http
        self._way = post
        self._running: dict[asyncio.Task[None], str] = {}
        self._held: list[Event] = []
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        bank.announce = self.announce

    def resume(self) -> int:
        """Take up what a former life left undelivered; how many webhooks that is."""
        left = [
            Event(news=news, event_id=name)
            for news in self._bank.news()
            if self._tells(news) and (name := event_id(self._bank.config.name, news, 0)) not in self._bank.posted
        ]
        for event in left:
            self._send(event, 0.0)
        return len(left)

    def announce(self, news: News) -> None:
        """Start telling a fact, in the way the bank misbehaves just now."""
        if not self._tells(news):
            return
        fault = self._bank.fault(news.attempt_ref)
        self._spread(self._events(news, fault.duplicates + 1, fault), fault)

    def tell_again(self, news: News, copies: int) -> None:
        """The same fact under new event ids."""
        name = self._bank.config.name
        serials = [1000 + _DICE.randrange(2**40) for _ in range(copies)]
        events = [Event(news=news, event_id=event_id(name, news, serial)) for serial in serials]
        self._spread(events, self._bank.fault(news.attempt_ref))

    def release(self, order: ReleaseOrder) -> int:
        """Send what is held, in this order, one after the other; how many."""
        events, self._held = self._held, []
        if order == "reversed":
            events.reverse()
        if order == "shuffled":
            _DICE.shuffle(events)
        self._spawn(self._one_after_the_other(events), "release")
        return len(events)

    async def told(self, news: News, *, timeout_s: float) -> None:
        """Wait until the deliveries of a fact have ended, or the time is over."""
        tasks = [task for task, key in self._running.items() if key == news.key]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    @property
    def counts(self) -> dict[str, int]:
        """How many webhooks wait, are held, and are done with."""
        return {"running": len(self._running), "held": len(self._held), "done": len(self._bank.posted)}

    async def stop(self) -> None:
        """End every delivery; the next start takes them up again."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _tells(self, news: News) -> bool:
        return is_told(news) and self._way.write(Event(news=news, event_id=""), "https://hub.example") is not None

    def _events(self, news: News, copies: int, fault: Misbehaviour) -> list[Event]:
        name = self._bank.config.name
        return [Event(news=news, event_id=event_id(name, news, copy), forged=fault.forged) for copy in range(copies)]

    def _spread(self, events: Sequence[Event], fault: Misbehaviour) -> None:
        for event in events:
            if fault.lost:
                self._spawn(self._end(event, "lost"), event.news.key)
            elif len(self._running) + len(self._held) >= PENDING_MAX:
                self._spawn(self._end(event, "dead"), event.news.key)
            elif fault.hold:
                self._held.append(event)
            else:
                delay_ms = fault.webhook_delay_ms + _DICE.uniform(0, fault.shuffle_ms)
                self._send(event, delay_ms / 1000)

    def _send(self, event: Event, delay_s: float) -> None:
        self._spawn(self._deliver(event, delay_s), event.news.key)

    def _spawn(self, work: Coroutine[object, object, None], key: str) -> None:
        task = asyncio.create_task(work)
        self._running[task] = key
        task.add_done_callback(self._running.pop)

    async def _one_after_the_other(self, events: Sequence[Event]) -> None:
        for event in events:
            if await self._post(event):
                await self._end(event, "delivered")
            else:
                self._send(event, 1.0)

    async def _deliver(self, event: Event, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        for wait_s in self._bank.config.webhook_schedule_s or self._way.schedule_s:
            await asyncio.sleep(wait_s)
            if await self._post(event):
                return await self._end(event, "delivered")
        return await self._end(event, "dead")

    async def _end(self, event: Event, result: Literal["delivered", "lost", "dead"]) -> None:
        await self._bank.done(
            Posted(key=event.news.key, event_id=event.event_id, result=result, occurred_at=self._bank.clock())
        )

    async def _post(self, event: Event) -> bool:
        """One try; whether the receiver's answer ends the sending."""
        session = self._bank.sessions.get(event.news.attempt_ref or "")
        url = session.webhook_url if session and session.webhook_url else self._bank.config.webhook_url
        message = self._way.write(event, url) if url else None
        if message is None:
            return False
        timeout = aiohttp.ClientTimeout(total=self._bank.config.webhook_timeout_s)
        try:
            async with (
                self._slots,
                self._http.request(
                    message.method,
                    URL(message.url, encoded=True),  # the signature covers these bytes
                    data=message.body or None,
                    headers=message.headers,
                    timeout=timeout,
                    allow_redirects=False,
                ) as answer,
            ):
                body = await answer.content.read(ANSWER_MAX_BYTES)
                return self._way.stops(HttpReply(status=answer.status, body=body))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False


def sandbox_post(bank: Bank) -> Post:
    """The sandbox protocol: signed JSON until a 2xx."""

    def write(event: Event, url: str) -> HttpRequest:
        body = event_body(event)
        key = "forged-" + bank.config.secret if event.forged else bank.config.secret
        signed = signature(key, "webhook", bank.clock(), f"POST {target_of(url)}", body)
        headers = {SIGNATURE: signed, "content-type": "application/json"}
        return HttpRequest(method="POST", url=url, headers=headers, body=body)

    return Post(write=write, stops=lambda reply: 200 <= reply.status < 300, schedule_s=SCHEDULE_S)  # noqa: PLR2004 - the class of success


def event_body(event: Event) -> bytes:
    """The envelope and the fact as the document words them."""
    fact = msgspec.to_builtins(event.news)
    occurred_at = fact.pop("occurred_at")
    fact.pop("kind")
    if isinstance(event.news, Closing):
        fact.pop("status")
    envelope = {"event_id": event.event_id, "type": event_type(event.news), "occurred_at": occurred_at, "data": fact}
    return msgspec.json.encode(envelope)
