"""The page of the API says what openapi.yaml says, and its requests are ones the hub takes."""

import re

import msgspec
import pytest
import yaml
from starlette.types import ASGIApp

from paygw.app import create_app
from paygw.hub.hub import Hub
from paygw.web.body import decode
from paygw.web.openapi import document
from paygw.web.portal_api.samples import SAMPLES
from paygw.web.site import ROUTES
from tests.web.asgi import call

_TYPED = re.compile(r":\w+}")
BY_NAME = {f"{route.method} {_TYPED.sub('}', route.path)}": route for route in ROUTES}


@pytest.fixture
def app(hub: Hub) -> ASGIApp:
    """The hub's site."""
    return create_app(hub)


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_is_a_body_of_its_operation(name: str) -> None:
    model = BY_NAME[name].body

    assert isinstance(decode(msgspec.json.encode(SAMPLES[name]), model, depth_max=20), model)


def test_every_body_has_a_sample() -> None:
    wanted = {name for name, route in BY_NAME.items() if route.body and route.documented}

    assert wanted == set(SAMPLES)


@pytest.mark.db
async def test_page_shows_every_operation_struct_and_problem(app: ASGIApp) -> None:
    described = document(ROUTES)

    page = (await call(app, "GET", "/docs")).text

    ids = set(re.findall(r'id="([^"]+)"', page))
    operations = {one["operationId"] for path in described["paths"].values() for one in path.values()}
    assert operations <= ids
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


@pytest.mark.db
async def test_description_served_is_the_one_that_is_committed(app: ASGIApp) -> None:
    got = await call(app, "GET", "/openapi.yaml")

    assert got.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(got.body) == document(ROUTES)


@pytest.mark.db
@pytest.mark.parametrize(("target", "told"), [("/", "Tra cứu"), ("/?lang=en", "Look up")])
async def test_first_page_leads_on(app: ASGIApp, target: str, told: str) -> None:
    got = await call(app, "GET", target)

    assert got.status == 200
    assert told in got.text
    assert "/docs" in got.text
