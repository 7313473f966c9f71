"""HMAC signatures over framed HTTP messages, as the sandbox bank and its connector exchange them.

Kind, time, head and body are joined by line feeds, and only the body may hold one: no two messages share their bytes.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

Kind = Literal["request", "webhook", "answer"]

FORM = re.compile(r"t=(0|[1-9][0-9]{0,10}),v1=[0-9a-f]{64}", re.ASCII)


def signature(secret: str, kind: Kind, at: datetime, head: str, body: bytes) -> str:
    """The value of the signature header. `head` is "METHOD target", of an answer "status signature-of-the-request"."""
    stamp = int(at.timestamp())
    framed = f"{kind}\n{stamp}\n{head}\n".encode("utf-8", "surrogatepass") + body
    return f"t={stamp},v1={hmac.new(secret.encode(), framed, sha256).hexdigest()}"


def verified(given: str, secrets: Iterable[str], kind: Kind, head: str, body: bytes) -> str | None:
    """The secret that made this signature, if one of `secrets` did."""
    if "\n" in head or not FORM.fullmatch(given):
        return None
    at = signed_at(given)
    matching = [key for key in secrets if hmac.compare_digest(signature(key, kind, at, head, body), given)]
    return matching[0] if matching else None


def signed_at(given: str) -> datetime:
    """The time in a well-formed signature."""
    return datetime.fromtimestamp(int(given[2 : given.index(",")]), UTC)


def target_of(url: str) -> str:
    """Path and query exactly as they travel."""
    return "/" + url.partition("://")[2].partition("/")[2]
