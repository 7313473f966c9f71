"""Answers that anybody may keep for a while: an ETag, and an age that ends with the day in Vietnam at the latest.

A tariff changes at local midnight, so nothing that says what is in force may be kept beyond it.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.kernel.decide import VIETNAM

AGE_MAX_S: Final = 60

_DIGITS: Final = 32


def cached(request: Request, response: Response, now: datetime) -> Response:
    """The answer with its headers, or 304 if the caller has it already."""
    tag = f'"{sha256(bytes(response.body)).hexdigest()[:_DIGITS]}"'
    headers = {"etag": tag, "cache-control": f"public, max-age={_age_s(now)}", "vary": "accept-encoding"}
    if tag in (part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")):
        kept = {name: value for name, value in response.headers.items() if name == "content-security-policy"}
        return Response(status_code=304, headers=kept | headers)
    response.headers.update(headers)
    return response


def _age_s(now: datetime) -> int:
    local = now.astimezone(VIETNAM)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(AGE_MAX_S, int((midnight - local).total_seconds()))
