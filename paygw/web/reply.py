"""Answers: JSON bytes made by msgspec, and problems (RFC 9457) in one shape for everything that goes wrong."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from paygw.kernel.errors import Refused
from paygw.web.context import request_id_of
from paygw.web.errors import CODES, problem_of

_ENCODER: Final = msgspec.json.Encoder()
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_OWN_MEMBERS: Final = frozenset({"type", "title", "status", "detail", "instance", "code", "errors"})


class Json(Response):
    """A body of `application/json`."""

    media_type = "application/json"


class ProblemJson(Response):
    """A body of `application/problem+json`."""

    media_type = "application/problem+json"


def reply(body: object, status: int = 200, headers: Mapping[str, str] = _NOTHING) -> Response:
    """An answer: bytes go out as they are (stored answers, prepared views), anything else through msgspec."""
    content = body if isinstance(body, bytes) else _ENCODER.encode(body)
    return Json(content, status, headers)


def problem_reply(request: Request, error: BaseException) -> Response:
    """The answer to an error, whatever it is; facts of a refusal stand beside its code."""
    problem = problem_of(error)
    kind = CODES[problem.code]
    body: dict[str, object] = {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": request_id_of(request.scope),
        "code": problem.code,
    }
    if problem.errors:
        body["errors"] = [{"pointer": pointer, "code": code} for pointer, code in problem.errors]
    if isinstance(error, Refused) and problem.code == error.code:
        body |= {name: fact for name, fact in error.facts.items() if name not in _OWN_MEMBERS}
    headers = dict(problem.headers)
    if kind.retry_after_s is not None:
        headers.setdefault("retry-after", str(kind.retry_after_s))
    return ProblemJson(_ENCODER.encode(body), kind.status, headers)
