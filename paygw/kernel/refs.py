"""Ids and references: uuid v7 inside, a short prefix outside, and the unguessable token of a pay page."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from typing import Literal
from uuid import UUID

Kind = Literal["ord", "att", "rcp", "rfd", "evt", "obl", "pro", "brk", "fil", "dec"]
_MAC_BYTES = 16
_ID_BYTES = 16
_TOKEN_MAX_CHARS = 64


def public_id(kind: Kind, uid: str) -> str:
    """`ord_` and 32 hexadecimal digits for a uuid in any text form."""
    return f"{kind}_{uid.replace('-', '')}"


def private_id(kind: Kind, text: str) -> str | None:
    """The uuid behind a public id in canonical form, or None when it is not one of this kind."""
    prefix, _, digits = text.partition("_")
    if prefix != kind or len(digits) != 2 * _ID_BYTES or not set(digits) <= set("0123456789abcdef"):
        return None
    return str(UUID(hex=digits))


def pay_token(key: bytes, order_id: str) -> str:
    """The token in a pay URL: it needs no column and no index, and cannot be made without the hub's key."""
    raw = bytes.fromhex(order_id.replace("-", ""))
    return urlsafe_b64encode(raw + _mac(key, raw)).rstrip(b"=").decode()


def order_of_token(key: bytes, token: str) -> str | None:
    """The order a pay token was made for, or None if it is not ours."""
    if not token.isascii() or len(token) > _TOKEN_MAX_CHARS:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (Base64Error, ValueError):
        return None
    uid, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(uid) != _ID_BYTES or not hmac.compare_digest(mac, _mac(key, uid)):
        return None
    return str(UUID(bytes=uid))


def _mac(key: bytes, raw: bytes) -> bytes:
    return hmac.digest(key, b"pay page" + raw, sha256)[:_MAC_BYTES]
