"""What two persons decide beside breaks and batches: every row of the money rules that waits for people, by one way."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from paygw.hub import decisions, payouts
from paygw.hub.actions import MoneyAction
from paygw.hub.deeds import TITLES
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payees import list_due
from paygw.hub.refunds import RefundAsk, approve_refund, get_refund, request_refund
from paygw.hub.settlement import close_batch, settle_line
from paygw.kernel.errors import Refused
from paygw.kernel.refs import private_id, public_id
from paygw.kernel.settlement import Destination
from tests.hub.test_money_out import line, settled
from tests.hub.world import (
    FEE_VND,
    balances,
    cash,
    event_types,
    ordered,
    paid,
    receipts_of,
    redirected,
    right_books,
    told,
)
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db

HELD = Destination(holder="retained@G22.99")
BY_LETTER = {
    "bank": "sandbox-a",
    "dispute_id": "CB-1",
    "amount_vnd": FEE_VND,
    "occurred_at": "2026-11-23T10:00:00+07:00",
}


async def proposed(hub: Hub, action: str, **fields: object) -> View:
    """What Hương would do, by a document."""
    return await decisions.propose(hub, decisions.action_of(action, fields), document="CV-1/2026", by="huong")


async def decided(hub: Hub, action: str, **fields: object) -> View:
    """The same, approved by Minh as it was shown."""
    shown = await proposed(hub, action, **fields)
    return await decisions.approve(hub, shown["id"], by="minh", shown=shown["content_hash"])


async def kept(hub: Hub, reference: str = "HS-1") -> str:
    """A paid order whose money its collecting body holds, the others' shares too; the receipt's public id."""
    order_id, attempt = await paid(hub, reference)
    bank = hub.registry.banks["sandbox-a"]
    await settle_line(hub, bank, line(hub, attempt, f"B-{reference}", to=HELD))
    await close_batch(hub, bank, f"B-{reference}", fee_vnd=0, net_vnd=FEE_VND)
    return public_id("rcp", (await receipts_of(hub, order_id))[0].id)


async def refunding(hub: Hub, order_id: str, amount_vnd: int = 200_000) -> str:
    """An approved refund of the phí; its public id."""
    ask = RefundAsk(source="component", component="phi", amount_vnd=amount_vnd, reason="Rút hồ sơ")
    answered = await request_refund(hub, PORTAL, order_id, ask, key=f"k-{order_id}")
    name: str = msgspec.json.decode(answered.body)["id"]
    await approve_refund(hub, _uid(name), by="minh")
    return name


async def status_of(hub: Hub, refund_id: str) -> str:
    return str((await get_refund(hub, _uid(refund_id), portal_id=None))["status"])


def _uid(name: str) -> str:
    uid = private_id("rfd", name)
    assert uid is not None
    return uid


async def test_a_holder_passes_on_what_it_keeps_for_others(hub: Hub) -> None:
    async with right_books(hub):
        await kept(hub, "HS-1")
        await kept(hub, "HS-2")
        before = await balances(hub)

        shown = await proposed(hub, "remit", holder=HELD.holder, beneficiary="treasury", until="2026-11-23")
        done = await decisions.approve(hub, shown["id"], by="minh", shown=shown["content_hash"])

        after = await balances(hub)
        assert (shown["found"]["total_vnd"], len(shown["found"]["slices"])) == (61_500, 4)
        assert before["RB:retained@G22.99:held"] - after["RB:retained@G22.99:held"] == 61_500
        assert {one["beneficiary"] for one in await list_due(hub)} == {"lltp_center@G22.99"}
        assert (done["status"], done["decided_by"]) == ("approved", "minh")
        with pytest.raises(Refused, match="nothing_selected"):
            await proposed(hub, "remit", holder=HELD.holder, beneficiary="treasury", until="2026-11-23")


async def test_what_is_passed_on_is_what_was_shown_or_nothing(hub: Hub) -> None:
    async with right_books(hub):
        await kept(hub)
        fields = {"holder": HELD.holder, "beneficiary": "treasury", "until": "2026-11-23"}
        first, second = await proposed(hub, "remit", **fields), await proposed(hub, "remit", **fields)
        await decisions.approve(hub, first["id"], by="minh", shown=first["content_hash"])

        with pytest.raises(Refused, match=r"stale_version|slice_not_payable"):
            await decisions.approve(hub, second["id"], by="minh", shown=second["content_hash"])

        assert (await decisions.show_decision(hub, second["id"]))["status"] == "open"
        assert (await decisions.reject(hub, second["id"], by="lan"))["status"] == "rejected"


@pytest.mark.parametrize(("ends", "held_vnd"), [("won", FEE_VND), ("lost", None)])
async def test_a_dispute_is_entered_from_the_banks_letter(hub: Hub, ends: str, held_vnd: int | None) -> None:
    async with right_books(hub):
        _, attempt = await paid(hub)
        about = {**BY_LETTER, "attempt_ref": attempt.ref, "bank_txn_id": cash(hub, attempt).bank_txn_id}

        await decided(hub, "report_dispute", status="opened", **about)
        opened = await balances(hub)
        await decided(hub, "report_dispute", status=ends, **about)

        after = await balances(hub)
        assert opened["CH"] == FEE_VND
        assert "CH" not in after
        assert after.get("H:sandbox-a:PAYGW") == held_vnd


@pytest.mark.parametrize("name", ["attempt_ref", "bank_txn_id"])
async def test_a_letter_may_name_the_payment_as_the_bank_or_as_we_do(hub: Hub, name: str) -> None:
    """By our own reference a payment of a bank that may be paid several times was not found."""
    async with right_books(hub):
        _, attempt = await paid(hub)
        names = {"attempt_ref": attempt.ref, "bank_txn_id": cash(hub, attempt).bank_txn_id}

        await decided(hub, "report_dispute", status="opened", **BY_LETTER, **{name: names[name]})

        assert (await balances(hub))["CH"] == FEE_VND


async def test_a_dispute_about_nothing_known_is_refused(hub: Hub) -> None:
    async with right_books(hub):
        with pytest.raises(Refused, match="not_found"):
            await decided(hub, "report_dispute", status="opened", attempt_ref="nobody", **BY_LETTER)
        with pytest.raises(Refused, match="bank_unknown"):
            await decided(hub, "report_dispute", status="opened", **{**BY_LETTER, "bank": "x"})


async def test_a_refund_that_its_holder_pays(hub: Hub) -> None:
    async with right_books(hub):
        bank = hub.registry.banks["sandbox-a"]
        mute = replace(bank, connector=replace(bank.connector, refund=None))
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, "sandbox-a": mute})
        order_id, attempt = await paid(hub)
        await settle_line(hub, mute, line(hub, attempt, to=HELD))
        refund_id = await refunding(hub, order_id, 100_000)
        seen = [await status_of(hub, refund_id)]

        for action, fields in (
            ("consent_refund", {}),
            ("pay_by_holder", {}),
            ("report_refund", {"status": "succeeded"}),
            ("report_refund", {"status": "returned"}),
        ):
            await decided(hub, action, refund_id=refund_id, **fields)
            seen.append(await status_of(hub, refund_id))

        assert seen == ["approved", "funded", "sending", "succeeded", "returned"]
        assert [kind for kind in await event_types(hub) if kind.startswith("refund")] == [
            "refund.succeeded",
            "refund.returned",
        ]


async def test_a_refund_is_withdrawn_before_anything_moved(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        order_id, _ = await settled(hub)
        before = await balances(hub)
        refund_id = await refunding(hub, order_id)

        await decided(hub, "withdraw_refund", refund_id=refund_id)

        assert await status_of(hub, refund_id) == "withdrawn"
        assert await balances(hub) == before


async def test_a_body_gives_back_what_it_was_paid(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        order_id, _ = await settled(hub)
        receipt_id = public_id("rcp", (await receipts_of(hub, order_id))[0].id)
        await paid_out(hub)
        refund_id = await refunding(hub, order_id, 1_000)
        owing = {name: vnd for name, vnd in (await balances(hub)).items() if name.startswith("RB:")}

        for number, (name, vnd) in enumerate(owing.items()):
            _, beneficiary, code = name.split(":", 2)
            about = {"beneficiary": beneficiary, "code": code, "receipt_id": receipt_id, "refund_id": refund_id}
            await decided(hub, "fund", id=f"gbc-{number}", kind="paid_in", amount_vnd=vnd, **about)

        assert sum(owing.values()) == 1_000
        assert await status_of(hub, refund_id) == "funded"


async def paid_out(hub: Hub) -> None:
    """Everything of the account is paid out; payees are set by decisions."""
    for number, name in enumerate(("lltp_center@G22.99", "retained@G22.99", "treasury"), start=1):
        await decided(
            hub, "set_payee", beneficiary=name, name="Kho bạc", account=f"71110{number}", bank_code="01701001",
            treasury_unit="0012", collecting_office="1054015",
        )  # fmt: skip
    batch = await payouts.propose_payout(hub, "9704", by="huong")
    await payouts.approve_payout(hub, batch["batch"], by="lan", shown=batch["content_hash"], document="LC-1")


async def test_movements_unclaimed_money_and_what_it_belongs_to(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        bank = hub.registry.banks["sandbox-a"]
        order_id = await ordered(hub)
        attempt = await redirected(hub, order_id)
        await told(hub, cash(hub, attempt, amount_vnd=FEE_VND + 5_000), event="over")
        receipt_id = public_id("rcp", (await receipts_of(hub, order_id))[0].id)
        over = replace(cash(hub, attempt), amount_vnd=FEE_VND + 5_000)
        await settle_line(hub, bank, replace(line(hub, attempt), item=over))

        await decided(
            hub, "movement", event="interest", key="9704:1", holding="H:bank:9704", amount_vnd="7", party="9704"
        )
        await decided(hub, "unclaimed", receipt_id=receipt_id)

        after = await balances(hub)
        assert (after["INT:9704"], "U:free" in after) == (-7, False)
        with pytest.raises(Refused, match="nothing_unclaimed"):
            await decided(hub, "unclaimed", receipt_id=receipt_id)


@pytest.mark.parametrize(
    ("by", "via", "told_hash", "code"),
    [
        ("huong", "cli", None, "same_person"),
        ("huong2", "cli", None, "role_missing"),
        ("minh", "cli", "0" * 64, "stale_version"),
        ("minh", "key:a", None, "same_person"),
    ],
)
async def test_nobody_decides_alone_or_on_other_content(
    hub: Hub, by: str, via: str, told_hash: str | None, code: str
) -> None:
    async with right_books(hub):
        asked = decisions.action_of("movement", MOVEMENT)
        shown = await decisions.propose(hub, asked, document="CV-1", by="huong", via="key:a")

        with pytest.raises(Refused, match=code):
            await decisions.approve(hub, shown["id"], by=by, shown=told_hash or shown["content_hash"], via=via)

        assert await balances(hub) == {}
        assert [one["status"] for one in await decisions.list_decisions(hub, status="open")] == ["open"]


MOVEMENT: Mapping[str, object] = {"event": "interest", "key": "k", "holding": "H:bank:1", "amount_vnd": 1, "party": "1"}


async def test_a_decision_is_made_once(custody_hub: Hub) -> None:
    async with right_books(custody_hub) as hub:
        done = await decided(hub, "movement", **MOVEMENT)

        for again in (
            decisions.approve(hub, done["id"], by="lan", shown=done["content_hash"]),
            decisions.reject(hub, done["id"], by="lan"),
        ):
            with pytest.raises(Refused, match="proposal_decided"):
                await again


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("steal", {}),
        ("remit", {"holder": "a"}),
        ("thaw", {"receipt_id": "rcp_1"}),
        ("thaw", {"receipt_id": "rcp_" + "0" * 32, "more": 1}),
        ("report_dispute", {**BY_LETTER, "status": "opened", "occurred_at": "2026-11-23T10:00:00"}),
    ],
)
def test_an_action_is_read_strictly(action: str, fields: Mapping[str, object]) -> None:
    with pytest.raises(Refused, match="invalid_value"):
        decisions.action_of(action, fields)


def test_every_action_has_its_names_and_fields() -> None:
    listed = decisions.list_actions()

    assert set(TITLES) == set(MoneyAction.__args__)
    assert len({one["action"] for one in listed}) == len(listed)
    assert all(one["title_vi"] and one["title_en"] and one["needs"] for one in listed)


def test_a_moment_of_a_letter_keeps_its_offset() -> None:
    asked: Any = decisions.action_of("report_dispute", {**BY_LETTER, "status": "opened"})

    assert asked.occurred_at == datetime.fromisoformat(str(BY_LETTER["occurred_at"]))
