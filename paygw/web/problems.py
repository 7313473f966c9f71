"""The pages behind the `type` of each problem: every code with its status and meaning, as JSON."""

from starlette.requests import Request
from starlette.responses import Response

from paygw.web.context import Permission, path_text
from paygw.web.errors import CODES, Kind, Problem
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/problems", tag="Problems")


@api.get("", permission=Permission.PUBLIC, summary="Every code a caller may meet")
async def list_problems(request: Request) -> Response:
    """All codes, by name."""
    del request
    return reply({"items": [_shown(code, kind) for code, kind in sorted(CODES.items())]})


@api.get("/{code}", permission=Permission.PUBLIC, summary="One code", problems=("not_found",))
async def show_problem(request: Request) -> Response:
    """What one code means."""
    code = path_text(request, "code")
    if code not in CODES:
        raise Problem("not_found", "There is no such code.")
    return reply(_shown(code, CODES[code]))


def _shown(code: str, kind: Kind) -> dict[str, object]:
    shown: dict[str, object] = {
        "type": f"/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": kind.title,
    }
    return shown if kind.retry_after_s is None else shown | {"retry_after_s": kind.retry_after_s}
