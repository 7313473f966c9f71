"""A citizen with a very small browser: reads pages, fills forms, follows where they lead. It runs no scripts."""

import asyncio
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import aiohttp

_HOPS_MAX = 12


@dataclass(slots=True)
class Form:
    """A form with its fields; of radio buttons the first one, of buttons all by value."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collects forms and the address of an immediate refresh."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.refresh = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember forms, their fields, and where the page sends us at once."""
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            wait, _, target = given.get("content", "").partition(";")
            if wait.strip() == "0":
                self.refresh = target.strip().removeprefix("url=")
        elif tag == "form":
            self.forms.append(Form(given.get("action", "")))
            self._inside = True
        elif tag in {"input", "button"} and self._inside and given.get("name"):
            form, name, value = self.forms[-1], given["name"], given.get("value", "")
            form.choices.setdefault(name, []).append(value)
            form.fields.setdefault(name, value)

    def handle_endtag(self, tag: str) -> None:
        """A form ends."""
        self._inside = self._inside and tag != "form"


@dataclass(frozen=True, slots=True)
class Page:
    """What came back."""

    url: str
    status: int
    text: str
    forms: tuple[Form, ...]
    refresh: str


@dataclass(frozen=True, slots=True)
class Citizen:
    """Somebody with a phone."""

    http: aiohttp.ClientSession

    async def open(self, url: str) -> Page:
        """Read a page, following redirects and immediate refreshes."""
        return await self._go("GET", url, None)

    async def submit(self, page: Page, **filled: str) -> Page:
        """Send the first form of a page, with these fields filled in."""
        form = page.forms[0]
        return await self._go("POST", urljoin(page.url, form.action), {**form.fields, **filled})

    async def pay(self, pay_url: str, bank: str, *, action: str = "pay") -> Page:
        """From the pay page to the bank and back: choose the bank, pay (or refuse) there, read the result."""
        checkout = await self.open(pay_url)
        ways = checkout.forms[0].choices["way"]
        way = next(value for value in ways if value.startswith(bank))
        at_bank = await self.submit(checkout, way=way)
        return await self.submit(at_bank, action=action)

    async def start(self, pay_url: str, bank: str) -> Page:
        """Go to the bank's page and stop there."""
        checkout = await self.open(pay_url)
        way = next(value for value in checkout.forms[0].choices["way"] if value.startswith(bank))
        return await self.submit(checkout, way=way)

    async def _go(self, method: str, url: str, data: dict[str, str] | None) -> Page:
        for _ in range(_HOPS_MAX):
            headers = {"Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
            async with self.http.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
                text = await answer.text()
                target = answer.headers.get("Location", "")
                status = answer.status
            reader = _Reader()
            reader.feed(text)
            target = target or reader.refresh
            if not target:
                return Page(url, status, text, tuple(reader.forms), reader.refresh)
            method, url, data = "GET", urljoin(url, target), None
        raise RuntimeError(f"the pages lead in circles: {url}")


async def until(what: str, *, seconds: float = 20.0) -> "Waiting":
    """A patient look at something, many times a second, up to a limit."""
    return Waiting(what, asyncio.get_running_loop().time() + seconds)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long something may still take."""

    what: str
    end_s: float

    async def again(self) -> None:
        """Rest a moment. Raises TimeoutError with what was waited for."""
        if asyncio.get_running_loop().time() > self.end_s:
            raise TimeoutError(f"waited in vain for {self.what}")
        await asyncio.sleep(0.1)
