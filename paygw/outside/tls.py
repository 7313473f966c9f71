"""Looks at how a bank's address is protected: the protocol, and how long its certificate still counts."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Protection:
    """What a TLS handshake with verification showed."""

    protocol: str
    ends_at: datetime


async def read_protection(url: str, *, timeout_s: float) -> Protection:
    """Shake hands with the host of an https URL. Raises OSError (ssl.SSLError with it) or TimeoutError."""
    parts = urlsplit(url)
    async with asyncio.timeout(timeout_s):
        _, writer = await asyncio.open_connection(
            parts.hostname, parts.port or 443, ssl=ssl.create_default_context(), server_hostname=parts.hostname
        )
    try:
        shown = writer.get_extra_info("ssl_object")
        ends = ssl.cert_time_to_seconds(shown.getpeercert()["notAfter"])
        return Protection(shown.version(), datetime.fromtimestamp(ends, UTC))
    finally:
        writer.close()
