"""Statement lines that name our payment orders: they confirm, they return, and nothing else is taken for one."""

from dataclasses import replace
from datetime import date

import pytest
from msgspec import structs

from paygw.hub import payouts
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payment_orders import named_order
from paygw.hub.payout_lines import tell_lines, without_told
from paygw.hub.position import prove_position
from paygw.hub.registry import Bank
from paygw.kernel.decide import Landing
from paygw.store.nights import LineRead
from tests.hub.test_payout_refunds import owed, sent, status
from tests.hub.test_payout_refunds import paying_hub as refunding_hub
from tests.hub.test_payouts import exported, paying_hub
from tests.hub.world import balances, right_books

__all__ = ["paying_hub", "refunding_hub"]  # fixtures
pytestmark = pytest.mark.db

DAY = date(2026, 11, 23)


def our_bank(hub: Hub) -> Bank:
    """The bank that keeps our account."""
    return replace(hub.registry.banks["sandbox-a"], landing=Landing(account="9704"))


def line(hub: Hub, order: View, txn: str, direction: str = "debit", **changes: object) -> LineRead:
    """A statement line that names an order in its memo, as banks write it."""
    made = LineRead(
        bank="sandbox-a",
        day=DAY,
        kind="statement",
        no=1,
        ref="",
        bank_txn_id=txn,
        movement="payment",
        amount_vnd=order["amount_vnd"],
        fee_vnd=0,
        status="succeeded",
        direction=direction,
        account="9704",
        occurred_at=hub.clock(),
        settled_on=DAY,
        virtual_account="",
        memo=f"CHI HO {order['end_to_end_id'].lower()} NOP NSNN",
    )
    return structs.replace(made, **changes)


async def states(hub: Hub, batch: View, group: int) -> View:
    """How far an order is."""
    found: View = (await payouts.show_payout(hub, batch["batch"]))["orders"][group - 1]["states"]
    return {name: count for name, count in found.items() if count}


async def test_a_debit_confirms_and_the_same_file_again_changes_nothing(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        lines = [line(hub, order, f"D{order['group']}") for order in batch["orders"]]

        first, again = await tell_lines(hub, our_bank(hub), lines), await tell_lines(hub, our_bank(hub), lines)

        assert (first, again) == (3, 0)
        assert await states(hub, batch, 3) == {"confirmed": 4}
        async with hub.pool.acquire() as connection:
            assert await without_told(connection, "sandbox-a", lines) == []
        assert "H:bank:9704" not in await balances(hub)


@pytest.mark.parametrize("together", [True, False])
async def test_a_credit_brings_it_back(paying_hub: Hub, together: bool) -> None:  # noqa: FBT001 - a case
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        order = batch["orders"][2]
        left, back = line(hub, order, "D3"), line(hub, order, "C3", "credit")

        for lines in [[back, left]] if together else [[left], [back]]:
            await tell_lines(hub, our_bank(hub), lines)

        assert await states(hub, batch, 3) == {"returned": 4}
        assert sum(v for name, v in (await balances(hub)).items() if name.startswith("PRET:")) == -61_500
        assert (await prove_position(hub))["ok"]


async def test_a_return_read_before_its_debit_proves_it(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        order = batch["orders"][2]
        await tell_lines(hub, our_bank(hub), [line(hub, order, "C3", "credit")])

        late = await tell_lines(hub, our_bank(hub), [line(hub, order, "D3")])

        assert (late, await states(hub, batch, 3)) == (1, {"returned": 4})


async def test_what_does_not_fit_is_left_to_people(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        order = batch["orders"][2]
        strange = [
            line(hub, order, "D1", amount_vnd=61_501),
            line(hub, order, "D2", memo="PO" + "0" * 26 + "-1"),
            line(hub, order, "D3", memo=order["end_to_end_id"].replace("-3", "-4")),
            line(hub, order, "D4", memo="chi tien"),
            line(hub, order, ""),
        ]
        elsewhere = replace(our_bank(hub), landing=Landing(account="1"))

        assert await tell_lines(hub, our_bank(hub), strange) == 0
        assert await tell_lines(hub, elsewhere, [line(hub, order, "D5")]) == 0
        assert await states(hub, batch, 3) == {"sent": 4}


async def test_an_order_debited_twice_is_claimed_once(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        lines = [line(hub, batch["orders"][2], "D1"), line(hub, batch["orders"][2], "D2")]

        await tell_lines(hub, our_bank(hub), lines)
        await tell_lines(hub, our_bank(hub), lines)

        async with hub.pool.acquire() as connection:
            left = await without_told(connection, "sandbox-a", lines)
        assert [one.bank_txn_id for one in left] == ["D2"]


async def test_after_people_said_it_came_back_one_side_is_no_proof(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        await payouts.return_group(hub, batch["batch"], 3, by="huong")
        left, back = line(hub, batch["orders"][2], "D3"), line(hub, batch["orders"][2], "C3", "credit")

        alone = await tell_lines(hub, our_bank(hub), [left])
        both = await tell_lines(hub, our_bank(hub), [left, back])

        assert (alone, both, await states(hub, batch, 3)) == (0, 2, {"returned": 4})


async def test_a_refund_is_told_of_in_the_same_way(refunding_hub: Hub) -> None:
    async with right_books(refunding_hub) as hub:
        refund_id = await owed(hub)
        batch = await sent(hub, refund_id)
        order = batch["orders"][0]

        await tell_lines(hub, our_bank(hub), [line(hub, order, "D1")])
        arrived = await status(hub, refund_id)
        await tell_lines(hub, our_bank(hub), [line(hub, order, "C1", "credit")])

        assert (arrived, await status(hub, refund_id)) == ("succeeded", "returned")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PO0192A4B6C8D0E2F40000000000-12", ("0192a4b6c8d0e2f40000000000", 12)),
        ("CHI po0192a4b6c8 d0e2f40000000000 12/TT", ("0192a4b6c8d0e2f40000000000", 12)),
        ("PO0192A4B6C8D0E2F4000000000-1", None),
        ("HOAN TRA PHI LE PHI R0192", None),
    ],
)
def test_the_name_survives_what_banks_do_to_a_memo(text: str, found: tuple[str, int] | None) -> None:
    assert named_order("", text) == found
