"""Listening sockets: a bank with a port of its own can really refuse connections."""

import asyncio
from dataclasses import dataclass, field

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from paygw.simulators.faults import DROP


class DroppableProtocol(HttpToolsProtocol):
    """HTTP whose handlers may close the connection under their own answer."""

    def on_message_begin(self) -> None:
        """Offer the way out to the handler of this request."""
        super().on_message_begin()
        self.scope[DROP] = self.transport.close  # type: ignore[literal-required]  # ASGI allows own keys


@dataclass(slots=True)
class Door:
    """The own port of one bank, if it has one."""

    host: str
    port: int | None
    server: uvicorn.Server | None = None
    listener: asyncio.Server | None = field(default=None)

    async def open(self) -> None:
        """Accept connections, from now on or again."""
        if self.port is None or self.server is None or self.listener is not None:
            return
        server = self.server

        def speak() -> DroppableProtocol:
            return DroppableProtocol(config=server.config, server_state=server.server_state, app_state={})

        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(speak, self.host, self.port)

    def close(self) -> None:
        """Refuse connections and end the ones there are."""
        if self.listener is None or self.server is None:
            return
        self.listener.close()
        self.listener = None
        for connection in list(self.server.server_state.connections):
            if isinstance(connection, DroppableProtocol) and connection.server and connection.server[1] == self.port:
                connection.shutdown()
