"""A portal's callback address: verifies as the standard says, writes down what it got, fails as real ones do."""

import base64
import hmac
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from aiohttp import web

from tests.drills.kit.provision import CALLBACK_SECRET

_WINDOW_S = 300
_KEY = base64.b64decode(CALLBACK_SECRET.removeprefix("whsec_"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback as it came; `accepted` is what the portal answered."""

    id: str
    body: bytes
    accepted: bool


@dataclass(slots=True)
class Portal:
    """Its address, its record, and the share of callbacks it answers with a 500."""

    url: str = ""
    fails: float = 0.0
    heard: list[Delivery] = field(default_factory=list)
    forged: int = 0
    _dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - which ones fail is no secret

    async def receive(self, request: web.Request) -> web.Response:
        """Take one callback."""
        body = await request.read()
        name, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "0")
        if not _verified(name, stamp, body, request.headers.get("webhook-signature", "")):
            self.forged += 1
            return web.Response(status=401)
        accepted = self._dice.random() >= self.fails
        self.heard.append(Delivery(name, body, accepted))
        return web.Response(status=204 if accepted else 500)


@asynccontextmanager
async def listening(portal: Portal, port: int) -> AsyncIterator[None]:
    """The portal answers inside the block."""
    app = web.Application()
    app.router.add_post("/callbacks", portal.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    portal.url = f"http://127.0.0.1:{port}/callbacks"
    try:
        yield
    finally:
        await runner.cleanup()


def _verified(name: str, stamp: str, body: bytes, given: str) -> bool:
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > _WINDOW_S:
        return False
    signed = f"{name}.{stamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(_KEY, signed, sha256)).decode()
    return any(hmac.compare_digest(part, expected) for part in given.split())
