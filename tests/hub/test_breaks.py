"""The life of a break: found once, owned, proposed, decided by another person on just that content."""

from dataclasses import replace
from datetime import date

import pytest

from paygw.hub import break_decisions
from paygw.hub.breaks import Found, assign, close_gone, comment, keep_breaks, list_breaks, show_break
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.refunds import find_refunds
from paygw.kernel.breaks import POLICIES
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store.gauges import read_gauges
from reconciliation.model import BreakKind
from tests.hub.world import FEE_VND, cash, later, ordered, receipts_of, redirected, right_books, told

pytestmark = pytest.mark.db

DAY = date(2026, 11, 23)
OVER = Found(
    kind="amount_differs", subject="T1", detail="the bank tells more", ref="R", bank_txn_id="T1", book_amount_vnd=1,
    statement_amount_vnd=6,
)  # fmt: skip


async def opened(hub: Hub, found: Found = OVER) -> str:
    """A break; its id."""
    await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", DAY, [found]))
    return str((await list_breaks(hub, kind=found.kind))["items"][0]["id"])


async def overpaid(hub: Hub) -> tuple[str, str]:
    """An order paid with 5 đồng too much, and a break about it; public ids of break and receipt."""
    order_id = await ordered(hub)
    attempt = await redirected(hub, order_id)
    await told(hub, cash(hub, attempt, amount_vnd=FEE_VND + 5), event="over")
    receipt = (await receipts_of(hub, order_id))[0]
    return await opened(hub), public_id("rcp", receipt.id)


async def proposed_refund(hub: Hub, amount_vnd: int = 5) -> tuple[str, str]:
    """A proposal to give the surplus back; the break's id and the hash."""
    break_id, receipt_id = await overpaid(hub)
    given = {"receipt_id": receipt_id, "amount_vnd": amount_vnd}
    shown = await break_decisions.propose(hub, break_id, "refund", given, document="CV-7/2026", by="huong")
    return break_id, str(shown["proposal"]["content_hash"])


def test_every_kind_of_the_contract_has_a_policy() -> None:
    assert {kind.value for kind in BreakKind} <= POLICIES.keys()


async def test_a_break_is_opened_once_and_closed_when_it_is_gone(hub: Hub) -> None:
    async with right_books(hub):
        break_id = await opened(hub)
        again = await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", DAY, [OVER]))
        kinds = ["amount_differs"]
        gone = await hub.transact(
            lambda connection: close_gone(hub, connection, "sandbox-a", DAY, kinds=kinds, found=[])
        )

        shown = await show_break(hub, break_id)

        assert (again, gone) == (0, 1)
        assert (shown["status"], shown["automatic"], shown["risk_vnd"]) == ("resolved", True, 5)
        assert [note["action"] for note in shown["history"]] == ["opened", "resolved"]
        back = await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", DAY, [OVER]))
        assert (back, (await show_break(hub, break_id))["status"]) == (1, "open")


async def test_its_clock_counts_working_days(hub: Hub) -> None:
    break_id = await opened(hub)

    fresh = await show_break(hub, break_id)
    later(hub, 8 * 86_400)
    old = await show_break(hub, break_id)

    assert fresh["due_on"] == "2026-11-26"  # Monday 23 November + 2, the 24th is a holiday
    assert (fresh["overdue"], fresh["escalated"]) == (False, False)
    assert (old["overdue"], old["escalated"], old["age_days"]) == (True, True, 8)


async def test_it_has_an_owner_and_a_history(hub: Hub) -> None:
    async with right_books(hub):
        break_id = await opened(hub)
        await assign(hub, break_id, "lan", by="huong")

        shown = await comment(hub, break_id, "đã hỏi ngân hàng", by="lan")

        assert shown["owner"] == "lan"
        assert [(note["person"], note["action"]) for note in shown["history"]][1:] == [
            ("huong", "assigned"),
            ("lan", "commented"),
        ]
        with pytest.raises(Refused, match="role_missing"):
            await assign(hub, break_id, "nobody", by="huong")


async def test_two_persons_give_a_surplus_back(hub: Hub) -> None:
    async with right_books(hub):
        break_id, digest = await proposed_refund(hub)

        shown = await break_decisions.approve(hub, break_id, by="minh", shown=digest)

        refunds = await find_refunds(hub, status=None, order_id=None)
        assert (shown["status"], shown["resolution"]) == ("resolved", "refund: CV-7/2026")
        assert [(one["amount_vnd"], one["status"]) for one in refunds] == [(5, "funded")]


@pytest.mark.parametrize(
    ("by", "via", "told_hash", "code"),
    [
        ("huong", "cli", None, "same_person"),
        ("huong2", "cli", None, "role_missing"),
        ("minh", "cli", "0" * 64, "stale_version"),
    ],
)
async def test_nobody_decides_alone_or_on_other_content(
    hub: Hub, by: str, via: str, told_hash: str | None, code: str
) -> None:
    async with right_books(hub):
        break_id, digest = await proposed_refund(hub)

        with pytest.raises(Refused, match=code):
            await break_decisions.approve(hub, break_id, by=by, shown=told_hash or digest, via=via)

        assert (await show_break(hub, break_id))["status"] == "proposed"
        assert await find_refunds(hub, status=None, order_id=None) == []


async def test_one_api_key_is_one_person(hub: Hub) -> None:
    async with right_books(hub):
        break_id = await opened(hub)
        shown = await break_decisions.propose(
            hub, break_id, "explain", {}, document="CV-7", by="huong", via="key:sk_test_1"
        )
        digest = shown["proposal"]["content_hash"]

        with pytest.raises(Refused, match="same_person"):
            await break_decisions.approve(hub, break_id, by="minh", shown=digest, via="key:sk_test_1")

        done = await break_decisions.approve(hub, break_id, by="minh", shown=digest, via="key:sk_test_2")
        assert done["status"] == "resolved"


async def test_a_decision_the_money_rules_refuse_changes_nothing(hub: Hub) -> None:
    async with right_books(hub):
        break_id, digest = await proposed_refund(hub, amount_vnd=6)

        with pytest.raises(Refused, match="refund_exceeds_source"):
            await break_decisions.approve(hub, break_id, by="minh", shown=digest)

        assert (await show_break(hub, break_id))["status"] == "proposed"
        back = await break_decisions.reject(hub, break_id, by="minh", reason="chỉ thừa 5 đồng")
        assert (back["status"], back["proposal"]) == ("open", None)


async def test_only_what_fits_the_kind_is_proposed(hub: Hub) -> None:
    async with right_books(hub):
        break_id = await opened(hub)

        with pytest.raises(Refused, match="break_action"):
            await break_decisions.propose(hub, break_id, "close_batch", {}, document="CV", by="huong")
        with pytest.raises(Refused, match="invalid_value"):
            await break_decisions.propose(hub, break_id, "refund", {}, document="CV", by="huong")
        with pytest.raises(Refused, match="invalid_value"):
            await break_decisions.propose(hub, break_id, "explain", {"money": "1"}, document="CV", by="huong")


async def test_a_monitor_sees_kinds_ages_and_risk(hub: Hub) -> None:
    await opened(hub)

    async with hub.pool.acquire() as connection:
        gauges: list[View] = [
            {"name": one.name, **one.labels, "value": one.value} for one in await read_gauges(connection)
        ]

    mine = [one for one in gauges if str(one["name"]).startswith("paygw_recon")]
    assert {(one["name"], one["value"]) for one in mine} == {("paygw_recon_breaks", 1), ("paygw_recon_risk_vnd", 5)}


async def test_of_two_payments_the_second_is_suggested_for_refund(hub: Hub) -> None:
    async with right_books(hub):
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)
        await told(hub, cash(hub, attempt), event="first")
        second = cash(hub, attempt, "T2")
        await told(hub, second, event="second")
        twice = replace(OVER, kind="paid_twice", ref=attempt.ref, bank_txn_id=second.bank_txn_id or "")

        shown = await show_break(hub, await opened(hub, twice))
        done = await break_decisions.propose(
            hub, str(shown["id"]), shown["suggested"]["action"], shown["suggested"]["params"], document="CV", by="huong"
        )

        held = next(receipt for receipt in await receipts_of(hub, order_id) if receipt.free_vnd)
        assert shown["suggested"]["params"] == {"receipt_id": public_id("rcp", held.id), "amount_vnd": FEE_VND}
        assert (done["status"], done["suggested"]) == ("proposed", None)
        assert (await show_break(hub, await opened(hub)))["suggested"] is None


async def test_of_two_payments_the_one_that_waits_is_proposed_back(hub: Hub) -> None:
    """The file named the payment that had been applied, and nothing was proposed; nothing was said to be at risk."""
    async with right_books(hub):
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)
        first, second = cash(hub, attempt, "T1"), cash(hub, attempt, "T2")
        await told(hub, second, event="second")
        await told(hub, first, event="first")
        twice = Found(
            kind="paid_twice", subject="T2", detail="two payments", ref=attempt.ref,
            bank_txn_id=str(second.bank_txn_id), book_amount_vnd=FEE_VND, statement_amount_vnd=FEE_VND,
        )  # fmt: skip

        shown = await show_break(hub, await opened(hub, twice))

        waiting = next(one for one in await receipts_of(hub, order_id) if one.free_vnd)
        assert shown["risk_vnd"] == FEE_VND
        assert shown["suggested"] == {
            "action": "refund",
            "params": {"receipt_id": public_id("rcp", waiting.id), "amount_vnd": FEE_VND},
        }
