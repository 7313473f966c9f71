"""Long random lives of money on a real database; every kind of action must have come about, or the drill was idle."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from paygw.kernel.fees.catalogue import Catalogue
from paygw.store.ledger_checks import Mode
from tests.db_fixtures import Database
from tests.properties.money_actions import ACTIONS
from tests.properties.money_play import play

pytestmark = [pytest.mark.drill, pytest.mark.timeout(3600)]
SEQUENCES, STEPS = 12, 250


@pytest.mark.parametrize("mode", ["routing", "custody"])
def test_long_lives_keep_the_books_right(
    mode: Mode, clone_database: Callable[[], AbstractContextManager[Database]], catalogue: Catalogue
) -> None:
    done: Counter[str] = Counter()
    for seed in range(SEQUENCES):
        luck = random.Random(f"{mode}-{seed}")  # noqa: S311 - chances of a game, reproducible
        steps = [(luck.randrange(len(ACTIONS)), luck.randrange(10_000)) for _ in range(STEPS)]
        with clone_database() as database:
            done += asyncio.run(play(database, catalogue, mode, steps))

    idle = {action.__name__ for action in ACTIONS} - done.keys()
    assert idle <= ({"hear_of_pay_out"} if mode == "routing" else {"agree"}), (idle, done)
