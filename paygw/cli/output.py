"""What the verbs print, and the hub a verb runs one use case with."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from paygw.app import build_hub
from paygw.cli.showing import AsJson, Row, show, show_all
from paygw.hub.hub import Hub
from paygw.settings import Settings

__all__ = ["AsJson", "Row", "show", "show_all", "with_hub"]

T = TypeVar("T")

_CLI_POOL = 4


def with_hub(work: Callable[[Hub], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run one use case with a hub of its own and a small pool."""
    chosen = (settings or Settings()).model_copy(update={"pool_size": _CLI_POOL})

    async def run() -> T:
        opened: AbstractAsyncContextManager[Hub] = build_hub(chosen, application="paygw-cli")
        async with opened as hub:
            return await work(hub)

    return asyncio.run(run())
