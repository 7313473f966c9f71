"""The hash chain over committed rows: what a head is, and how it follows from the one before."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A chain's head after its seal number `no`: it stands for every row up to there."""

    chain: str
    no: int
    head: bytes


def next_head(chain: str, no: int, *, previous: bytes, digests: Iterable[bytes]) -> bytes:
    """The head of a seal: everything before it, its place, and the digest of each of its rows, in order."""
    total = sha256(f"{chain}|{no}|".encode() + previous)
    for digest in digests:
        total.update(digest)
    return total.digest()
