"""What the verbs print, and the hub a verb runs one use case with."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import typer

from paygw.app import build_hub
from paygw.cli.showing import AsJson, Row, show, show_all
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.wire import AMOUNT_MAX_VND
from paygw.kernel.words import format_vnd, vnd_of
from paygw.settings import Settings

__all__ = ["AsJson", "Row", "dong", "fields_of", "pair", "show", "show_all", "with_hub"]

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


def fields_of(texts: Sequence[str] | None) -> dict[str, object]:
    """Every `name=value` of `--set`; what ends in `_vnd` is an amount. Raises Refused `invalid_value`."""
    given = [pair(text) for text in texts or []]
    return {name: vnd_of(value) if name.endswith("_vnd") else value for name, value in given}


def dong(text: str | int) -> int:
    """An amount as an option: whole đồng, with or without the dots of thousands."""
    try:
        amount_vnd = vnd_of(str(text))
    except Refused as refused:
        raise typer.BadParameter(refused.detail) from None
    if amount_vnd > AMOUNT_MAX_VND:
        raise typer.BadParameter(f"at most {format_vnd(AMOUNT_MAX_VND)}")
    return amount_vnd
