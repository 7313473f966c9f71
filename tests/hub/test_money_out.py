"""Settlement, disbursement and what beneficiaries give back, step by step on a real database."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from paygw.hub.accounts import MovementAsk, record_movement
from paygw.hub.disbursement import Place, confirm_instruction, disburse_slice, reinstruct, return_instruction
from paygw.hub.funding import FundAsk, fund
from paygw.hub.hub import Hub
from paygw.hub.refunds import RefundAsk, approve_refund, get_refund, request_refund
from paygw.hub.settlement import LineAsk, SliceName, close_batch, settle_line
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.evidence import PaymentSeen
from paygw.kernel.orders import Attempt
from paygw.kernel.refs import private_id
from paygw.kernel.settlement import Destination
from tests.hub.world import BOTH, FEE_VND, balances, cash, ordered, paid, receipts_of, redirected, right_books
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db

OURS = Destination(account="9704")


def line(hub: Hub, attempt: Attempt, batch: str = "B1", no: str = "1", to: Destination = OURS) -> LineAsk:
    """The provider passed on what it took for an attempt."""
    return LineAsk(batch=batch, line=no, item=cash(hub, attempt), to=to)


async def settled(hub: Hub, reference: str = "HS-1", *, fee_vnd: int = 0) -> tuple[str, list[SliceName]]:
    """An order paid and settled to our account; its slices."""
    order_id, attempt = await paid(hub, reference)
    bank = hub.registry.banks["sandbox-a"]
    await settle_line(hub, bank, line(hub, attempt, f"B-{reference}"))
    await close_batch(hub, bank, f"B-{reference}", fee_vnd=fee_vnd, net_vnd=FEE_VND - fee_vnd)
    receipt = (await receipts_of(hub, order_id))[0]
    names = [
        SliceName(receipt_id=receipt.id, line_no=piece.line_no, beneficiary=piece.beneficiary, code=piece.code)
        for piece in receipt.slices
    ]
    return order_id, names


async def test_a_file_read_twice_and_by_two_settles_once(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, attempt = await paid(hub)
        bank = hub.registry.banks["sandbox-a"]

        outcomes = await asyncio.gather(*(settle_line(hub, bank, line(hub, attempt)) for _ in range(5)))
        elsewhere = await settle_line(hub, bank, line(hub, attempt, "B2"))

        assert sorted(outcomes) == ["known"] * 4 + ["settled"]
        assert elsewhere == "known"
        assert (await balances(hub))["H:bank:9704"] == FEE_VND


async def test_a_line_we_had_not_seen_is_a_payment_first(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)

        outcome = await settle_line(hub, hub.registry.banks["sandbox-a"], line(hub, attempt))

        assert outcome == "settled"
        assert (await receipts_of(hub, order_id))[0].live_vnd == FEE_VND


async def test_a_line_of_another_amount_settles_nothing(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, attempt = await paid(hub)
        other: PaymentSeen = replace(cash(hub, attempt), amount_vnd=7)

        outcome = await settle_line(
            hub, hub.registry.banks["sandbox-a"], LineAsk(batch="B1", line="1", item=other, to=OURS)
        )

        assert outcome == "evidence_only"
        assert "H:bank:9704" not in await balances(hub)


async def test_a_net_credit_that_does_not_fit_holds_the_payouts(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, attempt = await paid(hub)
        bank = hub.registry.banks["sandbox-a"]
        await settle_line(hub, bank, line(hub, attempt))
        receipt_id = await _only_receipt(hub)

        closed = await close_batch(hub, bank, "B1", fee_vnd=0, net_vnd=FEE_VND - 1)

        assert closed == "differs"
        name = await _first_slice(hub, receipt_id)
        with pytest.raises(Refused, match="settlement_differs"):
            await disburse_slice(hub, Place(batch_id=str(uuid4()), no=1), name, persons=BOTH)
        assert await close_batch(hub, bank, "B1", fee_vnd=1, net_vnd=FEE_VND - 1) == "matched"
        with pytest.raises(Alarm):
            await close_batch(hub, bank, "B1", fee_vnd=2, net_vnd=FEE_VND - 2)


async def test_nothing_is_paid_out_while_a_fee_is_owed(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, names = await settled(hub, fee_vnd=100)
        place = Place(batch_id=str(uuid4()), no=1)
        with pytest.raises(Refused, match="account_owes_fee"):
            await disburse_slice(hub, place, names[0], persons=BOTH)

        top_up = MovementAsk(event="fee_topped_up", key="top-1", holding="H:bank:9704", amount_vnd=100)
        first, again = await record_movement(hub, top_up), await record_movement(hub, top_up)
        await disburse_slice(hub, place, names[0], persons=BOTH)

        assert (first, again) == (True, False)


async def test_concurrent_payouts_of_one_slice_leave_once(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, names = await settled(hub)
        places = [Place(batch_id=str(uuid4()), no=1) for _ in range(5)]

        answers = await asyncio.gather(
            *(disburse_slice(hub, place, names[0], persons=BOTH) for place in places), return_exceptions=True
        )

        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert {error.code for error in refused} == {"slice_not_payable"}
        assert len(refused) == 4


async def test_a_returned_payout_is_sent_again(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        _, names = await settled(hub)
        place = Place(batch_id=str(uuid4()), no=1)
        made = await disburse_slice(hub, place, names[0], persons=BOTH)

        await return_instruction(hub, place)
        again = await reinstruct(hub, place, to=Place(batch_id=str(uuid4()), no=1), persons=BOTH)
        await confirm_instruction(hub, Place(batch_id=again.batch_id, no=again.no))
        await confirm_instruction(hub, Place(batch_id=again.batch_id, no=again.no))

        assert again.amount_vnd == made.amount_vnd
        assert (await balances(hub))["H:bank:9704"] == FEE_VND - made.amount_vnd
        with pytest.raises(Refused, match="disbursement_state"):
            await confirm_instruction(hub, place)


async def test_a_body_that_was_paid_gives_back_before_the_citizen_is(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        order_id, names = await settled(hub)
        for no, name in enumerate(names, start=1):
            place = Place(batch_id=str(uuid4()), no=no)
            await disburse_slice(hub, place, name, persons=BOTH)
            await confirm_instruction(hub, place)
        ask = RefundAsk(source="component", component="phi", amount_vnd=200_000, reason="?")
        refund_id = await _approved(hub, order_id, ask)
        owing = {account: vnd for account, vnd in (await balances(hub)).items() if account.startswith("RB:")}

        before = (await get_refund(hub, refund_id, portal_id=PORTAL.id))["status"]
        for account, vnd in owing.items():
            _, beneficiary, code = account.split(":", 2)
            paid_in = FundAsk(
                id=account,
                kind="paid_in",
                receipt_id=names[0].receipt_id,
                refund_id=refund_id,
                beneficiary=beneficiary,
                code=code,
                amount_vnd=vnd,
            )
            await asyncio.gather(*(fund(hub, paid_in, persons=BOTH) for _ in range(3)))

        assert sum(owing.values()) == 200_000
        assert (before, (await get_refund(hub, refund_id, portal_id=PORTAL.id))["status"]) == ("approved", "funded")


async def _approved(hub: Hub, order_id: str, ask: RefundAsk) -> str:
    answered = await request_refund(hub, PORTAL, order_id, ask, key="k")
    refund_id = private_id("rfd", answered.body.decode().split('"')[3])
    assert refund_id is not None
    await approve_refund(hub, refund_id, by="minh")
    return refund_id


async def _only_receipt(hub: Hub) -> str:
    async with hub.pool.acquire() as connection:
        return str(await connection.fetchval("SELECT id FROM receipts"))


async def _first_slice(hub: Hub, receipt_id: str) -> SliceName:
    async with hub.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT line_no, beneficiary, code FROM slices ORDER BY line_no LIMIT 1")
    return SliceName(receipt_id=receipt_id, **dict(row))
