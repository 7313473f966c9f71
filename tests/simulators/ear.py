"""A hub's ear: hears webhooks on a port of its own and reads them with the connector."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from connectors.sandbox import parse_webhook
from paygw.kernel.connector import BadSignature, HttpRequest, Notice, Secrets
from paygw.kernel.evidence import Evidence

_MOMENT_S = 0.05


@dataclass(slots=True)
class Ear:
    """What was heard. `status` decides the answer to the n-th webhook, from 0."""

    url: str
    secrets: Secrets
    status: Callable[[int], int] = lambda _: 200
    heard: list[Notice] = field(default_factory=list)
    forged: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    before_answer: Callable[[], Any] = lambda: None

    @property
    def evidence(self) -> list[Evidence]:
        """What the webhooks said, in the order they came."""
        return [seen for notice in self.heard for seen in notice.evidence]

    async def hear(self, number: int) -> None:
        """Wait until so many authentic webhooks have come."""
        async with asyncio.timeout(15):
            while len(self.heard) < number:
                self.came.clear()
                await self.came.wait()

    async def take(self, request: web.Request) -> web.Response:
        """One webhook."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        message = HttpRequest(method=request.method, url=str(request.url), headers=headers, body=await request.read())
        try:
            notice = parse_webhook(message, self.secrets, datetime.now(UTC))
        except BadSignature:
            self.forged += 1
            return web.Response(status=401)
        self.before_answer()
        if isinstance(notice, Notice):
            self.heard.append(notice)
        self.came.set()
        return web.Response(status=self.status(len(self.heard) - 1))


async def deafen(runner: web.AppRunner) -> None:
    """Stop listening. What was accepted in the last moment is given the time to be served, and to be closed."""
    ports = {address[1] for address in runner.addresses}
    for site in list(runner.sites):
        await site.stop()
    await asyncio.sleep(_MOMENT_S)
    await runner.cleanup()
    for lost in gc.get_objects():  # the server loses sight of a connection that is made while it shuts down
        if issubclass(type(lost), asyncio.Transport) and not lost.is_closing():
            name = lost.get_extra_info("sockname")
            if isinstance(name, tuple) and name[1] in ports:
                lost.close()
    await asyncio.sleep(_MOMENT_S)


@asynccontextmanager
async def ear(secrets: Secrets, port: int = 0) -> AsyncIterator[Ear]:
    """Listen until the context ends."""
    app = web.Application()
    listening = Ear("", secrets)
    app.router.add_post("/webhooks/{bank}", listening.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/sandbox-b"
    try:
        yield listening
    finally:
        await deafen(runner)
