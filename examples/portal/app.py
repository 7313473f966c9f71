"""A provincial portal: a dossier and its fee, off to the hub to pay, paid only when a verified callback says so.

GET  /                      the dossiers
GET  /dossiers/{code}       one dossier with its fee and what became of it
POST /dossiers              hand in another dossier
POST /dossiers/{code}/pay   ask the hub for an order, send the citizen to its payment page
GET  /dossiers/{code}/back  where the citizen comes back to: shows what we know, believes nothing it is told
POST /callbacks             the hub's word, by Standard Webhooks
GET  /record                everything we know, for whoever checks us
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from examples.portal.dossiers import KINDS, Kind
from examples.portal.hub import HubClient, Problem
from examples.portal.record import Fee, Record

_HANOI = timezone(timedelta(hours=7))
_BODY_BYTES_MAX = 1_048_576
_CLOSED = frozenset({"cancelled", "expired"})
_ACKNOWLEDGE_S = 0.5
_LINES_SHOWN = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the portal is run. Two secrets verify during a rotation; `origin` is registered at the hub."""

    hub_url: str
    key: str
    webhook_secrets: Sequence[str]
    data: Path
    origin: str
    collecting_body: str = "G22.99"


class Portal:
    """The portal's handlers around its record."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._verifiers = [Webhook(secret) for secret in config.webhook_secrets]
        self._record = Record(config.data / "record.jsonl")
        self._pages = Jinja2Templates(Path(__file__).with_name("templates"))
        self._pages.env.filters["vnd"] = lambda amount: f"{amount:,}".replace(",", ".") + " đ"
        self._hub: HubClient | None = None
        self._news = asyncio.Event()
        self._refused = 0
        if not self._record.dossiers:
            for kind in KINDS:
                self._hand_in(kind)

    @contextlib.asynccontextmanager
    async def run(self, _: Starlette) -> AsyncIterator[None]:
        """Hold the hub's connection and the task that acknowledges, for as long as the portal runs."""
        async with HubClient(self._config.hub_url, self._config.key) as self._hub:
            telling = asyncio.create_task(self._tell_applied(self._hub))
            yield
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
        self._record.close()

    async def home(self, request: Request) -> Response:
        """The dossiers."""
        rows = [(code, KINDS[item["kind"]], self._record.fee_of(code)) for code, item in self._record.dossiers.items()]
        return self._pages.TemplateResponse(request, "home.html", {"rows": rows[::-1], "kinds": KINDS})

    async def hand_in(self, request: Request) -> Response:
        """Another dossier of a kind."""
        asked = request.query_params.get("kind", "")
        kind = KINDS[int(asked[:3]) % len(KINDS) if asked.isdecimal() else 0]
        return RedirectResponse(f"/dossiers/{self._hand_in(kind)}", status_code=303)

    async def dossier(self, request: Request) -> Response:
        """One dossier with its fee."""
        code = request.path_params["code"]
        if code not in self._record.dossiers:
            return PlainTextResponse("Không có hồ sơ này. / There is no such dossier.", status_code=404)
        quote, trouble = await self._quote(code)
        return self._page(request, code, quote=quote, trouble=trouble)

    async def pay(self, request: Request) -> Response:
        """Ask the hub for an order and send the citizen there; repeated, it leads to the same order."""
        code = request.path_params["code"]
        if code not in self._record.dossiers or self._hub is None:
            return PlainTextResponse("Không có hồ sơ này. / There is no such dossier.", status_code=404)
        fee = self._record.fee_of(code)
        reference = fee.reference if fee and fee.status not in _CLOSED else self._new_reference(code)
        if reference not in self._record.fees:
            self._record.ask(reference, code)
        try:
            order = await self._hub.create_order(self._order(reference, code))
        except Problem as problem:
            return self._page(request, code, trouble=problem.code)
        self._record.order(order)
        return RedirectResponse(order["pay_url"], status_code=303)

    async def back(self, request: Request) -> Response:
        """The citizen is back. Query parameters are not even read; the page looks again by itself until told."""
        code = request.path_params["code"]
        if code not in self._record.dossiers:
            return PlainTextResponse("Không có hồ sơ này. / There is no such dossier.", status_code=404)
        return self._page(request, code, back=True)

    async def callback(self, request: Request) -> Response:
        """Verify the bytes, write down, answer. 2xx only once it is on disk."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_BYTES_MAX:
                return JSONResponse({"error": "too large"}, status_code=413)
        event = self._verified(body, request.headers)
        if event is None:
            self._refused += 1
            return JSONResponse({"error": "not verified"}, status_code=401)
        if self._record.callback(request.headers["webhook-id"], event):
            self._news.set()
        return Response(status_code=204)

    async def record(self, _: Request) -> Response:
        """Everything we know."""
        fees = [asdict(fee) | {"webhook_ids": self._ids_of(fee)} for fee in self._record.fees.values()]
        callbacks = {
            "accepted": len(self._record.webhook_ids),
            "duplicates": self._record.duplicates,
            "refused": self._refused,
        }
        return JSONResponse({"orders": fees, "callbacks": callbacks, "lines": self._record.lines[-_LINES_SHOWN:]})

    def _verified(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any] | None:
        for verifier in self._verifiers:
            try:
                event: dict[str, Any] = verifier.verify(body, dict(headers))
            except (WebhookVerificationError, ValueError):
                continue
            return event
        return None

    def _ids_of(self, fee: Fee) -> list[str]:
        return [
            line["webhook_id"]
            for line in self._record.lines
            if line["fact"] == "callback" and line["event"]["data"]["reference"] == fee.reference
        ]

    async def _tell_applied(self, hub: HubClient) -> None:
        """Acknowledge what is paid until the hub knows it; after a restart the record says what is left."""
        while True:
            for fee in self._record.unacknowledged():
                with contextlib.suppress(Problem):
                    await hub.tell_applied(fee.order_id)
                    self._record.apply(fee.reference)
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ACKNOWLEDGE_S if self._record.unacknowledged() else None):
                    await self._news.wait()

    async def _quote(self, code: str) -> tuple[dict[str, Any] | None, str]:
        if self._hub is None or self._record.fee_of(code) is not None:
            return None, ""
        try:
            return await self._hub.quote(self._question(code)), ""
        except Problem as problem:
            return None, problem.code

    def _question(self, code: str) -> dict[str, Any]:
        item = self._record.dossiers[code]
        kind = KINDS[item["kind"]]
        return {"procedure": kind.procedure, "as_of": item["as_of"], "facts": kind.facts}

    def _order(self, reference: str, code: str) -> dict[str, Any]:
        line = {"dossier_code": code, "collecting_body": self._config.collecting_body, **self._question(code)}
        return {"reference": reference, "lines": [line], "return_url": f"{self._config.origin}/dossiers/{code}/back"}

    def _hand_in(self, kind: Kind) -> str:
        now = datetime.now(UTC).astimezone(_HANOI)
        code = f"H26.{now:%y%m%d}-{secrets.token_hex(3).upper()}"
        self._record.open_dossier(code, {"kind": KINDS.index(kind), "as_of": now.date().isoformat()})
        return code

    def _new_reference(self, code: str) -> str:
        count = sum(fee.dossier == code for fee in self._record.fees.values())
        return f"{code}-{count + 1}"

    def _page(
        self, request: Request, code: str, *, quote: dict[str, Any] | None = None, trouble: str = "", back: bool = False
    ) -> Response:
        fee = self._record.fee_of(code)
        kind = KINDS[self._record.dossiers[code]["kind"]]
        waiting = back and not (fee and fee.paid)
        seen = {"code": code, "kind": kind, "fee": fee, "quote": quote, "trouble": trouble, "waiting": waiting}
        return self._pages.TemplateResponse(request, "dossier.html", seen)


def build(config: Config) -> Starlette:
    """The portal as an ASGI application."""
    portal = Portal(config)
    routes = [
        Route("/", portal.home),
        Route("/dossiers", portal.hand_in, methods=["POST"]),
        Route("/dossiers/{code}", portal.dossier),
        Route("/dossiers/{code}/pay", portal.pay, methods=["POST"]),
        Route("/dossiers/{code}/back", portal.back),
        Route("/callbacks", portal.callback, methods=["POST"]),
        Route("/record", portal.record),
    ]
    return Starlette(routes=routes, lifespan=portal.run)
