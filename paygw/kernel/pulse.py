"""How a bank is doing, in numbers: what one process counted, and what all of them saw together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one process saw of one operation of one bank since it last said so; `rest_ms` while its circuit is open."""

    bank: str
    operation: str
    good: int = 0
    bad: int = 0
    rest_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """One operation of one bank: contacts the bank answered, contacts it did not, and whether some circuit is open."""

    good: int
    bad: int
    is_open: bool

    @property
    def success_pct(self) -> int | None:
        """Answered contacts of a hundred; None where nobody asked."""
        asked = self.good + self.bad
        return self.good * 100 // asked if asked else None
