"""A bank's phone app, as a page: it shows what was scanned, a person sends the money, and every observer hears of it.

`/<bank>/app` of a bank with the protocol `vietqr`. The transfer gets the bank's reference, and the memo the words the
bank puts around it. Observers are the other banks of this server whose accounts hold the one that was paid into: each
tells the hub in its own messages, under its own ids, by its own rule for sending again.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from paygw.kernel.banks import BANKS
from paygw.kernel.observed import accounts_of
from paygw.kernel.vietqr import Transfer, memo_text, read
from paygw.simulators.desk import Desk, desk_of, spoken_with
from paygw.simulators.facts import Payment
from paygw.simulators.page import HEADERS, TEMPLATES
from paygw.simulators.wire import body_of

_AMOUNT_MAX_VND: Final = 499_999_999
_AMOUNT_DIGITS: Final = 9


def routes() -> list[Route]:
    """The app below a bank's base URL."""
    return [Route("/app", show, methods=["GET"]), Route("/app", act, methods=["POST"])]


async def show(request: Request) -> Response:
    """Nothing scanned yet."""
    return _page(request, _desk(request))


async def act(request: Request) -> Response:
    """A code is scanned, or the money sent."""
    desk = _desk(request)
    form = parse_qs((await body_of(request)).decode("latin-1"), encoding="utf-8")
    text = form.get("code", [""])[0].strip()
    scanned = read(text)
    if scanned is None:
        return _page(request, desk, text=text, error="Mã này không phải mã VietQR.")
    options = _options(request, desk)
    prefix = options.get("virtual_prefix", "")
    lent = bool(prefix) and scanned.account.startswith(prefix)
    if scanned.account != options.get("account") and not lent:
        return _page(request, desk, text=text, error="Không tìm thấy tài khoản nhận.")
    if form.get("action") != ["send"]:
        return _page(request, desk, text=text, scanned=scanned)
    wanted = form.get("amount", [""])[0].replace(".", "")
    amount_vnd = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= _AMOUNT_DIGITS else 0
    if not 0 < amount_vnd <= _AMOUNT_MAX_VND:
        return _page(request, desk, text=text, scanned=scanned, error="Số tiền không hợp lệ.")
    typed = memo_text(form.get("memo", [""])[0])
    sent = await desk.bank.transfer(
        amount_vnd=amount_vnd,
        memo=f"MBVCB.{amount_vnd:09d}.{typed}.CT tu 0987654321 NGUYEN VAN A",
        account=options.get("account", ""),
        virtual_account=scanned.account if lent else "",
    )
    for other in _observers(request, sent.account):
        await other.bank.record(sent)
    return _page(request, desk, scanned=scanned, sent=sent)


def _desk(request: Request) -> Desk:
    desk = desk_of(request)
    if desk.bank.config.protocol != "vietqr":
        raise HTTPException(404)
    return desk


def _options(request: Request, desk: Desk) -> Mapping[str, str]:
    known = spoken_with(request, desk)
    return known.options if known is not None else {}


def _observers(request: Request, account: str) -> list[Desk]:
    desks: Mapping[str, Desk] = request.app.state.desks
    return [
        desk
        for desk in desks.values()
        if account in accounts_of(_options(request, desk))
        or (desk.bank.config.protocol == "payos" and desk.bank.config.account == account)
    ]


def _page(
    request: Request,
    desk: Desk,
    *,
    text: str = "",
    scanned: Transfer | None = None,
    sent: Payment | None = None,
    error: str = "",
) -> Response:
    shown = TEMPLATES.get_template("phone.html").render(
        bank=desk.bank.config.name,
        text=text,
        scanned=scanned,
        holder=_options(request, desk).get("account_name", ""),
        bank_name=BANKS.get(scanned.bank_bin, scanned.bank_bin) if scanned else "",
        amount=f"{scanned.amount_vnd:,}".replace(",", ".") if scanned and scanned.amount_vnd else "",
        sent=sent,
        sent_amount=f"{sent.amount_vnd:,}".replace(",", ".") if sent else "",
        error=error,
    )
    return HTMLResponse(shown, 422 if error else 200, headers=HEADERS)
