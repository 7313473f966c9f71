"""Money against the real database: random sequences, copies and crowds; after every step every invariant holds."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygw.hub.hub import Hub
from paygw.kernel.evidence import Evidence, PaymentSeen, ReversalSeen
from paygw.kernel.fees.catalogue import Catalogue
from paygw.store.ledger_checks import Mode, find_violations
from tests.db_fixtures import Database
from tests.hub.world import FEE_VND, ordered, redirected, told
from tests.properties.money_actions import ACTIONS
from tests.properties.money_play import money_hub, play

pytestmark = [pytest.mark.db, pytest.mark.timeout(300)]

STEPS = st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 10_000)), min_size=20, max_size=50)


PAYMENTS = ((FEE_VND,), (5_000, 200_000), (FEE_VND, FEE_VND), (200_000, 5_007))
Clones = Callable[[], AbstractContextManager[Database]]
_PROFILE = settings(max_examples=3, suppress_health_check=list(HealthCheck), database=None)


@pytest.mark.parametrize("mode", ["routing", "custody"])
def test_whatever_happens_the_books_are_right(mode: Mode, clone_database: Clones, catalogue: Catalogue) -> None:
    @_PROFILE
    @given(steps=STEPS)
    def holds(steps: list[tuple[int, int]]) -> None:
        with clone_database() as database:
            asyncio.run(play(database, catalogue, mode, steps))

    holds()


@pytest.mark.parametrize("mode", ["routing", "custody"])
async def test_any_order_and_repetition_of_the_same_evidence_ends_the_same(
    mode: Mode, database: Database, catalogue: Catalogue
) -> None:
    async with money_hub(database, catalogue, mode) as hub:
        for parts in PAYMENTS:
            arrivals = list(itertools.permutations(range(len(parts) + 1)))
            endings = {await _ending(hub, f"S{parts}-{n}", parts, arrival) for n, arrival in enumerate(arrivals)}
            crowded = await _ending(hub, f"crowd{parts}", parts, arrivals[0] * 2, at_once=True)
            assert _totals({*endings, crowded}) == {sum(parts) - parts[-1]}
        async with hub.pool.acquire() as connection:
            assert await find_violations(connection, mode=mode) == []


async def _ending(
    hub: Hub, name: str, parts: tuple[int, ...], arrival: tuple[int, ...], *, at_once: bool = False
) -> tuple[tuple[str, int], ...]:
    """The order's balances by account after payments, the last of which is also taken back, arrived in some order."""
    order_id = await ordered(hub, name)
    attempt = await redirected(hub, order_id)
    seen: list[Evidence] = [
        PaymentSeen(
            attempt_ref=attempt.ref,
            bank_txn_id=f"{name}-{n}",
            amount_vnd=amount_vnd,
            occurred_at=hub.clock() + timedelta(seconds=n),
            merchant="PAYGW",
        )
        for n, amount_vnd in enumerate(parts)
    ]
    seen.append(
        ReversalSeen(
            reversal_id=f"{name}-R",
            attempt_ref=attempt.ref,
            bank_txn_id=f"{name}-{len(parts) - 1}",
            amount_vnd=parts[-1],
            occurred_at=hub.clock() + timedelta(seconds=9),
        )
    )
    deliveries = [told(hub, seen[at], event=f"{name}-{n}") for n, at in enumerate((*arrival, *arrival))]
    if at_once:
        await asyncio.gather(*deliveries)
    else:
        for delivery in deliveries:
            await delivery
    async with hub.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT split_part(l.account, ':', 1) AS place, sum(l.amount_vnd)::bigint AS vnd FROM ledger l "
            "JOIN receipts r ON r.id = l.receipt_id WHERE r.order_id = $1 GROUP BY 1 HAVING sum(l.amount_vnd) <> 0 "
            "ORDER BY 1",
            order_id,
        )
    return tuple((row["place"], row["vnd"]) for row in rows)


def _totals(endings: set[tuple[tuple[str, int], ...]]) -> set[int]:
    """What is held in all: whether a receipt was allocated before it was taken back is a decision, this is not."""
    return {dict(ending).get("H", 0) for ending in endings}
