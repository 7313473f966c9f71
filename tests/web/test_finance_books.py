"""Finance over the API: position, trace, breaks, nights, minutes, payouts; one key never decides what it proposed."""

from dataclasses import replace
from datetime import date

import pytest

from paygw.hub.breaks import Found, keep_breaks
from paygw.hub.hub import Hub
from paygw.hub.minutes import write_minutes
from paygw.hub.registry import ApiKey, key_digest, key_prefix
from paygw.web.portal_api import book_models, night_models
from tests.hub.world import FEE_VND, paid, staffed
from tests.web.test_portal_api import FINANCE_KEY, KEY, Api, api, is_a, problem

__all__ = ["api"]  # the fixture
pytestmark = pytest.mark.db

DAY = date(2026, 11, 23)
_HISTORY = ["opened", "assigned", "commented", "proposed", "approved"]
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


async def broken(hub: Hub) -> None:
    await hub.transact(lambda connection: keep_breaks(hub, connection, "sandbox-a", DAY, [FOUND]))


async def test_position_and_trace(finance: Api) -> None:
    order_id, _ = await paid(finance.hub)

    proof = is_a(book_models.PositionView, await finance.get("/v1/ledger/position"))
    trail = is_a(book_models.TraceView, await finance.get("/v1/trace?name=HS-1"))

    assert (proof.ok, proof.held_vnd, proof.owed_vnd) == (True, FEE_VND, FEE_VND)
    assert [order["id"] for order in trail.orders] == [order_id]
    problem(await finance.get("/v1/trace?name=nobody"), 404, "not_found")
    problem(await replace(finance, key=KEY).get("/v1/ledger/position"), 403, "forbidden")


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
