"""When to try again, and whether to try at all: the schedule of callbacks and the breaker of one endpoint. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from paygw.outside.callbacks import Outcome, Sent
from paygw.store.outbox import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Gaps before each attempt in seconds, the share by which they vary, the longest Retry-After obeyed."""

    delays_s: Sequence[float]
    jitter: float
    retry_after_max_s: float


def next_step(schedule: Schedule, sent: Sent, *, attempts: int, luck: float) -> tuple[Status, float]:
    """What becomes of a delivery after its attempt number `attempts`: its status and the wait in seconds.

    `luck` in 0..1 places the wait within the jitter. An endpoint that is gone keeps its deliveries waiting.
    """
    if sent.outcome is Outcome.ACCEPTED:
        return "delivered", 0.0
    if attempts >= len(schedule.delays_s):
        return "dead", 0.0
    wait_s = schedule.delays_s[attempts] * (1 + schedule.jitter * (2 * luck - 1))
    asked_s = min(sent.retry_after_s or 0.0, schedule.retry_after_max_s)
    return "pending", max(wait_s, asked_s)


@dataclass(slots=True)
class Breaker:
    """Opens after failures in a row; then lets one probe through per rest. Times are monotonic seconds."""

    failures_max: int
    rest_s: float
    failures: int = 0
    opened_s: float | None = None
    probing: bool = False

    def allows(self, now_s: float) -> bool:
        """Whether one more request may leave now."""
        if self.opened_s is None:
            return True
        return not self.probing and now_s - self.opened_s >= self.rest_s

    def begin(self) -> None:
        """A request leaves; while open it is the probe."""
        self.probing = self.opened_s is not None

    def end(self, *, ok: bool, now_s: float) -> None:
        """A request came back."""
        self.probing = False
        if ok:
            self.failures, self.opened_s = 0, None
            return
        self.failures += 1
        if self.failures >= self.failures_max:
            self.opened_s = now_s

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self.opened_s is not None
