"""What the verbs print, and the hub a verb runs one use case with."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from paygw.app import build_hub
from paygw.cli.showing import AsJson, Row, show, show_all
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.settings import Settings

__all__ = ["AsJson", "Row", "pair", "show", "show_all", "with_hub"]

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


def pair(text: str) -> tuple[str, str]:
    """`name=value`. Raises Refused `invalid_value`."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise Refused("invalid_value", f"--set takes name=value, not {text!r}.")
    return name, value
