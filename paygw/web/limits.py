"""How often: one number per caller and kind (the virtual scheduling form of a token bucket), exact Retry-After.

A process counts for itself. With several processes a portal gets its rate from each: put the number of processes into
the rate you give it, or a shared limit into the proxy.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from paygw.web.errors import Problem

_KEYS_MAX: Final = 20_000


class Limiter:
    """Holds for each key the moment at which its bucket will be full again; bounded, oldest forgotten first."""

    def __init__(self, clock: Callable[[], float], *, keys_max: int = _KEYS_MAX) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._keys_max = keys_max

    def wait_s(self, key: str, *, rate: float, burst: int) -> float:
        """Take one token: 0.0 if there is one, else the seconds until there will be (and none is taken)."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now)
        early_s = full_at - now - (burst - 1) / rate
        if early_s > 1e-9:  # noqa: PLR2004 - sums of fractions are not exact
            return early_s
        self._full_at[key] = full_at + 1 / rate
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._keys_max:
            self._full_at.popitem(last=False)
        return 0.0


def rate_limited(wait_s: float) -> Problem:
    """The refusal, with whole seconds to wait."""
    seconds = str(max(1, math.ceil(wait_s)))
    return Problem("rate_limited", f"Wait {seconds} s before the next one.", headers={"retry-after": seconds})
