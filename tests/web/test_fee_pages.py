"""The public fee page over HTTP: what it says, what it keeps to itself, what caches are told."""

from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp

from paygw.app import create_app
from paygw.hub.hub import Hub
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db


@pytest.fixture
def app(hub: Hub) -> ASGIApp:
    """The hub's site on the starter catalogue, on 23 November 2026."""
    return create_app(hub)


async def _sent(app: ASGIApp, code: str, lang: str = "vi", **fields: str) -> Got:
    tail = "?lang=en" if lang == "en" else ""
    body = urlencode({"as_of": "2026-11-23", "province": "", **fields}).encode()
    return await call(app, "POST", f"/phi-le-phi/{code}{tail}", body=body)


async def test_list_is_searched_without_accents(app: ASGIApp) -> None:
    got = await call(app, "GET", "/phi-le-phi?q=tam+tru")

    assert got.status == 200
    assert "Đăng ký tạm trú" in got.text
    assert "thẻ căn cước" not in got.text


async def test_page_may_be_kept_and_is_not_sent_twice(app: ASGIApp) -> None:
    first = await call(app, "GET", "/phi-le-phi/1.004194")

    again = await call(app, "GET", "/phi-le-phi/1.004194", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "public, max-age=60"
    assert again.status == 304


async def test_history_and_confidence_are_shown(app: ASGIApp) -> None:
    got = await call(app, "GET", "/phi-le-phi/2.001195?lang=en")

    assert "2019-10-16" in got.text
    assert "Checked against the legal text" in got.text
    assert "Not yet checked against the legal text" in got.text
    assert "Thông tư 73/2024/TT-BTC" in got.text


async def test_result_is_kept_by_nobody(app: ASGIApp) -> None:
    got = await _sent(app, "1.004194", **{"f.channel": "online", "f.mode": "list", "f.persons": "25"})

    assert got.status == 200
    assert "125.000 đồng" in got.text
    assert "Một trăm hai mươi lăm nghìn đồng" in got.text
    assert got.headers["cache-control"] == "no-store"


async def test_grouped_figures_are_understood(app: ASGIApp) -> None:
    got = await _sent(app, "9.900052", **{"f.received_now": "1.000.000.000", "f.received_before": "0"})

    assert got.status == 200
    assert "30.000.000 đồng" in got.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Please fill this in."),
        ({"f.channel": "fax"}, "Please choose one of the list."),
        ({"f.channel": "online", "f.persons": "many"}, "This value is not well formed."),
        ({"f.channel": "online", "f.persons": "0"}, "This value is out of range."),
        ({"f.channel": "online", "as_of": "1999-01-01"}, "No tariff is in force on this day."),
        ({"f.channel": "online", "as_of": "soon"}, "The day or the province code is not well formed."),
    ],
)
async def test_refusal_is_said_in_words(app: ASGIApp, fields: dict[str, str], says: str) -> None:
    got = await _sent(app, "1.004194", "en", **fields)

    assert got.status == 422
    assert says in got.text


async def test_free_and_exempt_are_different_answers(app: ASGIApp) -> None:
    exempt = await _sent(app, "2.001195", "en", **{"f.request": "convert", "f.is_poor_household": "1"})
    online = await _sent(app, "1.009994", "en", province="66", **{"f.channel": "online", "f.request": "new"})

    assert "Fully exempt." in exempt.text
    assert "Fully exempt." not in online.text


async def test_typed_text_cannot_become_markup(app: ASGIApp) -> None:
    searched = await call(app, "GET", "/phi-le-phi?q=%22%3E%3Cscript%3E")
    sent = await _sent(app, "1.004194", **{"f.channel": "online", "f.persons": '"><script>'})

    assert "<script" not in searched.text + sent.text


async def test_unknown_procedure_is_a_page(app: ASGIApp) -> None:
    got = await call(app, "GET", "/phi-le-phi/1.999999")

    assert got.status == 404
    assert "Không có thủ tục mang mã này." in got.text
