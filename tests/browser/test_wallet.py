"""A citizen pays with MoMo in a real browser: checkout, MoMo's page, back, paid; the wallet in its own protocol."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.browser.test_paying import heading
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.db]


def to_momo(page: Page, url: str) -> None:
    """From the order to MoMo's page."""
    page.goto(url)
    page.locator('label[for="way-momo:wallet"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_url(re.compile(r"/momo/pay/"))


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_paid_with_momo_and_back(live: LiveHub, windows: Windows, size: tuple[int, int], *, scripts: bool) -> None:
    page = windows.open(size, scripts=scripts)
    to_momo(page, live.order())

    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")
    expect(page.get_by_text("Ví MoMo").first).to_be_visible()
    assert "resultCode=" not in page.url


def test_refused_at_momo_and_paid_there_the_second_time(live: LiveHub, windows: Windows) -> None:
    page, url = windows.open(), live.order()
    to_momo(page, url)
    page.get_by_role("button", name="Hủy").click()
    expect(page.get_by_text("đã được hủy")).to_be_visible()

    to_momo(page, url)
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")


def test_the_notification_alone_is_enough(live: LiveHub, windows: Windows, sandbox: SandboxProcess) -> None:
    page, url = windows.open(scripts=False), live.order()
    to_momo(page, url)

    sandbox.control("momo", "payments", attempt_ref=live.attempt_ref(url))
    page.goto(f"{url}/return")

    heading(page, "Đã thanh toán")


def test_paid_with_zalopay_whose_callback_waits_for_its_own_words(live: LiveHub, windows: Windows) -> None:
    page = windows.open()
    page.goto(live.order())
    page.locator('label[for="way-zalopay:wallet"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_url(re.compile(r"/zalopay/pay/"))

    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")


def test_a_link_paid_twice_is_two_receipts_and_one_paid_order(
    live: LiveHub, windows: Windows, sandbox: SandboxProcess
) -> None:
    page, url = windows.open(), live.order()
    page.goto(url)
    page.locator('label[for="way-payos:transfer"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_url(re.compile(r"/payos/pay/"))
    page.get_by_role("button", name="Thanh toán").click()
    heading(page, "Đã thanh toán")

    sandbox.control("payos", "payments", attempt_ref=live.attempt_ref(url))

    expect(page.locator("body")).to_contain_text(re.compile("FT[0-9]+"))
    page.reload()
    heading(page, "Đã thanh toán")
