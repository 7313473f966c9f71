"""`paygw run --sandbox` as a person uses it: from the portal to a bank and back, with nothing but real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from paygw.outside.ports import free_port
from tests.browser.conftest import DESKTOP, PHONE, Windows
from tests.browser.test_paying import choose, heading
from tests.house.sources import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.db]

_READY_S = 90.0


@dataclass(frozen=True, slots=True)
class WholeRun:
    """Addresses of a running tree of processes."""

    hub: str
    portal: str
    banks: str


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    """Everything `make run` starts, on ports of its own; ended as Ctrl-C ends it."""
    hub, sandbox, portal, worker = (free_port() for _ in range(4))
    folder = tmp_path_factory.mktemp("whole")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PAYGW_VAR": str(folder / "var"),
        "PAYGW_WORK_PORT": str(worker),
        "PAYGW_LOG_LEVEL": "warning",
    }
    words = ["run", "--sandbox", "--port", str(hub), "--sandbox-port", str(sandbox), "--portal-port", str(portal)]
    with (
        (folder / "said").open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "paygw", *words], cwd=ROOT, env=environment, stdout=said, stderr=said
        ) as process,
    ):
        try:
            for port, path in ((hub, "/readyz"), (sandbox, "/"), (portal, "/")):
                _wait(f"http://127.0.0.1:{port}{path}", process, folder / "said")
            yield WholeRun(*(f"http://127.0.0.1:{port}" for port in (hub, portal, sandbox)))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, (folder / "said").read_text("utf-8")


def _wait(url: str, process: "subprocess.Popen[bytes]", said: Path) -> None:
    end_s = time.monotonic() + _READY_S
    while not _answers(url):
        assert process.poll() is None, said.read_text("utf-8")
        assert time.monotonic() < end_s, f"{url}\n{said.read_text('utf-8')}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5).close()  # noqa: S310 - our own loopback address
    except HTTPError as error:
        return error.code in {401, 404}
    except URLError:
        return False
    return True


def _new_dossier(page: Page, whole: WholeRun) -> str:
    """Hand in a dossier at the sample portal; its code."""
    page.goto(whole.portal)
    page.get_by_role("button", name="Nộp hồ sơ mới").first.click()
    page.get_by_role("button", name="Nộp phí").wait_for()
    return page.url.rpartition("/")[2]


@pytest.mark.parametrize("way", ["sandbox-a:card", "sandbox-b:transfer"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "bare"])
def test_citizen_pays_a_fee_of_a_dossier(
    whole: WholeRun, windows: Windows, pictures: Path, way: str, size: tuple[int, int], *, scripts: bool
) -> None:
    page = windows.open(size, scripts=scripts)
    code = _new_dossier(page, whole)

    page.get_by_role("button", name="Nộp phí").click()
    heading(page, "Nộp phí, lệ phí")
    expect(page.get_by_text(code, exact=True)).to_be_visible()
    choose(page, way)
    page.get_by_role("button", name="Thanh toán").click()
    heading(page, "Đã thanh toán")
    page.get_by_role("link", name=re.compile("Quay lại")).click()

    expect(page.get_by_text("Đã nộp phí. Hồ sơ đang được xử lý.")).to_be_visible(timeout=30_000)
    page.screenshot(path=pictures / f"portal-paid-{size[0]}.png")


def test_page_of_a_bank_proves_nothing(whole: WholeRun, windows: Windows) -> None:
    page = windows.open(PHONE)
    code = _new_dossier(page, whole)
    page.get_by_role("button", name="Nộp phí").click()
    choose(page, "sandbox-a:wallet")

    page.goto(f"{whole.portal}/dossiers/{code}/back?status=paid&vnp_ResponseCode=00")

    expect(page.get_by_text("Đang chờ xác nhận thanh toán.")).to_be_visible()
    expect(page.get_by_text("Đã nộp phí")).not_to_be_visible()
