"""Where callbacks may go: rules for URLs, and a resolver that hands out publicly reachable addresses only.

The name is resolved once per connection, every answer is judged, and the connection goes to the judged address itself;
the name stays for SNI and Host. A second answer of a lying name server is therefore never used.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from paygw.kernel.errors import PaygwError

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

_URL_CHARS_MAX = 2_000
_NAME_CHARS_MAX = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_NEVER_IN_URL = re.compile(r"[\\\s\x00-\x20\x7f-\x9f]")
_USER_INFO = re.compile(r"[^/]*//[^/?#]*@")
_LOOKUPS_AT_ONCE = 32

# Own list, not only ipaddress.is_global: its table differs between Python releases. IANA special-purpose registries.
_NO_ENTRY_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",  # a cloud's host agent behind a public address
    )
)  # fmt: skip
_UNICAST_6 = IPv6Network("2000::/3")  # anything else is local, mapped, translated or reserved
_NO_ENTRY_6 = tuple(
    ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


class ForbiddenAddress(PaygwError):
    """A URL or an address callbacks may not go to; the text says why and is safe to show to an administrator."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that keeps the rules: `url` is normalised, `open` if the development list names its host and port."""

    url: URL
    host: str
    port: int
    open: bool


def read_target(text: str, *, allow: Collection[str] = ()) -> Target:
    """Judge a callback URL without resolving its name. `allow` holds `host:port` for development.

    Raises ForbiddenAddress with the rule that it breaks.
    """
    if len(text) > _URL_CHARS_MAX or _NEVER_IN_URL.search(text):
        raise ForbiddenAddress("the URL is too long, or holds a backslash, a space or a control character")
    try:
        url = URL(text)
        host, port = (url.raw_host or "").rstrip(".").lower(), url.port
    except ValueError:
        raise ForbiddenAddress("this is not a URL") from None
    if url.scheme not in {"http", "https"} or not host or not port:
        raise ForbiddenAddress("a callback URL is https://host/path")
    if _USER_INFO.match(text):
        raise ForbiddenAddress("a callback URL holds no user name or password")
    if url.raw_fragment or "#" in text:
        raise ForbiddenAddress("a callback URL has no fragment")
    is_open = _pair(host, port) in allow
    if not is_open:
        if url.scheme != "https":
            raise ForbiddenAddress("a callback URL begins with https://")
        _judge_host(host)
    return Target(url=url.with_host(host), host=host, port=port, open=is_open)


def judge_address(text: str) -> None:
    """Refuse an address that is not reachable from everywhere. Raises ForbiddenAddress."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ForbiddenAddress("the name resolved to something that is no address") from None
    if not _is_public(address):
        raise ForbiddenAddress(f"{_kind(address)} is not publicly reachable")


async def look_up(host: str, port: int) -> Sequence[str]:
    """Every address the system knows for a name. Runs in threads of its own: a hung name holds up no other work."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_THREADS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


_THREADS = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="callback-dns")


class GuardedResolver(AbstractResolver):
    """Resolves for the connector: all addresses public, or none is used."""

    def __init__(self, lookup: Lookup = look_up, *, allow: Collection[str] = ()) -> None:
        self._lookup = lookup
        self._allow = frozenset(allow)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look up once and judge every answer. Raises ForbiddenAddress, OSError when the name is unknown."""
        addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError(f"no address for {host}")
        if _pair(host, port) not in self._allow:
            for address in addresses:
                judge_address(address)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for address in addresses
            if family in {socket.AF_UNSPEC, kind := socket.AF_INET6 if ":" in address else socket.AF_INET}
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _judge_host(host: str) -> None:
    if ":" in host:
        judge_address(host)
        return
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        judge_address(host)  # only the canonical dotted form is read: 127.1, 0x7f000001 and 2130706433 are refused
    elif len(host) > _NAME_CHARS_MAX or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004 - a public name has a dot
        raise ForbiddenAddress("this is not a public host name")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address.scope_id or address not in _UNICAST_6:
            return False
        return not any(address in network for network in _NO_ENTRY_6)
    return not any(address in network for network in _NO_ENTRY_4)


def _kind(address: IPv4Address | IPv6Address) -> str:
    return "an IPv6 address of this name" if address.version == 6 else "an IPv4 address of this name"  # noqa: PLR2004 - the version of the protocol


def _pair(host: str, port: int) -> str:
    return f"{host}:{port}"
