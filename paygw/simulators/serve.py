"""Pretend banks as a server of their own: no process and no database shared with the hub."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from paygw.simulators import api, control, counter, front, page, phone, teller
from paygw.simulators.bank import Bank, Impossible
from paygw.simulators.config import SandboxBankConfig
from paygw.simulators.counter import provider_post
from paygw.simulators.courier import Courier, sandbox_post
from paygw.simulators.desk import Desk
from paygw.simulators.doors import Door, DroppableProtocol
from paygw.simulators.journal import JournalFull
from paygw.simulators.provider import numbered, providers

SWEEP_EVERY_S = 1.0
CONNECTIONS_MAX = 2_000


def serve(*, host: str, port: int, banks: Sequence[SandboxBankConfig], data_dir: Path) -> None:
    """Serve until a signal says stop. Base URL of a bank: `http://host:port/<name>`."""
    asyncio.run(run(host=host, port=port, banks=banks, data_dir=data_dir))


async def run(*, host: str, port: int, banks: Sequence[SandboxBankConfig], data_dir: Path) -> None:
    """The same within a running loop."""
    doors = {bank.name: Door(host, bank.port) for bank in banks}
    app = application(banks=banks, data_dir=data_dir, doors=doors, clock=lambda: datetime.now(UTC))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DroppableProtocol,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    for door in doors.values():
        door.server = server
    await server.serve()


def application(
    *,
    banks: Sequence[SandboxBankConfig],
    data_dir: Path,
    doors: Mapping[str, Door],
    clock: Callable[[], datetime],
) -> Starlette:
    """The ASGI application of some banks. Raises ValueError if two share a name."""
    if len({bank.name for bank in banks}) != len(banks):
        raise ValueError("two banks share a name")
    spoken = providers()
    unknown = {bank.protocol for bank in banks} - {"sandbox", *spoken}
    if unknown:
        raise ValueError(f"no such protocol here: {', '.join(sorted(unknown))}")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as http:
            app.state.http = http
            app.state.desks = {config.name: _desk(config, http) for config in banks}
            sweep = asyncio.create_task(_sweep(list(app.state.desks.values())))
            for desk in app.state.desks.values():
                desk.courier.resume()
                await desk.door.open()
            yield
            sweep.cancel()
            for desk in app.state.desks.values():
                desk.door.close()
                await desk.courier.stop()
                desk.bank.shut()

    def _desk(config: SandboxBankConfig, http: aiohttp.ClientSession) -> Desk:
        provider = spoken.get(config.protocol)
        merchant = config.merchant or (provider.side.secrets.merchant if provider else "PAYGW")
        complete = msgspec.structs.replace(config, merchant=merchant)
        bank = Bank(complete, data_dir / config.name, clock, provider.number if provider else numbered)
        post = provider_post(bank, provider) if provider else sandbox_post(bank)
        return Desk(bank, Courier(bank, http, post), doors[config.name], provider)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", front.show),
            Route("/healthz", healthy),
            Route("/sandbox.css", page.css),
            Mount("/control/{bank}", routes=control.routes()),
            Mount(
                "/{bank}", routes=[*api.routes(), *page.routes(), *phone.routes(), *teller.routes(), *counter.routes()]
            ),
        ],
        exception_handlers={HTTPException: _refused, Impossible: _impossible, JournalFull: _full},
    )


async def healthy(_: Request) -> Response:
    """The process is alive."""
    return JSONResponse({"status": "ok"})


async def _sweep(desks: Sequence[Desk]) -> None:
    """Let sessions expire on time."""
    while True:
        for desk in desks:
            await desk.bank.expire_due()
        await asyncio.sleep(SWEEP_EVERY_S)


async def _refused(_: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    return JSONResponse({"error": {401: "bad_signature", 404: "not_found"}.get(status, "refused")}, status)


async def _impossible(_: Request, fault: Exception) -> Response:
    return JSONResponse({"error": str(fault)}, fault.status if isinstance(fault, Impossible) else 422)


async def _full(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "full"}, 507)
