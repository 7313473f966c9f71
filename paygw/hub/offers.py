"""Which banks are offered to whom: terms and maintenance as data, the connector's limits, and how a bank is just now.

A term may name a portal, a collecting body, both or neither. Whether a bank is offered is said by the most specific
term that applies; sums must be allowed by every one of them. An order for several bodies is offered what all allow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from paygw.hub.bank_health import is_unwell
from paygw.hub.hub import Hub
from paygw.hub.registry import Bank, Term, Window
from paygw.kernel.errors import Refused

Hindrance = Literal["", "not_offered", "limit_low", "limit_high", "maintenance", "circuit", "unwell"]
CLOSED: frozenset[Hindrance] = frozenset({"not_offered", "limit_low", "limit_high", "maintenance"})

_SENTENCES: dict[Hindrance, tuple[str, str]] = {
    "not_offered": ("bank_not_offered", "This bank is not offered for this payment; choose another one."),
    "limit_low": ("bank_limit", "This bank does not take a payment this small; choose another one."),
    "limit_high": ("bank_limit", "This bank does not take a payment this large; choose another one."),
    "maintenance": ("bank_maintenance", "This bank is under maintenance; choose another one, or try again later."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """For whom money is collected: the portal of an order and the collecting bodies of its lines."""

    portal: str = ""
    bodies: frozenset[str] = frozenset()


def hindrance_of(hub: Hub, bank: Bank, place: Place, amount_vnd: int) -> Hindrance:
    """What stands in the way of paying this through a bank now; the first three and maintenance forbid it."""
    least_vnd, most_vnd = span_vnd(bank, place)
    if not _is_offered(bank, place):
        return "not_offered"
    if amount_vnd < least_vnd:
        return "limit_low"
    if amount_vnd > most_vnd:
        return "limit_high"
    if window_at(bank, hub.clock()) is not None:
        return "maintenance"
    if bank.id in hub.talk.open_circuits():
        return "circuit"
    return is_unwell(hub, bank.id)


def require_offered(hub: Hub, bank: Bank, place: Place, amount_vnd: int) -> None:
    """Refuse what may not be chosen; a sick bank may. Raises Refused."""
    hindrance = hindrance_of(hub, bank, place, amount_vnd)
    if hindrance in CLOSED:
        least_vnd, most_vnd = span_vnd(bank, place)
        code, sentence = _SENTENCES[hindrance]
        raise Refused(code, sentence, min_vnd=least_vnd, max_vnd=most_vnd)


def span_vnd(bank: Bank, place: Place) -> tuple[int, int]:
    """The least and the most a bank takes here: the tightest of its protocol and of every term that applies."""
    limits, terms = bank.connector.limits, list(_applying(bank, place))
    least = [term.min_vnd for term in terms if term.min_vnd is not None]
    most = [term.max_vnd for term in terms if term.max_vnd is not None]
    return max([limits.amount_min_vnd, *least]), min([limits.amount_max_vnd, *most])


def window_at(bank: Bank, at: datetime) -> Window | None:
    """The maintenance a bank is in at this moment."""
    return next((window for window in bank.windows if window.starts_at <= at < window.ends_at), None)


def _is_offered(bank: Bank, place: Place) -> bool:
    """By the most specific term for each body: portal and body, then body, then portal, then everywhere."""
    for body in place.bodies or {""}:
        applying = [term for term in _applying(bank, place) if term.body in {"", body}]
        best = max(applying, key=lambda term: (bool(term.body), bool(term.portal)), default=None)
        if best is not None and not best.offered:
            return False
    return True


def _applying(bank: Bank, place: Place) -> Iterator[Term]:
    for term in bank.terms:
        if term.portal in {"", place.portal} and (not term.body or term.body in place.bodies):
            yield term
