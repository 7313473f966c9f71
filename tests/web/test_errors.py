"""Every failure is one problem of one shape, with a code that is in the table, and tells nothing it should not."""

import ast
import json
import logging
from collections.abc import Iterator
from typing import get_args

import pytest
from starlette.requests import Request
from starlette.responses import Response

from paygw.kernel.errors import Alarm, Refused, Unavailable
from paygw.kernel.fees.errors import FeeErrorCode
from paygw.web.auth import closed
from paygw.web.context import Permission
from paygw.web.edge import Edge
from paygw.web.errors import CODES, Problem
from paygw.web.reply import reply
from paygw.web.routes import Routes
from paygw.web.site import ROUTES, build_site
from tests.house.sources import Source, sources
from tests.hub_fixtures import Counts
from tests.web.asgi import Got, call

_SECRET = "0912345678"


def _site(*, requests_max: int = 10) -> tuple[Edge, Counts]:
    api = Routes(tag="Trial", prefix="/trial")
    raised: dict[str, Exception] = {
        "problem": Problem("bad_cursor", "Use the cursor as it is.", errors=(("/a", "wrong_type"),)),
        "refused": Refused("order_exists", "The reference is taken.", order_id="ord_1", status="mine"),
        "unlisted": Refused("never_heard_of", _SECRET),
        "unavailable": Unavailable(_SECRET),
        "alarm": Alarm(_SECRET),
        "defect": ZeroDivisionError(_SECRET),
    }

    @api.get("/{what}", permission=Permission.PUBLIC)
    async def fail(request: Request) -> Response:
        raise raised[request.path_params["what"]]

    @api.post("/fine", permission=Permission.PUBLIC)
    async def fine(request: Request) -> Response:
        return reply({"fine": True})

    counts = Counts()
    return Edge(build_site(tuple(api.all)), counts, requests_max=requests_max), counts


async def _get(path: str, **headers: str) -> Got:
    return await call(_site()[0], "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})


def codes_said(source: Source) -> Iterator[tuple[str, int]]:
    """Constants that stand first in a Refused or Problem, alternatives of a conditional too."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id="Refused" | "Problem" | "FeeError"), args=[first, *_]):
                constants = (one.value for one in ast.walk(first) if isinstance(one, ast.Constant))
                yield from ((value, node.lineno) for value in constants if isinstance(value, str))


def test_every_code_the_packages_can_say_is_in_the_table() -> None:
    said = [
        (code, f"{source.path}:{line}")
        for source in sources()
        if source.path.startswith("paygw/")
        for code, line in codes_said(source)
    ]

    assert len(said) > 50
    assert [(code, place) for code, place in said if code not in CODES] == []


def test_every_code_of_the_fee_engine_is_in_the_table() -> None:
    assert set(get_args(FeeErrorCode)) <= set(CODES)


def test_routes_document_only_codes_of_the_table() -> None:
    assert [(route.path, code) for route in ROUTES for code in route.problems if code not in CODES] == []


def test_every_kind_is_an_error_with_a_title() -> None:
    assert all(400 <= kind.status < 600 and kind.title for kind in CODES.values())


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/trial/problem", 400, "bad_cursor"),
        ("/trial/refused", 409, "order_exists"),
        ("/trial/unlisted", 500, "internal"),
        ("/trial/unavailable", 503, "unavailable"),
        ("/trial/alarm", 500, "internal"),
        ("/trial/defect", 500, "internal"),
        ("/nowhere", 404, "not_found"),
        ("/trial/fine", 500, "internal"),
    ],
)
async def test_a_failure_is_a_problem_of_one_shape(path: str, status: int, code: str) -> None:
    got = await _get(path)

    body = json.loads(got.body)
    assert (got.status, body["status"], body["code"]) == (status, status, code)
    assert got.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"/problems/{code}"
    assert body["instance"] == got.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]


@pytest.mark.parametrize("what", ["unlisted", "unavailable", "alarm", "defect"])
async def test_what_went_wrong_inside_stays_inside(what: str) -> None:
    assert _SECRET not in (await _get(f"/trial/{what}")).text


async def test_facts_of_a_refusal_stand_beside_its_code_and_replace_nothing() -> None:
    body = json.loads((await _get("/trial/refused")).body)

    assert body["order_id"] == "ord_1"
    assert body["status"] == 409


async def test_a_problem_points_into_the_body() -> None:
    body = json.loads((await _get("/trial/problem")).body)

    assert body["errors"] == [{"pointer": "/a", "code": "wrong_type"}]


async def test_a_passing_failure_says_when_to_come_back() -> None:
    assert (await _get("/trial/unavailable")).headers["retry-after"] == "2"


@pytest.mark.parametrize("what", ["unlisted", "alarm", "defect"])
async def test_a_defect_is_logged_once_with_its_request(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, logger="paygw.http"):
        got = await _get(f"/trial/{what}")

    assert [record.__dict__["request_id"] for record in caplog.records] == [got.headers["x-request-id"]]


async def test_a_method_the_address_does_not_take_names_those_it_does() -> None:
    got = await call(_site()[0], "DELETE", "/trial/fine")

    assert (got.status, json.loads(got.body)["code"]) == (405, "method_not_allowed")
    assert "POST" in got.headers["allow"]


async def test_a_well_formed_request_id_comes_back() -> None:
    assert (await _get("/nowhere", x_request_id="abc.DEF_1-2")).headers["x-request-id"] == "abc.DEF_1-2"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ñ", "<script>"])
async def test_a_malformed_request_id_is_replaced(given: str) -> None:
    got = await _get("/nowhere", x_request_id=given)

    assert got.headers["x-request-id"] != given
    assert len(got.headers["x-request-id"]) == 32


async def test_answers_are_not_cached_and_not_sniffed() -> None:
    headers = (await _get("/nowhere")).headers

    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_a_request_beyond_the_limit_is_told_to_come_back() -> None:
    got = await call(_site(requests_max=0)[0], "POST", "/trial/fine")

    assert (got.status, json.loads(got.body)["code"]) == (503, "unavailable")


async def test_a_request_is_counted_by_its_route_never_by_its_path() -> None:
    edge, counts = _site()

    await call(edge, "GET", "/trial/defect")
    await call(edge, "BREW", "/nowhere/4111111111111111")

    told = [labels for name, labels in counts.seen if name == "paygw_http_requests_total"]
    assert [(one["route"], one["method"], one["status"]) for one in told] == [
        ("/trial/{what}", "GET", "500"),
        ("unmatched", "other", "404"),
    ]


async def test_every_code_has_its_page() -> None:
    site = Edge(build_site(), Counts(), requests_max=10)

    listed = json.loads((await call(site, "GET", "/problems")).body)["items"]
    shown = json.loads((await call(site, "GET", "/problems/rate_limited")).body)

    assert {one["code"] for one in listed} == set(CODES)
    assert shown["status"] == 429


def test_every_route_has_a_guard_that_lets_somebody_in() -> None:
    assert [route.path for route in ROUTES if route.guard is closed] == []


async def test_a_permission_without_a_guard_lets_nobody_in() -> None:
    staff = Routes(tag="Trial")

    @staff.get("/open", permission=Permission.STAFF)
    async def open_door(request: Request) -> Response:
        return reply({})

    got = await call(Edge(build_site(tuple(staff.all)), Counts(), requests_max=10), "GET", "/open")

    assert got.status == 403
