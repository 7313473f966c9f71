"""Held = owed to the đồng: a planted surplus and a planted shortage are named, wherever they were planted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from paygw.hub.disbursement import Place, confirm_instruction, disburse_slice, reinstruct, return_instruction
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.position import prove_position
from paygw.hub.tracing import trace_money
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store.ledger_checks import find_violations
from paygw.store.position import account_days, standings
from tests.db_fixtures import Database
from tests.hub.test_money_out import settled
from tests.hub.world import BOTH, FEE_VND, cash, ordered, paid, receipts_of, redirected, right_books, told

pytestmark = pytest.mark.db

Proof = Callable[[asyncpg.Connection], Awaitable[list[object]]]

_PLANT = (
    "INSERT INTO ledger (key, n, rule, account, amount_vnd, receipt_id, bank, merchant, value_date) "
    "SELECT $3, 0, '3', $1, $2, id, bank, merchant, value_date FROM receipts LIMIT 1"
)


async def planted(database: Database, account: str, amount_vnd: int, *, key: str = "planted") -> None:
    """One entry without its counterpart, past the trigger that refuses it: only a superuser can do that."""
    connection = await asyncpg.connect(**replace(database.super, database=database.name).connect_args())
    try:
        await connection.execute("ALTER TABLE ledger DISABLE TRIGGER ledger_balanced")
        await connection.execute(_PLANT, account, amount_vnd, key)
    finally:
        await connection.close()


def held(proof: View, holder: str) -> int:
    return sum(int(row["vnd"]) for row in proof["rows"] if row["holder"] == holder)


async def test_what_is_held_is_owed(hub: Hub) -> None:
    async with right_books(hub):
        await paid(hub, "HS-1")
        attempt = await redirected(hub, await ordered(hub, "HS-2"))
        await told(hub, cash(hub, attempt, amount_vnd=FEE_VND + 5), event="over")

        proof = await prove_position(hub)

        assert (proof["ok"], proof["differences"], proof["violations"]) == (True, [], [])
        assert (proof["held_vnd"], proof["owed_vnd"]) == (2 * FEE_VND + 5, 2 * FEE_VND + 5)
        assert held(proof, "H:sandbox-a:PAYGW") == 2 * FEE_VND + 5
        assert [row["vnd"] for row in proof["rows"] if row["owner"] == "U:free"] == [5]


@pytest.mark.parametrize(
    ("account", "amount_vnd", "kind", "named"),
    [
        ("H:sandbox-a:PAYGW", 1, "surplus", "H:sandbox-a:PAYGW"),
        ("U:free", -1, "shortage", "U:free"),
    ],
)
async def test_one_planted_dong_is_found(
    hub: Hub, database: Database, account: str, amount_vnd: int, kind: str, named: str
) -> None:
    await paid(hub)

    await planted(database, account, amount_vnd)

    proof = await prove_position(hub)
    assert not proof["ok"]
    assert [(one["kind"], one["account"], one["amount_vnd"]) for one in proof["differences"]] == [(kind, named, 1)]


@pytest.mark.parametrize("amount", ["live_vnd + 1", "live_vnd - 1"])
async def test_a_record_off_by_one_dong_is_found(hub: Hub, amount: str) -> None:
    await paid(hub)

    async with hub.pool.acquire() as connection:
        await connection.execute(f"UPDATE slices SET live_vnd = {amount}")  # noqa: S608 - the test's own words

    proof = await prove_position(hub)
    assert not proof["ok"]
    assert any(sentence.startswith("M-7") for sentence in proof["violations"])


async def test_a_payout_that_came_back_and_went_again_leaves_no_difference(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, names = await settled(hub)
        place = Place(batch_id=str(uuid4()), no=1)
        await disburse_slice(hub, place, names[0], persons=BOTH)
        in_flight = await prove_position(hub)
        await return_instruction(hub, place)
        again = await reinstruct(hub, place, to=Place(batch_id=str(uuid4()), no=1), persons=BOTH)
        await confirm_instruction(hub, Place(batch_id=again.batch_id, no=again.no))

        proof = await prove_position(hub)

        assert any(row["owner"] == "DT" for row in in_flight["rows"])
        assert (proof["ok"], proof["differences"]) == (True, [])
        assert held(proof, "H:bank:9704") == FEE_VND - again.amount_vnd


async def test_the_past_is_told_as_it_was(hub: Hub) -> None:
    async with hub.pool.acquire() as connection:
        before = await connection.fetchval("SELECT clock_timestamp()")
    await paid(hub)

    assert (await prove_position(hub, as_of=before - timedelta(seconds=1)))["held_vnd"] == 0
    assert (await prove_position(hub, as_of=before + timedelta(minutes=5)))["held_vnd"] == FEE_VND


async def test_every_name_leads_to_the_same_money(hub: Hub) -> None:
    order_id, attempt = await paid(hub)
    receipt = (await receipts_of(hub, order_id))[0]

    shown = public_id("rcp", receipt.id)
    names = [order_id, receipt.id, attempt.ref, "HS-1", "H26-HS-1", f"{attempt.ref[-8:]}-T1"]
    found = [await trace_money(hub, name) for name in names]

    assert [[one["id"] for one in trail["receipts"]] for trail in found] == [[shown]] * len(names)
    assert await trace_money(hub, shown) == {**found[0], "name": shown}
    assert sum(entry["amount_vnd"] for entry in found[0]["ledger"]) == 0
    with pytest.raises(Refused, match="not_found"):
        await trace_money(hub, "nobody-knows")


@pytest.mark.parametrize("proof", [standings, account_days, partial(find_violations, mode="routing")])
async def test_a_proof_may_take_longer_than_any_request(hub: Hub, database: Database, proof: Proof) -> None:
    """Somebody holds the books for longer than the pool waits for any other statement."""
    await paid(hub)
    hasty = await asyncpg.connect(**database.runtime.connect_args(), command_timeout=1.0)
    holder = await asyncpg.connect(**database.owner.connect_args())
    async with holder.transaction():
        await holder.execute("LOCK TABLE ledger, receipts IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TimeoutError):
            await hasty.fetch("SELECT count(*) FROM receipts")
        proving = asyncio.ensure_future(proof(hasty))
        await asyncio.sleep(1.5)

    assert isinstance(await proving, list)
    await hasty.close()
    await holder.close()
