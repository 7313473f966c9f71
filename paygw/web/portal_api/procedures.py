"""GET /v1/procedures and /v1/public/procedures: what may be charged for, by which tariff, and the facts it asks for."""

from datetime import date
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.procedures import detail, face, search, today
from paygw.kernel.fees.dates import iso_day
from paygw.web.auth import client_address, limits_of
from paygw.web.caching import cached
from paygw.web.context import Permission, hub_of, path_text
from paygw.web.errors import Problem
from paygw.web.limits import rate_limited
from paygw.web.query import AFTER, LIMIT, Parameter, read_limit, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Procedures")

WORDS: Final = Parameter(
    name="q", pattern=r"[^\x00-\x1f]{1,100}", description="Words of code, name or agency, with or without accents."
)
AS_OF: Final = Parameter(
    name="as_of", pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}", description="Legal date; default: today in Vietnam."
)
PROVINCE: Final = Parameter(name="province", pattern=r"[0-9]{2}", description="Two-digit province code.")
CODE_AFTER: Final = Parameter(name="after", pattern=r"[0-9.]{1,20}", description=AFTER.description)


class BothNames(msgspec.Struct, kw_only=True):
    """A name in Vietnamese and English."""

    vi: str
    en: str


class AgencyView(msgspec.Struct, kw_only=True):
    """Who collects."""

    id: str
    collector: str


class FeeView(msgspec.Struct, kw_only=True):
    """One phí, lệ phí or án phí of a tariff."""

    id: str
    name: str
    type: Literal["phi", "le_phi", "an_phi"]
    ndkt: str | None


class ScheduleView(msgspec.Struct, kw_only=True):
    """A tariff: whose, when in force (both days inclusive, null is open), on which legal texts, how sure."""

    id: str
    jurisdiction: str
    effective_from: date | None
    effective_to: date | None
    legal: list[str]
    confidence: Literal["verified", "memory", "illustrative", "unmarked"]
    schedule_hash: str
    components: list[FeeView]


class ProcedureView(msgspec.Struct, kw_only=True):
    """A procedure with the tariffs in force on the day asked for."""

    code: str
    code_status: str | None
    name: BothNames
    agency: AgencyView | None
    assessed: bool
    in_force: list[ScheduleView]


class ProcedureDetailView(ProcedureView, kw_only=True):
    """The same, with every tariff and the facts it asks for as JSON Schema (draft 2020-12)."""

    facts: dict[str, Any]
    schedules: list[ScheduleView]


class ProcedurePage(msgspec.Struct, kw_only=True):
    """Procedures in the order of their codes."""

    items: list[ProcedureView]
    next: str | None


@api.get(
    "/procedures",
    permission=Permission.PORTAL,
    summary="Find procedures",
    query=(WORDS, AS_OF, CODE_AFTER, LIMIT),
    answers={200: ProcedurePage},
)
async def list_procedures(request: Request) -> Response:
    """Procedures with what is in force."""
    return _page(request)


@api.get(
    "/procedures/{code}",
    permission=Permission.PORTAL,
    summary="Read a procedure and the facts it asks for",
    query=(AS_OF, PROVINCE),
    answers={200: ProcedureDetailView},
)
async def read_procedure(request: Request) -> Response:
    """One procedure, with the form of the day asked for."""
    return _one(request)


@api.get(
    "/public/procedures",
    permission=Permission.PUBLIC,
    summary="Find procedures, without a key",
    query=(WORDS, AS_OF, CODE_AFTER, LIMIT),
    answers={200: ProcedurePage},
    problems=("rate_limited",),
)
async def list_public_procedures(request: Request) -> Response:
    """The same list for anybody, to be cached."""
    _admit(request)
    return cached(request, _page(request), hub_of(request).clock())


@api.get(
    "/public/procedures/{code}",
    permission=Permission.PUBLIC,
    summary="Read a procedure, without a key",
    query=(AS_OF, PROVINCE),
    answers={200: ProcedureDetailView},
    problems=("rate_limited",),
)
async def read_public_procedure(request: Request) -> Response:
    """The same procedure for anybody, to be cached."""
    _admit(request)
    return cached(request, _one(request), hub_of(request).clock())


def _admit(request: Request) -> None:
    """Strangers share the general rate, each address its own."""
    settings = hub_of(request).settings
    wait_s = limits_of(request).requests.wait_s(
        f"public {client_address(request)}", rate=settings.rate_get, burst=settings.rate_burst
    )
    if wait_s:
        raise rate_limited(wait_s)


def _page(request: Request) -> Response:
    hub, given = hub_of(request), read_query(request, (WORDS, AS_OF, CODE_AFTER, LIMIT))
    day, limit, after = _day(request, given), read_limit(request, given), given.get("after", "")
    found = [one for one in search(hub, given.get("q", "")) if one.code > after]
    shown = found[:limit]
    following = shown[-1].code if len(found) > limit else None
    return reply({"items": [face(one, day) for one in shown], "next": following})


def _one(request: Request) -> Response:
    hub, given = hub_of(request), read_query(request, (AS_OF, PROVINCE))
    procedure = hub.tariffs.procedures.get(path_text(request, "code"))
    if procedure is None:
        raise Problem("not_found", "There is no procedure with exactly this code.")
    return reply(detail(procedure, given.get("province"), _day(request, given)))


def _day(request: Request, given: dict[str, str]) -> date:
    if "as_of" not in given:
        return today(hub_of(request))
    day = iso_day(given["as_of"])
    if day is None:
        raise Problem("bad_parameter", "'as_of' is not a day of the calendar.")
    return day
