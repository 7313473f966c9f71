"""VietQR from the code on the screen to "paid", and a bill paid at a counter: two servers, pictures, no scripts."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from connectors import discover
from paygw.hub.registry import Bank
from paygw.kernel.connector import Secrets
from paygw.kernel.decide import Landing
from paygw.kernel.vietqr import read
from paygw.outside.ports import free_port
from paygw.simulators.side import sides
from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.browser.pixels import qr_texts
from tests.browser.test_access import AXE, OVERFLOW, RUN
from tests.browser.test_paying import heading
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.db]
ACCOUNT = "0011001234567"
OBSERVERS = ("sepay", "casso", "vietqr_vn")


@pytest.fixture(scope="module")
def watched(live: LiveHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Banks of a sandbox of its own: the account's, its three observers', and one that collects bills."""
    banks = SandboxProcess(tmp_path_factory.mktemp("watched"), free_port(), free_port())
    banks.hub = live.hub.settings.origin
    banks.providers = [
        {"name": name.replace("_", "-"), "protocol": name} for name in (*OBSERVERS, "vietqr", "billcollect")
    ]
    banks.start()
    known = dict(live.hub.registry.banks)
    for name in (*OBSERVERS, "vietqr", "billcollect"):
        bank = _bank(name, f"{banks.root}/{name.replace('_', '-')}")
        known[bank.id] = bank
    before = live.hub.registry_holder.now
    live.hub.registry_holder.now = replace(before, banks=known)
    yield banks
    live.hub.registry_holder.now = before
    banks.stop()


def _bank(protocol: str, base_url: str) -> Bank:
    secrets: Secrets = replace(sides()[protocol].secrets, base_url=base_url)
    landing = Landing(home="account", account=ACCOUNT, holder="G22.99") if protocol == "vietqr" else Landing()
    title = {"vietqr": "Chuyển khoản VietQR", "billcollect": "Agribank (tại quầy)"}.get(protocol, protocol)
    return Bank(protocol.replace("_", "-"), title, discover()[protocol], secrets, landing, enabled=True)


def way(page: Page, value: str) -> None:
    """Take a way to pay."""
    page.locator(f'label[for="way-{value}"]').click()
    page.get_by_role("button", name="Tiếp tục").click()


def scanned(page: Page) -> str:
    """What a camera reads from the picture on the screen."""
    (text,) = qr_texts(page.locator(".code-image").screenshot())
    return text


def count(live: LiveHub, sql: str) -> int:
    """One figure of the hub's database."""

    async def ask() -> int:
        async with live.hub.pool.acquire() as connection:
            return int(await connection.fetchval(sql))

    return live.run(ask())


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait for something outside the browser."""
    for _ in range(600):
        if is_so():
            return
        page.wait_for_timeout(100)
    pytest.fail("it did not happen within 60 s")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_scanned_transfer_turns_the_page_to_paid_by_itself(
    live: LiveHub, windows: Windows, watched: SandboxProcess, pictures: Path, size: tuple[int, int]
) -> None:
    before = count(live, "SELECT count(*) FROM receipts")
    page, phone = windows.open(size, scripts=False), windows.open(PHONE, scripts=False)
    page.goto(live.order())
    way(page, "vietqr:transfer")
    heading(page, "Quét mã bằng ứng dụng ngân hàng")
    page.screenshot(path=pictures / f"vietqr-{size[0]}.png", full_page=True)
    text = scanned(page)
    asked = read(text)
    assert asked is not None
    expect(page.get_by_text(asked.purpose, exact=True)).to_be_visible()
    expect(page.get_by_text(asked.account, exact=True)).to_be_visible()

    phone.goto(f"{watched.root}/vietqr/app")
    phone.get_by_label("Nội dung mã QR").fill(text)
    phone.get_by_role("button", name="Quét").click()
    phone.screenshot(path=pictures / "phone-app.png", full_page=True)
    phone.get_by_role("button", name="Chuyển tiền").click()
    heading(phone, "Đã chuyển tiền")

    heading(page, "Đã thanh toán")
    page.screenshot(path=pictures / f"vietqr-paid-{size[0]}.png", full_page=True)
    told = """SELECT count(DISTINCT observer) FROM account_observations
        WHERE credit_key = (SELECT key FROM receipts WHERE account <> '' ORDER BY booked_at DESC LIMIT 1)"""
    until(page, lambda: count(live, told) == len(OBSERVERS))
    assert count(live, "SELECT count(*) FROM receipts") == before + 1


def test_a_bill_is_asked_about_paid_and_taken_back_at_a_counter(
    live: LiveHub, windows: Windows, watched: SandboxProcess, pictures: Path
) -> None:
    page, counter = windows.open(PHONE, scripts=False), windows.open(DESKTOP, scripts=False)
    url = live.order()
    page.goto(url)
    way(page, "billcollect:bill")
    heading(page, "Phiếu nộp tiền tại ngân hàng")
    code = page.locator(".spoken span").first.inner_text()
    page.screenshot(path=pictures / "slip-phone.png", full_page=True)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.screenshot(path=pictures / "slip-print.png", full_page=True)
    assert scanned(page) == code.replace(" ", "")

    counter.goto(f"{watched.root}/billcollect/counter")
    counter.get_by_label("Mã thanh toán").fill(code)
    counter.get_by_role("button", name="Tra cứu").click()
    expect(counter.get_by_text("N*** T*** B*** Ngọc")).to_be_visible()
    counter.screenshot(path=pictures / "counter.png", full_page=True)
    counter.get_by_role("button", name="Xác nhận thu tiền").click()
    expect(counter.get_by_text("00: Thành công")).to_be_visible()
    expect(counter.get_by_text(re.compile("rcp_[0-9a-f]{32}"))).to_be_visible()

    page.goto(url)
    heading(page, "Đã thanh toán")
    counter.get_by_role("button", name="Hủy giao dịch").click()
    expect(counter.get_by_text("Đã hủy")).to_be_visible()
    page.goto(url)
    expect(page.get_by_text(re.compile("thu hồi|hủy|đảo|lấy lại"))).to_be_visible()
    page.screenshot(path=pictures / "reversed.png", full_page=True)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("value", ["vietqr:transfer", "billcollect:bill"])
def test_code_and_slip_can_be_used_by_everybody_on_any_screen(
    live: LiveHub, windows: Windows, watched: SandboxProcess, value: str, *, dark: bool
) -> None:
    del watched
    page = windows.open((320, 640), dark=dark)
    page.goto(live.order())
    way(page, value)
    page.locator(".code-image").wait_for()

    assert page.evaluate(OVERFLOW) == 0
    page.evaluate(AXE)
    assert page.evaluate(RUN) == []


def test_the_page_of_a_code_needs_no_foreign_thing(live: LiveHub, windows: Windows, watched: SandboxProcess) -> None:
    del watched
    page = windows.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(live.order())
    way(page, "vietqr:transfer")
    heading(page, "Quét mã bằng ứng dụng ngân hàng")

    origin = live.hub.settings.origin
    assert not [url for url in asked if not url.startswith((origin, "data:"))], json.dumps(asked)
    assert not complaints
