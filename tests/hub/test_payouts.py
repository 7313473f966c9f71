"""Payout batches: one proposes, another approves exactly that; exported once, confirmed, returned, sent again."""

from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest
from lxml import etree

from paygw.hub import payees, payouts
from paygw.hub.breaks import Found, close_gone, keep_breaks
from paygw.hub.days import local_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payment_orders import budget_codes
from paygw.hub.position import prove_position
from paygw.hub.slips import export_slips
from paygw.hub.tracing import trace_money
from paygw.kernel.decide import Landing
from paygw.kernel.errors import Alarm, Refused
from paygw.store.payouts import Payee
from tests.hub.test_money_out import settled
from tests.hub.world import BOTH, FEE_VND, balances, later, right_books

pytestmark = pytest.mark.db

SCHEMA = etree.XMLSchema(file=str(files("sepaxml") / "schemas" / "pain.001.001.09.xsd"))


async def known_payees(hub: Hub, *beneficiaries: str) -> None:
    """Payees at the treasury: weekly, by Monday."""
    for no, beneficiary in enumerate(beneficiaries, start=1):
        payee = Payee(
            beneficiary=beneficiary,
            name=f"Kho bạc số {no}",
            account=f"7111000{no}",
            bank_code="01701001",
            treasury_unit="0012",
            collecting_office="1054015",
            remit_every="week",
            remit_by=1,
            basis="TT 56/2026",
        )
        await payees.set_payee(hub, payee, persons=BOTH)


OWNERS = ("lltp_center@G22.99", "retained@G22.99", "treasury")


async def proposed(hub: Hub) -> View:
    """Two orders paid and settled, a batch of all their slices."""
    await settled(hub, "HS-1")
    await settled(hub, "HS-2")
    await known_payees(hub, *OWNERS)
    return await payouts.propose_payout(hub, "9704", by="huong")


async def approved(hub: Hub, batch: View, *, by: str = "minh") -> View:
    """A batch that the second person approved as it was shown."""
    return await payouts.approve_payout(hub, batch["batch"], by=by, shown=batch["content_hash"], document="LC-1")


async def exported(hub: Hub) -> View:
    """The batch of two orders' slices on its way to the bank."""
    batch = await proposed(hub)
    await approved(hub, batch)
    await payouts.export_payout(hub, batch["batch"], by="huong")
    return batch


@pytest.fixture
def paying_hub(custody_hub: Hub) -> Hub:
    """A hub in custody that knows the bank of its account."""
    return replace(custody_hub, settings=custody_hub.settings.model_copy(update={"operator_bank": "BFTVVNVX"}))


async def test_a_batch_from_proposal_to_confirmation(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        assert [(one["beneficiary"], one["amount_vnd"]) for one in batch["orders"]] == [
            ("lltp_center@G22.99", 16_400),
            ("retained@G22.99", 332_100),
            ("treasury", 61_500),
        ]

        await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document="LC-1")
        in_flight = await balances(hub)
        xml = await payouts.export_payout(hub, batch["batch"], by="huong")
        for group in (1, 2, 3):
            await payouts.confirm_group(hub, batch["batch"], group, by="huong")
            await payouts.confirm_group(hub, batch["batch"], group, by="huong")

        SCHEMA.assertValid(etree.fromstring(xml))
        assert in_flight["DT"] == -2 * FEE_VND
        assert "H:bank:9704" not in await balances(hub)
        assert xml == await payouts.export_payout(hub, batch["batch"], by="lan")
        assert (await prove_position(hub))["ok"]


@pytest.mark.parametrize(
    ("by", "shown", "code"),
    [("huong", None, "same_person"), ("nobody", None, "role_missing"), ("minh", "0" * 64, "stale_version")],
)
async def test_nobody_pays_out_alone(paying_hub: Hub, by: str, shown: str | None, code: str) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)

        with pytest.raises(Refused, match=code):
            await payouts.approve_payout(
                hub, batch["batch"], by=by, shown=shown or batch["content_hash"], document="LC-1"
            )

        assert "DT" not in await balances(hub)
        assert (await payouts.show_payout(hub, batch["batch"]))["status"] == "proposed"


_ALTER = "UPDATE payouts SET content = replace(content, '71110003', '66660003')"


async def test_a_batch_altered_in_the_database_is_not_approved(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        assert await hub.pool.execute(_ALTER) == "UPDATE 1"

        with pytest.raises(Alarm, match="does not hold what was proposed"):
            await approved(hub, batch)

        assert "DT" not in await balances(hub)


async def test_a_batch_altered_after_its_approval_does_not_leave(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await approved(hub, await proposed(hub))
        await hub.pool.execute(_ALTER)

        with pytest.raises(Alarm, match="does not hold what was proposed"):
            await payouts.export_payout(hub, batch["batch"], by="huong")


async def test_an_account_changed_meanwhile_is_refused(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        await known_payees(hub, "treasury")  # becomes "Kho bạc số 1"

        with pytest.raises(Refused, match="stale_version"):
            await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document="LC-1")


async def test_nothing_leaves_an_account_that_was_debited_unexplained(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        bank = replace(hub.registry.banks["sandbox-a"], landing=Landing(account="9704"))
        batch = await proposed(hub)
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, "sandbox-a": bank})
        strange = Found(kind="unidentified_debit", subject="D1", detail="nobody ordered it", statement_amount_vnd=7)
        day = date(2026, 11, 23)
        await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", day, [strange]))

        with pytest.raises(Refused, match="account_stopped"):
            await approved(hub, batch)
        kinds = ["unidentified_debit"]
        await hub.transact(lambda connection: close_gone(hub, connection, "sandbox-a", day, kinds=kinds, found=[]))

        assert (await approved(hub, batch))["status"] == "approved"


async def test_two_batches_of_the_same_slices_pay_once(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        first = await proposed(hub)
        second = await payouts.propose_payout(hub, "9704", by="huong")
        await payouts.approve_payout(hub, first["batch"], by="minh", shown=first["content_hash"], document="LC-1")

        with pytest.raises(Refused, match="slice_not_payable"):
            await payouts.approve_payout(hub, second["batch"], by="minh", shown=second["content_hash"], document="LC-2")

        assert (await payouts.reject_payout(hub, second["batch"], by="lan"))["status"] == "rejected"


async def test_what_came_back_is_sent_again_by_two(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document="LC-1")
        with pytest.raises(Refused, match="payout_state"):
            await payouts.return_group(hub, batch["batch"], 3, by="huong")
        await payouts.export_payout(hub, batch["batch"], by="huong")

        await payouts.return_group(hub, batch["batch"], 3, by="huong")
        waits = {name: vnd for name, vnd in (await balances(hub)).items() if name.startswith("PRET:")}
        again = await payouts.propose_again(hub, batch["batch"], 3, by="huong")
        with pytest.raises(Refused, match="same_person"):
            await approved(hub, again, by="huong")
        await approved(hub, again)
        xml = await payouts.export_payout(hub, again["batch"], by="huong")
        await payouts.confirm_group(hub, again["batch"], 1, by="huong")

        assert sum(waits.values()) == -61_500
        assert (again["kind"], [one["amount_vnd"] for one in again["orders"]]) == ("again", [61_500])
        SCHEMA.assertValid(etree.fromstring(xml))
        assert again["orders"][0]["end_to_end_id"].encode() in xml
        assert not any(name.startswith("PRET:") for name in await balances(hub))
        assert (await payouts.show_payout(hub, again["batch"]))["orders"][0]["states"]["confirmed"] == 4
        assert (await prove_position(hub))["ok"]
        with pytest.raises(Refused, match="disbursement_state"):
            await payouts.propose_again(hub, batch["batch"], 3, by="huong")


async def test_what_had_left_comes_back_too(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        await payouts.confirm_group(hub, batch["batch"], 3, by="huong")
        held = (await balances(hub))["H:bank:9704"]

        await payouts.return_group(hub, batch["batch"], 3, by="huong")
        shown = await payouts.return_group(hub, batch["batch"], 3, by="huong")

        assert shown["orders"][2]["states"] == {"sent": 0, "confirmed": 0, "returned": 4}
        assert (await balances(hub))["H:bank:9704"] == held + 61_500
        assert (await prove_position(hub))["ok"]
        with pytest.raises(Refused, match="disbursement_state"):
            await payouts.confirm_group(hub, batch["batch"], 3, by="huong")


async def test_money_whose_owner_has_no_account_stays(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        await known_payees(hub, "treasury")

        with pytest.raises(Refused, match="payee_missing"):
            await payouts.propose_payout(hub, "9704", by="huong")

        only = await payouts.propose_payout(hub, "9704", by="huong", beneficiary="treasury")
        assert only["total_vnd"] == 30_750


async def test_in_live_mode_a_new_account_rests_before_money_goes_there(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        await known_payees(hub, *OWNERS)
        live = replace(hub, settings=hub.settings.model_copy(update={"mode": "live"}))

        with pytest.raises(Refused, match="payee_resting"):
            await payouts.propose_payout(live, "9704", by="huong")
        later(hub, 48 * 3_600 + 1)

        assert (await payouts.propose_payout(live, "9704", by="huong"))["total_vnd"] == FEE_VND


async def test_the_clock_of_remittance(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        await known_payees(hub, "treasury")

        now = {one["beneficiary"]: one for one in await payees.list_due(hub)}
        later(hub, 8 * 86_400)
        then = {one["beneficiary"]: one for one in await payees.list_due(hub)}

        assert (now["treasury"]["due_on"], now["treasury"]["overdue"]) == ("2026-11-30", False)
        assert (then["treasury"]["overdue"], then["retained@G22.99"]["due_on"]) == (True, None)


async def test_what_came_back_waits_for_its_owner_too(paying_hub: Hub) -> None:
    """A returned order was in no list of what is still owed: its slices count as paid out."""
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        await payouts.return_group(hub, batch["batch"], 3, by="huong")

        (due,) = await payees.list_due(hub)

        assert (due["beneficiary"], due["amount_vnd"], due["came_back_vnd"]) == ("treasury", 61_500, 61_500)


async def test_what_goes_into_the_budget_has_its_slips(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        with pytest.raises(Refused, match="payout_state"):
            await export_slips(hub, batch["batch"], by="huong")
        await approved(hub, batch)

        slips = await export_slips(hub, batch["batch"], by="huong")

        assert slips.startswith(b"%PDF-1.7")
        assert slips == await export_slips(hub, batch["batch"], by="lan")
        with pytest.raises(Refused, match="role_missing"):
            await export_slips(hub, batch["batch"], by="nobody")


async def test_what_goes_to_no_treasury_unit_has_none(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        payee = Payee(
            beneficiary="treasury", name="Sở Tư pháp", account="0011", bank_code="BFTVVNVX", treasury_unit="",
            collecting_office="", remit_every="day", remit_by=1, basis="",
        )  # fmt: skip
        await payees.set_payee(hub, payee, persons=BOTH)
        batch = await payouts.propose_payout(hub, "9704", by="huong", beneficiary="treasury")
        await approved(hub, batch)

        with pytest.raises(Refused, match="nothing_selected"):
            await export_slips(hub, batch["batch"], by="huong")


async def test_each_collecting_body_pays_into_the_budget_at_its_own_treasury_unit(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        await known_payees(hub, "treasury", "treasury@G22.99")

        batch = await payouts.propose_payout(hub, "9704", by="huong", beneficiary="treasury")
        (due,) = [one for one in await payees.list_due(hub) if one["beneficiary"] == "treasury"]
        await approved(hub, batch)
        text = (await payouts.export_payout(hub, batch["batch"], by="huong")).decode()

        assert [one["account"] for one in batch["orders"]] == ["71110002"]
        assert (due["collecting_body"], due["payee"]) == ("G22.99", "treasury@G22.99")
        assert "NOP NSNN" in text
        assert "CQT:1054015 KBNN:0012" in text


async def test_a_batch_proposed_before_the_bodys_own_account_was_named_is_proposed_again(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        await settled(hub, "HS-1")
        await known_payees(hub, "treasury")
        batch = await payouts.propose_payout(hub, "9704", by="huong", beneficiary="treasury")
        await known_payees(hub, "treasury", "treasury@G22.99")

        with pytest.raises(Refused, match="stale_version"):
            await approved(hub, batch)


async def test_an_agency_is_not_told_that_its_share_goes_into_the_budget(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        await approved(hub, batch)

        sent = etree.fromstring(await payouts.export_payout(hub, batch["batch"], by="huong"))

        texts = [(one.text or "").split(" C:")[0] for one in sent.iter("{*}Ustrd")]
        assert texts == ["CHUYEN PHI LE PHI", "CHUYEN PHI LE PHI", "NOP NSNN"]


async def test_what_is_approved_on_a_holiday_is_paid_on_the_next_working_day(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)
        later(hub, (date(2026, 11, 28) - local_day(hub.clock())).days * 86_400)  # a Saturday
        await approved(hub, batch)

        sent = etree.fromstring(await payouts.export_payout(hub, batch["batch"], by="huong"))

        assert next(sent.iter("{*}ReqdExctnDt"))[0].text == "2026-11-30"


async def test_money_leaves_on_a_document(paying_hub: Hub) -> None:
    async with right_books(paying_hub) as hub:
        batch = await proposed(hub)

        with pytest.raises(Refused, match="document"):
            await payouts.approve_payout(hub, batch["batch"], by="minh", shown=batch["content_hash"], document=" ")


async def test_without_a_bank_of_our_own_no_file_is_made(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        batch = await proposed(hub)
        await approved(hub, batch)

        with pytest.raises(Refused, match="PAYGW_OPERATOR_BANK"):
            await payouts.export_payout(hub, batch["batch"], by="huong")


def test_a_budget_unit_with_dots_stays_whole() -> None:
    assert budget_codes("016.2721.00001.G22.99") == ("016", "2721", "00001", "G22.99")
    assert budget_codes("unclaimed") == ("unclaimed", "-", "-", "-")


async def test_a_payment_order_leads_to_the_money_it_paid(paying_hub: Hub) -> None:
    """The name a bank's statement repeats was the one name that led nowhere."""
    async with right_books(paying_hub) as hub:
        batch = await exported(hub)
        order = batch["orders"][2]

        found = await trace_money(hub, order["end_to_end_id"])

        assert len(found["receipts"]) == 2
        assert sum(one["amount_vnd"] for one in found["payouts"] if one["beneficiary"] == "treasury") == 61_500
        with pytest.raises(Refused, match="not_found"):
            await trace_money(hub, order["end_to_end_id"].replace("-3", "-9"))
