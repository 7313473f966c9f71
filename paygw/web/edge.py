"""The outermost layer: request id, headers of every answer, one count and one log line, the last resort.

Plain ASGI, so that an exception anywhere below, in middleware too, still becomes a problem of the one shape.
"""

import logging
import time
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paygw.hub.hub import Observer
from paygw.kernel.errors import Alarm, Unavailable
from paygw.web.context import known_principal, path_of, request_id_of
from paygw.web.outage import failure_reply

_log = logging.getLogger("paygw.http")

_SAFE: Final = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_FULL: Final = Unavailable("too many requests are under way")
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """Wraps the application; knows where to count and how many requests are under way."""

    def __init__(self, app: ASGIApp, observe: Observer, *, requests_max: int) -> None:
        self._app = app
        self._observe = observe
        self._requests_max = requests_max
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_of(scope).encode("ascii")
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _mark(message, request_id)
            await send(message)

        self._under_way += 1
        try:
            if self._under_way > self._requests_max:
                await failure_reply(Request(scope), _FULL)(scope, receive, send_marked)
            else:
                await self._app(scope, receive, send_marked)
        except Exception as error:  # noqa: BLE001 - the last resort of the process: logged, answered, counted
            _report(error, scope)
            if not status:
                await failure_reply(Request(scope), error)(scope, receive, send_marked)
        finally:
            self._under_way -= 1
            self._count(scope, status, time.perf_counter() - began)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = path_of(scope), scope["method"] if scope["method"] in _METHODS else "other"
        self._observe.count("paygw_http_requests_total", route=route, method=method, status=str(status))
        self._observe.took("paygw_http_request_seconds", seconds, route=route, method=method, status=str(status))
        if route not in _QUIET and _log.isEnabledFor(logging.INFO):
            principal = known_principal(scope)
            _log.info(
                "request",
                extra={
                    "request_id": request_id_of(scope),
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    "principal": principal.id if principal else "",
                },
            )


def _mark(message: Message, request_id: bytes) -> None:
    """Every answer names its request; none is cached unless it says so itself."""
    headers = message["headers"] = list(message.get("headers", ()))
    given = {name for name, _ in headers}
    headers.append((b"x-request-id", request_id))
    headers.extend((name, value) for name, value in _SAFE if name not in given)
    if b"cache-control" not in given:
        headers.append((b"cache-control", b"no-store"))


def _report(error: Exception, scope: Scope) -> None:
    """An alarm is paged; everything unforeseen is a defect with its stack in the log."""
    event = "alarm" if isinstance(error, Alarm) else "defect"
    extra = {"request_id": request_id_of(scope), "route": path_of(scope), "code": type(error).__name__}
    _log.critical(event, extra=extra, exc_info=error)
