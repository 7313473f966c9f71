"""Portals, events and receivers for tests and benchmarks of callbacks: real rows, real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import Portal, Registry
from paygw.kernel.fees.catalogue import Catalogue
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.store.dsn import Dsn
from paygw.store.engine import open_pool
from tests.hub_fixtures import Counts, ScriptedBank

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# A day of schedule in the blink of an eye, for tests that wait for real.
QUICK = {
    "callback_delays_s": (0.0, 0.01, 0.01),
    "callback_poll_s": 0.02,
    "callback_deadline_s": 1.0,
    "callback_lease_s": 3.0,
    "registry_refresh_s": 0.1,
}


def portal(portal_id: str, url: str = "https://portal.example.vn/cb", state: str = "active") -> Portal:
    """A portal as the registry holds it."""
    return Portal(
        id=portal_id,
        name=portal_id,
        callback_url=url,
        return_origins=(),
        callback_state=state,
        rate_post=9,
        rate_get=9,
        rate_burst=9,
        secrets=(SECRET,),
    )


@asynccontextmanager
async def open_hub(dsn: Dsn, portals: Sequence[Portal], **settings: object) -> AsyncIterator[Hub]:
    """A hub with these portals, in the database too."""
    pool = await open_pool(dsn, size=12, application="test", statement_timeout_s=5, idle_timeout_s=10)
    hub = Hub(
        settings=Settings(**settings),  # type: ignore[arg-type]  # settings are checked by pydantic itself
        pool=pool,
        vault=Vault(b"k" * 32),
        connectors={},
        catalogue=Catalogue({}),
        clock=lambda: datetime.now(UTC),
        observe=Counts(),
        talk=ScriptedBank(),
        registry_holder=RegistryHolder(Registry(portals={item.id: item for item in portals})),
    )
    async with pool.acquire() as connection:
        await add_portals(connection, portals)
    try:
        yield hub
    finally:
        await pool.close()


async def add_portals(connection: asyncpg.Connection, portals: Sequence[Portal]) -> None:
    """Insert the rows behind registry portals."""
    await connection.executemany(
        "INSERT INTO portals (id, name, callback_url, return_origins, callback_secret, rate_post, rate_get, "
        "rate_burst, callback_state) VALUES ($1, $1, $2, '{}', ''::bytea, 9, 9, 9, $3)",
        [(item.id, item.callback_url, item.callback_state) for item in portals],
    )


async def add_events(
    connection: asyncpg.Connection, portal_id: str, count: int = 1, *, order_id: UUID | None = None, size: int = 0
) -> list[UUID]:
    """Insert events with their deliveries, as the money transaction does."""
    ids = [UUID(int=uuid7().int) for _ in range(count)]
    bodies = [msgspec.json.encode({"type": "order.paid", "data": {"n": n, "pad": "x" * size}}) for n in range(count)]
    order = order_id or UUID(int=uuid7().int)
    await connection.execute(
        "WITH e AS (INSERT INTO events (id, key, portal_id, order_id, type, body) "
        "SELECT id, id::text, $2, $3, 'order.paid', body FROM unnest($1::uuid[], $4::bytea[]) AS t (id, body) "
        "RETURNING id) INSERT INTO deliveries (event_id, portal_id) SELECT id, $2 FROM e",
        ids,
        portal_id,
        order,
        bodies,
    )
    return ids


@dataclass(slots=True)
class Receiver:
    """A portal's endpoint: remembers every request, answers what `status_for(path, n)` says."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    status_for: Callable[[str, int], int] = lambda _path, _n: 200
    delay_s: float = 0.0
    extra: str = ""

    @property
    def ids(self) -> list[str]:
        """The webhook-id of each request."""
        return [headers["webhook-id"] for headers in self.headers]

    def url(self, path: str = "/cb") -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it closes."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:-2])}
                body = await reader.readexactly(int(headers["content-length"]))
                await self._answer(head[0].split(" ")[1], headers, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.bodies.append(body)
        self.headers.append(headers)
        status = self.status_for(path, len(self.bodies))
        self.at_once[path] += 1
        self.most_at_once[path] = max(self.most_at_once[path], self.at_once[path])
        await asyncio.sleep(self.delay_s)
        self.at_once[path] -= 1
        writer.write(f"HTTP/1.1 {status} x\r\n{self.extra}content-length: 0\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def open_receiver(receiver: Receiver | None = None) -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port of the loopback."""
    receiver = receiver or Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something is true. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on the other side of a socket
            await asyncio.sleep(0.01)
