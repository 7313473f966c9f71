"""The circuit breaker by itself, on a clock that a test moves."""

from dataclasses import dataclass

import pytest

from paygw.outside.breaker import Breaker


@dataclass(slots=True)
class Clock:
    """Stands still until moved."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures_max=5, rest_s=30.0, clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed()


def test_four_failures_are_borne(breaker: Breaker) -> None:
    fail(breaker, 4)

    assert breaker.admits()


def test_the_fifth_failure_opens(breaker: Breaker) -> None:
    fail(breaker, 5)

    assert not breaker.admits()
    assert breaker.is_open


def test_failures_must_come_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)

    assert breaker.admits()


def test_after_the_rest_one_probe_passes(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now_s = 30.0

    assert [breaker.admits() for _ in range(3)] == [True, False, False]


def test_after_the_rest_the_circuit_no_longer_shows_as_open(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now_s = 30.0

    assert not breaker.is_open
    assert breaker.admits()
    assert breaker.is_open


def test_a_good_probe_closes(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now_s = 30.0
    breaker.admits()
    breaker.succeeded()

    assert [breaker.admits() for _ in range(3)] == [True, True, True]


def test_a_bad_probe_opens_for_another_rest(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now_s = 30.0
    breaker.admits()
    breaker.failed()
    clock.now_s = 59.9

    assert not breaker.admits()
    clock.now_s = 60.0
    assert breaker.admits()


def test_an_abandoned_probe_lets_another_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now_s = 30.0
    breaker.admits()
    breaker.abandoned()

    assert breaker.admits()
