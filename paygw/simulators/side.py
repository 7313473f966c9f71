"""The other side of a connector: what its bank would send, as pure functions.

A connector's bank side is the module of its name in `paygw.simulators.sides`, with a value `BANK_SIDE`. The conformance
suite drives it and pretend banks may speak through it; the hub never does. Test secrets only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from zlib import crc32

import paygw.simulators.sides
from paygw.kernel.connector import HttpReply, HttpRequest, Secrets
from paygw.kernel.evidence import DebitSeen, Evidence, PaymentSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class BankSide:
    """A bank without state: every function is told what the bank knows, and the time.

    `secrets` is a complete test configuration, `other_values` a second valid set of its secret values (a stranger's, or
    the next after a rotation). `samples` holds one piece of evidence for each kind of webhook the bank sends.
    `reply` answers any request of the connector's dialogues authentically, as a bank that knows exactly `truth`;
    `reply_unlisted` does so with a status or code that no document lists, `tell_unlisted` is such a webhook.
    `attempt_ref` is a reference of the form this protocol takes; `bearer` names secret values that a request carries in
    a header or its body.
    """

    secrets: Secrets
    other_values: Mapping[str, str]
    samples: tuple[Evidence, ...]
    answers: tuple[Evidence, ...] = ()  # one for each kind of news that only its answers bring
    tell: Callable[[Evidence, Secrets, datetime], HttpRequest]
    tell_unlisted: Callable[[Secrets, datetime], HttpRequest]
    reply: Callable[[HttpRequest, tuple[Evidence, ...], Secrets, datetime], HttpReply]
    reply_unlisted: Callable[[HttpRequest, Secrets, datetime], HttpReply]
    signs_every_byte: bool = True  # any changed byte of a webhook's target or body is refused, even if it says the same
    signs_target: bool = True  # the address a webhook goes to is signed too
    unsigned: frozenset[str] = frozenset()  # fields of evidence that the protocol's signature does not cover
    signs_answers: bool = True
    names_answers: bool = True  # answers repeat the reference and the amount they are about
    attempt_ref: str = "A-1"
    other_refs: tuple[str, ...] = ("A.1_b-2", "aaaaaaaaaaaaaaaaaaaa")
    bearer: frozenset[str] = frozenset()


def own_id(seen: PaymentSeen | DebitSeen) -> int:
    """The number an observer gives a movement: its own where it has one, else the same for ever for one reference."""
    return int(seen.observed_id) if seen.observed_id.isdigit() else crc32((seen.bank_txn_id or "").encode())


def sides() -> Mapping[str, BankSide]:
    """Every bank side by the name of its connector. Raises TypeError for a module that holds none."""
    found: dict[str, BankSide] = {}
    for info in iter_modules(paygw.simulators.sides.__path__):
        side = getattr(import_module(f"paygw.simulators.sides.{info.name}"), "BANK_SIDE", None)
        if not isinstance(side, BankSide):
            raise TypeError(f"paygw.simulators.sides.{info.name} has no BANK_SIDE")
        found[info.name] = side
    return MappingProxyType(found)
