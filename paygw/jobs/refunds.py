"""The job that sends refunds and asks what became of them: one round, to be called by the schedule."""

from paygw.hub.hub import Hub
from paygw.hub.refund_sending import work_refunds

_ROUNDS_MAX = 20


async def run_refunds(hub: Hub, *, batch: int = 50) -> int:
    """Work until nothing is due, a bounded number of batches at a time; how many refunds were looked at."""
    done = 0
    for _ in range(_ROUNDS_MAX):
        found = await work_refunds(hub, limit=batch)
        done += found
        if found < batch:
            break
    return done
