"""RSA-SHA256 with PKCS#1 v1.5 padding, as Vietnamese banks sign messages: over exact bytes, written in base64."""

from base64 import b64decode, b64encode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_BITS_MIN: Final = 2048
_SIGNATURE_CHARS_MAX: Final = 1_400


def is_signed(public_pem: str, given: str, signed: bytes) -> bool:
    """Whether `given` (base64, standard or URL-safe) is this key's signature of these bytes."""
    key, signature = _public(public_pem), _decoded(given)
    if key is None or not signature:
        return False
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def sign(private_pem: str, signed: bytes) -> str:
    """The signature in base64. Raises ValueError for a key that is none."""
    key = load_pem_private_key(private_pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA private key")  # noqa: TRY004 - the value, not its type, is wrong
    return b64encode(key.sign(signed, PKCS1v15(), SHA256())).decode()


def concatenated(fields: Mapping[str, str]) -> str:
    """What NAPAS's core API is said to sign (grade C): the values, in the order of their names, nothing between."""
    return "".join(fields[name] for name in sorted(fields))


@lru_cache(maxsize=256)
def _public(pem: str) -> RSAPublicKey | None:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _BITS_MIN else None


def _decoded(given: str) -> bytes:
    if len(given) > _SIGNATURE_CHARS_MAX or not given.isascii():
        return b""
    padded = given + "=" * (-len(given) % 4)
    try:
        return urlsafe_b64decode(padded) if set(given) & set("-_") else b64decode(padded, validate=True)
    except (Base64Error, ValueError):
        return b""
