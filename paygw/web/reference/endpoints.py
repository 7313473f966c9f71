"""GET / (where to go), /docs (the API for people) and /openapi.yaml (the API for programs)."""

from typing import cast

from starlette.requests import Request
from starlette.responses import Response

import paygw
from paygw.web.caching import cached
from paygw.web.checkout.view import WORDS
from paygw.web.context import Permission, hub_of
from paygw.web.pages import page
from paygw.web.reference.manual import Manual
from paygw.web.routes import Routes

api = Routes(tag="Documents")


@api.get("/", permission=Permission.PUBLIC, summary="Where to go", documented=False)
async def show_home(request: Request) -> Response:
    """The first page: what this is, and where each kind of reader begins."""
    language = "en" if request.query_params.get("lang") == "en" else "vi"
    return cached(request, page("reference/home.html", _common(request, language, "/")), hub_of(request).clock())


@api.get("/docs", permission=Permission.PUBLIC, summary="The API for people", documented=False)
async def show_docs(request: Request) -> Response:
    """Every operation, its fields, its problems, a request to copy."""
    manual = _manual(request)
    context = _common(request, "en", "/docs") | {
        "hub_url": hub_of(request).settings.origin,
        "version": paygw.__version__,
        "subjects": manual.subjects,
        "structs": manual.structs,
        "codes": manual.codes,
    }
    return cached(request, page("reference/docs.html", context), hub_of(request).clock())


@api.get("/openapi.yaml", permission=Permission.PUBLIC, summary="The API for programs", documented=False)
async def show_openapi(request: Request) -> Response:
    """The description of this very version."""
    answer = Response(
        _manual(request).yaml, media_type="application/yaml", headers={"x-content-type-options": "nosniff"}
    )
    return cached(request, answer, hub_of(request).clock())


def _manual(request: Request) -> Manual:
    return cast("Manual", request.app.state.manual)


def _common(request: Request, language: str, path: str) -> dict[str, object]:
    other = "?lang=en" if language == "vi" else ""
    return {
        "w": WORDS["en" if language == "en" else "vi"],
        "is_test": hub_of(request).settings.mode == "test",
        "switch": path + other,
        "language": language,
    }
