"""The payer's browser, back from a bank with what the bank gave it: a hint whom to ask, never evidence of anything.

Where the protocol signs it (`Connector.parse_return`) and the signature is right, the attempt it names is asked about
at once, also one that is closed here. One that does not verify, or is about somebody else's payment, says nothing: the
page shows what is stored. Where nothing is signed, coming back is a reason to ask like any other look.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from paygw.hub.enquiries import enquire_now
from paygw.hub.hub import Hub
from paygw.hub.resuming import resume_now
from paygw.kernel.connector import BadSignature, HttpRequest, Malformed
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.orders import Attempt
from paygw.store.attempts import attempts_of

_OURS: Final = frozenset({"n", "lang", "refresh"})  # what our own pages put there


@dataclass(frozen=True, slots=True)
class Hint:
    """What a return says: the attempt a bank vouches for, or that somebody made it up; neither says whether it paid."""

    attempt: Attempt | None = None
    forged: bool = False


async def read_return(hub: Hub, order_id: str, request: HttpRequest) -> Hint:
    """Compare a return with the banks this order was paid through."""
    query = request.url.partition("?")[2]
    if not {name for name, _ in parse_qsl(query, keep_blank_values=True)} - _OURS:
        return Hint()
    async with hub.pool.acquire() as connection:
        attempts = [found.attempt for found in await attempts_of(connection, order_id)]
    signing = {attempt.bank for attempt in attempts if _signs(hub, attempt.bank)}
    for bank in sorted(signing):
        ref = _vouched_for(hub, bank, request)
        named = next((attempt for attempt in attempts if (attempt.bank, attempt.ref) == (bank, ref)), None)
        if named is not None:
            hub.observe.count("paygw_returns_total", bank=bank, outcome="verified")
            return Hint(attempt=named)
    unsigned = any(attempt.in_flight and attempt.bank not in signing for attempt in attempts)
    if unsigned or not signing:
        return Hint()
    for bank in signing:
        hub.observe.count("paygw_returns_total", bank=bank, outcome="forged")
    return Hint(forged=True)


async def ask_about(hub: Hub, attempt: Attempt) -> None:
    """Ask the bank about an attempt that its own return names, unless its payment is known."""
    if attempt.status is not AttemptStatus.SUCCEEDED and not await resume_now(hub, attempt.id):
        await enquire_now(hub, attempt.id)


def _signs(hub: Hub, bank_id: str) -> bool:
    bank = hub.registry.banks.get(bank_id)
    return bank is not None and bank.connector.parse_return is not None


def _vouched_for(hub: Hub, bank_id: str, request: HttpRequest) -> str:
    """The attempt that a return names under this bank's signature; empty where it bears none."""
    bank = hub.registry.banks[bank_id]
    if bank.connector.parse_return is None:
        return ""
    try:
        return bank.connector.parse_return(request, bank.secrets).attempt_ref
    except (BadSignature, Malformed):
        return ""
