"""The report of `paygw recon match` passes axe by WCAG 2.2 AA, light and dark, and fits a screen of 320 pixels."""

from pathlib import Path

import pytest

from reconciliation.canonical import write_book, write_lines
from reconciliation.engine import open_engine
from reconciliation.output import summary
from reconciliation.page import render_page
from reconciliation.reconcile import Options, reconcile
from tests.browser.conftest import DESKTOP, PHONE, Windows
from tests.browser.test_access import AXE, OVERFLOW, RUN
from tests.recon.corpus import AFTER
from tests.recon.month import build, pay_out

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder, month = tmp_path_factory.mktemp("recon"), build(seed=5, per_day=10, each=1)
    pay_out(month, gross=False, wrong=1)
    write_book(folder / "book.csv", month.book)
    write_lines(folder / "statement.csv", month.lines)
    write_lines(folder / "third.csv", month.credits)
    outcome = reconcile(
        open_engine(scratch=folder),
        book=folder / "book.csv",
        statement=folder / "statement.csv",
        third=folder / "third.csv",
        options=Options(as_of=AFTER),
    )
    return render_page(summary(outcome), outcome.breaks)


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP, (320, 640)], ids=["phone", "desktop", "320"])
def test_the_report_can_be_read_by_everybody(
    windows: Windows, report: str, pictures: Path, look: str, size: tuple[int, int]
) -> None:
    page = windows.open(size, dark=look == "dark")
    page.set_content(report)
    page.evaluate(AXE)
    page.screenshot(path=pictures / f"recon-{look}-{size[0]}.png", full_page=True)

    assert page.evaluate(RUN) == []
    assert page.evaluate(OVERFLOW) == 0
