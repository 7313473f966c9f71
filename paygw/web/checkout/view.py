"""What the templates get: the words of the language, the order in figures and dates, where each button leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from paygw.hub.checkout import Checkout, Choice, Locale, Stage, bank_title, choices, page_of_bank
from paygw.kernel.banks import BANKS
from paygw.kernel.codes import grouped
from paygw.kernel.evidence import AttemptStatus
from paygw.kernel.vietqr import read as read_vietqr
from paygw.kernel.words import amount_in_words
from paygw.store.checkout import TryRead
from paygw.web.checkout.picture import qr_image
from paygw.web.checkout.visit import Sorry, Visit
from paygw.web.locale.en import EN
from paygw.web.locale.vi import VI
from paygw.web.locale.words import Words
from paygw.web.pages import page

WORDS: Final[Mapping[Locale, Words]] = MappingProxyType({"vi": VI, "en": EN})

# Seconds before each look by itself; after the last one the page waits for a person.
_LOOKS_S: Final = (3, 5, 8, 13, 20, 30, 30, 60, 60, 60, 120, 120)
_PRICED: Final = frozenset({Stage.CHOOSE, Stage.STARTED, Stage.WAITING})


def order_page(visit: Visit, seen: Checkout, query: Mapping[str, str], *, error: str = "") -> Response:
    """The page of an order at its stage. `error` names what is missing in the form just sent."""
    words = WORDS[visit.locale]
    another = query.get("step") == "another" and seen.stage is Stage.STARTED
    looks = _looks(query)
    wait_s = _wait_s(seen, query, looks)
    context = _common(words, visit.hub.settings.mode, visit.path()) | {
        "seen": seen,
        "stage": "another" if another else seen.stage.value,
        "title": words.another_title if another else words.title[seen.stage],
        "error": getattr(words, error) if error else "",
        "error_at": "confirmed" if error == "must_confirm" else "ways",
        "notice": "" if error else _notice(visit, seen, words, query.get("why", "")),
        "amount_vnd": _amount_vnd(seen),
        "left": _left(words, seen.expires_at, visit.hub.clock()),
        "groups": _groups(choices(visit.hub, seen.rest_vnd, seen.place)),
        "chosen": query.get("way", ""),
        "item": seen.under_way[0] if seen.under_way else seen.newest,
        "bank": _bank(visit, seen.under_way[0] if seen.under_way else seen.newest),
        "on": bool(seen.under_way) and _goes_on(visit, seen.under_way[0]),
        "paid_tries": [item for item in seen.tries if item.attempt.status is AttemptStatus.SUCCEEDED],
        "refreshes": wait_s is not None,
        "refresh_over": looks >= len(_LOOKS_S) or query.get("refresh") == "off",
        "path": visit.path,
        "below": "",
    }
    headers = {} if wait_s is None else {"refresh": f"{wait_s}; url={visit.path('/return', n=looks + 1)}"}
    return page("checkout/order.html", context, 422 if error else 200, headers)


def leave_page(visit: Visit, item: TryRead, url: str) -> Response:
    """The way out: a browser follows at once, a person can press the button."""
    context = _common(WORDS[visit.locale], visit.hub.settings.mode, visit.path("/go"))
    return page("checkout/leave.html", context | {"bank": _bank(visit, item), "url": url})


@dataclass(frozen=True, slots=True)
class Written:
    """What a VietQR code says, in text beside it: for who cannot scan, and to compare."""

    bank: str
    account: str
    holder: str
    amount_vnd: int | None
    memo: str


def scan_page(visit: Visit, item: TryRead, query: Mapping[str, str]) -> Response:
    """A bank's QR code; the page looks for the result by itself."""
    looks = _looks(query)
    over = looks >= len(_LOOKS_S) or query.get("refresh") == "off"
    context = _common(WORDS[visit.locale], visit.hub.settings.mode, visit.path("/go"))
    context |= {
        "bank": _bank(visit, item),
        "amount_vnd": item.attempt.amount_vnd,
        "image": qr_image(item.session.qr_text),
        "transfer": _written(visit, item),
        "until": item.expires_at,
        "refreshes": not over,
        "refresh_over": over,
        "path": visit.path,
        "below": "/go",
    }
    headers = {} if over else {"refresh": f"{_LOOKS_S[looks]}; url={visit.path('/go', n=looks + 1)}"}
    return page("checkout/scan.html", context, 200, headers)


def slip_page(visit: Visit, item: TryRead, seen: Checkout) -> Response:
    """A payment slip, to be printed, shown or read out at a bank."""
    code = item.session.qr_text
    context = _common(WORDS[visit.locale], visit.hub.settings.mode, visit.path("/go"))
    context |= {
        "bank": _bank(visit, item),
        "amount_vnd": item.attempt.amount_vnd,
        "image": qr_image(code),
        "grouped": grouped(code),
        "spoken": ", ".join(" ".join(group) for group in grouped(code).split()),
        "until": item.expires_at,
        "seen": seen,
        "path": visit.path,
    }
    return page("checkout/slip.html", context)


def _written(visit: Visit, item: TryRead) -> Written | None:
    transfer = read_vietqr(item.session.qr_text)
    if transfer is None:
        return None
    bank = visit.hub.registry.banks.get(item.attempt.bank)
    holder = bank.secrets.options.get("account_name", "") if bank else ""
    return Written(
        BANKS.get(transfer.bank_bin, transfer.bank_bin),
        transfer.account,
        holder,
        transfer.amount_vnd,
        transfer.purpose,
    )


def sorry_page(sorry: Sorry, locale: Locale) -> Response:
    """Why a visit cannot go on, in words."""
    title, body = WORDS[locale].sorry[sorry.kind]
    context = _common(WORDS[locale], "live", "") | {"title": title, "body": body}
    return page("checkout/sorry.html", context, sorry.status)


def _common(words: Words, mode: str, here: str) -> dict[str, object]:
    """What every page needs. `here` is the address the language switch stays on."""
    bare = here.partition("?")[0]
    return {
        "w": words,
        "is_test": mode == "test",
        "vnd": partial(_vnd, words),
        "in_words": amount_in_words,
        "switch": f"{bare}?lang=en" if words.other_lang == "en" else bare or "?",
    }


def _vnd(words: Words, amount_vnd: int) -> str:
    figures = f"{amount_vnd:,}"
    return words.vnd.format(figures.replace(",", ".") if words.lang == "vi" else figures)


def _amount_vnd(seen: Checkout) -> int:
    return seen.rest_vnd if seen.stage in _PRICED else seen.amount_vnd


def _bank(visit: Visit, item: TryRead | None) -> str:
    return bank_title(visit.hub, item.attempt.bank) if item else ""


def _goes_on(visit: Visit, item: TryRead) -> bool:
    """Whether the payer can still go back to where they were."""
    return bool(page_of_bank(visit.hub, item) or (item.session.qr_text and visit.hub.clock() < item.expires_at))


def _groups(found: tuple[Choice, ...]) -> dict[str, list[Choice]]:
    """The ways to pay by method, each in the order given."""
    groups: dict[str, list[Choice]] = {}
    for choice in found:
        groups.setdefault(choice.method, []).append(choice)
    return groups


def _notice(visit: Visit, seen: Checkout, words: Words, why: str) -> str:
    """One sentence above the page: why the last form was refused, or how the last try ended."""
    if why in words.why:
        return words.why[why]
    newest = seen.newest
    if seen.stage is not Stage.CHOOSE or newest is None:
        return ""
    left = bool(newest.session.redirect_url or newest.session.qr_text)
    ends = {
        AttemptStatus.CANCELLED: "cancelled" if left else "not_reached",
        AttemptStatus.FAILED: "failed" if left else "refused",
        AttemptStatus.EXPIRED: "expired",
    }
    ended = ends.get(newest.attempt.status)
    return words.last_try[ended].format(bank=_bank(visit, newest)) if ended else ""


def _left(words: Words, until: datetime, now: datetime) -> str:
    minutes = int((until - now).total_seconds()) // 60
    if minutes <= 0:
        return ""
    if minutes >= 48 * 60:
        return words.days.format(minutes // (24 * 60))
    if minutes >= 2 * 60:
        return words.hours.format(minutes // 60)
    return words.minutes.format(minutes)


def _looks(query: Mapping[str, str]) -> int:
    given = query.get("n", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 else 0  # noqa: PLR2004 - three digits


def _wait_s(seen: Checkout, query: Mapping[str, str], looks: int) -> int | None:
    """How long until the page looks again by itself: while a result is open, less and less often, then never."""
    awaits = seen.stage is Stage.WAITING or (seen.stage is Stage.STARTED and "n" in query)
    if not awaits or query.get("refresh") == "off" or query.get("step") or looks >= len(_LOOKS_S):
        return None
    return _LOOKS_S[looks]
