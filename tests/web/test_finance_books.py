"""Finance over the API: position, trace, breaks, nights, minutes, payouts; one key never decides what it proposed."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from paygw.app import create_app
from paygw.hub.breaks import Found, keep_breaks
from paygw.hub.hub import Hub
from paygw.hub.minutes import write_minutes
from paygw.hub.registry import ApiKey, key_digest, key_prefix
from paygw.kernel.refs import public_id
from paygw.store.cases import open_case
from paygw.web.portal_api import book_models, decision_models, models, night_models
from tests.hub.test_money_out import settled
from tests.hub.test_payout_refunds import CITIZEN as PAYEE
from tests.hub.test_payout_refunds import muted, owed
from tests.hub.test_payouts import OWNERS, known_payees
from tests.hub.world import FEE_VND, balances, cash, paid, receipts_of, staffed, told
from tests.web.test_portal_api import FINANCE_KEY, KEY, Api, api, is_a, problem

__all__ = ["api"]  # the fixture
pytestmark = pytest.mark.db

DAY = date(2026, 11, 23)
_HISTORY = ["opened", "assigned", "commented", "proposed", "approved"]
CITIZEN = msgspec.to_builtins(PAYEE)
SECOND_KEY = "sk_test_second00abcdef"
FOUND = Found(kind="amount_differs", subject="T1", detail="the bank tells more", bank_txn_id="T1", book_amount_vnd=1)


@pytest.fixture
async def finance(api: Api) -> Api:
    """Finance with staff, and a second key of another person."""
    await staffed(api.hub)
    second = ApiKey(key_prefix(SECOND_KEY), key_digest(SECOND_KEY), None, frozenset({"finance"}), None)
    registry = api.hub.registry
    api.hub.registry_holder.now = replace(registry, keys={**registry.keys, second.prefix: second})
    return replace(api, key=FINANCE_KEY)


@pytest.fixture
async def custody_finance(finance: Api) -> Api:
    """The same where the hub holds the money."""
    changes = {"funds": "custody", "operator_bank": "BFTVVNVX"}
    hub = replace(finance.hub, settings=finance.hub.settings.model_copy(update=changes))
    return replace(finance, app=create_app(hub), hub=hub)


async def broken(hub: Hub) -> None:
    await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", DAY, [FOUND]))


async def test_position_and_trace(finance: Api) -> None:
    order_id, _ = await paid(finance.hub)

    proof = is_a(book_models.PositionView, await finance.get("/v1/ledger/position"))
    trail = is_a(book_models.TraceView, await finance.get("/v1/trace?name=HS-1"))

    assert (proof.ok, proof.held_vnd, proof.owed_vnd) == (True, FEE_VND, FEE_VND)
    assert [order["id"] for order in trail.orders] == [public_id("ord", order_id)]
    problem(await finance.get("/v1/trace?name=nobody"), 404, "not_found")
    problem(await replace(finance, key=KEY).get("/v1/ledger/position"), 403, "forbidden")


async def test_what_does_not_explain_itself_is_listed_with_its_key(finance: Api) -> None:
    """Cases were opened, and nowhere to be seen: who should close one could not know its key."""
    hub = finance.hub
    await hub.transact(lambda connection: open_case(connection, key="settlement:a:1", kind="settlement", detail="lệch"))

    found = is_a(decision_models.CaseList, await finance.get("/v1/cases?status=open")).items

    assert [(one.key, one.kind, one.age_days) for one in found] == [("settlement:a:1", "settlement", 0)]
    assert is_a(decision_models.CaseList, await finance.get("/v1/cases?status=closed")).items == []
    problem(await replace(finance, key=KEY).get("/v1/cases"), 403, "forbidden")


async def test_who_proposes_by_a_key_is_decided_on_by_another(finance: Api) -> None:
    await broken(finance.hub)
    page = is_a(book_models.BreakPage, await finance.get("/v1/breaks?status=open"))
    place = f"/v1/breaks/{page.items[0].id}"
    is_a(book_models.BreakDetailView, await finance.post(f"{place}/assign", {"owner": "lan", "by": "huong"}))
    is_a(book_models.BreakDetailView, await finance.post(f"{place}/comments", {"text": "đã hỏi", "by": "lan"}))
    asked = {"action": "explain", "document": "CV-1", "by": "huong"}
    proposed = is_a(book_models.BreakDetailView, await finance.post(f"{place}/proposal", asked))
    decided = {"by": "minh", "content_hash": proposed.proposal.content_hash}

    problem(await finance.post(f"{place}/approve", decided), 409, "same_person")
    done = is_a(book_models.BreakDetailView, await replace(finance, key=SECOND_KEY).post(f"{place}/approve", decided))

    assert (done.status, done.owner) == ("resolved", "lan")
    assert [note.action for note in done.history] == _HISTORY
    problem(await finance.post(f"{place}/proposal", asked), 409, "break_state")


async def test_minutes_are_read_and_signed(finance: Api) -> None:
    await paid(finance.hub)
    _, digest = await write_minutes(finance.hub, "sandbox-a", DAY)
    place = f"/v1/minutes/sandbox-a/{DAY}"

    read = is_a(night_models.MinutesView, await finance.get(place))
    signed = is_a(
        night_models.MinutesView, await finance.post(f"{place}/sign", {"by": "huong", "content_hash": digest})
    )

    assert read.content["book"]["receipts_vnd"] == FEE_VND
    assert [one["person"] for one in signed.signatures] == ["huong"]
    assert len(is_a(night_models.MinutesList, await finance.get("/v1/minutes")).items) == 1
    problem(await finance.post(f"{place}/sign", {"by": "minh", "content_hash": "0" * 64}), 409, "stale_version")
    problem(await finance.get("/v1/nights/sandbox-a/2026-11-23"), 404, "not_found")
    assert is_a(night_models.NightList, await finance.get("/v1/nights")).items == []


async def test_in_routing_nothing_is_paid_out(finance: Api) -> None:
    assert is_a(night_models.RemittanceList, await finance.get("/v1/remittances")).items == []
    problem(await finance.post("/v1/payouts", {"account": "9704", "by": "huong"}), 409, "receipt_held")
    problem(await finance.get("/v1/payouts/0"), 404, "not_found")
    refunds = {"by": "huong", "refunds": [{"refund_id": "rfd_" + "0" * 32, "to": CITIZEN}]}
    problem(await finance.post("/v1/payouts/refunds", refunds), 409, "refund_route")


async def test_a_batch_goes_out_by_two_keys(custody_finance: Api) -> None:
    hub, second = custody_finance.hub, replace(custody_finance, key=SECOND_KEY)
    await settled(hub, "HS-1")
    await known_payees(hub, *OWNERS)

    (first, *_) = is_a(night_models.PayeeList, await custody_finance.get("/v1/payees")).items
    made = await custody_finance.post("/v1/payouts", {"account": "9704", "by": "huong"})
    batch = is_a(night_models.PayoutView, made, 201)
    place, decision = f"/v1/payouts/{batch.batch}", {"by": "minh", "content_hash": batch.content_hash, "document": "1"}
    problem(await custody_finance.post(f"{place}/approve", decision), 409, "same_person")
    problem(await second.post(f"{place}/export", {"by": "huong"}), 409, "payout_state")
    is_a(night_models.PayoutView, await second.post(f"{place}/approve", decision))
    xml = await second.post(f"{place}/export", {"by": "huong"})
    is_a(night_models.PayoutView, await second.post(f"{place}/return", {"by": "huong", "group": 3}))
    again = is_a(night_models.PayoutView, await second.post(f"{place}/again", {"by": "huong", "group": 3}), 201)

    assert (first.beneficiary, first.set_by, first.checked_by) == (OWNERS[0], "huong", "minh")
    assert (xml.status, xml.body[:5]) == (200, b"<?xml")
    assert (again.kind, again.total_vnd) == ("again", batch.orders[2]["amount_vnd"])
    listed = is_a(night_models.PayoutList, await second.get("/v1/payouts")).items
    assert [(one.kind, one.status, one.returned) for one in listed] == [
        ("again", "proposed", 0),
        ("slices", "exported", 2),
    ]


async def test_a_decision_takes_two_keys(finance: Api) -> None:
    second = replace(finance, key=SECOND_KEY)
    asked = {"action": "movement", "event": "interest", "key": "1", "holding": "H:bank:9704", "amount_vnd": 7}
    body = {"by": "huong", "document": "CV-1", "asked": asked | {"party": "9704"}}

    made = is_a(decision_models.DecisionView, await finance.post("/v1/decisions", body), 201)
    place, decision = f"/v1/decisions/{made.id}", {"by": "minh", "content_hash": made.content_hash}
    problem(await finance.post(f"{place}/approve", decision), 409, "same_person")
    done = is_a(decision_models.DecisionView, await second.post(f"{place}/approve", decision))

    assert (done.status, done.action, (await balances(finance.hub))["INT:9704"]) == ("approved", "movement", -7)
    problem(await second.post(f"{place}/reject", {"by": "lan"}), 409, "proposal_decided")
    assert len(is_a(decision_models.DecisionList, await finance.get("/v1/decisions?status=approved")).items) == 1
    is_a(decision_models.DecisionView, await finance.get(place))
    problem(await finance.post("/v1/decisions", body | {"asked": {"action": "steal"}}), 422, "invalid_body")


async def test_a_refund_is_decided_by_another_key_than_asked(finance: Api) -> None:
    order_id, attempt = await paid(finance.hub)
    await told(finance.hub, cash(finance.hub, attempt, "T2"), event="twice")
    second = next(one for one in await receipts_of(finance.hub, order_id) if one.free_vnd)
    place = f"/v1/unapplied/{public_id('rcp', second.id)}/refunds"
    body = {"amount_vnd": FEE_VND, "reason": "Nộp hai lần"}
    is_a(models.RefundView, await finance.post(place, body, idempotency_key="r1"), 201)
    (asked,) = is_a(decision_models.RefundList, await finance.get("/v1/refunds?status=requested")).items
    decision = {"by": "minh", "content_hash": asked.content_hash}

    problem(await finance.post(f"/v1/refunds/{asked.id}/approve", decision), 409, "refund_same_person")
    other = replace(finance, key=SECOND_KEY)
    problem(await other.post(f"/v1/refunds/{asked.id}/approve", decision | {"by": "huong"}), 403, "role_missing")
    done = is_a(models.RefundView, await other.post(f"/v1/refunds/{asked.id}/approve", decision))

    assert (done.status, done.amount_vnd) == ("funded", FEE_VND)
    problem(await other.post(f"/v1/refunds/{asked.id}/reject", {"by": "lan"}), 409, "refund_state")


async def test_refunds_by_transfer_name_their_account_in_the_body_only(custody_finance: Api) -> None:
    hub = custody_finance.hub
    muted(hub)
    body: dict[str, Any] = {"by": "huong", "refunds": [{"refund_id": await owed(hub), "to": CITIZEN}]}

    batch = is_a(night_models.PayoutView, await custody_finance.post("/v1/payouts/refunds", body), 201)

    assert (batch.kind, batch.orders[0]["claim"]) == ("refunds", CITIZEN["claim"])
    spaced = body["refunds"][0] | {"to": CITIZEN | {"account": "0071 00"}}
    problem(await custody_finance.post("/v1/payouts/refunds", body | {"refunds": [spaced]}), 422, "invalid_body")
