"""Refunds by bank transfer: decided by two, exported as payment orders, told of by the bank's statement."""

from dataclasses import replace
from importlib.resources import files

import msgspec
import pytest
from lxml import etree

from paygw.hub import decisions, payouts
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payout_refunds import Payee, TransferAsk
from paygw.hub.position import prove_position
from paygw.hub.refund_sending import report_refund, work_refunds
from paygw.hub.refunds import (
    RefundAsk,
    UnappliedAsk,
    approve_refund,
    get_refund,
    request_refund,
    request_unapplied_refund,
)
from paygw.kernel.connector import Answer, Contact
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import RefundNewsStatus
from paygw.kernel.refs import private_id, public_id
from tests.hub.test_money_out import settled
from tests.hub.world import BOTH, balances, event_types, paid, receipts_of, right_books
from tests.hub_fixtures import PORTAL, ScriptedBank

pytestmark = pytest.mark.db

SCHEMA = etree.XMLSchema(file=str(files("sepaxml") / "schemas" / "pain.001.001.09.xsd"))
CITIZEN = Payee(name="NGUYEN VAN AN", account="0071001234567", bank_code="BFTVVNVX", claim="Đơn 7 ngày 23.11")
BACK_VND = 150_000


def muted(hub: Hub) -> None:
    """No bank can carry refunds back."""
    mute = {
        name: replace(bank, connector=replace(bank.connector, refund=None)) for name, bank in hub.registry.banks.items()
    }
    hub.registry_holder.now = replace(hub.registry, banks=mute)


@pytest.fixture
def paying_hub(custody_hub: Hub) -> Hub:
    """A hub in custody whose banks cannot carry refunds back."""
    muted(custody_hub)
    return replace(custody_hub, settings=custody_hub.settings.model_copy(update={"operator_bank": "BFTVVNVX"}))


async def owed(hub: Hub, reference: str = "HS-1") -> str:
    """A refund of a settled receipt, approved and funded; its public id."""
    order_id, _ = await settled(hub, reference)
    return await asked_back(hub, order_id)


async def asked_back(hub: Hub, order_id: str) -> str:
    """The same for an order as it stands."""
    ask = RefundAsk(source="component", component="phi", amount_vnd=BACK_VND, reason="Hồ sơ không đủ điều kiện")
    answered = await request_refund(hub, PORTAL, order_id, ask, key=f"back-{order_id}")
    refund_id = private_id("rfd", answered.body.decode().split('"')[3])
    assert refund_id is not None
    await approve_refund(hub, refund_id, by="minh")
    return public_id("rfd", refund_id)


async def sent(hub: Hub, *refund_ids: str) -> View:
    """A batch of refunds on its way to the bank."""
    batch = await payouts.propose_refunds(hub, [TransferAsk(one, CITIZEN) for one in refund_ids], by="huong")
    await payouts.approve_payout(hub, batch["batch"], by="lan", shown=batch["content_hash"], document="LC-9")
    await payouts.export_payout(hub, batch["batch"], by="huong")
    return batch


async def reported(hub: Hub, refund_id: str, told: str) -> None:
    """What two persons found of a refund."""
    asked = decisions.action_of("report_refund", {"refund_id": refund_id, "status": told})
    shown = await decisions.propose(hub, asked, document="Giấy báo Nợ 3", by="huong")
    await decisions.approve(hub, shown["id"], by="minh", shown=shown["content_hash"])


async def status(hub: Hub, refund_id: str) -> str:
    """Where a refund stands."""
    uid = private_id("rfd", refund_id)
    assert uid is not None
    return str((await get_refund(hub, uid, portal_id=None))["status"])


async def test_from_proposal_to_the_citizen(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        refund_id = await owed(hub)
        assert await work_refunds(hub) == 1  # no channel carries it: a case, and nothing is sent
        batch = await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)], by="huong")
        before = await status(hub, refund_id)

        await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document="LC-9")
        under_way = await status(hub, refund_id)
        xml = await payouts.export_payout(hub, batch["batch"], by="huong")
        with pytest.raises(Refused, match="payout_state"):  # one person's word is not enough about a refund
            await payouts.confirm_group(hub, batch["batch"], 1, by="huong")
        await reported(hub, refund_id, "succeeded")
        shown = await payouts.show_payout(hub, batch["batch"])

        assert (before, under_way, await status(hub, refund_id)) == ("funded", "sending", "succeeded")
        SCHEMA.assertValid(etree.fromstring(xml))
        texts = etree.fromstring(xml).itertext()
        assert {"NGUYEN VAN AN", "0071001234567", "BFTVVNVX", str(BACK_VND)} <= set(texts)
        assert xml == await payouts.export_payout(hub, batch["batch"], by="lan")
        assert shown["orders"][0]["states"] == {"sent": 0, "confirmed": 1, "returned": 0}
        assert (await balances(hub))["H:bank:9704"] == 205_000 - BACK_VND
        assert (await event_types(hub)).count("refund.succeeded") == 1
        assert (await prove_position(hub))["ok"]
        assert [(one["kind"], one["confirmed"]) for one in await payouts.list_payouts(hub)] == [("refunds", 1)]


async def test_a_citizens_account_is_never_kept_in_the_clear(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await sent(hub, await owed(hub))

        async with hub.pool.acquire() as connection:
            kept = await connection.fetchval("SELECT content FROM payouts")
            said = await connection.fetchval("SELECT string_agg(detail::text, ' ') FROM audit")

        assert batch["orders"][0]["account"] == CITIZEN.account  # who decides sees it
        for text in (kept, said):
            assert CITIZEN.account not in text
            assert CITIZEN.name not in text


@pytest.mark.parametrize(("confirmed", "ends"), [(False, "failed"), (True, "returned")])
async def test_what_comes_back_is_owed_to_the_citizen_again(paying_hub: Hub, confirmed: bool, ends: str) -> None:  # noqa: FBT001 - a case
    async with right_books(paying_hub) as hub:
        refund_id = await owed(hub)
        batch = await sent(hub, refund_id)
        for told in ("succeeded", "returned") if confirmed else ("failed",):
            await reported(hub, refund_id, told)

        assert await status(hub, refund_id) == ends
        assert (await balances(hub))["U:refund_due"] == -BACK_VND
        with pytest.raises(Refused, match="payout_state"):
            await payouts.propose_again(hub, batch["batch"], 1, by="huong")
        assert (await payouts.show_payout(hub, batch["batch"]))["orders"][0]["states"]["returned"] == 1


async def test_two_batches_of_one_refund_pay_it_once(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        refund_id = await owed(hub)
        second = await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)], by="huong")
        await sent(hub, refund_id)

        with pytest.raises(Refused, match="refund_state"):
            await payouts.approve_payout(hub, second["batch"], by="minh", shown=second["content_hash"], document="LC")


async def test_of_two_refunds_both_go_or_none(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        one, other = await owed(hub, "HS-1"), await owed(hub, "HS-2")
        both = [TransferAsk(one, CITIZEN), TransferAsk(other, CITIZEN)]
        batch = await payouts.propose_refunds(hub, both, by="huong")
        await sent(hub, other)

        with pytest.raises(Refused, match="refund_state"):
            await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document="LC")

        assert (await status(hub, one), batch["total_vnd"]) == ("funded", 2 * BACK_VND)


async def test_only_what_needs_a_transfer_and_can_leave_gets_one(paying_hub: Hub, custody_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        order_id, _ = await paid(hub, "HS-0")
        unsettled = await asked_back(hub, order_id)
        refund_id = await owed(hub)
        routing = replace(hub, settings=hub.settings.model_copy(update={"funds": "routing"}))
        able = replace(hub.registry.banks["sandbox-a"], connector=custody_hub.connectors["sandbox"])
        receipt = (await receipts_of(hub, order_id))[0]

        for other, asked, code in (
            (routing, refund_id, "refund_route"),
            (hub, unsettled, "receipt_not_settled"),
            (hub, "rfd_0", "not_found"),
            (hub, public_id("rfd", receipt.id), "not_found"),
        ):
            with pytest.raises(Refused, match=code):
                await payouts.propose_refunds(other, [TransferAsk(asked, CITIZEN)], by="huong")
        with pytest.raises(Refused, match="invalid_value"):
            await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)] * 2, by="huong")
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, "sandbox-a": able})
        with pytest.raises(Refused, match="refund_route"):
            await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)], by="huong")


async def owed_after_failure(hub: Hub) -> str:
    """The bank refused a refund; its money is asked for again, approved and funded. The new refund's public id."""
    assert isinstance(hub.talk, ScriptedBank)
    order_id, _ = await settled(hub)
    first = await asked_back(hub, order_id)
    hub.talk.answers.append(Answer(contact=Contact.UNKNOWN))
    await work_refunds(hub)
    uid = private_id("rfd", first)
    assert uid is not None
    await report_refund(hub, uid, RefundNewsStatus.FAILED, persons=BOTH)
    receipt = (await receipts_of(hub, order_id))[0]
    ask = UnappliedAsk(receipt_id=receipt.id, amount_vnd=BACK_VND, reason="Thẻ đã đóng")
    again = await request_unapplied_refund(hub, "person:huong", ask, key="again")
    refund_id: str = msgspec.json.decode(again.body)["id"]
    await approve_refund(hub, str(private_id("rfd", refund_id)), by="minh")
    return refund_id


async def test_what_its_channel_failed_with_goes_by_transfer(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        assert isinstance(hub.talk, ScriptedBank)
        refund_id = await owed_after_failure(hub)
        asked = list(hub.talk.asked)

        assert await work_refunds(hub) == 1
        batch = await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)], by="huong")

        assert hub.talk.asked == asked
        assert (await status(hub, refund_id), batch["total_vnd"]) == ("funded", BACK_VND)
        assert await work_refunds(hub) == 0


async def test_or_by_its_channel_once_more_when_two_persons_say_so(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        assert isinstance(hub.talk, ScriptedBank)
        refund_id = await owed_after_failure(hub)
        await work_refunds(hub)
        hub.talk.answers.append(Answer(contact=Contact.UNKNOWN))

        action = decisions.action_of("refund_by_channel", {"refund_id": refund_id})
        shown = await decisions.propose(hub, action, document="CV-3", by="huong")
        await decisions.approve(hub, shown["id"], by="minh", shown=shown["content_hash"])
        with pytest.raises(Refused, match="refund_route"):
            await payouts.propose_refunds(hub, [TransferAsk(refund_id, CITIZEN)], by="huong")
        await work_refunds(hub)

        assert hub.talk.asked[-1] == ("sandbox-a", "refund")
        assert await status(hub, refund_id) == "sending"
