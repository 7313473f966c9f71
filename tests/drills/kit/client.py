"""A portal's client and a citizen's browser, over real sockets."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.drills.kit.provision import BANK, PORTAL_KEY, RETURN_ORIGIN

PATIENCE = aiohttp.ClientTimeout(total=30)
_BANK_PAGE = re.compile(r'class="button" href="(http[^"]+)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    body: bytes
    replayed: bool
    content_type: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON it says
        """The body read."""
        return json.loads(self.body)


def order_body(reference: str, dossiers: Sequence[str], *, copies: int = 3, lives_s: float | None = None) -> bytes:
    """An order of one criminal-record certificate per dossier, which expires as it does by default or so soon."""
    lines = [
        {
            "dossier_code": dossier,
            "collecting_body": "G22.99",
            "procedure": "2.000488",
            "as_of": "2026-11-23",
            "facts": {"birth_date": "1990-05-20", "copies": copies},
        }
        for dossier in dossiers
    ]
    order: dict[str, object] = {"reference": reference, "lines": lines, "return_url": f"{RETURN_ORIGIN}/back"}
    if lives_s is not None:
        order["expires_at"] = (datetime.now(UTC) + timedelta(seconds=lives_s)).isoformat()
    return json.dumps(order).encode()


async def create(
    http: aiohttp.ClientSession, origin: str, body: bytes, *, key: str, api_key: str = PORTAL_KEY
) -> Answer:
    """POST /v1/orders once. Raises aiohttp.ClientError or TimeoutError when there is no whole answer."""
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json", "Idempotency-Key": key}
    async with http.post(f"{origin}/v1/orders", data=body, headers=headers, timeout=PATIENCE) as answer:
        return await _whole(answer)


async def get(http: aiohttp.ClientSession, origin: str, path: str, *, api_key: str = PORTAL_KEY) -> Answer:
    """One read with a portal's key."""
    headers = {"Authorization": f"Bearer {api_key}"}
    async with http.get(f"{origin}{path}", headers=headers, timeout=PATIENCE) as answer:
        return await _whole(answer)


async def go_to_bank(http: aiohttp.ClientSession, origin: str, pay_url: str, bank: str = BANK) -> str | None:
    """A citizen chooses a sandbox bank; the address of the bank's page, or None where the hub offers none."""
    page = f"{origin}{urlsplit(pay_url).path}"
    form = {"way": f"{bank}:wallet"}
    async with http.post(f"{page}/attempts", data=form, allow_redirects=False, timeout=PATIENCE) as chosen:
        await chosen.read()
        if chosen.status >= 500:
            raise aiohttp.ClientError(f"answered {chosen.status}")
    async with http.get(f"{page}/go", allow_redirects=False, timeout=PATIENCE) as way_out:
        found = _BANK_PAGE.search(await way_out.text())
        if way_out.status >= 500:
            raise aiohttp.ClientError(f"answered {way_out.status}")
    return unescape(found[1]) if found else None


async def arrive_at_bank(http: aiohttp.ClientSession, bank_page: str) -> str:
    """The browser comes to the bank; the address of the session's page."""
    async with http.get(bank_page, allow_redirects=False, timeout=PATIENCE) as arrived:
        assert arrived.status in {200, 303}, await arrived.text()
        if arrived.status == 200:
            return bank_page
        parts = urlsplit(bank_page)
        return f"{parts.scheme}://{parts.netloc}{arrived.headers['Location']}"


async def press_pay(http: aiohttp.ClientSession, session_page: str) -> None:
    """The citizen pays what the page shows."""
    async with http.post(session_page, data={"action": "pay"}, allow_redirects=False, timeout=PATIENCE) as paid:
        assert paid.status in {200, 303}, await paid.text()


async def _whole(answer: aiohttp.ClientResponse) -> Answer:
    body = await answer.read()
    replayed = answer.headers.get("Idempotent-Replayed") == "true"
    return Answer(answer.status, body, replayed, answer.headers.get("Content-Type", ""))
