"""How the embedded server is set: few choices, the rest is decided here and beats every configuration file."""

from dataclasses import dataclass
from pathlib import Path

from paygw.store.embedded.errors import SettingRefused
from paygw.store.embedded.layout import PORT, Layout

_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_DISPOSABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_FIXED = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "huge_pages": "off",
    "jit": "off",
    "wal_level": "replica",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "max_stack_depth": "2MB",
    # The hub itself reports failed statements; the server's log must not fill with expected unique violations,
    # nor hold statements and row values, which may be personal data.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_file_mode": "0600",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may choose; sizes are PostgreSQL's own words (256MB).

    `durable=False` is for data that dies with a test run. `tcp_port` opens 127.0.0.1 with passwords beside the
    unix socket. `linger_s` is how long the server stays after its last client left.
    """

    shared_buffers: str = "256MB"
    max_connections: int = 200
    max_wal_size: str = "2GB"
    tcp_port: int | None = None
    durable: bool = True
    linger_s: float = 0.0
    start_timeout_s: float = 120.0
    stop_timeout_s: float = 30.0


def check_options(options: Options) -> None:
    """Raises SettingRefused for a port or a size that cannot be meant."""
    if options.tcp_port is not None and not 1024 <= options.tcp_port <= 65535:  # noqa: PLR2004 - the range of ports
        message = f"TCP port {options.tcp_port} cannot be used: choose one from 1024 to 65535, or none"
        raise SettingRefused(message)


def server_arguments(options: Options, layout: Layout) -> list[str]:
    """Returns the arguments of `postgres`; given on its command line they win over files and ALTER SYSTEM."""
    settings = {
        **_FIXED,
        **(_DURABLE if options.durable else _DISPOSABLE),
        "shared_buffers": options.shared_buffers,
        "max_connections": str(options.max_connections),
        "max_wal_size": options.max_wal_size,
        "port": str(options.tcp_port or PORT),
        "listen_addresses": "127.0.0.1" if options.tcp_port else "",
        "unix_socket_directories": quote_folder(layout.sockets),
        "log_directory": str(layout.log),
        "hba_file": str(layout.server / "pg_hba.conf"),
        "ident_file": str(layout.server / "pg_ident.conf"),
    }
    return ["-D", str(layout.data), *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]


def quote_folder(folder: Path) -> str:
    """Returns a folder as one element of a PostgreSQL list."""
    return '"' + str(folder).replace('"', '""') + '"'


def access_files(hub_account: str) -> dict[str, str]:
    """Returns the server's access rules by file name: the kernel vouches for us on the socket, passwords on TCP."""
    account = '"' + hub_account.replace('"', '""') + '"'
    return {
        "pg_hba.conf": "local all,replication all peer map=hub\nhost all all 127.0.0.1/32 scram-sha-256\n",
        "pg_ident.conf": f"hub {account} all\n",
    }
