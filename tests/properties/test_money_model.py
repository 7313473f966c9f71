"""The money rules played through: payers, providers, bodies and staff act at random, every invariant holds throughout.

The rule-based machine shrinks what it finds; the drill plays far more of the same deeds from plain random numbers.
"""

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from paygw.kernel.errors import Refused
from paygw.kernel.receipts import Mode
from tests.properties.deeds import DEEDS, NAMES, open_town
from tests.properties.town import Town

CHOICES = st.integers(0, 999)
MODES: tuple[Mode, ...] = ("custody", "routing")


class MoneyMachine(RuleBasedStateMachine):
    """Any deeds in any order, in either mode."""

    town: Town

    @initialize(mode=st.sampled_from(MODES), a=CHOICES, b=CHOICES, c=CHOICES)
    def open(self, mode: Mode, a: int, b: int, c: int) -> None:
        """A first order is paid."""
        self.town = Town(mode)
        open_town(self.town, a, b, c)

    @rule(name=st.sampled_from(NAMES), a=CHOICES, b=CHOICES, c=CHOICES)
    def act(self, name: str, a: int, b: int, c: int) -> None:
        """Somebody does something; a refusal must leave everything as it was."""
        _act(self.town, name, a, b, c)

    @invariant()
    def nothing_is_broken(self) -> None:
        """All numbered invariants."""
        if hasattr(self, "town"):
            self.town.check()


def _act(town: Town, name: str, a: int, b: int, c: int) -> None:
    booked = len(town.postings)
    try:
        DEEDS[name](town, a, b, c)
    except Refused:
        assert len(town.postings) == booked, "M-1: a refused deed booked something"


MoneyMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
test_any_deeds_in_any_order_keep_every_invariant = MoneyMachine.TestCase


@pytest.mark.parametrize("mode", MODES)
def test_hundreds_of_deeds_in_a_hundred_histories_keep_every_invariant(mode: Mode) -> None:
    for seed in range(100):
        _play(mode, seed, deeds=60)


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", MODES)
def test_thousands_of_long_random_histories_keep_every_invariant(mode: Mode) -> None:
    for seed in range(1000, 3000):
        _play(mode, seed, deeds=200)


def _play(mode: Mode, seed: int, *, deeds: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a seed must give the same history again
    town = Town(mode)
    open_town(town, dice.randrange(99), dice.randrange(99), dice.randrange(99))
    for step in range(deeds):
        name, a, b, c = dice.choice(NAMES), *(dice.randrange(1000) for _ in range(3))
        try:
            _act(town, name, a, b, c)
            town.check()
        except AssertionError as error:
            message = f"{mode}, seed {seed}, step {step}, {name}({a}, {b}, {c}): {error}"
            raise AssertionError(message) from error
