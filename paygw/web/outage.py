"""What goes wrong on our side, told in the caller's way: a page to people, a problem document to programs.

The page needs nothing but this process: no database, no script. It loads again by itself, and says so in two languages,
because nobody can tell here which one the payer had chosen.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.web.errors import CODES, problem_of
from paygw.web.locale.en import EN
from paygw.web.locale.vi import VI
from paygw.web.pages import page
from paygw.web.reply import problem_reply

_FOR_PEOPLE: Final = ("/pay/", "/phi-le-phi")
_FORM: Final = "/attempts"
_OURS: Final = 500
_AWAY: Final = 503
_AGAIN_S: Final = 5


def failure_reply(request: Request, error: BaseException) -> Response:
    """The answer to an error: on the pages for people, one that is ours becomes a page."""
    status = CODES[problem_of(error).code].status
    path = request.url.path
    if status < _OURS or not path.startswith(_FOR_PEOPLE):
        return problem_reply(request, error)
    again = path.removesuffix(_FORM) if request.method == "POST" else path
    if request.url.query:
        again = f"{again}?{request.url.query}"
    headers = {"retry-after": str(_AGAIN_S), "refresh": f"{_AGAIN_S}; url={again}"} if status == _AWAY else {}
    context = {"w": VI, "en": EN, "is_test": False, "title": VI.outage[0], "again": again, "reloads": status == _AWAY}
    return page("outage.html", context, status, headers)
