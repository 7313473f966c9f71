"""The page on which a person pays: Vietnamese and English, phone first, without scripts."""

from base64 import urlsafe_b64decode
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from paygw.simulators.api import SessionWanted, opened
from paygw.simulators.bank import VIETNAM, Impossible
from paygw.simulators.desk import Desk, desk_of, pay_session, spoken_with
from paygw.simulators.facts import Session
from paygw.simulators.provider import evidence_of, letter, with_query
from paygw.simulators.wire import asking_secret, body_of, target

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
WORDS: Final = {
    "vi": {
        "title": "Thanh toán",
        "pretend": "Ngân hàng thử nghiệm: không có tiền thật.",
        "language": "Ngôn ngữ",
        "to": "Đơn vị nhận",
        "amount": "Số tiền",
        "about": "Nội dung",
        "reference": "Mã thanh toán",
        "until": "Hết hạn lúc",
        "pay": "Thanh toán",
        "refuse": "Ngân hàng từ chối",
        "cancel": "Hủy",
        "back": "Quay lại trang thanh toán",
        "open": "",
        "pending": "Giao dịch đang được xử lý.",
        "paid": "Giao dịch đã được thanh toán.",
        "failed": "Giao dịch không thành công.",
        "expired": "Giao dịch đã hết hạn.",
        "cancelled": "Giao dịch đã bị hủy.",
    },
    "en": {
        "title": "Payment",
        "pretend": "A pretend bank: no real money moves.",
        "language": "Language",
        "to": "Payee",
        "amount": "Amount",
        "about": "For",
        "reference": "Payment reference",
        "until": "Expires at",
        "pay": "Pay",
        "refuse": "Bank refuses",
        "cancel": "Cancel",
        "back": "Back to the payment page",
        "open": "",
        "pending": "The payment is being processed.",
        "paid": "The payment has been made.",
        "failed": "The payment has failed.",
        "expired": "The payment has expired.",
        "cancelled": "The payment was cancelled.",
    },
}
CSS: Final = """
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 32rem; padding: 1rem }
.banner { background: #fff3c4; color: #3d2e00; padding: .5rem .75rem; border-radius: .25rem; margin: 0 0 .5rem }
nav a { display: inline-block; padding: .75rem .75rem .75rem 0 }
nav a[aria-current] { font-weight: 700; text-decoration: none; color: inherit }
dt { font-size: .9375rem } dd { margin: 0 0 .75rem; overflow-wrap: anywhere } dd strong { font-size: 1.5rem }
.notice { border-left: .25rem solid; padding: .5rem .75rem }
button, .button { display: block; box-sizing: border-box; width: 100%; min-height: 3rem; margin: 0 0 .75rem;
  font: inherit; text-align: center; line-height: 3rem; border: 2px solid #1a4f8b; border-radius: .375rem;
  background: #fff; color: #1a4f8b; text-decoration: none; padding: 0 }
input, textarea { font: inherit; box-sizing: border-box; width: 100%; min-height: 3rem; padding: .25rem .5rem }
button.main { background: #1a4f8b; color: #fff }
:focus-visible { outline: 3px solid #d9730d; outline-offset: 2px }
"""

TEMPLATES = Environment(loader=PackageLoader("paygw.simulators"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def routes() -> list[Route]:
    """The pages below a bank's base URL."""
    return [
        Route("/pay", arrive, methods=["GET"]),
        Route("/pay/{session_id}", show, methods=["GET"]),
        Route("/pay/{session_id}", act, methods=["POST"]),
    ]


async def css(_: Request) -> Response:
    """The one style sheet."""
    return Response(CSS, media_type="text/css", headers={"cache-control": "max-age=3600"})


async def arrive(request: Request) -> Response:
    """A payer comes with the hub's signed URL (flow `redirect`); the session opens now."""
    bank = desk_of(request).bank
    signed_part, _, stamp = target(request).rpartition("&t=")
    if asking_secret(bank, f"t={stamp.replace('&', ',')}", f"GET {signed_part}", b"") is None:
        raise HTTPException(401)
    packed = signed_part.partition("?session=")[2]
    try:
        wanted = msgspec.json.decode(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=SessionWanted)
        session, _ = await opened(bank, wanted)
    except (ValueError, msgspec.DecodeError, Impossible) as fault:
        raise HTTPException(422) from fault
    return RedirectResponse(f"/{bank.config.name}/pay/{quote(session.session_id)}", 303, headers=HEADERS)


async def show(request: Request) -> Response:
    """What is to be paid, and what has become of it."""
    desk = desk_of(request)
    return _page(request, desk, _session(request, desk))


async def act(request: Request) -> Response:
    """The person pays, is refused or cancels, and goes back to the hub."""
    desk = desk_of(request)
    session = _session(request, desk)
    await desk.bank.expire_due()
    if desk.bank.state(session.attempt_ref) not in {"open", "pending"}:
        return _page(request, desk, session)
    form = parse_qs((await body_of(request)).decode("latin-1"))
    match form.get("action"):
        case ["pay"]:
            await pay_session(desk, session)
        case ["refuse"]:
            await desk.bank.close(session.attempt_ref, "failed", "refused_by_bank")
        case ["cancel"]:
            await desk.bank.close(session.attempt_ref, "cancelled", "cancelled_by_payer")
        case _:
            raise HTTPException(422)
    return RedirectResponse(_back(request, desk, session), 303, headers=HEADERS)


def _session(request: Request, desk: Desk) -> Session:
    session = desk.bank.session_of_page(request.path_params["session_id"])
    if session is None:
        raise HTTPException(404)
    return session


def _page(request: Request, desk: Desk, session: Session) -> Response:
    bank = desk.bank
    lang = "en" if request.query_params.get("lang", session.locale) == "en" else "vi"
    state = bank.state(session.attempt_ref)
    if state == "open" and session.expires_at <= bank.clock():
        state = "expired"
    text = TEMPLATES.get_template("pay.html").render(
        lang=lang,
        words=WORDS[lang],
        bank=bank.config.name,
        merchant=bank.config.merchant,
        amount=f"{session.amount_vnd:,} đ".replace(",", "." if lang == "vi" else ","),
        session=session,
        until=session.expires_at.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y"),
        notice=WORDS[lang][state],
        is_open=state in {"open", "pending"},
        back=_back(request, desk, session),
    )
    return HTMLResponse(text, headers=HEADERS)


def _back(request: Request, desk: Desk, session: Session) -> str:
    """The return URL with what a browser may show, in the provider's own words; it proves nothing."""
    bank, secrets = desk.bank, spoken_with(request, desk)
    if desk.provider is None or secrets is None:
        shown = urlencode({"attempt_ref": session.attempt_ref, "status": bank.state(session.attempt_ref)})
        return with_query(session.return_url, shown)
    payments, closing = bank.payments_of(session.attempt_ref), bank.closings.get(session.attempt_ref)
    known = payments[0] if payments else closing
    if known is None:
        return session.return_url
    if desk.provider.shown is not None:
        return with_query(session.return_url, desk.provider.shown(evidence_of(known), secrets, bank.clock()))
    message = letter(desk.provider, known, session.return_url, secrets, bank.clock())
    return message.url if message else session.return_url
