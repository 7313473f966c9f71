"""Nights and minutes of reconciliation over the API. Needs a key with scope finance."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.days import day_of
from paygw.hub.minutes import list_minutes, read_minutes, sign_minutes
from paygw.hub.nights import list_nights, show_night
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, path_text
from paygw.web.portal_api.night_models import (
    MinutesList,
    MinutesView,
    NightDetailView,
    NightList,
    SignIn,
)
from paygw.web.query import Parameter, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Nights")
RUN: Final = Parameter(name="run", pattern="[1-9][0-9]{0,5}", description="Which run; the last that ended without.")
_OF_DAY: Final = "/minutes/{bank}/{day}"
_SIGNED: Final = ("not_found", "bad_time", "stale_version", "minutes_state", "same_person", "role_missing")


@api.get("/nights", permission=Permission.FINANCE, summary="List the latest nights", answers={200: NightList})
async def nights(request: Request) -> Response:
    """The newest day first."""
    return reply({"items": await list_nights(hub_of(request))})


@api.get(
    "/nights/{bank}/{day}",
    permission=Permission.FINANCE,
    summary="Read a night as it was known when it ended",
    query=(RUN,),
    answers={200: NightDetailView},
    problems=("not_found", "bad_time"),
)
async def night(request: Request) -> Response:
    """Steps, minutes, and the position in the snapshot of its end."""
    given = read_query(request, (RUN,)).get("run")
    bank, day = path_text(request, "bank"), day_of(path_text(request, "day"))
    return reply(await show_night(hub_of(request), bank, day, int(given) if given else None))


@api.get("/minutes", permission=Permission.FINANCE, summary="List the latest minutes", answers={200: MinutesList})
async def minutes(request: Request) -> Response:
    """The newest day first."""
    return reply({"items": await list_minutes(hub_of(request))})


@api.get(
    _OF_DAY,
    permission=Permission.FINANCE,
    summary="Read minutes",
    answers={200: MinutesView},
    problems=("not_found", "bad_time"),
)
async def read(request: Request) -> Response:
    """The newest number of a day."""
    return reply(await read_minutes(hub_of(request), path_text(request, "bank"), day_of(path_text(request, "day"))))


@api.post(
    f"{_OF_DAY}/sign",
    permission=Permission.FINANCE,
    summary="Sign minutes",
    body=SignIn,
    answers={200: MinutesView},
    problems=_SIGNED,
)
async def sign(request: Request) -> Response:
    """What was shown, and nothing newer. The second person approves at the hub itself (paygw minutes approve)."""
    body = await read_json(request, SignIn)
    bank, day = path_text(request, "bank"), day_of(path_text(request, "day"))
    return reply(await sign_minutes(hub_of(request), bank, day, role="signed", by=body.by, shown=body.content_hash))
