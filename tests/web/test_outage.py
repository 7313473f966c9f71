"""The database is away: a program gets a problem document, a person a page that tells, waits and loads again."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from paygw.hub.hub import Hub
from paygw.hub.writing import token_key
from paygw.kernel.refs import pay_token
from paygw.web.edge import Edge
from tests.hub_fixtures import Counts
from tests.web.asgi import Got, call
from tests.web.checkout_kit import says, site

pytestmark = pytest.mark.db

ORDER = "01890000-0000-7000-8000-000000000001"


class _Away:
    """A pool of connections to a server that is down."""

    def acquire(self) -> object:
        """Nobody answers."""
        raise ConnectionRefusedError


@pytest.fixture
def browse(hub: Hub) -> Callable[..., Awaitable[Got]]:
    """A browser at the pages of one order while the database is away."""
    app: ASGIApp = Edge(site(replace(hub, pool=_Away())), Counts(), requests_max=5)
    path = f"/pay/{pay_token(token_key(hub), ORDER)}"

    async def visit(method: str = "GET", below: str = "", body: bytes = b"") -> Got:
        return await call(app, method, path + below, body=body)

    return visit


@pytest.mark.parametrize("below", ["", "/go", "/return?n=2", "?lang=en"])
async def test_payer_meets_a_page_in_two_languages_that_loads_again_by_itself(
    browse: Callable[..., Awaitable[Got]], below: str
) -> None:
    got = await browse(below=below)

    assert (got.status, got.headers["retry-after"]) == (503, "5")
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert got.headers["refresh"].endswith(below)
    says(got, "Hệ thống tạm thời", "đừng trả lần thứ hai", "do not pay a second time")
    assert "<script" not in got.text


async def test_form_that_failed_leads_back_to_the_order_and_not_to_an_address_nobody_can_get(
    browse: Callable[..., Awaitable[Got]],
) -> None:
    got = await browse("POST", "/attempts?lang=en", b"way=sandbox-a%3Awallet")

    address = got.headers["refresh"].partition("url=")[2]
    assert got.status == 503
    assert address.endswith("?lang=en")
    assert "/attempts" not in got.text + address


async def test_programs_still_get_a_problem_document(hub: Hub) -> None:
    app = Edge(site(replace(hub, pool=_Away())), Counts(), requests_max=5)

    got = await call(app, "GET", "/v1/procedures/none", headers={"accept": "text/html"})

    assert got.headers["content-type"] == "application/problem+json"


async def test_payer_in_a_crowd_is_told_to_come_again_and_not_in_json(hub: Hub) -> None:
    app = Edge(site(hub), Counts(), requests_max=0)

    got = await call(app, "GET", "/pay/anything")

    assert got.status == 503
    says(got, "Hệ thống tạm thời")
