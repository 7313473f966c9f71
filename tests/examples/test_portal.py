"""The sample portal against a hub of the test: what it believes, what it writes down, what it survives."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web

from examples.portal.app import Config, build
from examples.portal.record import Record
from paygw.kernel.signing import signed_headers

pytestmark = pytest.mark.net

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_OTHER = "whsec_bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="


@dataclass(slots=True)
class Hub:
    """Answers like the hub: one order per reference."""

    url: str = ""
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    problem: str = ""

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/orders."""
        if self.problem:
            return web.json_response({"code": self.problem}, status=409)
        asked = await request.json()
        assert request.headers["idempotency-key"] == asked["reference"]
        order = self.orders.setdefault(
            asked["reference"],
            view(asked["reference"], asked["lines"][0]["dossier_code"], number=len(self.orders)),
        )
        return web.json_response(order, status=201)

    async def quote(self, _: web.Request) -> web.Response:
        """POST /v1/quotes."""
        return web.json_response({"total_vnd": 205_000})

    async def mark(self, request: web.Request) -> web.Response:
        """POST /v1/orders/{id}/applied."""
        self.applied.append(request.match_info["id"])
        return web.json_response({})


def view(reference: str, dossier: str, *, number: int = 0, status: str = "open", version: int = 1) -> dict[str, Any]:
    """An order as the hub shows it."""
    return {
        "id": f"ord_{number:032x}",
        "reference": reference,
        "status": status,
        "amount_vnd": 205_000,
        "paid_vnd": 205_000 if status == "paid" else 0,
        "refunded_vnd": 0,
        "labels": [],
        "lines": [{"dossier_code": dossier}],
        "pay_url": f"https://hub.example.vn/pay/{number}",
        "version": version,
    }


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub on a free port."""
    made = Hub()
    app = web.Application()
    app.router.add_post("/v1/orders", made.create)
    app.router.add_post("/v1/quotes", made.quote)
    app.router.add_post("/v1/orders/{id}/applied", made.mark)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def _portal(hub: Hub, data: Path, *secrets: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The portal, running; yields a browser that does not follow redirects by itself."""
    config = Config(
        hub_url=hub.url,
        key="sk_test_x",
        webhook_secrets=secrets or (_SECRET,),
        data=data,
        origin="http://portal.example.vn",
    )
    server = uvicorn.Server(uvicorn.Config(build(config), port=0, log_config=None, lifespan="on"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag only
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{port}") as browser:
        yield browser
    server.should_exit = True
    await serving


async def _dossier(browser: aiohttp.ClientSession) -> str:
    async with browser.post("/dossiers?kind=0", allow_redirects=False) as answer:
        return answer.headers["location"].rsplit("/", 1)[1]


async def _pay(browser: aiohttp.ClientSession, code: str) -> tuple[int, str]:
    async with browser.post(f"/dossiers/{code}/pay", allow_redirects=False) as answer:
        return answer.status, answer.headers.get("location", "") or await answer.text()


async def _tell(
    browser: aiohttp.ClientSession, order: dict[str, Any], *, event: str = "evt_1", secret: str = _SECRET
) -> int:
    at = datetime.now(UTC)
    body = json.dumps({"type": f"order.{order['status']}", "timestamp": at.isoformat(), "data": order}).encode()
    headers = signed_headers((secret,), message_id=event, timestamp_s=int(at.timestamp()), body=body)
    async with browser.post("/callbacks", data=body, headers=headers) as answer:
        return answer.status


async def _record(browser: aiohttp.ClientSession) -> dict[str, Any]:
    async with browser.get("/record") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def _page(browser: aiohttp.ClientSession, path: str) -> str:
    async with browser.get(path) as answer:
        return await answer.text()


async def test_fee_is_paid_only_after_a_verified_callback_and_the_hub_hears_that_it_was_applied(
    hub: Hub, tmp_path: Path
) -> None:
    async with _portal(hub, tmp_path) as browser:
        code = await _dossier(browser)
        before = await _page(browser, f"/dossiers/{code}")
        status, pay_url = await _pay(browser, code)
        back = await _page(browser, f"/dossiers/{code}/back?status=paid&amount=205000")
        told = await _tell(browser, view(f"{code}-1", code, status="paid", version=2))
        async with asyncio.timeout(20):
            while not hub.applied:  # noqa: ASYNC110 - the hub of this test is told over a socket
                await asyncio.sleep(0.01)
        after = await _page(browser, f"/dossiers/{code}")

    assert (status, pay_url, told) == (303, "https://hub.example.vn/pay/0", 204)
    assert "205.000" in before
    assert "Đang chờ xác nhận" in back
    assert "Đã nộp phí" not in back
    assert "Đã nộp phí" in after
    assert hub.applied == [f"ord_{0:032x}"]


@pytest.mark.parametrize("secret", [_OTHER])
async def test_callback_with_another_secret_changes_nothing(hub: Hub, tmp_path: Path, secret: str) -> None:
    async with _portal(hub, tmp_path) as browser:
        code = await _dossier(browser)
        await _pay(browser, code)
        told = await _tell(browser, view(f"{code}-1", code, status="paid", version=2), secret=secret)
        record = await _record(browser)

    assert told == 401
    assert record["callbacks"] == {"accepted": 0, "duplicates": 0, "refused": 1}
    assert record["orders"][0]["paid"] is False


@pytest.mark.parametrize("signature", ["", "v1", "v1,%%%", "v9,AAAA", "é", "v1,AAAA v1,BBBB"])
async def test_garbled_signature_is_refused(hub: Hub, tmp_path: Path, signature: str) -> None:
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(datetime.now(UTC).timestamp()))}
    async with _portal(hub, tmp_path) as browser:
        given = headers | {"webhook-signature": signature}
        async with browser.post("/callbacks", data=b"\xff\xfe", headers=given) as answer:
            assert answer.status == 401


async def test_during_a_rotation_both_secrets_are_believed(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path, _OTHER, _SECRET) as browser:
        paid = view("HS-1", "H26-1", status="paid", version=2)

        assert [await _tell(browser, paid, event=name, secret=name) for name in (_OTHER, _SECRET)] == [204, 204]


async def test_repeated_callback_is_answered_and_written_once(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path) as browser:
        paid = view("HS-1", "H26-1", status="paid", version=2)
        answers = [await _tell(browser, paid) for _ in range(3)]
        record = await _record(browser)

    assert answers == [204, 204, 204]
    assert record["callbacks"] == {"accepted": 1, "duplicates": 2, "refused": 0}
    assert record["orders"][0]["webhook_ids"] == ["evt_1"]


async def test_older_word_that_comes_later_does_not_win(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path) as browser:
        await _tell(browser, view("HS-1", "H26-1", status="paid", version=3), event="evt_late")
        await _tell(browser, view("HS-1", "H26-1", status="partially_paid", version=2), event="evt_early")
        record = await _record(browser)

    assert (record["orders"][0]["status"], record["orders"][0]["version"]) == ("paid", 3)
    assert record["orders"][0]["webhook_ids"] == ["evt_late", "evt_early"]


async def test_paying_twice_leads_to_one_order(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path) as browser:
        code = await _dossier(browser)
        first, second = await _pay(browser, code), await _pay(browser, code)

    assert first == second
    assert list(hub.orders) == [f"{code}-1"]


async def test_closed_order_is_followed_by_another_with_a_reference_of_its_own(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path) as browser:
        code = await _dossier(browser)
        await _pay(browser, code)
        await _tell(browser, view(f"{code}-1", code, status="expired", version=2))
        await _pay(browser, code)

    assert list(hub.orders) == [f"{code}-1", f"{code}-2"]


async def test_refusal_of_the_hub_is_told_to_the_citizen(hub: Hub, tmp_path: Path) -> None:
    hub.problem = "obligation_already_paid"
    async with _portal(hub, tmp_path) as browser:
        status, page = await _pay(browser, await _dossier(browser))

    assert status == 200
    assert "đã được nộp" in page


async def test_portal_that_was_killed_knows_everything_it_had_answered(hub: Hub, tmp_path: Path) -> None:
    async with _portal(hub, tmp_path) as browser:
        await _tell(browser, view("HS-1", "H26-1", status="paid", version=2))
        before = await _record(browser)
    file = tmp_path / "record.jsonl"
    file.write_bytes(file.read_bytes() + b'{"fact":"callback","webh')
    async with _portal(hub, tmp_path) as browser:
        again = await _tell(browser, view("HS-1", "H26-1", status="paid", version=2))
        after = await _record(browser)

    assert again == 204
    assert after["callbacks"]["duplicates"] == 1
    assert after["orders"][0]["paid"] is before["orders"][0]["paid"] is True


def test_answer_to_a_request_never_makes_a_fee_paid(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    record.order(view("HS-1", "H26-1", status="paid", version=9))
    record.close()

    assert record.fees["HS-1"].paid is False
