"""Hosts of providers, as their connectors list them: live and test are never mixed.

A live hub takes no credentials for a test host, a test hub none for a live one.

What no connector lists (a simulator, a bank's own gateway) belongs to either mode: there the configuration decides.
"""

from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from paygw.kernel.connector import Connector

Mode = Literal["test", "live"]


def host_of_other_mode(addresses: Iterable[str], connectors: Iterable[Connector], mode: Mode) -> str:
    """The first host among these addresses that a provider uses for the other mode only; empty if there is none."""
    known: dict[str, Mode] = {}
    for connector in connectors:
        known |= {**dict.fromkeys(connector.test_hosts, "test"), **dict.fromkeys(connector.live_hosts, "live")}
    for address in addresses:
        host = _host(address)
        if _mode_of(host, known) not in {None, mode}:
            return host
    return ""


def _host(address: str) -> str:
    """The host of an address, in the one way to write it; empty for a text that has none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _mode_of(host: str, known: dict[str, Mode]) -> Mode | None:
    """By the longest name listed that the host is, or lies below."""
    labels = host.split(".")
    names = (".".join(labels[start:]) for start in range(len(labels)))
    return next((known[name] for name in names if name in known), None)
