"""Banks over the API: how they are, and new secrets, for a key with scope operator only."""

import json
from dataclasses import replace

import msgspec
import pytest

from paygw.app import create_app
from paygw.hub.hub import Hub
from paygw.hub.proposals import provision
from paygw.hub.provisioning import BankChange, KeyChange, apply
from paygw.hub.registry_watch import load_registry
from paygw.kernel.pulse import Tally
from paygw.store.banks import tell_health
from paygw.web.portal_api.banks import BankPage, SecretsView
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db

OPERATOR, FINANCE = "sk_test_operator-key-1", "sk_test_finance-key-1"
LIVE = "sk_live_operator-key-1-0123456789abcdef0123"
MOMO = BankChange(
    id="momo-main", connector="momo", title="", base_url="https://test-payment.momo.example", merchant="M1",
    values={"accessKey": "access-key-1", "secretKey": "secret-key-1"}, options={}, home="provider", account="",
    holder=None,
)  # fmt: skip


@pytest.fixture
async def hub(hub: Hub) -> Hub:
    """A hub with MoMo, a key of the operator and one of finance."""
    await provision(hub, MOMO)
    await provision(hub, KeyChange(key=OPERATOR, scope="operator"))
    await provision(hub, KeyChange(key=FINANCE, scope="finance"))
    return hub


async def send(hub: Hub, method: str, target: str, body: object = None, *, key: str = OPERATOR) -> Got:
    """One request."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    content = b"" if body is None else json.dumps(body).encode()
    return await call(create_app(hub), method, target, body=content, headers=headers)


async def test_secrets_rotate_and_none_is_shown(hub: Hub) -> None:
    rotated = await send(hub, "POST", "/v1/banks/momo-main/secrets", {"values": {"secretKey": "secret-key-2"}})
    secrets = hub.registry.banks["momo-main"].secrets
    listed = await send(hub, "GET", "/v1/banks")
    ended = await send(hub, "POST", "/v1/banks/momo-main/secrets", {"end_previous": True})

    assert msgspec.json.decode(rotated.body, type=SecretsView).state == "rotated"
    assert (secrets.values["secretKey"], secrets.values["accessKey"]) == ("secret-key-2", "access-key-1")
    assert secrets.previous["secretKey"] == "secret-key-1"
    assert msgspec.json.decode(listed.body, type=BankPage).items[0].rotating == ["accessKey", "secretKey"]
    assert msgspec.json.decode(ended.body, type=SecretsView).state == "revoked"
    assert not hub.registry.banks["momo-main"].secrets.previous
    assert "secret-key" not in rotated.text + listed.text + ended.text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"values": {"secretKey": "x"}}, "secretKey"),
        ({"values": {"partnerName": "x"}}, "partnerName"),
        ({}, "accessKey, secretKey"),
        ({"values": {"secretKey": "secret-key-2"}, "end_previous": True}, "end_previous"),
    ],
)
async def test_what_is_not_a_secret_of_the_connector_is_named(hub: Hub, body: object, named: str) -> None:
    refused = await send(hub, "POST", "/v1/banks/momo-main/secrets", body)

    assert refused.status == 422
    assert named in refused.text


async def test_a_bank_that_is_not_there_is_not_found(hub: Hub) -> None:
    assert (await send(hub, "POST", "/v1/banks/nobody/secrets", {"end_previous": True})).status == 404


@pytest.mark.parametrize("target", ["/v1/banks", "/v1/banks/momo-main/secrets"])
async def test_no_other_key_may(hub: Hub, target: str) -> None:
    method = "GET" if target == "/v1/banks" else "POST"

    assert (await send(hub, method, target, None if method == "GET" else {}, key=FINANCE)).status == 403


async def test_in_live_mode_an_administrator_must_propose(hub: Hub) -> None:
    live = replace(hub, settings=hub.settings.model_copy(update={"mode": "live"}))
    await hub.transact(lambda connection: apply(live, connection, KeyChange(key=LIVE, scope="operator"), by="test"))
    await load_registry(hub)
    body = {"values": {"secretKey": "secret-key-2"}}

    refused = await send(live, "POST", "/v1/banks/momo-main/secrets", body, key=LIVE)
    test_key = await send(live, "POST", "/v1/banks/momo-main/secrets", body)

    assert (refused.status, test_key.status) == (403, 401)
    assert hub.registry.banks["momo-main"].secrets.values["secretKey"] == "secret-key-1"


async def test_the_health_of_a_bank_is_told(hub: Hub) -> None:
    await hub.transact(
        lambda connection: tell_health(connection, "p", [Tally(bank="momo-main", operation="query", good=3, bad=1)])
    )

    told = msgspec.json.decode((await send(hub, "GET", "/v1/banks")).body, type=BankPage)

    assert told.items[0].health["query"] == {"answered": 3, "failed": 1, "success_pct": 75, "circuit": "closed"}


async def test_a_bank_at_a_host_of_the_other_mode_is_left_out_and_named(hub: Hub) -> None:
    """A hub whose mode was turned, or whose rows were copied: test money must never be told as live money."""
    strange = msgspec.structs.replace(MOMO, id="momo-live", base_url="https://payment.momo.vn")
    await hub.transact(lambda connection: apply(hub, connection, strange, by="test"))
    await load_registry(hub)

    rotated = await send(hub, "POST", "/v1/banks/momo-live/secrets", {"values": {"secretKey": "secret-key-2"}})
    told = await call(create_app(hub), "POST", "/webhooks/momo-live", body=b"{}", headers={})

    assert rotated.status == 422
    assert "payment.momo.vn is a live host of its provider, this hub is in test mode" in rotated.text
    assert "momo-live" not in hub.registry.banks
    assert told.status == 404
