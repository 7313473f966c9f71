"""Talks to banks: drives a connector's dialogue over HTTP and says how far it got.

One wall clock over the whole dialogue, repetition of enquiries only, a circuit per bank and operation, a limited number
of seats per bank. Proof that nothing left (`NOT_SENT`) is that no connection was ever had; anything later is `UNKNOWN`.
Nothing of a message but its outcome is logged.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Literal, Protocol, TypeVar

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, retry_if_result, stop_after_attempt
from tenacity import wait_random_exponential as jittered
from yarl import URL

from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    BadSignature,
    Contact,
    FetchedFile,
    FileDialogue,
    HttpReply,
    HttpRequest,
    Malformed,
    Session,
    SessionDialogue,
)
from paygw.kernel.pulse import Tally
from paygw.outside.breaker import Breaker

Operation = Literal["open_session", "query", "refund", "query_refund", "cancel", "fetch_file"]
Result = TypeVar("Result", Session, Answer, FetchedFile)

SERVER_FAULT = 500
CHUNK_BYTES = 16_384
READABLE = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/xml",
        "text/csv",
        "text/json",
        "text/plain",
        "text/xml",
    }
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLimits:
    """Every bound of talking to a bank."""

    deadline_s: float = 8.0
    connect_s: float = 2.0
    answer_bytes_max: int = 262_144
    file_deadline_s: float = 120.0
    file_bytes_max: int = 67_108_864
    steps_max: int = 8
    seats_per_bank: int = 20
    failures_max: int = 5
    rest_s: float = 30.0
    tries: Mapping[str, int] = field(default_factory=lambda: {"query": 3, "query_refund": 3})
    pause_s: float = 0.2
    pause_max_s: float = 1.5


class Observer(Protocol):
    """Who counts what happens."""

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """One more of these."""

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """One of these took so long."""


class NoReply(Exception):
    """The other side gave nothing that may be read."""


@dataclass(slots=True)
class _Talk:
    """How far one dialogue has got."""

    bytes_max: int
    reached: bool = False  # a connection was had: bytes may have left
    healthy: bool | None = None  # what the last request says of the bank; None before the first


class BankHttp:
    """The way to every bank. Build it with `bank_http`."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        limits: BankLimits,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._limits = limits
        self._observer = observer
        self._clock = clock
        self._sleep = sleep
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._seats: dict[str, asyncio.Semaphore] = {}
        self._counts: Counter[tuple[str, str, bool]] = Counter()

    async def open_session(self, bank: str, dialogue: SessionDialogue) -> Session:
        """Open a session at a bank; a dialogue that asks nobody is no contact."""
        return await self._hold(bank, "open_session", dialogue, lambda contact: Session(contact=contact))

    async def ask(self, bank: str, operation: Operation, dialogue: AnswerDialogue) -> Answer:
        """Hold an enquiry, refund or cancelling dialogue."""
        return await self._hold(bank, operation, dialogue, lambda contact: Answer(contact=contact))

    async def fetch_file(self, bank: str, dialogue: FileDialogue) -> FetchedFile:
        """Fetch a file of the night: large, and slow if it must be."""
        return await self._hold(bank, "fetch_file", dialogue, lambda contact: FetchedFile(contact=contact))

    def open_circuits(self) -> frozenset[str]:
        """The banks of which at least one operation is being turned away; after the rest they are worth a try again."""
        return frozenset(bank for (bank, _), breaker in self._breakers.items() if breaker.is_open)

    def take_tallies(self) -> list[Tally]:
        """Contacts since the last call and the circuits that are open now, by bank and operation."""
        counts, self._counts = self._counts, Counter()
        resting = {key: rest_ms for key, breaker in self._breakers.items() if (rest_ms := breaker.rest_left_ms) > 0}
        return [
            Tally(
                bank=bank,
                operation=operation,
                good=counts[bank, operation, True],
                bad=counts[bank, operation, False],
                rest_ms=resting.get((bank, operation)),
            )
            for bank, operation in {(bank, operation) for bank, operation, _ in counts} | resting.keys()
        ]

    async def _hold(
        self,
        bank: str,
        operation: Operation,
        dialogue: Generator[HttpRequest, HttpReply, Result],
        lost: Callable[[Contact], Result],
    ) -> Result:
        try:
            first = next(dialogue)
        except StopIteration as end:
            result: Result = end.value
            return result
        is_file = operation == "fetch_file"
        limits = self._limits
        talk = _Talk(limits.file_bytes_max if is_file else limits.answer_bytes_max)
        started_s, breaker = self._clock(), self._breaker(bank, operation)
        if not breaker.admits():
            return self._report(bank, operation, lost(Contact.NOT_SENT), started_s)
        try:
            async with asyncio.timeout(limits.file_deadline_s if is_file else limits.deadline_s), self._seat(bank):
                result = await self._speak(dialogue, first, operation, talk)
        except (NoReply, TimeoutError):
            talk.healthy = talk.healthy and False  # a silent bank is unwell, a queue for seats says nothing of it
            result = lost(Contact.UNKNOWN if talk.reached else Contact.NOT_SENT)
        except asyncio.CancelledError:
            talk.healthy = None  # we went away, not the bank
            raise
        except (Malformed, BadSignature):
            result = lost(Contact.UNKNOWN)
        finally:
            dialogue.close()
            _settle(breaker, talk)
            if talk.healthy is not None:
                self._counts[bank, operation, talk.healthy] += 1
        return self._report(bank, operation, result, started_s)

    async def _speak(
        self,
        dialogue: Generator[HttpRequest, HttpReply, Result],
        request: HttpRequest,
        operation: Operation,
        talk: _Talk,
    ) -> Result:
        for _ in range(self._limits.steps_max):
            reply = await self._sent(request, operation, talk)
            try:
                request = dialogue.send(reply)
            except StopIteration as end:
                result: Result = end.value
                return result
        raise NoReply("the dialogue does not end")

    async def _sent(self, request: HttpRequest, operation: Operation, talk: _Talk) -> HttpReply:
        """The reply to one request; an enquiry is repeated while the bank is silent or faulty."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._limits.tries.get(operation, 1) if request.repeatable else 1),
            wait=jittered(multiplier=self._limits.pause_s, max=self._limits.pause_max_s),
            retry=retry_if_exception_type(NoReply) | retry_if_result(_is_faulty),
            retry_error_callback=_last_outcome,
            sleep=self._sleep,
        )
        return await retrying(self._sent_once, request, talk)

    async def _sent_once(self, request: HttpRequest, talk: _Talk) -> HttpReply:
        talk.healthy = False
        try:
            async with self._http.request(
                request.method,
                URL(request.url, encoded=True),  # the signature covers these bytes and no others
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                trace_request_ctx=talk,
            ) as answer:
                body = await self._read(answer, talk.bytes_max)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                reply = HttpReply(status=answer.status, headers=headers, body=body)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise NoReply(type(fault).__name__) from fault
        talk.healthy = not _is_faulty(reply)
        return reply

    async def _read(self, answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > bytes_max:
                raise NoReply("too long")
        if body and answer.content_type not in READABLE:
            raise NoReply("not a type of content we read")
        return bytes(body)

    def _breaker(self, bank: str, operation: str) -> Breaker:
        limits, key = self._limits, (bank, operation)
        if key not in self._breakers:
            self._breakers[key] = Breaker(limits.failures_max, limits.rest_s, self._clock)
        return self._breakers[key]

    def _seat(self, bank: str) -> asyncio.Semaphore:
        return self._seats.setdefault(bank, asyncio.Semaphore(self._limits.seats_per_bank))

    def _report(self, bank: str, operation: Operation, result: Result, started_s: float) -> Result:
        seconds = self._clock() - started_s
        labels = {"bank": bank, "operation": operation, "outcome": result.contact.value}
        self._observer.count("paygw_bank_requests_total", 1, **labels)
        self._observer.took("paygw_bank_request_seconds", seconds, **labels)
        _log.info("bank_contact", extra={**labels, "ms": round(seconds * 1000)})
        return result


@contextlib.asynccontextmanager
async def bank_http(
    *,
    limits: BankLimits,
    observer: Observer,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[BankHttp]:
    """The way to the banks, for as long as the context lasts: no proxy, no cookies, no redirects, no hidden retries."""
    longest_s = max(limits.deadline_s, limits.file_deadline_s)  # a dialogue's own deadline is set above
    timeout = aiohttp.ClientTimeout(total=longest_s, connect=limits.connect_s)
    async with aiohttp.ClientSession(
        # One connection per request: on a kept one that the bank just closed, a refund would be unknown for nothing.
        connector=aiohttp.TCPConnector(limit=0, force_close=True),  # the seats are the limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "paygw", "accept-encoding": "identity"},
        timeout=timeout,
        trace_configs=[_connection_trace()],
        trust_env=False,
    ) as http:
        http._retry_connection = False  # noqa: SLF001 - aiohttp repeats a GET by itself and offers no public way to stop it
        yield BankHttp(http, limits=limits, observer=observer, clock=clock, sleep=sleep)


def _connection_trace() -> aiohttp.TraceConfig:
    """Notes the moment from which bytes may have left."""

    async def reached(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reached = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(reached)
    return trace


def _settle(breaker: Breaker, talk: _Talk) -> None:
    match talk.healthy:
        case True:
            breaker.succeeded()
        case False:
            breaker.failed()
        case None:
            breaker.abandoned()


def _is_faulty(reply: HttpReply) -> bool:
    return reply.status >= SERVER_FAULT


def _last_outcome(state: RetryCallState) -> HttpReply:
    """After the last try its own result counts, reply or exception."""
    if state.outcome is None:
        raise NoReply("never tried")
    reply: HttpReply = state.outcome.result()
    return reply
