"""Secrets at rest: AES-256-GCM under a key-encryption key from a file, bound to table, row and column.

Keys for other uses (tokens of pay pages, signed quotes) are derived from the same file, one per purpose, so that the
database alone never suffices to forge or to read anything.
"""

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paygw.kernel.errors import PaygwError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 4


class VaultError(PaygwError):
    """A key is missing or wrong, or a sealed value is not where it was sealed."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens; holds its key out of every repr."""

    key: bytes = field(repr=False)

    @property
    def key_id(self) -> bytes:
        """Names the key in each sealed value, so that a rotation can tell them apart."""
        return _key_id(self.key)

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return _derive(self.key, purpose)

    def seal(self, plain: bytes, *, where: str) -> bytes:
        """Encrypt for one place (`table/row/column`): key id, nonce, ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.key_id + nonce + _cipher(self.key).encrypt(nonce, plain, where.encode())

    def open(self, sealed: bytes, *, where: str) -> bytes:
        """Decrypt what `seal` made for the same place. Raises VaultError."""
        key_id, nonce = sealed[:_ID_BYTES], sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES]
        if not hmac.compare_digest(key_id, self.key_id):
            raise VaultError(f"{where} was sealed with another key: give the hub the key file it was made with")
        try:
            return _cipher(self.key).decrypt(nonce, sealed[_ID_BYTES + _NONCE_BYTES :], where.encode())
        except InvalidTag:
            raise VaultError(f"{where} does not open: it was changed or moved") from None


@lru_cache(maxsize=4)  # the key, and during a rotation the one before it
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=4)  # the same
def _key_id(key: bytes) -> bytes:
    return sha256(b"paygw key id" + key).digest()[:_ID_BYTES]


@lru_cache(maxsize=64)  # a handful of purposes, asked for on every order
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(key)


def open_vault(path: Path, *, create: bool) -> Vault:
    """Read the key file; make one (mode 0600) where `create` allows it. Raises VaultError with what to do."""
    if not path.exists():
        if not create:
            raise VaultError(f"no key file at {path}: restore it from your backup, or set PAYGW_KEY_FILE")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
    text = path.read_text(encoding="ascii").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise VaultError(f"{path} is not a key file: it holds 64 hexadecimal digits")
    return Vault(key)


def _create(path: Path) -> None:
    """Write a new key durably; of several starters one wins, the others read its key."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_hex(_KEY_BYTES).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
