"""Migrating while the server is not ready says so and asks to try again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from paygw.kernel.errors import Unavailable
from paygw.store.dsn import parse_dsn
from paygw.store.migrate import upgrade

_SSL_REQUEST_BYTES = 8
_RECOVERING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is in recovery mode\0\0"


@asynccontextmanager
async def recovering_server() -> AsyncIterator[int]:
    """Speaks as PostgreSQL does between its crash and its readiness; yields its port."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(4)
        await reader.readexactly(int.from_bytes(asked, "big") - 4)
        if int.from_bytes(asked, "big") == _SSL_REQUEST_BYTES:
            writer.write(b"N")
            asked = await reader.readexactly(4)
            await reader.readexactly(int.from_bytes(asked, "big") - 4)
        writer.write(b"E" + (4 + len(_RECOVERING)).to_bytes(4, "big") + _RECOVERING)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.net
async def test_a_server_in_recovery_is_waited_for_not_a_defect() -> None:
    async with recovering_server() as port:
        with pytest.raises(Unavailable, match=r"recovery mode.*try again"):
            await upgrade(parse_dsn(f"postgresql://paygw:x@127.0.0.1:{port}/paygw"))
