"""`paygw serve`: one process, ended by SIGTERM with everything finished or handed back."""

import asyncio
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Final

import typer
import uvicorn
import uvloop

from paygw.app import build_hub, create_app, settle_memory
from paygw.kernel.errors import Unavailable
from paygw.outside.logs import configure_logs
from paygw.settings import Settings
from paygw.store.migrate import head
from paygw.web.edge import Edge
from paygw.web.ops import Serving

BACKLOG: Final = 2_048
_KEEP_ALIVE_S: Final = 30
STOP: Final = (signal.SIGTERM, signal.SIGINT)


def serve(
    *,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    needs_worker: Annotated[
        bool, typer.Option("--needs-worker", help="Not ready while no worker lives.", hidden=True)
    ] = False,
    spare: Annotated[
        bool, typer.Option("--spare", help="Wait for a line of input before anything else.", hidden=True)
    ] = False,
) -> None:
    """Serve the API, the pages and the banks' webhooks."""
    if spare and not sys.stdin.buffer.readline():
        return  # whom it was to stand in for has ended
    settings = Settings()
    chosen = {name: value for name, value in (("port", port), ("host", host)) if value is not None}
    settings = settings.model_copy(update=chosen)
    configure_logs(settings.log_level, sys.stderr)
    uvloop.run(_serve(settings, Serving(needs_worker=needs_worker, head=head())))


class Server(uvicorn.Server):
    """uvicorn that turns readiness red first, closes its door a little later, and exits 0 when told to stop."""

    def __init__(self, config: uvicorn.Config, serving: Serving, *, drain_s: float) -> None:
        super().__init__(config)
        self._serving = serving
        self._drain_s = drain_s

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle the stop signals for as long as the server runs."""
        loop = asyncio.get_running_loop()
        for number in STOP:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, a second one ends at once; SIGINT is a person who does not wait for balancers."""
        del frame
        if self._serving.draining:
            self.should_exit = self.force_exit = True
            return
        self._serving.draining = True
        wait_s = self._drain_s if sig == signal.SIGTERM else 0.0
        asyncio.get_running_loop().call_later(wait_s, self._close_door)

    def _close_door(self) -> None:
        self.should_exit = True


async def _serve(settings: Settings, serving: Serving) -> None:
    with listen(settings.host, settings.port) as door:
        bound = door.getsockname()[1]
        settings = settings.model_copy(update={"port": bound})
        async with build_hub(settings, application="paygw-serve") as hub:
            app = create_app(hub, serving=serving)
            settle_memory()
            door.listen(BACKLOG)  # who reads the line below may connect at once
            typer.echo(f"paygw serves {settings.origin}", err=True)
            await Server(server_config(app, settings), serving, drain_s=settings.drain_s).serve(sockets=[door])


def server_config(app: Edge, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves an application of ours: its own headers, logs and signals stay away."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.shutdown_s),
    )


@contextmanager
def listen(host: str, port: int) -> Generator[socket.socket]:
    """The open door, before anything slow starts: a taken port is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise Unavailable(f"cannot listen on {host} port {port}: {error.strerror}") from error
        yield door
    finally:
        door.close()
