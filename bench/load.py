"""A small closed-loop HTTP client for benchmarks: raw sockets, prepared requests, a latency for every one."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


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


async def load(port: int, requests: Iterator[bytes], *, connections: int, accept: Callable[[int], bool]) -> Run:
    """Send every request over so many connections, each waiting for its answer before the next."""
    latencies: list[float] = []
    refused = 0

    async def speak() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for message in requests:
            started = time.perf_counter()
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
            refused += not accept(int(head[9:12]))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(speak() for _ in range(connections)))
    return Run(len(latencies), time.perf_counter() - started, latencies, refused)
