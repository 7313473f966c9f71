"""Where a database is and who enters it: one value that asyncpg and SQLAlchemy both accept."""

import re
from dataclasses import dataclass, field
from typing import TypedDict
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import URL

_SCHEME = re.compile(r"postgres(ql)?(\+asyncpg)?")
_PORT = 5432


class ConnectArgs(TypedDict):
    """Keyword arguments of `asyncpg.connect`."""

    host: str
    port: int
    user: str
    database: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Dsn:
    """`host` is a name, an address, or the absolute path of the folder that holds the unix socket."""

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)

    def url(self) -> URL:
        """Returns a URL for `create_async_engine`; a socket folder may contain spaces, not a comma or a colon."""
        return URL.create(
            "postgresql+asyncpg",
            username=self.user,
            password=self.password,
            database=self.database,
            query={"host": self.host, "port": str(self.port)},
        )

    def connect_args(self) -> ConnectArgs:
        """Returns the arguments of `asyncpg.connect(**dsn.connect_args())`."""
        return ConnectArgs(
            host=self.host, port=self.port, user=self.user, database=self.database, password=self.password
        )

    def connect_args_libpq(self) -> dict[str, object]:
        """Returns the arguments of `psycopg.connect(**...)`, which names the database otherwise."""
        given: dict[str, object] = {"host": self.host, "port": self.port, "user": self.user, "dbname": self.database}
        return given | ({"password": self.password} if self.password else {})


def parse_dsn(url: str) -> Dsn:
    """Read `postgresql://user:password@host:port/database`, or `...@/database?host=/socket/folder`.

    Raises ValueError, without repeating the URL since it may hold a password.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if not _SCHEME.fullmatch(parts.scheme):
        message = "a database URL starts with postgresql://"
        raise ValueError(message)
    host = query.get("host", [parts.hostname or "localhost"])[0]
    port = int(query.get("port", [parts.port or _PORT])[0])
    database = unquote(parts.path.lstrip("/"))
    if not parts.username or not database:
        message = "a database URL names a user and a database: postgresql://user:password@host:port/database"
        raise ValueError(message)
    password = unquote(parts.password) if parts.password else None
    return Dsn(host, port, unquote(parts.username), database, password)
