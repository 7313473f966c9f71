"""The ways in which an answer can be spoilt on the wire."""

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paygw.simulators.config import Misbehaviour

DROP = "paygw.drop"  # put into the ASGI scope by the server: closes the connection under the answer


class CutResponse(Response):
    """The head and half of the body, then the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak ASGI."""
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _drop(scope, receive)


class NoResponse(Response):
    """The connection ends without a word."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak ASGI: nothing."""
        del send
        await _drop(scope, receive)


def spoil(answer: Response, fault: Misbehaviour) -> Response:
    """What leaves instead of the answer."""
    return next(make(answer, fault) for wanted, make in _SPOILERS if wanted(fault))


async def _drop(scope: Scope, receive: Receive) -> None:
    scope[DROP]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut(answer: Response, _: Misbehaviour) -> Response:
    return CutResponse(answer.body, answer.status_code, dict(answer.headers))


def _html(_: Response, fault: Misbehaviour) -> Response:
    page = "<!doctype html><title>503</title><p>Hệ thống đang bảo trì"
    return Response(page, fault.http_status or 200, media_type="text/html")


def _garbage(answer: Response, fault: Misbehaviour) -> Response:
    return Response(b"\x00\xff" + bytes(answer.body)[::-1], fault.http_status or 200, media_type="application/json")


def _error(_: Response, fault: Misbehaviour) -> Response:
    return Response(b'{"error":"internal"}', fault.http_status or 500, media_type="application/json")


def _unsigned(answer: Response, _: Misbehaviour) -> Response:
    return Response(answer.body, answer.status_code, media_type="application/json")


_SPOILERS: tuple[tuple[Callable[[Misbehaviour], bool], Callable[[Response, Misbehaviour], Response]], ...] = (
    (lambda fault: bool(fault.down), lambda answer, _: NoResponse(answer.body)),
    (lambda fault: fault.cut, _cut),
    (lambda fault: fault.html, _html),
    (lambda fault: fault.garbage, _garbage),
    (lambda fault: fault.http_status is not None, _error),
    (lambda fault: fault.unsigned, _unsigned),
    (lambda _: True, lambda answer, _: answer),
)
