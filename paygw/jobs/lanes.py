"""One lane per endpoint: its queue in this process, its breaker, and how much it may claim ahead."""

from collections import deque
from dataclasses import dataclass, field

from paygw.hub.registry import Portal
from paygw.jobs.pacing import Breaker
from paygw.settings import Settings
from paygw.store.outbox import Claim

_PACE_START_S = 0.05
_PACE_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """A claim, and the monotonic time up to which an attempt may still begin under its lease."""

    claim: Claim
    until_s: float


@dataclass(slots=True)
class Lane:
    """An endpoint in this process: `busy` tasks empty its queue, `pace_s` is what a callback takes of late."""

    breaker: Breaker
    queue: deque[Held] = field(default_factory=deque)
    busy: int = 0
    pace_s: float = _PACE_START_S
    quiet_until_s: float = 0.0

    def takes(self, portal: Portal | None, now_s: float) -> bool:
        """Whether a callback may leave now. A paused or gone endpoint keeps its deliveries in the database."""
        return (
            portal is not None
            and portal.callback_state == "active"
            and now_s >= self.quiet_until_s
            and self.breaker.allows(now_s)
        )

    def room(self, settings: Settings) -> int:
        """How many more it can send before their leases would end; a sick endpoint holds no more than it can probe."""
        if self.breaker.is_open:
            most = 1
        elif self.breaker.failures:
            most = settings.callback_concurrency
        else:
            spare_s = (settings.callback_lease_s - settings.callback_deadline_s) / 2
            within_lease = int(settings.callback_concurrency * spare_s / self.pace_s)
            most = max(settings.callback_concurrency, min(settings.callback_batch, within_lease))
        return most - len(self.queue) - self.busy

    def hands_wanted(self, settings: Settings) -> int:
        """How many more tasks its queue is worth."""
        most = 1 if self.breaker.is_open else settings.callback_concurrency
        return min(most, len(self.queue) + self.busy) - self.busy

    def learn(self, took_s: float) -> None:
        """Remember how long callbacks take of late."""
        self.pace_s += _PACE_WEIGHT * (max(took_s, 0.001) - self.pace_s)
