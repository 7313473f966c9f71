"""Portals' endpoints that are well or sick, and a canary: a port nothing may ever come to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

SICK = ("drip", "hang", "redirect", "gone")
_DRIP_S = 0.1


@dataclass(slots=True)
class Endpoints:
    """All on one port, by path; once `well` is set the sick ones behave."""

    canary_url: str
    port: int = 0
    accepted: dict[str, Counter[str]] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    well: bool = False

    def url(self, name: str) -> str:
        """Where a portal hears."""
        return f"http://127.0.0.1:{self.port}/{name}"

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """As the path says."""
        name = request.match_info["name"]
        self.tried[name] += 1
        await request.read()
        if name in SICK and not self.well:
            return await self._suffer(name, request)
        self.accepted.setdefault(name, Counter())[request.headers["webhook-id"]] += 1
        return web.Response(status=204)

    async def _suffer(self, name: str, request: web.Request) -> web.StreamResponse:
        if name == "redirect":
            return web.Response(status=307, headers={"location": self.canary_url})
        if name == "gone":
            return web.Response(status=410)
        answer = web.StreamResponse(headers={"content-length": "100000"})
        if name == "drip":
            await answer.prepare(request)
        while not self.well:
            await asyncio.sleep(_DRIP_S)
            if name == "drip":
                await answer.write(b".")
        return answer


@asynccontextmanager
async def listening_endpoints(canary_url: str) -> AsyncIterator[Endpoints]:
    """They answer inside the block."""
    endpoints = Endpoints(canary_url)
    app = web.Application()
    app.router.add_post("/{name}", endpoints.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoints.port = runner.addresses[0][1]
    try:
        yield endpoints
    finally:
        endpoints.well = True
        await runner.cleanup()


@dataclass(slots=True)
class Canary:
    """Counts whoever comes, on IPv4 and, where there is one, IPv6."""

    port: int = 0
    contacts: int = 0


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    """Listens inside the block."""
    bird = Canary()

    async def caught(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bird.contacts += 1
        writer.close()

    async with await asyncio.start_server(caught, "127.0.0.1", 0) as server:
        bird.port = server.sockets[0].getsockname()[1]
        async with await asyncio.start_server(caught, "::1", bird.port):
            yield bird


def forbidden_urls(port: int) -> Mapping[str, str]:
    """By name: addresses a callback may never go to, most of them other spellings of the canary's."""
    hosts = {
        "loopback": "127.0.0.1", "localhost": "localhost", "localhost with a dot": "localhost.", "short": "127.1",
        "hexadecimal": "0x7f000001", "octal": "0177.0.0.1", "one number": "2130706433",
        "fullwidth digits": "\uff11\uff12\uff17.0.0.1",
        "nothing": "0.0.0.0",  # noqa: S104 - never bound
        "IPv6": "[::1]", "IPv6 nothing": "[::]", "mapped": "[::ffff:127.0.0.1]",
        "mapped, hexadecimal": "[::ffff:7f00:1]", "translated": "[64:ff9b::7f00:1]", "6to4": "[2002:7f00:1::1]",
        "link local": "[fe80::1%25lo]", "cloud metadata": "169.254.169.254", "private ten": "10.0.0.1",
        "private 172": "172.16.0.1", "private 192": "192.168.1.1", "carrier": "100.64.0.1", "multicast": "224.0.0.1",
    }  # fmt: skip
    spelled = {name: f"https://{host}:{port}/cb" for name, host in hosts.items()}
    return spelled | {
        "not encrypted": f"http://127.0.0.1:{port}/cb",
        "another scheme": f"ftp://127.0.0.1:{port}/cb",
        "a user": f"https://portal.example@127.0.0.1:{port}/cb",
        "a backslash": f"https://portal.example\\@127.0.0.1:{port}/cb",
        "a line feed": f"https://127.0.0.1:{port}/cb\nHost: portal.example",
    }
