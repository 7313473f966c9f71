"""A browser before a whole hub: real database, real sandbox banks in a process of their own, real Chromium."""

import asyncio
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from connectors import discover
from paygw.app import create_app
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.orders import cancel_order
from paygw.hub.quotes import FeeQuestion
from paygw.hub.registry import Bank, Body, Registry
from paygw.hub.writing import token_key
from paygw.kernel.decide import Landing
from paygw.kernel.fees.catalogue import Catalogue
from paygw.kernel.refs import order_of_token
from paygw.outside.bank_http import BankLimits, bank_http
from paygw.outside.ports import free_port
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.simulators.side import sides
from paygw.store.checkout import read_checkout
from paygw.store.engine import open_pool
from tests.db_fixtures import Database
from tests.hub_fixtures import PORTAL, Counts
from tests.sandbox_fixtures import SandboxProcess

T = TypeVar("T")

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE: Final = (390, 844)
DESKTOP: Final = (1280, 800)
PROVIDERS: Final = ("vnpay", "onepay", "momo", "zalopay", "payos")
FACTS: Final = {"birth_date": "1990-05-20", "copies": 3}


_NUMBERS: Final = count(1)  # of the whole run: its modules share a database


@dataclass(frozen=True, slots=True)
class LiveHub:
    """A hub that serves on the loopback from a thread with an event loop of its own."""

    hub: Hub
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something inside the hub."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def order(self, *, facts: dict[str, Any] | None = None) -> str:
        """A fresh order of a dossier of its own; its pay URL."""
        number = f"{next(_NUMBERS):06d}"
        question = FeeQuestion(procedure="2.000488", as_of="2026-11-23", facts=facts or FACTS)
        line = LineAsk(dossier_code=f"H26.99-261123-{number}", collecting_body="G22.99", question=question)
        ask = OrderAsk(
            reference=f"HN-2026-{number}",
            lines=(line,),
            return_url="https://dvc.example.vn/ho-so",
            payer={"name": "Nguyễn Thị Bích Ngọc"},
        )
        body = self.run(create_order(self.hub, PORTAL, ask, key=ask.reference)).body
        url: str = msgspec.json.decode(body)["pay_url"]
        return url

    def cancel(self, url: str) -> None:
        """The portal cancels an order."""
        self.run(cancel_order(self.hub, self._order_id(url), portal_id=PORTAL.id))

    def attempt_ref(self, url: str) -> str:
        """The reference of the latest try to pay an order."""
        return self.run(self._attempt_ref(url))

    def _order_id(self, url: str) -> str:
        found = order_of_token(token_key(self.hub), url.rpartition("/")[2])
        assert found is not None
        return found

    async def _attempt_ref(self, url: str) -> str:
        async with self.hub.pool.acquire() as connection:
            read = await read_checkout(connection, self._order_id(url))
        assert read is not None
        return read.tries[0].attempt.ref


@pytest.fixture(scope="session")
def hub_port() -> int:
    """Where the hub will listen: providers are told so before it does."""
    return free_port()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, hub_port: int) -> Iterator[SandboxProcess]:
    """One pair of banks for the run: a bank's transaction numbers never begin again before the same ledger."""
    banks = SandboxProcess(tmp_path_factory.mktemp("banks"), free_port(), free_port())
    banks.providers = [
        {"name": name, "protocol": name, "webhook_url": f"http://127.0.0.1:{hub_port}/webhooks/{name}"}
        for name in PROVIDERS
    ]
    banks.start()
    yield banks
    banks.stop()


@pytest.fixture(scope="session")
def live(shared_database: Database, catalogue: Catalogue, sandbox: SandboxProcess, hub_port: int) -> Iterator[LiveHub]:
    """The hub before the banks: sandbox-a takes a signed redirect, sandbox-b is called first; then the providers."""
    banks = {
        "sandbox-a": _bank(sandbox, "sandbox-a", "redirect", "Ngân hàng thử nghiệm A"),
        "sandbox-b": _bank(sandbox, "sandbox-b", "server", "Ngân hàng thử nghiệm B"),
        **{name: _provider(sandbox, name) for name in PROVIDERS},
    }
    body = Body("G22.99", "Phòng Hồ sơ nghiệp vụ, Công an thành phố Hà Nội", "009", "01", "1053629")
    registry = Registry(portals={PORTAL.id: PORTAL}, banks=banks, bodies={body.id: body})
    settings = Settings(port=hub_port, rate_get=1000, rate_post=1000, rate_burst=1000)
    ready: list[LiveHub] = []
    up, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            pool = await open_pool(
                shared_database.runtime, size=8, application="browser", statement_timeout_s=5, idle_timeout_s=10
            )
            stack.push_async_callback(pool.close)
            hub = Hub(
                settings=settings,
                pool=pool,
                vault=Vault(b"k" * 32),
                connectors=discover(),
                catalogue=catalogue,
                clock=lambda: datetime.now(UTC),
                observe=Counts(),
                talk=await stack.enter_async_context(bank_http(limits=BankLimits(), observer=Counts())),
                registry_holder=RegistryHolder(registry),
            )
            server = uvicorn.Server(
                uvicorn.Config(create_app(hub), port=settings.port, lifespan="off", log_level="warning", ws="none")
            )
            serving = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait on
                await asyncio.sleep(0.02)
            ready.append(LiveHub(hub, asyncio.get_running_loop()))
            up.set()
            await stop.wait()
            server.should_exit = True
            await serving

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="live-hub")
    thread.start()
    assert up.wait(60), "the hub did not start"
    yield ready[0]
    ready[0].loop.call_soon_threadsafe(stop.set)
    thread.join(30)


def _bank(sandbox: SandboxProcess, name: str, flow: str, title: str) -> Bank:
    connector = discover()["sandbox"]
    return Bank(name, title, connector, sandbox.secrets(name, flow=flow), Landing(), enabled=True)


def _provider(sandbox: SandboxProcess, name: str) -> Bank:
    connector = discover()[name]
    secrets = replace(sides()[name].secrets, base_url=f"{sandbox.root}/{name}")
    return Bank(name, connector.title, connector, secrets, Landing(), enabled=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the run."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on the PATH: install the package `chromium` to run the browser tests")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield running
        running.close()


@dataclass(frozen=True, slots=True)
class Windows:
    """Opens browser windows; closes them after the test."""

    browser: Browser
    opened: list[BrowserContext]

    def open(self, size: tuple[int, int] = PHONE, *, scripts: bool = True, dark: bool = False) -> Page:
        """A fresh window without history or cookies."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            device_scale_factor=1,
            locale="vi-VN",
        )
        context.set_default_timeout(20_000)
        self.opened.append(context)
        return context.new_page()


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """Windows of this test."""
    opened: list[BrowserContext] = []
    yield Windows(browser, opened)
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: below --basetemp, if somebody wants to look at them."""
    return tmp_path_factory.mktemp("pictures")
