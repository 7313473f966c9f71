"""How a database that is away shows itself: loaded by verbs that need nothing else of the store."""

from typing import Final

import asyncpg

# What a server says that is gone, going, starting or overwhelmed: whoever asked may send the same request again.
AWAY: Final[tuple[type[Exception], ...]] = (
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # a connection used in the moment between the server's last word and its end
    OSError,  # of a socket; what runs out of time is one too
)
