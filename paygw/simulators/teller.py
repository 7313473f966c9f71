"""A bank's counter, as a page: a person types a payment code, the bank asks the hub, is paid, and may take it back.

`/<bank>/counter` of a bank with the protocol `billcollect`. The money is on the bank's disk before the hub is called;
the courier goes on calling until the hub answers, so what the page shows is the hub's answer to the same call again.
`/<bank>/key.pem` is the public key the hub needs.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

import aiohttp
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from paygw.kernel.connector import HttpRequest, Secrets
from paygw.kernel.wire import Json
from paygw.simulators.bank import Impossible
from paygw.simulators.desk import Desk, desk_of, spoken_with
from paygw.simulators.page import HEADERS, TEMPLATES
from paygw.simulators.provider import evidence_of
from paygw.simulators.sides.billcollect import asks, tell
from paygw.simulators.wire import body_of

_WAIT: Final = aiohttp.ClientTimeout(total=10)
_DIGITS_MAX: Final = 13


def routes() -> list[Route]:
    """The counter below a bank's base URL."""
    return [
        Route("/counter", show, methods=["GET"]),
        Route("/counter", act, methods=["POST"]),
        Route("/key.pem", key, methods=["GET"]),
    ]


async def key(request: Request) -> Response:
    """The bank's public key."""
    _, secrets = _desk(request)
    return PlainTextResponse(secrets.values["public_key"])


async def show(request: Request) -> Response:
    """An empty counter."""
    desk, _ = _desk(request)
    return _page(desk, {})


async def act(request: Request) -> Response:
    """Ask, take the money, give it back, or ask what became of it."""
    desk, secrets = _desk(request)
    form = parse_qs((await body_of(request)).decode("latin-1"), encoding="utf-8")
    code, txn = form.get("code", [""])[0].strip(), form.get("txn", [""])[0]
    match form.get("action", [""])[0]:
        case "inquire":
            said = await _call(request, desk, asks({"billCode": code}, secrets))
            return _page(desk, {"code": code, "step": "asked", "said": said})
        case "pay":
            amount = form.get("amount", [""])[0]
            if not (amount.isascii() and amount.isdigit() and len(amount) <= _DIGITS_MAX and int(amount)):
                raise HTTPException(422)
            payment = await desk.bank.pay(_plain(code), int(amount), memo="QUAY")
            said = await _call(request, desk, tell(evidence_of(payment), secrets, desk.bank.clock()))
            return _page(desk, {"code": code, "step": "paid", "said": said, "txn": payment.bank_txn_id})
        case "reverse":
            try:
                taken = await desk.bank.reverse(txn)
            except Impossible as no:
                raise HTTPException(422) from no
            said = await _call(request, desk, tell(evidence_of(taken), secrets, desk.bank.clock()))
            return _page(desk, {"code": code, "step": "reversed", "said": said, "txn": txn})
        case "status":
            said = await _call(request, desk, asks({"bankTransId": txn}, secrets))
            return _page(desk, {"code": code, "step": "status", "said": said, "txn": txn})
        case _:
            raise HTTPException(422)


def _desk(request: Request) -> tuple[Desk, Secrets]:
    desk = desk_of(request)
    secrets = spoken_with(request, desk)
    if desk.bank.config.protocol != "billcollect" or secrets is None:
        raise HTTPException(404)
    return desk, secrets


async def _call(request: Request, desk: Desk, message: HttpRequest) -> Json:
    """The hub's answer, or why there is none: then nobody knows, and the courier or a status call will find out."""
    http: aiohttp.ClientSession = request.app.state.http
    try:
        async with http.post(
            desk.bank.config.webhook_url,
            data=message.body,
            headers=dict(message.headers),
            timeout=_WAIT,
            allow_redirects=False,
        ) as answer:
            said: Json = msgspec.json.decode(await answer.content.read(65_536), type=dict[str, object])
            return said
    except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
        return {"resultCode": "?", "resultMessage": f"Không có trả lời: {type(fault).__name__}"}


def _plain(code: str) -> str:
    return "".join(char for char in code if char.isalnum())


def _page(desk: Desk, shown: Mapping[str, Any]) -> Response:
    bills = shown.get("said", {}).get("bills", [])
    window = timedelta(seconds=int(desk.bank.config.options.get("reversal_window_s", "86400")))
    text = TEMPLATES.get_template("teller.html").render(
        bank=desk.bank.config.name,
        code=shown.get("code", ""),
        step=shown.get("step", ""),
        said=shown.get("said", {}),
        txn=shown.get("txn", ""),
        bill=bills[0] if bills else None,
        amount=f"{bills[0]['amount']:,} đ".replace(",", ".") if bills else "",
        window=window,
    )
    return HTMLResponse(text, headers=HEADERS)
