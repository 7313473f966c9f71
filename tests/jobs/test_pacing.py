"""The schedule of callbacks and the breaker, without a clock."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.jobs.pacing import Breaker, Schedule, next_step
from paygw.outside.callbacks import Outcome, Sent
from paygw.settings import Settings

_DELAYS_S = Settings().callback_delays_s
_SCHEDULE = Schedule(delays_s=_DELAYS_S, jitter=0.2, retry_after_max_s=3600)
_FAILURES = st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.ACCEPTED])


def test_schedule_is_thirteen_attempts_over_seventy_five_hours_forty_two_minutes() -> None:
    assert len(_DELAYS_S) == 13
    assert list(accumulate(_DELAYS_S))[-1] // 60 == 75 * 60 + 42


@pytest.mark.parametrize("attempts", range(1, 13))
def test_wait_before_each_attempt_is_its_gap(attempts: int) -> None:
    assert next_step(_SCHEDULE, Sent(Outcome.REFUSED, 1, 500), attempts=attempts, luck=0.5) == (
        "pending",
        _DELAYS_S[attempts],
    )


@given(outcome=_FAILURES, attempts=st.integers(1, 12), luck=st.floats(0, 1))
def test_wait_stays_within_a_fifth_of_its_gap(outcome: Outcome, attempts: int, luck: float) -> None:
    status, wait_s = next_step(_SCHEDULE, Sent(outcome, 1), attempts=attempts, luck=luck)

    assert status == "pending"
    assert 0.799 * _DELAYS_S[attempts] <= wait_s <= 1.201 * _DELAYS_S[attempts]


@given(outcome=_FAILURES, luck=st.floats(0, 1))
def test_after_the_last_attempt_comes_the_dead_letter(outcome: Outcome, luck: float) -> None:
    assert next_step(_SCHEDULE, Sent(outcome, 1), attempts=13, luck=luck)[0] == "dead"


@given(attempts=st.integers(1, 20))
def test_accepted_is_delivered_whenever_it_comes(attempts: int) -> None:
    assert next_step(_SCHEDULE, Sent(Outcome.ACCEPTED, 1, 200), attempts=attempts, luck=0)[0] == "delivered"


@pytest.mark.parametrize(("asked_s", "wait_s"), [(2.0, 5.0), (100.0, 100.0), (1e9, 3600.0), (None, 5.0)])
def test_retry_after_lengthens_a_wait_up_to_an_hour(asked_s: float | None, wait_s: float) -> None:
    sent = Sent(Outcome.BUSY, 1, 503, asked_s)

    assert next_step(_SCHEDULE, sent, attempts=1, luck=0.5) == ("pending", wait_s)


def test_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through_per_rest() -> None:
    breaker = Breaker(failures_max=5, rest_s=30)
    for _ in range(5):
        assert breaker.allows(0)
        breaker.begin()
        breaker.end(ok=False, now_s=0)

    assert not breaker.allows(29.9)
    assert breaker.allows(30)
    breaker.begin()
    assert not breaker.allows(31)
    breaker.end(ok=False, now_s=31)
    assert not breaker.allows(60)
    assert breaker.allows(61)


def test_success_closes_the_breaker_and_forgets_the_failures() -> None:
    breaker = Breaker(failures_max=2, rest_s=30)
    for ok in (False, False, True, False):
        breaker.begin()
        breaker.end(ok=ok, now_s=0)

    assert breaker.allows(0)
    assert not breaker.is_open
