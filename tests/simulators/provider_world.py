"""A provider in a process of its own, and a hub's ear that answers with the connector's words."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from connectors import discover
from paygw.kernel.connector import (
    Answer,
    BadSignature,
    Connector,
    HttpRequest,
    Malformed,
    Notice,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import Evidence
from paygw.outside.bank_http import BankHttp, BankLimits, bank_http
from paygw.simulators.side import sides
from tests.conformance.pairs import query_ask, session_ask
from tests.outside.test_bank_http_sandbox import Unseen
from tests.sandbox_fixtures import SandboxProcess
from tests.simulators.ear import deafen


@dataclass(slots=True)
class ProviderEar:
    """Hears webhooks and answers each with the verdict the test chose."""

    connector: Connector
    secrets: Secrets
    url: str = ""
    verdict: Callable[[int], Verdict] = lambda _: Verdict.ACCEPTED
    heard: list[Notice] = field(default_factory=list)
    refused: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def evidence(self) -> list[Evidence]:
        """What was said, in the order it came."""
        return [seen for notice in self.heard for seen in notice.evidence]

    async def hear(self, number: int) -> None:
        """Wait until so many messages have come, authentic or not."""
        async with asyncio.timeout(15):
            while len(self.heard) + self.refused < number:
                self.came.clear()
                await self.came.wait()

    async def take(self, request: web.Request) -> web.Response:
        """One webhook."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = f"http://hub.example{request.raw_path}"
        message = HttpRequest(method=request.method, url=url, headers=headers, body=await request.read())
        try:
            notice = self.connector.parse_webhook(message, self.secrets, datetime.now(UTC))
        except (BadSignature, Malformed) as fault:
            self.refused += 1
            self.came.set()
            bad = isinstance(fault, BadSignature)
            return self._said(Verdict.BAD_SIGNATURE if bad else Verdict.MALFORMED)
        if isinstance(notice, Notice):
            self.heard.append(notice)
        self.came.set()
        return self._said(self.verdict(len(self.heard) - 1))

    def _said(self, verdict: Verdict) -> web.Response:
        reply = self.connector.acknowledge(verdict)
        said = web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))
        said.force_close()  # nothing is left open for the end of the test
        return said


@asynccontextmanager
async def provider_ear(protocol: str, port: int) -> AsyncIterator[ProviderEar]:
    """Listen until the context ends."""
    ear = ProviderEar(discover()[protocol], sides()[protocol].secrets)
    app = web.Application()
    app.router.add_route("*", "/webhooks/{bank}", ear.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ear.url = f"http://127.0.0.1:{port}/webhooks/{protocol}"
    try:
        yield ear
    finally:
        await deafen(runner)


@dataclass(slots=True)
class ProviderWorld:
    """One provider as the hub sees it: its connector over real HTTP, its control plane, its page."""

    sandbox: SandboxProcess
    protocol: str
    ear: ProviderEar
    way: BankHttp

    @property
    def connector(self) -> Connector:
        """The connector of this protocol."""
        return discover()[self.protocol]

    @property
    def secrets(self) -> Secrets:
        """The provider's published test configuration, at its address here."""
        return replace(sides()[self.protocol].secrets, base_url=f"{self.sandbox.root}/{self.bank}")

    @property
    def bank(self) -> str:
        """The provider's name here."""
        return self.protocol.replace("_", "-")

    def ref(self, name: str) -> str:
        """A reference in the form this protocol takes."""
        digits = self.connector.limits.reference_alphabet == "digits"
        return str(int.from_bytes(name.encode()[-6:])) if digits else name

    def ask(self, ref: str, **changes: object) -> SessionAsk:
        """An attempt that starts now."""
        now = datetime.now(UTC).replace(microsecond=0)
        times = {"created_at": now, "expires_at": now + timedelta(minutes=15)}
        return session_ask(**{"attempt_ref": ref, "webhook_url": self.ear.url} | times | changes)

    async def open(self, ask: SessionAsk) -> Session:
        """A session, as the connector opens one."""
        if self.connector.build_redirect is not None:
            return self.connector.build_redirect(ask, self.secrets)
        assert self.connector.open_session is not None
        return await self.way.open_session(self.bank, self.connector.open_session(ask, self.secrets))

    async def arrive(self, url: str) -> str:
        """A browser follows the address to the provider's page; where that is."""
        async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True)) as page:
            assert page.status == 200, await page.text()
            return str(page.url)

    async def press(self, page: str, action: str) -> str:
        """A person presses a button on the page; where the browser is sent."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(page, data={"action": action}, allow_redirects=False) as answer,
        ):
            assert answer.status == 303, await answer.text()
            return answer.headers["location"]

    async def enquire(self, ask: SessionAsk) -> Answer:
        """What the provider says of an attempt."""
        assert self.connector.query is not None
        now = datetime.now(UTC)
        question = query_ask(attempt_ref=ask.attempt_ref, created_at=ask.created_at, now=now)
        return await self.way.ask(self.bank, "query", self.connector.query(question, self.secrets))

    async def cancel(self, ask: SessionAsk) -> Answer:
        """What the provider says when the hub closes an attempt's session."""
        assert self.connector.cancel is not None
        now = datetime.now(UTC)
        question = query_ask(attempt_ref=ask.attempt_ref, created_at=ask.created_at, now=now)
        return await self.way.ask(self.bank, "cancel", self.connector.cancel(question, self.secrets))

    async def control(self, path: str, **content: object) -> Any:  # noqa: ANN401 - whatever JSON it says
        """A command of the control plane, without holding up the ear."""
        return await asyncio.to_thread(lambda: self.sandbox.control(self.bank, path, **content))


@asynccontextmanager
async def provider_world(
    sandbox: SandboxProcess, protocol: str, port: int, **config: object
) -> AsyncIterator[ProviderWorld]:
    """The provider, started; its webhooks come to an ear on `port`."""
    sandbox.providers = [
        {
            "name": protocol.replace("_", "-"),
            "protocol": protocol,
            "webhook_url": f"http://127.0.0.1:{port}/webhooks/{protocol}",
            "webhook_schedule_s": [0, *[0.05] * 9],
            **config,
        }
    ]
    sandbox.start()
    async with provider_ear(protocol, port) as ear, bank_http(limits=BankLimits(), observer=Unseen()) as way:
        yield ProviderWorld(sandbox, protocol, ear, way)


def query_of(url: str) -> str:
    """What stands behind the question mark."""
    return urlsplit(url).query
