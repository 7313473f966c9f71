"""A hub to measure: its own durable server, one portal, one sandbox bank, one `paygw serve` process."""

import asyncio
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import asyncpg

from bench.load import http_request
from paygw.app import build_hub
from paygw.hub.attempts import PayAsk, begin_attempt, record_session
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import create_order
from paygw.hub.orders import get_order
from paygw.hub.provisioning import BankChange, Change, PortalChange, apply
from paygw.hub.registry_watch import load_registry
from paygw.kernel.connector import Contact, HttpRequest, Notice, Session
from paygw.kernel.refs import public_id
from paygw.settings import Settings
from paygw.store.embedded import Cluster, start
from paygw.web.body import decode
from paygw.web.portal_api.models import OrderIn
from paygw.web.portal_api.orders import ask_of

KEY = "sk_test_bench000" + "k" * 40
SECRET = "bench-secret-of-sandbox-a-0000"  # noqa: S105 - of a bank that lives as long as the benchmark
T = TypeVar("T")
_NO_RATES = {f"PAYGW_RATE_{kind}": "1000000" for kind in ("POST", "GET", "BURST")}  # payers come from one address
_TICKS = os.sysconf("SC_CLK_TCK")
_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK")  # nor what takes no parameter: the watch over keys and tariffs
_SERVES = re.compile(rb"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU and WAL so far."""

    app_s: float
    db_s: float
    wal_bytes: float

    def __sub__(self, other: "Usage") -> "Usage":
        """What was spent between two looks."""
        return Usage(self.app_s - other.app_s, self.db_s - other.db_s, self.wal_bytes - other.wal_bytes)


@dataclass(frozen=True, slots=True)
class World:
    """Everything a benchmark talks to."""

    cluster: Cluster
    settings: Settings
    port: int
    pid: int

    def create_body(self, tag: str, at: int) -> bytes:
        """An order for one criminal-record certificate with three copies."""
        line = {
            "dossier_code": f"G22.99-{tag}-{at:07d}",
            "collecting_body": "G22.99",
            "procedure": "2.000488",
            "as_of": "2026-11-23",
            "facts": {"birth_date": "1990-05-20", "copies": 3},
        }
        order = {"reference": f"R{tag}-{at}", "lines": [line], "return_url": "https://portal.example/back"}
        return json.dumps(order).encode()

    def create(self, tag: str, at: int) -> bytes:
        """POST /v1/orders."""
        headers = {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"key-{tag}-{at}",
        }
        return http_request("POST", "/v1/orders", headers, self.create_body(tag, at))

    def read(self, order_id: str) -> bytes:
        """GET /v1/orders/{id}."""
        return self.get(f"/v1/orders/{order_id}")

    def get(self, target: str) -> bytes:
        """GET anything, as the portal."""
        return http_request("GET", target, {"Authorization": f"Bearer {KEY}"})

    def webhook(self, ref: str, amount_vnd: int, txn: str) -> bytes:
        """The bank's signed news that an attempt was paid."""
        body = webhook_body(ref, amount_vnd, txn)
        return http_request(
            "POST", "/webhooks/sandbox-a", {"Content-Type": "application/json", **webhook_headers(body)}, body
        )

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[Hub]:
        """A hub in this process on the same database, for set-up."""
        async with build_hub(self.settings, application="bench") as hub:
            yield hub

    async def usage(self) -> Usage:
        """CPU of the hub's process and of all of PostgreSQL, WAL position."""
        connection = await asyncpg.connect(**self.cluster.super_dsn("paygw").connect_args())
        try:
            wal = await connection.fetchval("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8")
        finally:
            await connection.close()
        postmaster = int((self.cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
        return Usage(_cpu_s(self.pid), _tree_cpu_s(postmaster), wal)


def webhook_body(ref: str, amount_vnd: int, txn: str) -> bytes:
    """payment.succeeded in the sandbox bank's words."""
    data = {
        "attempt_ref": ref,
        "bank_txn_id": txn,
        "amount_vnd": amount_vnd,
        "currency": "VND",
        "merchant": "HUB",
        "account": "1020304050",
        "memo": "bench",
    }
    event = {"event_id": f"evt-{txn}", "type": "payment.succeeded", "occurred_at": "2026-11-23T03:00:00Z", "data": data}
    return json.dumps(event).encode()


def webhook_headers(body: bytes) -> dict[str, str]:
    """The signature of a webhook, now."""
    now = int(time.time())
    signed = f"webhook\n{now}\nPOST /webhooks/sandbox-a\n".encode() + body
    return {"X-Sandbox-Signature": f"t={now},v1={hmac.digest(SECRET.encode(), signed, sha256).hex()}"}


@contextmanager
def start_world(
    folder: Path, *, callback_url: str = "https://portal.example/callbacks", banks: Sequence[BankChange] = ()
) -> Iterator[World]:
    """Start everything, stop it afterwards. `banks` stand beside the sandbox bank."""
    settings = Settings(var=folder / "var", log_level="error")
    with start(settings.var) as cluster:
        asyncio.run(_provision(settings, callback_url, banks))
        command = [sys.executable, "-m", "paygw", "serve", "--port", "0"]
        environment = {**os.environ, "PAYGW_VAR": str(settings.var), "PAYGW_LOG_LEVEL": "error", **_NO_RATES}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        try:
            yield World(cluster, settings, _port_of(process), process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _port_of(process: "subprocess.Popen[bytes]") -> int:
    if process.stderr is None:
        raise RuntimeError("the hub has no stderr")
    for line in process.stderr:
        found = _SERVES.search(line)
        if found:
            return int(found[1])
    raise RuntimeError("the hub did not start")


async def _provision(settings: Settings, callback_url: str, banks: Sequence[BankChange]) -> None:
    async with build_hub(settings) as hub:
        portal = PortalChange(
            id="bench", name="Bench", callback_url=callback_url,
            return_origins=("https://portal.example",), rate_post=10**6, rate_get=10**6, rate_burst=10**6, key=KEY,
        )  # fmt: skip
        bank = BankChange(
            id="sandbox-a", connector="sandbox", title="", base_url="http://127.0.0.1:9", merchant="HUB",
            values={"secret": SECRET}, options={"flow": "redirect"}, home="provider", account="", holder=None,
        )  # fmt: skip
        changes: list[Change] = [portal, bank, *banks]
        for change in changes:
            await hub.transact(partial(_apply, hub, change))


async def _apply(hub: Hub, change: Change, connection: asyncpg.Connection) -> None:
    await apply(hub, connection, change, by="bench")


async def send_to_bank(hub: Hub, order_ids: list[str], bank_id: str = "sandbox-a") -> list[tuple[str, int]]:
    """Start an attempt at a bank for every order; references and amounts."""
    bank = hub.registry.banks[bank_id]
    method = bank.connector.methods[0]
    begun: list[tuple[str, int]] = []

    async def start_some(mine: list[str]) -> None:
        for order_id in mine:
            pay = PayAsk(
                order_id=order_id, bank=bank, method=method, payer_ip="127.0.0.1", locale="vi", return_url="http://x/"
            )
            attempt = (await begin_attempt(hub, pay)).attempt
            await record_session(hub, attempt, Session(contact=Contact.SUCCEEDED, redirect_url="http://bank/"))
            begun.append((attempt.ref, attempt.amount_vnd))

    await asyncio.gather(*(start_some(order_ids[at::8]) for at in range(8)))
    return begun


async def count_statements(world: World) -> dict[str, float]:
    """SQL statements per request of each hot path, BEGIN and COMMIT apart, seen by the driver itself."""
    counted: list[str] = []
    async with world.hub() as hub:
        await load_registry(hub)
        portal = hub.registry.portals["bench"]
        bank = hub.registry.banks["sandbox-a"]
        async with hub.pool.acquire() as connection:
            await connection.fetchval("SELECT 1")
        for holder in hub.pool._holders:  # noqa: SLF001 - the pool has no public way to watch its connections
            if holder._con is not None:  # noqa: SLF001 - the same
                holder._con.add_query_logger(lambda record: counted.append(record.query))  # noqa: SLF001 - the same
        ask = ask_of(decode(world.create_body("count", 1), OrderIn), portal)
        figures: dict[str, float] = {}

        async def counting(path: str, work: Callable[[], Awaitable[T]]) -> T:
            counted.clear()
            result = await work()
            figures[path] = sum(not query.startswith(_NOT_COUNTED) and "$" in query for query in counted)
            return result

        warm = ask_of(decode(world.create_body("count", 0), OrderIn), portal)
        await create_order(hub, portal, warm, key="warm")  # the driver learns the types it has not met
        answer = await counting("create", lambda: create_order(hub, portal, ask, key="count"))
        order_id = json.loads(answer.body)["id"].removeprefix("ord_")
        ((ref, amount_vnd),) = await send_to_bank(hub, [order_id])
        body = webhook_body(ref, amount_vnd, "count")
        request = HttpRequest(
            method="POST", url="http://hub/webhooks/sandbox-a", headers=_lower(webhook_headers(body)), body=body
        )
        notice = bank.connector.parse_webhook(request, bank.secrets, hub.clock())
        if not isinstance(notice, Notice):
            raise TypeError("the sandbox bank's news was not read")
        message = Message(digest=sha256(body).digest(), body=body)
        await counting("webhook", lambda: credit(hub, bank, notice, message))
        await counting("webhook, same message", lambda: credit(hub, bank, notice, message))
        await counting("status by id", lambda: get_order(hub, order_id, portal_id="bench"))
    return figures


def public_order_ids(ids: list[str]) -> list[str]:
    """Order ids as the API knows them."""
    return [public_id("ord", uid) for uid in ids]


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _tree_cpu_s(root: int) -> float:
    """A process, its living children and those it has buried."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry.name) == root:
            total += sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICKS
        elif int(fields[1]) == root:
            total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total
