"""The payer's page: a person pays, refuses, cancels or comes too late, in two languages and without scripts."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from connectors.sandbox import open_session
from paygw.kernel.connector import HttpReply, HttpRequest
from tests.conformance.pairs import session_ask
from tests.conformance.test_dialogues import converse
from tests.sandbox_fixtures import SandboxProcess

pytestmark = pytest.mark.net
BANK = "sandbox-b"
_serial = count(1)


def redirect_url(sandbox: SandboxProcess, ref: str, **changes: object) -> str:
    """Where the hub sends the browser; nobody is called."""
    now = datetime.now(UTC)
    times = {"created_at": now, "expires_at": now + timedelta(minutes=5)} | changes
    ask = session_ask(attempt_ref=ref, webhook_url="", description="Lệ phí <b>&", **times)
    return converse(open_session(ask, sandbox.secrets(BANK, flow="redirect")), _never).redirect_url


@pytest.fixture
def ref() -> str:
    return f"P-{next(_serial)}"


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as browser:
        yield browser


async def test_the_page_shows_what_is_paid_to_whom(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as answer:
        text = await answer.text()

    assert answer.status == 200
    assert "150.000 đ" in text
    assert "Lệ phí &lt;b&gt;&amp;" in text
    assert ref in text
    assert '<html lang="vi">' in text


async def test_the_page_works_without_scripts_and_foreign_hosts(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as answer:
        text = await answer.text()

    assert "<script" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_page_speaks_english_where_wanted(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref, locale="en")) as answer:
        english = await answer.text()
    async with browser.get(answer.url.with_query(lang="vi")) as answer:
        vietnamese = await answer.text()

    assert '<html lang="en">' in english
    assert "150,000 đ" in english
    assert "Thanh toán" in vietnamese


@pytest.mark.parametrize(("action", "status"), [("pay", "paid"), ("refuse", "failed"), ("cancel", "cancelled")])
async def test_a_press_decides_and_sends_back(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str, action: str, status: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as page:
        pass
    async with browser.post(page.url, data={"action": action}, allow_redirects=False) as answer:
        back = urlsplit(answer.headers["location"])

    assert answer.status == 303
    assert f"{back.scheme}://{back.netloc}{back.path}" == "https://hub.example/return"
    assert parse_qs(back.query) == {"attempt_ref": [ref], "status": [status]}
    assert [fact["amount_vnd"] for fact in sandbox.truth(BANK) if fact["attempt_ref"] == ref] == (
        [150_000] if action == "pay" else []
    )


async def test_a_second_press_pays_nothing_more(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as page:
        pass
    for _ in range(2):
        async with browser.post(page.url, data={"action": "pay"}, allow_redirects=False):
            pass

    assert len([fact for fact in sandbox.truth(BANK) if fact["attempt_ref"] == ref]) == 1


async def test_a_bank_that_errs_takes_twice_and_too_little(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    sandbox.misbehave(BANK, ref, payments=2, amount_delta_vnd=-50_000)
    async with browser.get(redirect_url(sandbox, ref)) as page:
        pass
    async with browser.post(page.url, data={"action": "pay"}, allow_redirects=False):
        pass

    assert [fact["amount_vnd"] for fact in sandbox.truth(BANK) if fact["attempt_ref"] == ref] == [100_000, 100_000]


async def test_after_the_expiry_nobody_can_pay(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    async with browser.get(redirect_url(sandbox, ref, expires_at=long_ago)) as page:
        text = await page.text()
    async with browser.post(page.url, data={"action": "pay"}, allow_redirects=False) as answer:
        after = await answer.text()

    assert "hết hạn" in text
    assert "<form" not in text
    assert "hết hạn" in after
    assert not [fact for fact in sandbox.truth(BANK) if fact["attempt_ref"] == ref]


async def test_a_changed_amount_is_refused(sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str) -> None:
    url = redirect_url(sandbox, ref)
    place = url.index("session=") + 40
    changed = url[:place] + ("A" if url[place] != "A" else "B") + url[place + 1 :]

    async with browser.get(changed) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("tail", ["/pay", "/pay?session=", "/pay?session=e30&t=1&v1=0", "/pay?session=%ff&t=9"])
async def test_an_unsigned_arrival_is_refused(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, tail: str
) -> None:
    async with browser.get(f"{sandbox.root}/{BANK}{tail}") as answer:
        assert answer.status == 401


async def test_a_page_nobody_opened_is_not_found(sandbox: SandboxProcess, browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"{sandbox.root}/{BANK}/pay/guess") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("form", ["", "action=steal", "action=pay&action=pay", "Action=pay", "%ff"])
async def test_an_odd_press_does_nothing(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str, form: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as page:
        pass
    async with browser.post(page.url, data=form.encode()) as answer:
        assert answer.status == 422

    assert not [fact for fact in sandbox.truth(BANK) if fact["attempt_ref"] == ref]


async def test_each_control_has_a_name_and_room_for_a_thumb(
    sandbox: SandboxProcess, browser: aiohttp.ClientSession, ref: str
) -> None:
    async with browser.get(redirect_url(sandbox, ref)) as answer:
        text = await answer.text()
    async with browser.get(f"{sandbox.root}/sandbox.css") as answer:
        css = await answer.text()

    assert all(words.strip() for words in re.findall(r"<button[^>]*>([^<]*)</button>", text))
    assert 'name="viewport" content="width=device-width' in text
    assert text.count("<h1>") == 1
    assert "min-height: 3rem" in css


def _never(request: HttpRequest) -> HttpReply:
    raise AssertionError(request.url)


async def test_the_front_names_every_bank(sandbox: SandboxProcess, browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"{sandbox.root}/") as answer:
        text = await answer.text()

    assert answer.status == 200
    assert all(f"<dt>{name}</dt>" in text for name in ("sandbox-a", "sandbox-b"))
    assert "<script" not in text
