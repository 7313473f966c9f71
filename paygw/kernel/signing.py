"""Signatures of callbacks by Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, exactly the bytes sent.

A secret is `whsec_` and base64; during a rotation the header carries one signature per secret, newest first.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

_PREFIX = "whsec_"
_KEY_BYTES_MIN = 16


def sign(secret: str, *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """One signature, `v1,` and base64. `timestamp_s` counts UTC seconds. Raises ValueError on a malformed secret."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(signing_key(secret), signed, sha256)).decode()


def signed_headers(secrets: Sequence[str], *, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt. Raises ValueError without a secret: nothing leaves unsigned."""
    if not secrets:
        raise ValueError("a callback needs a signing secret")
    signatures = (sign(secret, message_id=message_id, timestamp_s=timestamp_s, body=body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


@lru_cache(maxsize=1_024)  # two of each of a few hundred portals
def signing_key(secret: str) -> bytes:
    """The key behind `whsec_…`. Raises ValueError when it is not base64 of at least 16 bytes."""
    text = secret.removeprefix(_PREFIX)
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)  # padding may be left out, as verifiers allow
    except Base64Error:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _KEY_BYTES_MIN:
        raise ValueError("a signing secret is whsec_ and base64 of at least 16 bytes")
    return key
