"""The stage of the demo: hub, worker, banks and sample portal, each a process of its own, on free ports."""

import asyncio
import importlib.util
import json
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
from asyncpg import Connection

from paygw.app import build_hub
from paygw.cli.demo.citizen import Citizen
from paygw.cli.demo.faults import Fault
from paygw.hub.hub import Hub
from paygw.hub.provisioning import (
    BankChange,
    BodyChange,
    Change,
    KeyChange,
    PersonChange,
    PortalChange,
    apply,
    new_key,
    new_secret,
)
from paygw.kernel.errors import Unavailable
from paygw.outside.ports import free_port
from paygw.settings import Settings, child_environment

BANKS = {"sandbox-a": "redirect", "sandbox-b": "server"}
BANK_SECRET = "demo-secret-of-the-sandbox-banks"  # noqa: S105 - lives as long as the demo's folder
PORTAL = "dvc-hanoi"
_SERVES = re.compile(rb"http://127\.0\.0\.1:(\d+)")
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """Everything the story talks to."""

    folder: Path
    hub_url: str
    banks_url: str
    portal_url: str
    key: str
    finance_key: str
    http: aiohttp.ClientSession
    citizen: Citizen

    async def api(self, method: str, path: str, body: object = None, *, key: str = "") -> tuple[int, Any]:
        """One call of the portal API; every POST gets an Idempotency-Key of its own."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(12)
        async with self.http.request(method, self.hub_url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def finance(self, path: str) -> Any:  # noqa: ANN401 - any JSON of the API
        """One finance read."""
        _, body = await self.api("GET", path, key=self.finance_key)
        return body

    async def bank_does(self, bank: str, what: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - any JSON
        """The bank's control plane: somebody pays, something is reversed, a webhook is sent again."""
        url = f"{self.banks_url}/control/{bank}/{what}"
        async with self.http.post(url, json=body, headers={"Authorization": f"Bearer {BANK_SECRET}"}) as answer:
            if answer.status >= 400:  # noqa: PLR2004 - client errors begin here
                raise RuntimeError(f"{what} at {bank}: {answer.status} {await answer.text()}")
            return await answer.json(content_type=None)

    async def portal_lines(self) -> list[dict[str, Any]]:
        """The portal's own book, line by line: dossiers, orders, verified callbacks, what it applied."""
        async with self.http.get(f"{self.portal_url}/record") as answer:
            lines: list[dict[str, Any]] = (await answer.json(content_type=None))["lines"]
            return lines

    def truth(self, bank: str) -> list[dict[str, Any]]:
        """The bank's own truth, as it stands on its disk."""
        path = self.folder / "banks" / bank / "truth.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@asynccontextmanager
async def raised_stage(folder: Path, fault: Fault) -> AsyncIterator[World]:
    """Provision and start everything; end it in reverse order, by pid, whatever happens."""
    if importlib.util.find_spec("examples") is None:
        raise Unavailable("the demo runs from a checkout of the project: it needs examples/portal")
    portal_port, banks_port, hub_port = (free_port() for _ in range(3))
    key, finance_key, secret = new_key("test"), new_key("test"), new_secret()
    settings = Settings(
        var=folder / "var", port=hub_port, callback_allow=(f"127.0.0.1:{portal_port}",), log_level="error"
    )
    portal = PortalChange(
        id=PORTAL, name="Cổng dịch vụ công thành phố Hà Nội", callback_url=f"http://127.0.0.1:{portal_port}/callbacks",
        return_origins=(f"http://127.0.0.1:{portal_port}",), rate_post=200, rate_get=400, rate_burst=400, key=key,
        secret=secret,
    )  # fmt: skip
    environment = child_environment(
        var=str(settings.var),
        port=str(hub_port),
        callback_allow=settings.callback_allow[0],
        log_level="error",
        enquiry_delays_s="1,1,2,4,8,16,32",
        attempt_lifetime_s="4",
    )
    start = partial(_child, environment=environment, log=folder / "log")
    with ExitStack() as children:
        # The database is held open by this process, so that it outlives each child.
        async with AsyncExitStack() as stack:
            hub = await stack.enter_async_context(build_hub(settings, application="paygw-demo"))
            await _provision(hub, portal, finance_key, banks_port, fault)
            banks = _bank_config(folder, hub_port)
            children.enter_context(
                start("sandbox", "paygw", "sandbox", "--port", str(banks_port), "--config", str(banks),
                      "--data", str(folder / "banks"))
            )  # fmt: skip
            if fault is not Fault.PORTAL_DOWN:
                given = new_secret() if fault is Fault.PORTAL_SECRET else secret
                children.enter_context(
                    start("portal", "examples.portal", "--port", str(portal_port), "--hub", settings.origin, "--key",
                          key, "--secret", given, "--data", str(folder / "portal"))
                )  # fmt: skip
            children.enter_context(start("serve", "paygw", "serve"))
            if fault not in {Fault.NO_WORKER, Fault.WEBHOOKS_LOST}:
                children.enter_context(start("work", "paygw", "work"))
            await asyncio.to_thread(_await_health, f"{settings.origin}/healthz")
            http = await stack.enter_async_context(aiohttp.ClientSession(trust_env=False))
            yield World(
                folder=folder,
                hub_url=settings.origin,
                banks_url=f"http://127.0.0.1:{banks_port}",
                portal_url=f"http://127.0.0.1:{portal_port}",
                key=key,
                finance_key=finance_key,
                http=http,
                citizen=Citizen(http),
            )


async def _provision(hub: Hub, portal: PortalChange, finance_key: str, banks_port: int, fault: Fault) -> None:
    changes: list[Change] = [
        portal,
        KeyChange(key=finance_key, scope="finance"),
        PersonChange(id="minh", name="Trần Minh", role="approver"),
        BodyChange(id="G22.99", name="Công an thành phố Hà Nội", chapter="409", area="00001", budget_unit="1053614"),
    ]
    for name, flow in BANKS.items():
        wrong = fault is Fault.BANK_SECRET and name == "sandbox-a"
        changes.append(
            BankChange(
                id=name, connector="sandbox", title="", base_url=f"http://127.0.0.1:{banks_port}/{name}",
                merchant="PAYGW", values={"secret": "x" * 32 if wrong else BANK_SECRET}, options={"flow": flow},
                home="provider", account="", holder="retained@G22.99",
            )
        )  # fmt: skip
    for change in changes:
        await hub.transact(partial(_apply, hub, change))


async def _apply(hub: Hub, change: Change, connection: Connection) -> None:
    await apply(hub, connection, change, by="demo")


def _bank_config(folder: Path, hub_port: int) -> Path:
    path = folder / "banks.json"
    banks = [
        {
            "name": name,
            "secret": BANK_SECRET,
            "merchant": "PAYGW",
            "webhook_url": f"http://127.0.0.1:{hub_port}/webhooks/{name}",
        }
        for name in BANKS
    ]
    path.write_text(json.dumps(banks), encoding="utf-8")
    return path


@contextmanager
def _child(name: str, module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """One process with its own log; asked to end, then made to."""
    log.mkdir(parents=True, exist_ok=True)
    with (log / f"{name}.log").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own verbs
            [sys.executable, "-m", module, *arguments], env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=out, stderr=out, process_group=0,
        )  # fmt: skip
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_health(url: str) -> None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - our own loopback address
                return
        except OSError:
            time.sleep(0.1)
    raise Unavailable("the hub did not start: see the log folder of the demo")
