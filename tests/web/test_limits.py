"""A caller gets its rate and its burst, and is told exactly when the next request will be taken."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from paygw.web.limits import Limiter, rate_limited


@dataclass
class Time:
    """Seconds that a test moves."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _taken(limiter: Limiter, times: int, key: str = "a", *, rate: float = 10, burst: int = 5) -> int:
    return sum(limiter.wait_s(key, rate=rate, burst=burst) == 0 for _ in range(times))


def test_a_burst_is_taken_at_once_and_no_more() -> None:
    assert _taken(Limiter(Time()), 20) == 5


def test_after_a_second_the_rate_has_come_back() -> None:
    time = Time()
    limiter = Limiter(time)
    _taken(limiter, 5)

    time.now_s += 0.3

    assert _taken(limiter, 20) == 3


def test_callers_do_not_share_a_bucket() -> None:
    limiter = Limiter(Time())
    _taken(limiter, 20, "a")

    assert _taken(limiter, 20, "b") == 5


def test_a_refused_request_costs_nothing() -> None:
    time = Time()
    limiter = Limiter(time)
    _taken(limiter, 1000)

    time.now_s += 0.1

    assert _taken(limiter, 20) == 1


@given(
    rate=st.integers(1, 500),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=60),
)
def test_whoever_waits_as_told_is_let_in_and_no_sooner(rate: int, burst: int, steps: list[float]) -> None:
    time = Time()
    limiter = Limiter(time)
    wait_s = 0.0
    for step in steps:
        time.now_s += step
        wait_s = limiter.wait_s("a", rate=rate, burst=burst)

    time.now_s += wait_s

    assert wait_s <= 1 / rate + 1e-6
    assert wait_s == 0 or limiter.wait_s("a", rate=rate, burst=burst) == 0


@given(steps=st.lists(st.floats(0, 0.2), min_size=1, max_size=200))
def test_no_window_sees_more_than_burst_and_rate(steps: list[float]) -> None:
    time = Time()
    limiter = Limiter(time)
    taken = 0
    for step in steps:
        time.now_s += step
        taken += limiter.wait_s("a", rate=10, burst=5) == 0

    assert taken <= 5 + 10 * sum(steps) + 1


def test_what_is_remembered_is_bounded() -> None:
    limiter = Limiter(Time(), keys_max=3)
    for key in "abcd":
        _taken(limiter, 5, key)

    assert _taken(limiter, 5, "d") == 0
    assert _taken(limiter, 5, "a") == 5


def test_the_wait_is_told_in_whole_seconds_rounded_up() -> None:
    assert [rate_limited(wait_s).headers["retry-after"] for wait_s in (0.01, 1.0, 1.2)] == ["1", "1", "2"]
