"""What a quote costs over the API: `POST /v1/quotes` against an empty endpoint of the same application.

Once with the same question again and again, once with questions of three procedures whose facts and amounts hardly ever
repeat, so that nothing remembered helps.

    python -m bench.fee_http [--json]

Over sockets: one server process (uvicorn as `paygw serve` runs it), keep-alive connections, both endpoints in turn. And
without sockets: the application called in this process, the strictest form of the comparison. Both endpoints stand
behind the same guard and are asked with the same portal's key.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, cast

import uvicorn
import uvloop
from asyncpg import Pool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from bench.load import http_request, load
from bench.openfisca import CATALOGUE
from paygw.app import create_app, settle_memory
from paygw.hub.hub import BankTalk, Hub, RegistryHolder
from paygw.hub.registry import ApiKey, Portal, Registry, key_digest, key_prefix
from paygw.kernel.fees.catalogue import load_catalogue
from paygw.outside.metrics import Metrics
from paygw.outside.vault import Vault
from paygw.settings import Settings
from paygw.web.context import Permission
from paygw.web.edge import Edge
from paygw.web.reply import reply
from paygw.web.routes import Routes
from paygw.web.site import ROUTES, build_site

KEY: Final = "sk_test_bench000" + "k" * 40
CALLS: Final = 2_000
ROUNDS: Final = 5
CONNECTIONS: Final = 8
PATHS: Final = ("/v1/empty", "/v1/empty/ordinary", "/v1/quotes")
Bodies = tuple[bytes, ...]


def _question(procedure: str, **facts: str | int) -> bytes:
    return json.dumps({"procedure": procedure, "as_of": "2026-11-23", "facts": facts}).encode()


_BY_VALUE: Final = (("1.009972", "total_investment"), ("9.900040", "planning_cost"))


def _varied(count: int) -> Bodies:
    """Fees by units and by value: what one of them comes to is another's nothing."""
    made: list[bytes] = []
    for at in range(count):
        birth_date = f"{1960 + at % 40}-{1 + at % 12:02}-{1 + at % 28:02}"
        made += [
            _question("2.000488", birth_date=birth_date, copies=1 + at % 40),
            *(_question(code, **{fact: 10**9 + 7_919_113 * at}) for code, fact in _BY_VALUE),
        ]
    return tuple(made[:count])


BODIES: Final[Mapping[str, Bodies]] = {
    "same": (_question("2.000488", birth_date="1990-05-20", copies=3),) * CALLS,
    "varied": _varied(CALLS),
}

empty = Routes(prefix="/v1", tag="Bench")


@empty.post("/empty", permission=Permission.PORTAL, summary="Nothing", documented=False, hot=True)  # as quotes are
async def answer_nothing(request: Request) -> Response:
    """The least an endpoint can do, found before the framework is asked."""
    del request
    return reply({})


@empty.post("/empty/ordinary", permission=Permission.PORTAL, summary="Nothing", documented=False)
async def answer_nothing_ordinarily(request: Request) -> Response:
    """The least an endpoint can do that the framework finds, as most of the application's are."""
    return await answer_nothing(request)


@dataclass(frozen=True, slots=True)
class Measured:
    """Microseconds of one call, and quotes made while each empty endpoint answers once."""

    hot_us: float
    ordinary_us: float
    quote_us: float
    of_hot: float
    of_ordinary: float


def hub_of_bench() -> Hub:
    """A hub whose quotes need no database; whatever asks for one fails."""
    rate = 10**9
    portal = Portal("bench", "Bench", "https://portal.example/callbacks", (), "active", rate, rate, rate, ("whsec_x",))
    key = ApiKey(key_prefix(KEY), key_digest(KEY), portal.id, frozenset({"portal"}), None)
    return Hub(
        settings=Settings(),
        pool=cast("Pool", None),
        vault=Vault(b"k" * 32),
        connectors={},
        catalogue=load_catalogue(CATALOGUE),
        clock=lambda: datetime.now(UTC),
        observe=Metrics(),
        talk=cast("BankTalk", None),
        registry_holder=RegistryHolder(Registry(portals={portal.id: portal}, keys={key.prefix: key})),
    )


async def call(app: ASGIApp, path: str, body: bytes) -> int:
    """One request without a socket; its status."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"authorization", f"Bearer {KEY}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("192.0.2.7", 50_000),
        "server": ("hub.test", 80),
    }
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


async def round_us(app: ASGIApp, path: str, bodies: Bodies) -> float:
    """Microseconds of a call over a round of calls."""
    started = time.perf_counter()
    for body in bodies:
        await call(app, path, body)
    return (time.perf_counter() - started) / len(bodies) * 1e6


def application() -> Edge:
    """The site with the empty endpoint, before a hub that needs no database."""
    app = create_app(hub_of_bench(), site=build_site((*ROUTES, *empty.all)))
    settle_memory()
    return app


async def measure_inside(bodies: Bodies) -> Measured:
    """Without sockets; microseconds of the best round, the ratio of the median one."""
    app = application()
    for path in PATHS:
        status = await call(app, path, bodies[0])
        assert status == 200, (path, status)
    return _measured([[await round_us(app, path, bodies) for path in PATHS] for _ in range(ROUNDS)])


def measure_outside(bodies: Bodies) -> Measured:
    """Over sockets, the server in a process of its own; microseconds between two answers."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(128)
        command = [sys.executable, "-m", "bench.fee_http", "--serve", str(door.fileno())]
        server = subprocess.Popen(command, pass_fds=(door.fileno(),))
        try:
            return _rounds_outside(door.getsockname()[1], bodies)
        finally:
            server.terminate()
            server.wait()


def _rounds_outside(port: int, bodies: Bodies) -> Measured:
    rounds = [[_socket_us(port, path, bodies) for path in PATHS] for _ in range(ROUNDS)]
    return _measured(rounds[1:])


def _socket_us(port: int, path: str, bodies: Bodies) -> float:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    requests = iter([http_request("POST", path, headers, body) for body in bodies])
    run = load(port, requests, connections=CONNECTIONS, accept=lambda status: status == 200)
    assert not run.refused
    return 1e6 / run.rate


def _measured(rounds: list[list[float]]) -> Measured:
    hots, ordinaries, quotes = zip(*rounds, strict=True)
    of_hot, of_ordinary = (
        round(statistics.median(one / quote for one, quote in zip(empties, quotes, strict=True)), 2)
        for empties in (hots, ordinaries)
    )
    hot_us, ordinary_us, quote_us = (round(min(times), 1) for times in (hots, ordinaries, quotes))
    return Measured(hot_us, ordinary_us, quote_us, of_hot, of_ordinary)


def serve(descriptor: int) -> None:
    """Be the server process."""
    config = uvicorn.Config(
        application(), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
    )
    uvloop.run(uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)]))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve is not None:
        serve(given.serve)
        return
    found = compare()
    if given.json:
        json.dump({name: asdict(one) for name, one in found.items()}, sys.stdout)
    else:
        tell(found)


def compare() -> dict[str, Measured]:
    """Both kinds of questions, over sockets and without."""
    return {
        f"{name}, {where}": measure(bodies)
        for name, bodies in BODIES.items()
        for where, measure in (("sockets", measure_outside), ("inside", lambda told: asyncio.run(measure_inside(told))))
    }


def tell(found: Mapping[str, Measured]) -> None:
    """A line each."""
    for name, one in found.items():
        print(
            f"POST /v1/quotes {name:16} {one.quote_us:6} us: {one.of_ordinary} of an empty endpoint"
            f" ({one.ordinary_us} us), {one.of_hot} of an empty hot one ({one.hot_us} us)"
        )


if __name__ == "__main__":
    main()
