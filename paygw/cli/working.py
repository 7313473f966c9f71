"""`paygw work`: one process, ended by SIGTERM with everything finished or handed back."""

import asyncio
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress

import typer
import uvicorn
import uvloop

from paygw.app import build_hub, create_app, settle_memory
from paygw.cli.serving import BACKLOG, STOP, listen, server_config
from paygw.hub.hub import Hub
from paygw.jobs.worker import work as run_jobs
from paygw.kernel.errors import Unavailable
from paygw.outside.logs import configure_logs
from paygw.outside.metrics import Metrics
from paygw.settings import Settings
from paygw.web import ops
from paygw.web.site import build_site


def work() -> None:
    """Send callbacks, ask banks, close what expired, seal the books: everything nobody asks for."""
    settings = Settings()
    configure_logs(settings.log_level, sys.stderr)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOP:
        loop.add_signal_handler(number, stop.set)
    async with build_hub(settings, application="paygw-work", observe=Metrics()) as hub, _watched(hub):
        settle_memory()
        typer.echo("paygw works", err=True)
        working = asyncio.create_task(run_jobs(hub, stop))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.shutdown_s):
                await working
        stopped.cancel()


class _Window(uvicorn.Server):
    """A server whose process belongs to somebody else: it takes no signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


@asynccontextmanager
async def _watched(hub: Hub) -> AsyncIterator[None]:
    """The worker's own health and metrics, where a port is set for them. A taken port costs the view, not the work."""
    settings = hub.settings
    with ExitStack() as stack:
        try:
            door = stack.enter_context(listen(settings.host, settings.work_port)) if settings.work_port else None
        except Unavailable as error:
            typer.echo(f"paygw: no metrics of this worker: {error}; PAYGW_WORK_PORT takes another port", err=True)
            door = None
        if door is None:
            yield
            return
        door.listen(BACKLOG)
        window = _Window(server_config(create_app(hub, site=build_site(tuple(ops.api.all))), settings))
        showing = asyncio.create_task(window.serve(sockets=[door]))
        yield
        window.should_exit = True
        await showing
