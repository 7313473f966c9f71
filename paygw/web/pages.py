"""Pages for people: one template environment, the headers that keep them safe, the small files they need.

A page runs no script, loads nothing from elsewhere, is framed by nobody and kept by no cache. Static files are read
once at start; their address holds their digest, so that browsers may keep them for ever.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from paygw.kernel.decide import VIETNAM
from paygw.web.context import Permission, path_text
from paygw.web.errors import Problem
from paygw.web.routes import Routes

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_TYPES: Final = MappingProxyType({"css": "text/css", "svg": "image/svg+xml"})

assets = Routes(prefix="/static", tag="Pages")


def _read_assets() -> dict[str, bytes]:
    """Every static file whose type we serve, by name."""
    folder = files("paygw.web") / "static"
    return {item.name: item.read_bytes() for item in folder.iterdir() if item.name.rpartition(".")[2] in _TYPES}


_ASSETS: Final = _read_assets()


def asset(name: str) -> str:
    """The address of a static file. KeyError for one that is not there is a defect."""
    return f"/static/{sha256(_ASSETS[name]).hexdigest()[:12]}/{name}"


def moment(at: datetime) -> str:
    """A point in time as people in Vietnam write it: `14:30 ngày 23/11/2026` without its words."""
    return at.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def machine_moment(at: datetime) -> str:
    """The same for machines, for the `datetime` attribute."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("paygw.web"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"moment": moment, "machine": machine_moment}
    made.globals["asset"] = asset
    return made


TEMPLATES: Final = _environment()


def page(
    template: str, context: Mapping[str, object], status: int = 200, headers: Mapping[str, str] = _NONE
) -> Response:
    """A page from a template, with its safe headers; `headers` are added."""
    text = TEMPLATES.get_template(template).render(context)
    return HTMLResponse(text, status, {**HEADERS, **headers})


@assets.get("/{digest}/{name}", permission=Permission.PUBLIC, summary="A file of our pages", documented=False)
async def show_asset(request: Request) -> Response:
    """One static file, for ever."""
    name = path_text(request, "name")
    if name not in _ASSETS or request.url.path != asset(name):
        raise Problem("not_found", "There is no such file here.")
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(_ASSETS[name], headers=headers, media_type=_TYPES[name.rpartition(".")[2]])
