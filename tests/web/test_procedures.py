"""Procedures over HTTP: the portal's list, the public one, the form as JSON Schema, and what caches are told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package we do not need otherwise
import pytest
from starlette.types import ASGIApp

from paygw.app import create_app
from paygw.hub.hub import Hub
from paygw.hub.procedures import folded
from paygw.web.auth import Limits
from paygw.web.limits import Limiter
from paygw.web.site import build_site
from tests.hub_fixtures import Clock
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db

ID_CARD = "2.001195"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody without a key."""

    app: ASGIApp
    hub: Hub

    @property
    def clock(self) -> Clock:
        """The hub's clock."""
        return cast("Clock", self.hub.clock)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Got:
        """Ask for an address."""
        return await call(self.app, "GET", path, headers=headers)

    async def json(self, path: str) -> Any:  # noqa: ANN401 - parsed JSON
        """The body of a good answer."""
        got = await self.get(path)
        assert got.status == 200, got.text
        return json.loads(got.body)


@pytest.fixture
def reader(hub: Hub) -> Reader:
    """Somebody without a key, before a hub of the starter catalogue."""
    return Reader(create_app(hub), hub)


def test_folding_takes_accents_case_and_spaces() -> None:
    assert folded("  Cấp ĐỔI,\tthẻ  ") == "cap doi, the"


@pytest.mark.parametrize("words", ["lý lịch tư pháp", "ly lich TU PHAP", "phap ly lich", "2.000488"])
async def test_procedure_is_found_with_and_without_accents(reader: Reader, words: str) -> None:
    body = await reader.json(f"/v1/public/procedures?q={quote(words)}")

    assert "2.000488" in {item["code"] for item in body["items"]}


async def test_every_procedure_comes_once_over_all_pages(reader: Reader) -> None:
    codes: list[str] = []
    after = ""
    while True:
        body = await reader.json(f"/v1/public/procedures?limit=7{after}")
        codes += [item["code"] for item in body["items"]]
        if body["next"] is None:
            break
        after = f"&after={body['next']}"

    assert codes == sorted(reader.hub.catalogue.procedures)


async def test_tariff_in_force_is_that_of_the_day(reader: Reader) -> None:
    before = await reader.json(f"/v1/public/procedures/{ID_CARD}?as_of=2024-10-20")
    after = await reader.json(f"/v1/public/procedures/{ID_CARD}?as_of=2024-10-21")

    assert [one["id"] for one in before["in_force"]] == ["cccd-2019"]
    assert [one["id"] for one in after["in_force"]] == ["cancuoc-2024"]
    assert [one["id"] for one in after["schedules"]] == ["cancuoc-2024", "cccd-2019", "cccd-2017"]
    assert after["in_force"][0]["confidence"] == "verified"
    assert before["in_force"][0]["confidence"] == "memory"


async def test_tariff_switches_at_midnight_in_vietnam(reader: Reader) -> None:
    reader.clock.now = datetime(2024, 10, 20, 16, 59, 59, tzinfo=UTC)
    before = await reader.get(f"/v1/public/procedures/{ID_CARD}")
    reader.clock.forward(seconds=1)
    after = await reader.get(f"/v1/public/procedures/{ID_CARD}")

    assert json.loads(before.body)["in_force"][0]["id"] == "cccd-2019"
    assert json.loads(after.body)["in_force"][0]["id"] == "cancuoc-2024"
    assert before.headers["cache-control"] == "public, max-age=1"


async def test_form_is_a_schema_that_judges_facts(reader: Reader) -> None:
    body = await reader.json(f"/v1/public/procedures/{ID_CARD}")

    schema = jsonschema.Draft202012Validator(body["facts"])
    assert schema.is_valid({"request": "convert", "channel": "online"})
    assert not schema.is_valid({"channel": "online"})
    assert body["facts"]["properties"]["channel"]["x-labels"]["en"] == "Channel"


async def test_what_has_not_changed_is_not_sent_again(reader: Reader) -> None:
    first = await reader.get("/v1/public/procedures")

    again = await reader.get("/v1/public/procedures", {"if-none-match": f'"x", W/{first.headers["etag"]}'})

    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/public/procedures/1.999999", 404),
        (f"/v1/public/procedures/{ID_CARD}?as_of=2024-02-30", 400),
        ("/v1/public/procedures?limit=0", 400),
        ("/v1/public/procedures?p=1", 400),
        ("/v1/procedures", 401),
        (f"/v1/procedures/{ID_CARD}", 401),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(reader: Reader, path: str, status: int) -> None:
    got = await reader.get(path)

    assert got.status == status
    assert got.headers["content-type"] == "application/problem+json"


async def test_stranger_who_asks_too_often_waits(hub: Hub) -> None:
    site = build_site()
    site.state.hub = hub
    site.state.limits = Limits(*(Limiter(lambda: 0.0) for _ in range(3)))
    reader = Reader(site, hub)

    seen = [(await reader.get("/v1/public/procedures?limit=1")).status for _ in range(hub.settings.rate_burst + 1)]

    assert seen == [*[200] * hub.settings.rate_burst, 429]
