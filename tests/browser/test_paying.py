"""A citizen pays in a real browser: at a desk and on a phone, with scripts and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.db]


def heading(page: Page, text: str) -> None:
    """The page is this one."""
    expect(page.locator("h1")).to_have_text(text, timeout=20_000)


def choose(page: Page, way: str) -> None:
    """Take a way to pay and go on to the bank."""
    page.locator(f'label[for="way-{way}"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_url(re.compile(r"/sandbox-[ab]/pay/"))


@pytest.mark.parametrize("way", ["sandbox-a:card", "sandbox-b:wallet"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_from_the_order_to_paid(
    live: LiveHub, windows: Windows, way: str, size: tuple[int, int], *, scripts: bool
) -> None:
    page = windows.open(size, scripts=scripts)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto(live.order())
    heading(page, "Nộp phí, lệ phí")
    choose(page, way)
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")
    home = page.get_by_role("link", name="Quay lại Cổng dịch vụ công Hà Nội")
    expect(home).to_have_attribute("href", "https://dvc.example.vn/ho-so")
    assert not complaints


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_cancelled_at_one_bank_and_paid_at_the_other(live: LiveHub, windows: Windows, *, scripts: bool) -> None:
    page = windows.open(scripts=scripts)
    page.goto(live.order())
    choose(page, "sandbox-a:transfer")
    page.get_by_role("button", name="Hủy").click()

    expect(page.get_by_text("đã được hủy")).to_be_visible()
    choose(page, "sandbox-b:transfer")
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")


def test_another_way_while_the_first_page_lies_open(live: LiveHub, windows: Windows) -> None:
    page = windows.open()
    url = live.order()
    page.goto(url)
    choose(page, "sandbox-b:card")
    page.goto(url)
    heading(page, "Bạn chưa thanh toán xong")

    page.get_by_role("link", name="Trả bằng cách khác").click()
    page.get_by_label("Tôi chưa trả tiền tại Ngân hàng thử nghiệm B").check()
    choose(page, "sandbox-a:card")
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")


def test_silent_bank_is_waited_for_and_the_page_finds_out_by_itself(
    live: LiveHub, windows: Windows, sandbox: SandboxProcess
) -> None:
    page = windows.open(scripts=False)
    url = live.order()
    sandbox.misbehave("sandbox-b", operations=["open_session"], garbage=True, times=1)
    page.goto(url)
    page.locator('label[for="way-sandbox-b:card"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    heading(page, "Đang chờ kết quả từ ngân hàng")

    sandbox.control("sandbox-b", "payments", attempt_ref=live.attempt_ref(url))

    heading(page, "Đã thanh toán")


def test_everything_works_from_the_keyboard(live: LiveHub, windows: Windows) -> None:
    page = windows.open()
    page.goto(live.order())

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("radio").first).to_be_checked()
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(r"/sandbox-[ab]/pay/"))


def test_back_button_from_the_bank_shows_the_truth(live: LiveHub, windows: Windows) -> None:
    page = windows.open()
    page.goto(live.order())
    choose(page, "sandbox-a:card")

    page.go_back()

    heading(page, "Bạn chưa thanh toán xong")
