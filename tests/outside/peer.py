"""A bare HTTP peer for tests: says given bytes and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[[int], bytes]  # the number of the request, from 0 -> the bytes of the answer


@dataclass(slots=True)
class Peer:
    """What the peer saw. `gate` holds its answers back while cleared."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    here: int = 0
    most_at_once: int = 0


def answer(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> bytes:
    """The bytes of a plain answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def peer(script: Script, *, open_gate: bool = True, delay_s: float = 0.0) -> AsyncIterator[Peer]:
    """A peer on a port of its own."""
    seen = Peer()
    if open_gate:
        seen.gate.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            seen.requests.append(head)
            seen.asked.set()
            number = len(seen.requests) - 1
            seen.here += 1
            seen.most_at_once = max(seen.most_at_once, seen.here)
            await seen.gate.wait()
            await asyncio.sleep(delay_s)
            writer.write(script(number))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            seen.here -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        seen.gate.set()
        server.close()
        await server.wait_closed()
