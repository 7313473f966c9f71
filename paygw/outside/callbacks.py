"""One callback to one portal: sign, send, judge the answer. Bounded in time and size, never redirected.

Each portal has connections of its own, so that one portal's trouble stays with it; names, keys and threads of the
process are shared. Nothing here raises for what a receiver does: every attempt ends in an `Outcome`.
"""

import asyncio
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Self

import aiohttp

from paygw.kernel.signing import signed_headers
from paygw.outside.addresses import ForbiddenAddress, GuardedResolver, Lookup, Target, look_up, read_target

_KEEPALIVE_S = 3.0  # many servers hang up after 5 s of silence: let go first, or the next callback meets a closed door
_CHUNK_BYTES = 16_384
_HEADERS = {"content-type": "application/json; charset=utf-8", "user-agent": "paygw-callback/1", "accept": "*/*"}


class Outcome(StrEnum):
    """How an attempt ended; only `accepted` is success."""

    ACCEPTED = "accepted"
    GONE = "gone"
    BUSY = "busy"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    GARBLED = "garbled"
    FORBIDDEN = "forbidden"
    UNSIGNABLE = "unsignable"


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt: what came back, how long it took, and how long the receiver asks us to wait."""

    outcome: Outcome
    ms: int
    http_status: int | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What is sent: an immutable body under a stable id, signed with every current secret of the portal."""

    portal_id: str
    url: str
    secrets: Sequence[str] = field(repr=False)
    message_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one attempt; `allow` are `host:port` pairs for development."""

    deadline_s: float
    reply_max_bytes: int
    concurrency: int
    allow: frozenset[str] = frozenset()


# First match wins: the narrow kinds stand above the wide ones.
_TROUBLE: tuple[tuple[type[BaseException], Outcome], ...] = (
    (TimeoutError, Outcome.TIMEOUT),
    (ForbiddenAddress, Outcome.FORBIDDEN),
    (aiohttp.InvalidURL, Outcome.FORBIDDEN),
    (aiohttp.ClientSSLError, Outcome.UNTRUSTED),
    (ssl.SSLError, Outcome.UNTRUSTED),
    (aiohttp.ClientConnectionError, Outcome.UNREACHABLE),
    (aiohttp.ClientError, Outcome.GARBLED),
    (OSError, Outcome.UNREACHABLE),
)
_TROUBLES = tuple(kind for kind, _ in _TROUBLE)


class Sender:
    """Holds the connections. Use as an async context manager; one per process."""

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], datetime],
        lookup: Lookup = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._resolver = GuardedResolver(lookup, allow=limits.allow)
        self._tls = tls or ssl.create_default_context()
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.forget(tuple(self._sessions))

    async def forget(self, portal_ids: Collection[str]) -> None:
        """Close the connections of portals that are no longer served."""
        for portal_id in portal_ids:
            if session := self._sessions.pop(portal_id, None):
                await session.close()

    async def send(self, callback: Callback) -> Sent:
        """Make one attempt within the deadline, from name look-up to the last byte of the answer."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                status, retry_after = await self._exchange(callback)
        except _TROUBLES as trouble:
            outcome = next(outcome for kind, outcome in _TROUBLE if isinstance(trouble, kind))
            return Sent(outcome, _ms(loop.time() - began_s))
        except ValueError:
            return Sent(Outcome.UNSIGNABLE, _ms(loop.time() - began_s))
        outcome = judge_status(status)
        asked_s = read_retry_after(retry_after, self._clock()) if outcome is Outcome.BUSY else None
        return Sent(outcome, _ms(loop.time() - began_s), status, asked_s)

    async def _exchange(self, callback: Callback) -> tuple[int, str | None]:
        target = _target(callback.url, self._limits.allow)
        stamp_s = int(self._clock().astimezone(UTC).timestamp())
        headers = signed_headers(
            callback.secrets, message_id=callback.message_id, timestamp_s=stamp_s, body=callback.body
        )
        session = self._sessions.get(callback.portal_id) or self._open(callback.portal_id)
        async with session.post(target.url, data=callback.body, headers=headers, allow_redirects=False) as answer:
            await self._drain(answer)
            return answer.status, answer.headers.get("retry-after")

    async def _drain(self, answer: aiohttp.ClientResponse) -> None:
        """Read to the end so that the connection can be used again; hang up beyond the cap."""
        left_bytes = self._limits.reply_max_bytes
        while chunk := await answer.content.read(_CHUNK_BYTES):
            left_bytes -= len(chunk)
            if left_bytes < 0:
                answer.close()
                return

    def _open(self, portal_id: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._limits.concurrency,
            resolver=self._resolver,
            use_dns_cache=False,
            ssl=self._tls,
            keepalive_timeout=_KEEPALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # one deadline over everything stands in `send`
            auto_decompress=False,
            trust_env=False,
        )
        self._sessions[portal_id] = session
        return session


def judge_status(status: int) -> Outcome:
    """The outcome of an HTTP status: 2xx alone is success, a redirect is a failure."""
    match status:
        case 410:
            return Outcome.GONE
        case 429 | 503:
            return Outcome.BUSY
        case _ if 200 <= status < 300:  # noqa: PLR2004 - classes of HTTP statuses
            return Outcome.ACCEPTED
        case _ if 300 <= status < 400:  # noqa: PLR2004 - classes of HTTP statuses
            return Outcome.REDIRECTED
        case _:
            return Outcome.REFUSED


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait, from either form of Retry-After; None when there is none or it makes no sense."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds())


@lru_cache(maxsize=1_024)
def _target(url: str, allow: frozenset[str]) -> Target:
    return read_target(url, allow=allow)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
