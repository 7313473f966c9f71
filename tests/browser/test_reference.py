"""The first page and the page of the API in a real browser: accessible, and they fit."""

from pathlib import Path

import pytest

from tests.browser.conftest import DESKTOP, PHONE, LiveHub, Windows
from tests.browser.test_access import AXE, OVERFLOW, RUN

pytestmark = [pytest.mark.browser, pytest.mark.db]

PAGES = {"home": "/", "home-en": "/?lang=en", "docs": "/docs"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_violation(
    live: LiveHub, windows: Windows, pictures: Path, name: str, size: tuple[int, int], *, dark: bool
) -> None:
    page = windows.open(size, dark=dark)
    page.goto(live.hub.settings.origin + PAGES[name])

    page.evaluate(AXE)
    found = page.evaluate(RUN)
    page.screenshot(path=pictures / f"{name}-{size[0]}{'-dark' if dark else ''}.png")

    assert found == []


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_narrow_screen(live: LiveHub, windows: Windows, name: str) -> None:
    page = windows.open((320, 640))

    page.goto(live.hub.settings.origin + PAGES[name])

    assert page.evaluate(OVERFLOW) <= 0
