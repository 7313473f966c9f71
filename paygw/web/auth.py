"""Who may enter: one guard per permission, chosen when a route is made. No SQL on the way in."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NoReturn, cast

from starlette.requests import Request

from paygw.hub.registry import ApiKey, Portal, find_key, key_prefix
from paygw.hub.security import record
from paygw.web.context import Permission, Principal, hub_of, path_of, set_principal
from paygw.web.errors import Problem
from paygw.web.limits import Limiter, rate_limited

Guard = Callable[[Request], Awaitable[None]]

_KEY_CHARS_MAX: Final = 200
_READS: Final = frozenset({"GET", "HEAD"})
_CHALLENGE: Final = MappingProxyType({"www-authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The counters of one process: requests of those we know, failures of those we do not, notes about them."""

    requests: Limiter
    failures: Limiter
    notes: Limiter


def client_address(request: Request) -> str:
    """Who is at the other end; of forwarded addresses only those our own proxies added count."""
    hops = hub_of(request).settings.trusted_proxies
    peer = request.client.host if request.client else ""
    if not hops:
        return peer
    told = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    candidate = told[-hops] if len(told) >= hops else peer
    try:
        return str(ip_address(candidate))
    except ValueError:
        return peer


async def enter_portal(request: Request) -> None:
    """Let in a portal's key, within its rate."""
    key = await _key(request, scope="portal")
    portal = hub_of(request).registry.portals.get(key.portal_id or "")
    if portal is None:
        await _refuse(request, "no_portal", subject=key.prefix)
    principal = Principal(f"portal:{portal.id}", key.scopes, portal)
    set_principal(request.scope, principal)
    _take_token(request, principal.id, portal)


async def enter_finance(request: Request) -> None:
    """Let in a key with scope finance, within the general rate."""
    await _enter_scope(request, "finance")


async def enter_operator(request: Request) -> None:
    """Let in a key with scope operator, within the general rate."""
    await _enter_scope(request, "operator")


async def _enter_scope(request: Request, scope: str) -> None:
    key = await _key(request, scope=scope)
    principal = Principal(f"key:{key.prefix}", key.scopes)
    set_principal(request.scope, principal)
    _take_token(request, principal.id, None)


async def enter_metrics(request: Request) -> None:
    """Let in who bears the metrics token; where none is set, this machine only."""
    token = hub_of(request).settings.metrics_token
    if token is None:
        if not _is_loopback(client_address(request)):
            await _refuse(request, "metrics", subject="metrics", code="forbidden")
    elif not hmac.compare_digest(_bearer(request).encode(), token.get_secret_value().encode()):
        await _refuse(request, "metrics", subject="metrics")


async def enter_freely(request: Request) -> None:
    """Public pages, payers' tokens and banks' signatures are judged by the endpoint itself."""
    set_principal(request.scope, _NOBODY)


async def closed(request: Request) -> None:
    """Let nobody in: the guard of a permission that no module stands for."""
    del request
    raise Problem("forbidden", "Nobody may enter here.")


_NOBODY: Final = Principal("nobody", frozenset())

# The console brings its own guard for STAFF (Routes.get(..., guard=...)).
GUARDS: Final[Mapping[Permission, Guard]] = MappingProxyType(
    {
        Permission.PUBLIC: enter_freely,
        Permission.PAYER: enter_freely,
        Permission.BANK: enter_freely,
        Permission.PORTAL: enter_portal,
        Permission.FINANCE: enter_finance,
        Permission.OPERATOR: enter_operator,
        Permission.METRICS: enter_metrics,
    }
)


def limits_of(request: Request) -> Limits:
    """The counters of this process."""
    return cast("Limits", request.app.state.limits)


def _bearer(request: Request) -> str:
    """The credential of the Authorization header, or nothing."""
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            word, _, credential = value.decode("latin-1").partition(" ")
            return credential.strip() if word.lower() == "bearer" and len(credential) <= _KEY_CHARS_MAX else ""
    return ""


async def _key(request: Request, *, scope: str) -> ApiKey:
    hub = hub_of(request)
    given = _bearer(request)
    if not given:
        await _refuse(request, "missing", subject="")
    if not given.startswith(f"sk_{hub.settings.mode}_"):
        await _refuse(request, "other_mode" if given.startswith("sk_") else "unknown", subject="")
    known = find_key(hub.registry, given, hub.clock())
    if known is None:
        await _refuse(request, "unknown", subject=key_prefix(given) if key_prefix(given) in hub.registry.keys else "")
    if scope not in known.scopes:
        await _refuse(request, "scope", subject=known.prefix, code="forbidden")
    return known


async def _refuse(request: Request, kind: str, *, subject: str, code: str = "unauthenticated") -> NoReturn:
    """Count, note and refuse. A stranger who tries too often is told to wait; a right key is never held up by that."""
    hub, limits = hub_of(request), limits_of(request)
    address = client_address(request)
    hub.observe.count("paygw_auth_failures_total", kind=kind)
    if limits.notes.wait_s("audit", rate=hub.settings.security_events_per_min / 60, burst=20) == 0:
        await record(
            hub, principal=address, action="auth.refused", subject=subject or path_of(request.scope), kind=kind
        )
    wait_s = limits.failures.wait_s(address, rate=hub.settings.refused_keys_per_min / 60, burst=20)
    if wait_s:
        hub.observe.count("paygw_rate_limited_total", kind="failures")
        raise rate_limited(wait_s)
    if code == "forbidden":
        raise Problem(code, "This key has another scope.")
    raise Problem(code, "Send Authorization: Bearer and a key of this hub and mode.", headers=_CHALLENGE)


def _take_token(request: Request, who: str, portal: Portal | None) -> None:
    hub = hub_of(request)
    reads = request.method in _READS
    rates = portal or hub.settings
    wait_s = limits_of(request).requests.wait_s(
        f"{who} {'GET' if reads else 'POST'}",
        rate=rates.rate_get if reads else rates.rate_post,
        burst=rates.rate_burst,
    )
    if wait_s:
        hub.observe.count("paygw_rate_limited_total", kind="read" if reads else "write")
        raise rate_limited(wait_s)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
