"""The public fee page in a real browser: found, calculated without scripts, accessible, in both languages."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.browser.test_access import AXE, OVERFLOW, RUN

pytestmark = [pytest.mark.browser, pytest.mark.db]

Way = Callable[[Page, str], None]


def _list(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi")


def _nothing_found(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi?q=khong-co-gi&lang=en")


def _tables(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi/9.900052")
    for closed in page.locator("details").all():
        closed.evaluate("one => { one.open = true }")


def _form(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi/2.001195?lang=en")


def _refused(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi/2.001195")
    page.get_by_role("button", name="Tính").click()
    page.get_by_role("alert").wait_for()


def _result(page: Page, origin: str) -> None:
    page.goto(f"{origin}/phi-le-phi/2.001195")
    page.get_by_label("Ngày nộp hồ sơ").fill("2025-05-05")
    page.get_by_label("Yêu cầu").select_option("reissue")
    page.get_by_label("Hình thức nộp").select_option("online")
    page.get_by_role("button", name="Tính").click()
    page.get_by_role("heading", name="Kết quả").wait_for()


WAYS: Final[dict[str, Way]] = {
    "list": _list,
    "nothing_found": _nothing_found,
    "tables": _tables,
    "form": _form,
    "refused": _refused,
    "result": _result,
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("way", WAYS)
def test_page_has_no_violation(
    live: LiveHub, windows: Windows, pictures: Path, way: str, size: tuple[int, int], *, dark: bool
) -> None:
    page = windows.open(size, dark=dark)
    WAYS[way](page, live.hub.settings.origin)

    page.evaluate(AXE)
    found = page.evaluate(RUN)
    page.screenshot(path=pictures / f"fees-{way}-{size[0]}{'-dark' if dark else ''}.png", full_page=True)

    assert found == []


@pytest.mark.parametrize("way", WAYS)
def test_page_fits_a_narrow_screen(live: LiveHub, windows: Windows, way: str) -> None:
    page = windows.open((320, 640))

    WAYS[way](page, live.hub.settings.origin)

    assert page.evaluate(OVERFLOW) <= 0


def test_fee_is_found_and_calculated_without_scripts(live: LiveHub, windows: Windows) -> None:
    page = windows.open(PHONE, scripts=False)
    page.goto(f"{live.hub.settings.origin}/phi-le-phi")

    page.get_by_label("Tên thủ tục").fill("the can cuoc")
    page.get_by_role("button", name="Tìm").click()
    page.get_by_role("link", name="Cấp đổi, cấp lại thẻ căn cước").click()
    page.get_by_label("Ngày nộp hồ sơ").fill("2025-05-05")
    page.get_by_label("Yêu cầu").select_option("reissue")
    page.get_by_label("Hình thức nộp").select_option("online")
    page.get_by_role("button", name="Tính").click()

    expect(page.locator(".figure")).to_have_text("35.000 đồng")
    expect(page.locator(".words").first).to_have_text("Ba mươi lăm nghìn đồng")
    expect(page.get_by_text("Nộp trực tuyến năm 2025")).to_have_count(2)  # in the tariff, and in the calculation


def test_refusal_leads_to_its_field(live: LiveHub, windows: Windows) -> None:
    page = windows.open(DESKTOP)
    _refused(page, live.hub.settings.origin)

    page.get_by_role("alert").get_by_role("link").click()

    assert page.evaluate("() => location.hash") == "#f.request"
    expect(page.get_by_label("Yêu cầu")).to_have_attribute("aria-invalid", "true")
