"""The portal API over HTTP, on a real database: every answer is what its documented model says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from paygw.app import create_app
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import ApiKey, Registry, key_digest, key_prefix
from paygw.kernel.connector import Notice
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.refs import private_id
from paygw.web.edge import Edge
from paygw.web.portal_api import models
from tests.hub.test_payment import redirected
from tests.hub_fixtures import PORTAL
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db

KEY, FINANCE_KEY, OTHER_KEY = "sk_test_portal00abcdef", "sk_test_finance0abcdef", "sk_test_other000abcdef"
FACTS = {"birth_date": "1990-05-20", "copies": 3}
QUESTION = {"procedure": "2.000488", "as_of": "2026-11-23", "facts": FACTS}


@dataclass(frozen=True, slots=True)
class Api:
    """A caller with a key."""

    app: Edge
    hub: Hub
    key: str = KEY

    async def get(self, target: str) -> Got:
        """Read."""
        return await call(self.app, "GET", target, headers={"Authorization": f"Bearer {self.key}"})

    async def post(self, target: str, body: object = None, *, idempotency_key: str = "") -> Got:
        """Change something."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return await call(
            self.app, "POST", target, body=json.dumps(body).encode() if body is not None else b"", headers=headers
        )


@pytest.fixture
def api(hub: Hub) -> Api:
    """The portal, with another portal and finance beside it."""
    keys = {
        key_prefix(key): ApiKey(key_prefix(key), key_digest(key), portal, frozenset(scopes), None)
        for key, portal, scopes in (
            (KEY, PORTAL.id, {"portal"}),
            (OTHER_KEY, "other", {"portal"}),
            (FINANCE_KEY, None, {"finance"}),
        )
    }
    portals = {PORTAL.id: PORTAL, "other": replace(PORTAL, id="other")}
    registry = Registry(portals=portals, keys=keys, banks=hub.registry.banks)
    known = replace(hub, registry_holder=RegistryHolder(registry))
    return Api(create_app(known), known)


def order_body(reference: str = "HS-1", **changes: Any) -> dict[str, object]:  # noqa: ANN401 - any field
    """An order for one certificate."""
    line = {"dossier_code": f"H26-{reference}", "collecting_body": "G22.99", **QUESTION}
    return {"reference": reference, "lines": [line], "return_url": "https://dvc.example.vn/back", **changes}


def is_a(model: Any, got: Got, status: int = 200) -> Any:  # noqa: ANN401 - a model in, its value out
    """Check the status and that the body is exactly what the model documents."""
    assert got.status == status, got.text
    decoded = msgspec.json.decode(got.body, type=model)
    assert set(json.loads(got.body)) == {field.name for field in msgspec.structs.fields(type(decoded))}
    return decoded


def problem(got: Got, status: int, code: str) -> Mapping[str, object]:
    """Check that it is a problem of this code."""
    assert (got.status, got.headers["content-type"]) == (status, "application/problem+json"), got.text
    said: dict[str, object] = json.loads(got.body)
    assert said["code"] == code
    return said


async def paid(api: Api, reference: str = "HS-1", amount_vnd: int | None = None) -> str:
    """Create an order and let the bank report its payment; the public id."""
    made = is_a(models.OrderView, await api.post("/v1/orders", order_body(reference), idempotency_key=reference), 201)
    order_id = private_id("ord", made.id)
    assert order_id is not None
    attempt = await redirected(api.hub, order_id)
    seen = PaymentSeen(
        attempt_ref=attempt.ref,
        bank_txn_id=f"T-{reference}",
        amount_vnd=amount_vnd or attempt.amount_vnd,
        occurred_at=api.hub.clock() + timedelta(seconds=1),
        merchant="PAYGW",
    )
    notice = Notice(evidence=(seen,), authority=Authority.NOTICE)
    body = reference.encode()
    await credit(api.hub, api.hub.registry.banks["sandbox-a"], notice, Message(digest=sha256(body).digest(), body=body))
    return str(made.id)


async def test_quote_explains_and_its_token_becomes_an_order(api: Api) -> None:
    quoted = is_a(models.QuoteView, await api.post("/v1/quotes", QUESTION))
    line = {"dossier_code": "H26-1", "collecting_body": "G22.99", "quote_token": quoted.quote_token}

    order = await api.post("/v1/orders", order_body(lines=[line]), idempotency_key="k")

    assert quoted.total_vnd == is_a(models.OrderView, order, 201).amount_vnd == 205_000
    assert quoted.explanation["vi"]


async def test_batch_answers_in_order_and_one_wrong_question_spoils_nothing(api: Api) -> None:
    got = await api.post("/v1/quotes", {"items": [QUESTION, {**QUESTION, "procedure": "nope"}]})

    items = json.loads(got.body)["items"]
    assert items[0]["total_vnd"] == 205_000
    assert items[1]["error"]["code"] == "unknown_procedure"


async def test_order_can_be_read_found_and_cancelled_by_its_portal_only(api: Api) -> None:
    made = is_a(models.OrderView, await api.post("/v1/orders", order_body(), idempotency_key="k"), 201)
    stranger = replace(api, key=OTHER_KEY)

    assert is_a(models.OrderView, await api.get(f"/v1/orders/{made.id}")) == made
    assert is_a(models.OrderPage, await api.get("/v1/orders?dossier_code=H26-HS-1")).items == [made]
    missing = problem(await stranger.get(f"/v1/orders/{made.id}"), 404, "not_found")
    assert missing["detail"] == problem(await api.get("/v1/orders/ord_" + "0" * 32), 404, "not_found")["detail"]
    problem(await stranger.post(f"/v1/orders/{made.id}/cancel"), 404, "not_found")
    assert is_a(models.OrderView, await api.post(f"/v1/orders/{made.id}/cancel")).status == "cancelled"
    assert is_a(models.OrderView, await api.post(f"/v1/orders/{made.id}/cancel")).version == 2


@pytest.mark.alone
async def test_paid_order_is_told_applied_and_never_cancelled(api: Api) -> None:
    order_id = await paid(api)

    problem(await api.post(f"/v1/orders/{order_id}/cancel"), 409, "order_closed")
    applied = is_a(models.OrderView, await api.post(f"/v1/orders/{order_id}/applied"))
    events = is_a(models.OrderEventPage, await api.get(f"/v1/orders/{order_id}/events"))
    feed = is_a(models.EventPage, await api.get("/v1/events"))

    assert (applied.status, applied.paid_vnd) == ("paid", 205_000)
    assert applied.applied_at is not None
    assert [event.type for event in events.items] == [event.type for event in feed.items] == ["order.paid"]
    assert is_a(models.EventPage, await api.get(f"/v1/events?after={feed.next}")).items == []


async def test_unpaid_order_cannot_be_applied(api: Api) -> None:
    made = is_a(models.OrderView, await api.post("/v1/orders", order_body(), idempotency_key="k"), 201)

    problem(await api.post(f"/v1/orders/{made.id}/applied"), 409, "order_not_paid")


async def test_refund_is_requested_once_and_read(api: Api) -> None:
    order_id = await paid(api)
    body = {"source": "component", "line": 1, "component": "in_them", "amount_vnd": 5_000, "reason": "Thu thừa"}

    first = await api.post(f"/v1/orders/{order_id}/refunds", body, idempotency_key="r")
    again = await api.post(f"/v1/orders/{order_id}/refunds", body, idempotency_key="r")
    too_much = await api.post(f"/v1/orders/{order_id}/refunds", {**body, "amount_vnd": 5_001}, idempotency_key="r2")

    refund = is_a(models.RefundView, first, 201)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert is_a(models.RefundView, await api.get(f"/v1/refunds/{refund.id}")) == refund
    problem(too_much, 422, "refund_exceeds_source")


async def test_finance_sees_balanced_books_entries_and_unapplied_money(api: Api) -> None:
    await paid(api, "HS-1")
    await paid(api, "HS-2", amount_vnd=205_001)
    finance = replace(api, key=FINANCE_KEY)

    books = is_a(models.TrialBalanceView, await finance.get("/v1/ledger/trial-balance"))
    entries = is_a(models.EntryPage, await finance.get("/v1/ledger/entries?limit=100"))
    unapplied = is_a(models.UnappliedPage, await finance.get("/v1/unapplied"))

    assert sum(account.debit_vnd - account.credit_vnd for account in books.accounts) == 0
    assert sum(entry.amount_vnd for entry in entries.items) == 0
    assert [(item.amount_vnd, item.reason, item.reference) for item in unapplied.items] == [(1, "over", "HS-2")]
    ask = {"amount_vnd": 1, "reason": "Nộp thừa"}
    given_back = await finance.post(f"/v1/unapplied/{unapplied.items[0].id}/refunds", ask, idempotency_key="u")
    assert is_a(models.RefundView, given_back, 201).source == "excess"
    problem(await api.get("/v1/unapplied"), 403, "forbidden")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount_vnd": 1}, "/amount_vnd"),
        ({"reference": ""}, "/reference"),
        ({"lines": []}, "/lines"),
        ({"return_url": "https://evil.example/"}, "/return_url"),
        ({"expires_at": "2026-12-01T00:00:00"}, "/expires_at"),
        ({"lines": [{"dossier_code": "x", "collecting_body": "y"}]}, "/lines/0"),
    ],
)
async def test_wrong_order_is_refused_with_a_pointer(api: Api, change: dict[str, Any], pointer: str) -> None:
    got = await api.post("/v1/orders", order_body(**change), idempotency_key="k")

    assert got.status == 422, got.text
    assert json.loads(got.body)["errors"][0]["pointer"] == pointer


async def test_free_dossier_needs_no_order(api: Api) -> None:
    line = {"dossier_code": "H26-9", "collecting_body": "G22.99", **QUESTION, "facts": {**FACTS, "copies": 1}}
    line["facts"]["is_disabled"] = True  # type: ignore[index]  # a dict of this test

    said = problem(await api.post("/v1/orders", order_body(lines=[line]), idempotency_key="k"), 422, "nothing_to_pay")

    assert said["outcome"] == "exempt"
