"""A citizen pays through a provider: checkout, the provider's page, back, paid."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, PROVIDERS, LiveHub, Windows
from tests.browser.test_paying import heading
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.db]
each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def to_the_provider(page: Page, provider: str) -> None:
    """Choose the first way to pay there and go on to its page."""
    page.locator(f'label[for^="way-{provider}:"]').first.click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_url(re.compile(rf"/{provider}/pay/"))


@each_provider
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_from_the_order_to_paid(
    live: LiveHub,
    windows: Windows,
    sandbox: SandboxProcess,
    provider: str,
    size: tuple[int, int],
    *,
    scripts: bool,
) -> None:
    page, url = windows.open(size, scripts=scripts), live.order()
    page.goto(url)

    to_the_provider(page, provider)
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")
    paid = [fact for fact in sandbox.truth(provider) if fact["attempt_ref"] == live.attempt_ref(url)]
    assert len(paid) == 1


@each_provider
def test_a_lost_ipn_is_made_good_by_asking(
    live: LiveHub, windows: Windows, sandbox: SandboxProcess, provider: str
) -> None:
    page, url = windows.open(), live.order()
    page.goto(url)
    to_the_provider(page, provider)
    sandbox.misbehave(provider, live.attempt_ref(url), lost=True)

    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")


@each_provider
def test_a_forged_return_pays_nothing(live: LiveHub, windows: Windows, provider: str) -> None:
    page, url = windows.open(), live.order()
    page.goto(url)
    to_the_provider(page, provider)

    page.goto(f"{url}/return?vnp_ResponseCode=00&vnp_TransactionStatus=00&vpc_TxnResponseCode=0&status=paid")

    heading(page, "Bạn chưa thanh toán xong")


@each_provider
def test_cancelled_there_and_paid_at_a_bank(live: LiveHub, windows: Windows, provider: str) -> None:
    page = windows.open()
    page.goto(live.order())
    to_the_provider(page, provider)
    page.get_by_role("button", name="Hủy").click()

    # VNPAY's IPN says cancelled, its querydr no more than failed.
    expect(page.get_by_text(re.compile("đã được hủy|không thành công")).first).to_be_visible()
    page.locator('label[for="way-sandbox-a:card"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_role("button", name="Thanh toán").click()

    heading(page, "Đã thanh toán")
