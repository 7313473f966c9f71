"""Every page passes axe by WCAG 2.2 AA, light and dark, and fits a screen of 320 pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.browser.test_paying import choose, heading
from tests.sandbox_fixtures import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.db]

AXE: Final = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN: Final = """
async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}))
    .violations.map(found => `${found.id}: ${found.nodes.map(node => node.target + " " + node.failureSummary)}`)"""
OVERFLOW: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

Way = Callable[[Page, LiveHub, SandboxProcess], None]


def _choose(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order())
    heading(page, "Nộp phí, lệ phí")


def _english(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order())
    page.get_by_role("link", name="English").click()
    heading(page, "Pay your fee")


def _error(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order())
    page.locator("form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Tiếp tục").click()
    page.get_by_role("alert").wait_for()


def _started(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    url = live.order()
    page.goto(url)
    choose(page, "sandbox-a:card")
    page.goto(url)
    heading(page, "Bạn chưa thanh toán xong")


def _leaving(page: Page, live: LiveHub, sandbox: SandboxProcess) -> None:
    def held(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('http-equiv="refresh"', 'name="held"'))

    _started(page, live, sandbox)
    page.route("**/go", held)
    page.get_by_role("link", name="Tiếp tục tại").click()
    heading(page, "Đang chuyển đến Ngân hàng thử nghiệm A")


def _another(page: Page, live: LiveHub, sandbox: SandboxProcess) -> None:
    _started(page, live, sandbox)
    page.get_by_role("link", name="Trả bằng cách khác").click()
    heading(page, "Trả bằng cách khác")


def _waiting(page: Page, live: LiveHub, sandbox: SandboxProcess) -> None:
    sandbox.misbehave("sandbox-b", operations=["open_session"], garbage=True, times=1, without_effect=True)
    page.goto(live.order())
    page.locator('label[for="way-sandbox-b:card"]').click()
    page.get_by_role("button", name="Tiếp tục").click()
    heading(page, "Đang chờ kết quả từ ngân hàng")
    page.get_by_role("link", name="Dừng tự cập nhật").click()


def _refused(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order())
    choose(page, "sandbox-a:card")
    page.get_by_role("button", name="Ngân hàng từ chối").click()
    heading(page, "Nộp phí, lệ phí")


def _paid(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order())
    choose(page, "sandbox-a:card")
    page.get_by_role("button", name="Thanh toán").click()
    heading(page, "Đã thanh toán")


def _cancelled(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    url = live.order()
    live.cancel(url)
    page.goto(url)
    heading(page, "Yêu cầu thanh toán đã bị hủy")


def _lost(page: Page, live: LiveHub, _: SandboxProcess) -> None:
    page.goto(live.order() + "x")
    heading(page, "Không tìm thấy yêu cầu thanh toán")


WAYS: Final[dict[str, Way]] = {
    "choose": _choose,
    "english": _english,
    "error": _error,
    "leaving": _leaving,
    "started": _started,
    "another": _another,
    "waiting": _waiting,
    "refused": _refused,
    "paid": _paid,
    "cancelled": _cancelled,
    "lost": _lost,
}


@pytest.mark.parametrize("name", WAYS)
def test_page_can_be_used_by_everybody(
    live: LiveHub, windows: Windows, sandbox: SandboxProcess, pictures: Path, name: str
) -> None:
    page = windows.open(PHONE)
    WAYS[name](page, live, sandbox)
    for details in page.locator("details").all():
        details.evaluate("node => { node.open = true }")
    page.evaluate(AXE)
    found: dict[str, list[str]] = {}

    for look in ("light", "dark"):
        for width, height in (PHONE, DESKTOP):
            page.emulate_media(color_scheme=look)
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=pictures / f"{name}-{look}-{width}.png", full_page=True)
            found[f"{look} {width}"] = page.evaluate(RUN)

    assert not {where: rules for where, rules in found.items() if rules}


@pytest.mark.parametrize("name", ["choose", "another", "paid"])
def test_page_fits_a_screen_of_320_pixels(live: LiveHub, windows: Windows, sandbox: SandboxProcess, name: str) -> None:
    page = windows.open((320, 640))

    WAYS[name](page, live, sandbox)

    assert page.evaluate(OVERFLOW) == 0


def test_axe_would_object(windows: Windows) -> None:
    page = windows.open()
    page.set_content("<html lang='vi'><title>x</title><p style='color:#ccc'>nhạt</p><input></html>")
    page.evaluate(AXE)

    assert {line.partition(":")[0] for line in page.evaluate(RUN)} == {"color-contrast", "label"}
