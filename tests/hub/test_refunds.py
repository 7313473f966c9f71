"""Refunds on a real database: asked for, decided by another person, funded, sent, answered, never paid twice."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.refund_sending import instruct_refund, report_refund, work_refunds
from paygw.hub.refunds import (
    RefundAsk,
    UnappliedAsk,
    approve_refund,
    find_refunds,
    get_refund,
    reject_refund,
    request_refund,
    request_unapplied_refund,
    withdraw_refund,
)
from paygw.kernel.connector import Answer, Contact, Notice
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.refs import private_id
from tests.hub.world import (
    BOTH,
    FEE_VND,
    back,
    balances,
    cash,
    event_types,
    later,
    paid,
    receipts_of,
    right_books,
    staffed,
    told,
)
from tests.hub_fixtures import PORTAL, ScriptedBank

pytestmark = pytest.mark.db

WHOLE = RefundAsk(source="component", component="phi", amount_vnd=200_000, reason="Rút hồ sơ")


async def asked(hub: Hub, order_id: str, ask: RefundAsk = WHOLE, *, key: str = "k1") -> str:
    """Request a refund, answer its id."""
    answered = await request_refund(hub, PORTAL, order_id, ask, key=key)
    return refund_id_of(answered.body)


def refund_id_of(body: bytes) -> str:
    refund_id = private_id("rfd", msgspec.json.decode(body)["id"])
    assert refund_id is not None
    return refund_id


async def shown(hub: Hub, refund_id: str) -> tuple[str, bool]:
    view = await get_refund(hub, refund_id, portal_id=PORTAL.id)
    return view["status"], view["unknown"]


def bank_of(hub: Hub) -> ScriptedBank:
    assert isinstance(hub.talk, ScriptedBank)
    return hub.talk


async def ref_of(hub: Hub, refund_id: str) -> str:
    async with hub.pool.acquire() as connection:
        ref: str = await connection.fetchval("SELECT ref FROM refunds WHERE id = $1", refund_id)
    return ref


async def news(hub: Hub, refund_id: str, status: RefundNewsStatus, amount_vnd: int = 200_000) -> RefundSeen:
    return RefundSeen(
        refund_ref=await ref_of(hub, refund_id), status=status, amount_vnd=amount_vnd, occurred_at=hub.clock()
    )


async def answers(hub: Hub, refund_id: str, contact: Contact, status: RefundNewsStatus) -> None:
    """The bank's next word on a refund."""
    bank_of(hub).answers.append(Answer(contact=contact, evidence=(await news(hub, refund_id, status),)))


async def test_refund_of_a_component_reaches_the_citizen(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        refund_id = await asked(hub, order_id)

        await approve_refund(hub, refund_id, by="minh")
        await answers(hub, refund_id, Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED)
        await work_refunds(hub)

        assert await shown(hub, refund_id) == ("succeeded", False)
        assert (await balances(hub))["H:sandbox-a:PAYGW"] == FEE_VND - 200_000
        assert await event_types(hub) == ["order.paid", "refund.succeeded"]


async def test_a_key_makes_one_refund_and_the_same_bytes(hub: Hub) -> None:
    order_id, _ = await paid(hub)

    answered = await asyncio.gather(*(request_refund(hub, PORTAL, order_id, WHOLE, key="k") for _ in range(8)))

    assert len({answer.body for answer in answered}) == 1
    assert sum(not answer.replayed for answer in answered) == 1
    assert len(await find_refunds(hub)) == 1
    with pytest.raises(Refused, match="idempotency_mismatch"):
        await request_refund(hub, PORTAL, order_id, replace(WHOLE, amount_vnd=1), key="k")


async def test_concurrent_requests_never_exceed_the_source(hub: Hub) -> None:
    order_id, _ = await paid(hub)
    part = replace(WHOLE, amount_vnd=60_000)

    answered: list[Any] = await asyncio.gather(
        *(request_refund(hub, PORTAL, order_id, part, key=f"k{n}") for n in range(6)), return_exceptions=True
    )

    refused = [answer for answer in answered if isinstance(answer, Refused)]
    assert len(refused) == 3
    assert {(error.code, error.facts["available_vnd"]) for error in refused} == {("refund_exceeds_source", 20_000)}


async def test_concurrent_approvals_book_once(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        refund_id = await asked(hub, order_id)

        answered: list[Any] = await asyncio.gather(
            *(approve_refund(hub, refund_id, by=person) for person in ("minh", "lan") * 3), return_exceptions=True
        )

        assert sum(isinstance(answer, dict) for answer in answered) == 1
        assert {error.code for error in answered if isinstance(error, Refused)} == {"refund_state"}
        assert (await balances(hub))["RP"] == -200_000


async def test_who_asked_does_not_decide(hub: Hub) -> None:
    await staffed(hub)
    order_id, attempt = await paid(hub)
    await told(hub, cash(hub, attempt, "T2"), event="again")
    extra = (await receipts_of(hub, order_id))[1]
    ask = UnappliedAsk(receipt_id=extra.id, amount_vnd=FEE_VND, reason="Nộp hai lần")

    answered = await request_unapplied_refund(hub, "person:minh", ask, key="k")
    refund_id = refund_id_of(answered.body)

    with pytest.raises(Refused, match="refund_same_person"):
        await approve_refund(hub, refund_id, by="minh")
    with pytest.raises(Refused, match="role_missing"):
        await approve_refund(hub, refund_id, by="huong")
    with pytest.raises(Refused, match="refund_state"):
        await approve_refund(hub, refund_id, by="lan", shown="00")
    assert (await approve_refund(hub, refund_id, by="lan"))["status"] == "funded"


async def test_a_rejected_refund_is_told_and_gives_its_room_back(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        refund_id = await asked(hub, order_id)

        await reject_refund(hub, refund_id, by="minh")

        assert await event_types(hub) == ["order.paid", "refund.rejected"]
        assert (await shown(hub, await asked(hub, order_id, key="k2")))[0] == "requested"


async def test_a_withdrawn_refund_leaves_no_trace_in_the_balances(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        before = await balances(hub)
        refund_id = await asked(hub, order_id)
        await approve_refund(hub, refund_id, by="minh")

        await withdraw_refund(hub, refund_id, persons=BOTH)

        assert await balances(hub) == before
        assert (await shown(hub, refund_id))[0] == "withdrawn"


async def test_a_silent_bank_is_asked_and_never_paid_under_another_reference(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        refund_id = await asked(hub, order_id)
        await approve_refund(hub, refund_id, by="minh")
        bank_of(hub).answers.append(Answer(contact=Contact.UNKNOWN))

        await work_refunds(hub)
        silent = await shown(hub, refund_id)
        later(hub, 30)
        await answers(hub, refund_id, Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED)
        await work_refunds(hub)

        assert silent == ("sending", True)
        assert await shown(hub, refund_id) == ("succeeded", False)
        assert bank_of(hub).asked == [("sandbox-a", "refund"), ("sandbox-a", "query_refund")]


async def test_a_refund_that_provably_did_not_leave_is_sent_again_as_itself(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        refund_id = await asked(hub, order_id)
        await approve_refund(hub, refund_id, by="minh")

        await work_refunds(hub)
        waiting = await shown(hub, refund_id)
        later(hub, 30)
        await answers(hub, refund_id, Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED)
        await work_refunds(hub)

        assert waiting == ("funded", False)
        assert await shown(hub, refund_id) == ("succeeded", False)


async def test_concurrent_workers_send_a_refund_once(hub: Hub) -> None:
    order_id, _ = await paid(hub)
    await staffed(hub)
    refund_id = await asked(hub, order_id)
    await approve_refund(hub, refund_id, by="minh")
    await answers(hub, refund_id, Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED)

    await asyncio.gather(*(work_refunds(hub) for _ in range(6)))

    assert bank_of(hub).asked == [("sandbox-a", "refund")]


async def test_a_reversal_voids_a_refund_that_has_not_left(hub: Hub) -> None:
    async with right_books(hub):
        order_id, attempt = await paid(hub)
        refund_id = await asked(hub, order_id)
        await approve_refund(hub, refund_id, by="minh")

        await told(hub, back(hub, attempt), event="reversed")
        await work_refunds(hub)

        assert (await shown(hub, refund_id))[0] == "failed"
        assert bank_of(hub).asked == []
        assert await balances(hub) == {}


async def test_a_refused_and_a_returned_refund_are_due_to_the_citizen(hub: Hub) -> None:
    async with right_books(hub):
        order_id, _ = await paid(hub)
        first = await asked(hub, order_id, replace(WHOLE, amount_vnd=50_000))
        second = await asked(hub, order_id, replace(WHOLE, amount_vnd=70_000), key="k2")
        for refund_id in (first, second):
            await approve_refund(hub, refund_id, by="minh")
        await work_refunds(hub)
        await work_refunds(hub)
        sent = Notice(
            evidence=(
                await news(hub, first, RefundNewsStatus.FAILED, 50_000),
                await news(hub, second, RefundNewsStatus.RETURNED, 70_000),
                await news(hub, second, RefundNewsStatus.SUCCEEDED, 70_000),
            ),
            authority=Authority.NOTICE,
        )
        bank_of(hub).answers += [Answer(contact=Contact.UNKNOWN), Answer(contact=Contact.UNKNOWN)]
        later(hub, 30)
        await work_refunds(hub)

        await credit(hub, hub.registry.banks["sandbox-a"], sent, Message())

        assert (await balances(hub))["U:refund_due"] == -120_000
        assert sorted(await event_types(hub)) == ["order.paid", "refund.failed", "refund.returned", "refund.succeeded"]


async def test_unidentified_money_is_refunded_without_an_order(hub: Hub) -> None:
    async with right_books(hub):
        loose = PaymentSeen(
            attempt_ref="NOBODY", bank_txn_id="L1", amount_vnd=7_000, occurred_at=hub.clock(), merchant="PAYGW"
        )
        await told(hub, loose, event="loose")
        async with hub.pool.acquire() as connection:
            receipt_id = str(await connection.fetchval("SELECT id FROM receipts"))
        ask = UnappliedAsk(receipt_id=receipt_id, amount_vnd=7_000, reason="Chuyển nhầm")
        answered = await request_unapplied_refund(hub, "key:finance", ask, key="k")
        refund_id = refund_id_of(answered.body)

        await approve_refund(hub, refund_id, by="lan")
        bank_of(hub).answers.append(
            Answer(contact=Contact.SUCCEEDED, evidence=(await news(hub, refund_id, RefundNewsStatus.SUCCEEDED, 7_000),))
        )
        await work_refunds(hub)

        assert await balances(hub) == {}


async def test_a_holder_pays_by_hand_and_two_persons_report_it(hub: Hub) -> None:
    await staffed(hub)
    order_id, _ = await paid(hub)
    refund_id = await asked(hub, order_id)
    await approve_refund(hub, refund_id, by="minh")

    with pytest.raises(Refused, match="refund_route"):
        await instruct_refund(hub, refund_id, "transfer", persons=BOTH)
    with pytest.raises(Refused, match="receipt_without_holder"):
        await instruct_refund(hub, refund_id, "holder", persons=BOTH)
    await answers(hub, refund_id, Contact.PENDING, RefundNewsStatus.PENDING)
    await work_refunds(hub)
    reported = await report_refund(hub, refund_id, RefundNewsStatus.SUCCEEDED, persons=BOTH)

    assert reported["status"] == "succeeded"


async def test_a_portal_sees_only_its_own_refunds_and_sources(hub: Hub) -> None:
    order_id, _ = await paid(hub)
    refund_id = await asked(hub, order_id)

    with pytest.raises(Refused, match="not_found"):
        await get_refund(hub, refund_id, portal_id="danang")
    with pytest.raises(Refused, match="not_found"):
        await request_refund(hub, replace(PORTAL, id="danang"), order_id, WHOLE, key="k9")
    with pytest.raises(Refused, match="refund_line_missing"):
        await asked(hub, order_id, RefundAsk(source="component", amount_vnd=1, reason="?"), key="k3")
    with pytest.raises(Refused, match="refund_exceeds_source"):
        await asked(hub, order_id, RefundAsk(source="excess", amount_vnd=1, reason="?"), key="k4")
