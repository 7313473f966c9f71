"""What requests with an Idempotency-Key came to, counted: done anew, answered as before, refused."""

from collections.abc import Awaitable

from paygw.hub.hub import Hub
from paygw.hub.ordering import Answered
from paygw.kernel.errors import Refused

_OUTCOMES = {"idempotency_in_progress": "in_progress", "idempotency_mismatch": "mismatch"}


async def keyed(hub: Hub, asked: Awaitable[Answered]) -> Answered:
    """The answer of a request with a key; refusals for other reasons are not the key's and not counted."""
    try:
        answered = await asked
    except Refused as refused:
        if refused.code in _OUTCOMES:
            hub.observe.count("paygw_idempotency_total", outcome=_OUTCOMES[refused.code])
        raise
    hub.observe.count("paygw_idempotency_total", outcome="replay" if answered.replayed else "new")
    return answered
