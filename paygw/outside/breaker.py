"""A circuit breaker: after some failures in a row nobody is asked for a while, then one probe decides."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """One circuit. `clock` is monotonic, in seconds. Every admitted call ends in one of the last three methods."""

    failures_max: int
    rest_s: float
    clock: Callable[[], float]
    failures: int = 0
    opened_at_s: float | None = None
    probing: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a call would be turned away now. After the rest it would not: who avoids the bank must see that."""
        resting = self.opened_at_s is not None and self.clock() - self.opened_at_s < self.rest_s
        return resting or self.probing

    @property
    def rest_left_ms(self) -> int:
        """Milliseconds until a call is worth a try again; 0 where it is now."""
        return 0 if self.opened_at_s is None else max(0, int(1000 * (self.rest_s - self.clock() + self.opened_at_s)))

    def admits(self) -> bool:
        """Whether a call may be made now; half-open, the first one to ask is the probe."""
        if self.is_open:
            return False
        self.probing = self.opened_at_s is not None
        return True

    def succeeded(self) -> None:
        """The other side works."""
        self.failures, self.opened_at_s, self.probing = 0, None, False

    def failed(self) -> None:
        """The other side does not work."""
        self.failures, self.probing = self.failures + 1, False
        if self.failures >= self.failures_max:
            self.opened_at_s = self.clock()

    def abandoned(self) -> None:
        """The call ended without telling anything about the other side."""
        self.probing = False
