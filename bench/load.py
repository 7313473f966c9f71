"""A small closed-loop HTTP client for benchmarks: prepared requests, a latency for every one, little CPU of its own.

It shares the machine with what it measures, so it is a bare protocol on uvloop: a client of streams cost as much as the
hub itself and held the ratio to pgbench (written in C) down.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Run:
    """What a load came to."""

    requests: int
    seconds: float
    latencies_s: list[float]
    refused: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def percentile_ms(self, share: float) -> float:
        """A latency percentile in milliseconds."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def http_request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Speaker(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the one before is complete."""

    def __init__(self, requests: Iterator[bytes], accept: Callable[[int], bool]) -> None:
        self.latencies_s: list[float] = []
        self.refused = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._accept = accept
        self._got = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._got[:end].lower()
        _, said, rest = head.partition(b"content-length:")
        length = int(rest.split(b"\r\n", 1)[0]) if said else 0  # a 204 has none
        if len(self._got) < end + 4 + length:
            return
        self.latencies_s.append(time.perf_counter() - self._started)
        self.refused += not self._accept(int(head[9:12]))
        self._got = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        message = next(self._requests, None)
        if message is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(message)


def load(port: int, requests: Iterator[bytes], *, connections: int, accept: Callable[[int], bool]) -> Run:
    """Send every request over so many connections, each waiting for its answer before the next."""
    return uvloop.run(_load(port, requests, connections, accept))


async def _load(port: int, requests: Iterator[bytes], connections: int, accept: Callable[[int], bool]) -> Run:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda: _Speaker(requests, accept), "127.0.0.1", port) for _ in range(connections)
    ]
    speakers = [speaker for _, speaker in pairs]
    await asyncio.gather(*(speaker.done for speaker in speakers))
    latencies_s = [latency for speaker in speakers for latency in speaker.latencies_s]
    return Run(len(latencies_s), time.perf_counter() - started, latencies_s, sum(one.refused for one in speakers))
