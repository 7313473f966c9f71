"""Nobody enters by accident: every route names its permission, and only a whole, right, living key opens a door."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from paygw.app import create_app
from paygw.hub.hub import Hub, RegistryHolder
from paygw.hub.registry import ApiKey, Registry, key_digest, key_prefix
from paygw.web.auth import client_address, closed
from paygw.web.context import Permission, portal_of, principal_of
from paygw.web.edge import Edge
from paygw.web.reply import reply
from paygw.web.routes import Routes
from paygw.web.site import ROUTES, build_site
from tests.db_fixtures import Database
from tests.hub_fixtures import PORTAL, Clock, Counts
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db

KEY = "sk_test_portal-key-1"
FINANCE = "sk_test_finance-key-1"
# Public by intent; a new public route is a decision, so it is named here as well.
PUBLIC = {
    "/", "/docs", "/openapi.yaml", "/healthz", "/readyz", "/problems", "/problems/{code}", "/v1/public/procedures",
    "/v1/public/procedures/{code}", "/phi-le-phi", "/phi-le-phi/{code}",
}  # fmt: skip


@pytest.fixture
def database(shared_database: Database) -> Database:
    """Nothing here depends on what others left in the database."""
    return shared_database


def _key(key: str, *, portal: str | None = None, scope: str = "portal") -> ApiKey:
    return ApiKey(key_prefix(key), key_digest(key), portal, frozenset({scope}), None)


def _keyed(hub: Hub, *keys: ApiKey, **settings: object) -> Hub:
    registry = Registry(
        portals={PORTAL.id: replace(PORTAL, rate_post=2, rate_get=1000, rate_burst=3)},
        keys={one.prefix: one for one in keys},
    )
    chosen = hub.settings.model_copy(update=settings)
    return replace(hub, registry_holder=RegistryHolder(registry), settings=chosen)


def _app(hub: Hub, *keys: ApiKey, **settings: object) -> Edge:
    api = Routes(tag="Trial", prefix="/trial")

    @api.get("/portal", permission=Permission.PORTAL)
    @api.post("/portal", permission=Permission.PORTAL)
    async def portal(request: Request) -> Response:
        return reply({"id": portal_of(request).id, "principal": principal_of(request).id})

    @api.get("/finance", permission=Permission.FINANCE)
    async def finance(request: Request) -> Response:
        return reply({"principal": principal_of(request).id})

    @api.get("/staff", permission=Permission.STAFF)
    async def staff(request: Request) -> Response:
        return reply({})

    @api.get("/address", permission=Permission.PUBLIC)
    async def address(request: Request) -> Response:
        return reply({"address": client_address(request)})

    known = keys or (_key(KEY, portal=PORTAL.id), _key(FINANCE, scope="finance"))
    return create_app(_keyed(hub, *known, **settings), site=build_site((*ROUTES, *api.all)))


async def _with(app: Edge, key: str, path: str = "/trial/portal", method: str = "GET") -> Got:
    return await call(app, method, path, headers={"authorization": f"Bearer {key}"})


def test_every_route_names_its_permission_and_has_a_guard_of_it() -> None:
    open_doors = [route.path for route in ROUTES if route.guard is closed]
    public = {route.path for route in ROUTES if route.permission is Permission.PUBLIC}

    assert open_doors == []
    assert {path for path in public if not path.startswith("/static")} <= PUBLIC


def test_routes_of_the_api_ask_for_a_key() -> None:
    asked = {
        route.permission
        for route in ROUTES
        if route.path.startswith("/v1/") and not route.path.startswith("/v1/public/")
    }

    assert asked == {Permission.PORTAL, Permission.FINANCE, Permission.OPERATOR}


async def test_a_portal_enters_with_its_key_and_as_itself(hub: Hub) -> None:
    got = await _with(_app(hub), KEY)

    assert (got.status, json.loads(got.body)) == (200, {"id": PORTAL.id, "principal": f"portal:{PORTAL.id}"})


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        KEY,
        f"Basic {KEY}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY.upper()}",
        "Bearer sk_live_portal-key-1",
        "Bearer sk_test_",
        "Bearer ñ",
        "Bearer " + "k" * 5000,
    ],
)
async def test_no_whole_key_no_entry(hub: Hub, header: str) -> None:
    got = await call(_app(hub), "GET", "/trial/portal", headers={"authorization": header})

    assert (got.status, json.loads(got.body)["code"]) == (401, "unauthenticated")
    assert got.headers["www-authenticate"] == "Bearer"


async def test_a_key_of_another_scope_is_known_and_refused(hub: Hub) -> None:
    app = _app(hub)

    assert (await _with(app, KEY, "/trial/finance")).status == 403
    assert (await _with(app, FINANCE, "/trial/portal")).status == 403
    assert (await _with(app, FINANCE, "/trial/finance")).status == 200


async def test_a_key_ends_at_its_time(hub: Hub) -> None:
    clock = Clock()
    ending = replace(_key(KEY, portal=PORTAL.id), expires_at=clock() + timedelta(seconds=1))
    app = _app(replace(hub, clock=clock), ending)

    before = await _with(app, KEY)
    clock.forward(seconds=1)

    assert (before.status, (await _with(app, KEY)).status) == (200, 401)


async def test_a_permission_nobody_stands_for_lets_nobody_in(hub: Hub) -> None:
    assert (await _with(_app(hub), KEY, "/trial/staff")).status == 403


async def test_a_portal_beyond_its_rate_is_told_how_long_to_wait(hub: Hub) -> None:
    app = _app(hub)

    got = [await _with(app, KEY, method="POST") for _ in range(4)]

    assert [one.status for one in got] == [200, 200, 200, 429]
    assert got[-1].headers["retry-after"] == "1"
    assert (await _with(app, KEY)).status == 200


async def test_a_stranger_who_keeps_trying_waits_and_holds_up_nobody(hub: Hub) -> None:
    app = _app(hub, refused_keys_per_min=1)

    statuses = {(await _with(app, "sk_test_guess")).status for _ in range(25)}

    assert statuses == {401, 429}
    assert (await _with(app, KEY)).status == 200


async def test_a_refused_key_is_audited_without_the_key(hub: Hub) -> None:
    headers = {"authorization": "Bearer sk_test_guess-secret-guess"}

    await call(_app(hub), "GET", "/trial/portal", headers=headers, client="198.51.100.77")

    async with hub.pool.acquire() as connection:
        rows = await connection.fetch("SELECT action, subject, detail FROM audit WHERE principal = '198.51.100.77'")
    assert [(row["action"], row["subject"]) for row in rows] == [("auth.refused", "/trial/portal")]
    assert "guess-secret" not in str(rows)


async def test_refusals_are_counted_by_kind(hub: Hub) -> None:
    counts = Counts()
    app = _app(replace(hub, observe=counts))

    await _with(app, "sk_test_guess")
    await _with(app, "sk_live_guess")
    await _with(app, "")

    kinds = [labels["kind"] for name, labels in counts.seen if name == "paygw_auth_failures_total"]
    assert kinds == ["unknown", "other_mode", "missing"]


@pytest.mark.parametrize(
    ("hops", "forwarded", "seen"),
    [
        (0, "198.51.100.1", "192.0.2.7"),
        (1, "", "192.0.2.7"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        (2, "10.9.9.9, 198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (2, "198.51.100.1", "192.0.2.7"),
        (1, "rubbish", "192.0.2.7"),
    ],
)
async def test_only_our_own_proxies_are_believed(hub: Hub, hops: int, forwarded: str, seen: str) -> None:
    app = _app(hub, trusted_proxies=hops)

    got = await call(app, "GET", "/trial/address", headers={"x-forwarded-for": forwarded} if forwarded else {})

    assert json.loads(got.body)["address"] == seen


async def test_metrics_without_a_token_are_for_this_machine(hub: Hub) -> None:
    app = _app(hub)

    assert (await call(app, "GET", "/metrics", client="127.0.0.1")).status == 200
    assert (await call(app, "GET", "/metrics", client="192.0.2.7")).status == 403


async def test_metrics_with_a_token_are_for_its_bearer(hub: Hub) -> None:
    app = _app(hub, metrics_token=SecretStr("metrics-token"))
    ask: Callable[[str], dict[str, str]] = lambda token: {"authorization": f"Bearer {token}"}  # noqa: E731 - two words

    assert (await call(app, "GET", "/metrics", headers=ask("metrics-token"))).status == 200
    assert (await call(app, "GET", "/metrics", headers=ask("metrics"), client="127.0.0.1")).status == 401
