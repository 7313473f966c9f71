"""Breaks over the API: read, assign, comment, propose, decide. Needs a key with scope finance.

A proposal made by one key is decided on by another key and another person: no single key moves money.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub import break_decisions
from paygw.hub.breaks import assign, comment, list_breaks, show_break
from paygw.hub.days import day_of
from paygw.web.body import read_json
from paygw.web.context import Permission, hub_of, path_text, principal_of
from paygw.web.portal_api.book_models import (
    ApproveIn,
    AssignIn,
    BreakDetailView,
    BreakPage,
    CommentIn,
    ProposeIn,
    RejectIn,
)
from paygw.web.query import AFTER, LIMIT, Parameter, read_limit, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Breaks")
STATUS: Final = Parameter(name="status", pattern="open|proposed|resolved", description="Only in this state.")
BANK: Final = Parameter(name="bank", pattern=r"[a-z0-9-]{1,64}", description="Only of this bank.")
DAY: Final = Parameter(name="day", pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}", description="Only of this day.")
KIND: Final = Parameter(name="kind", pattern=r"[a-z_]{1,64}", description="Only of this kind.")
_PAGE: Final = (STATUS, BANK, DAY, KIND, AFTER, LIMIT)
_PLACE: Final = "/breaks/{break_id}"
_DECIDED: Final = ("not_found", "break_state", "same_person", "role_missing", "stale_version", "proposal_decided")


@api.get(
    "/breaks",
    permission=Permission.FINANCE,
    summary="Find breaks",
    query=_PAGE,
    answers={200: BreakPage},
    problems=("bad_time",),
)
async def find(request: Request) -> Response:
    """Oldest first."""
    given = read_query(request, _PAGE)
    day = day_of(given["day"]) if "day" in given else None
    page = await list_breaks(
        hub_of(request),
        status=given.get("status"),
        bank=given.get("bank"),
        day=day,
        kind=given.get("kind"),
        after=given.get("after"),
        limit=read_limit(request, given),
    )
    return reply(page)


@api.get(
    _PLACE,
    permission=Permission.FINANCE,
    summary="Read a break",
    answers={200: BreakDetailView},
    problems=("not_found",),
)
async def read(request: Request) -> Response:
    """With its history and the proposal that waits."""
    return reply(await show_break(hub_of(request), path_text(request, "break_id")))


@api.post(
    f"{_PLACE}/assign",
    permission=Permission.FINANCE,
    summary="Give a break to somebody",
    body=AssignIn,
    answers={200: BreakDetailView},
    problems=("not_found", "break_state", "role_missing"),
)
async def give(request: Request) -> Response:
    """Again is nothing but a further line of history."""
    body = await read_json(request, AssignIn)
    return reply(await assign(hub_of(request), path_text(request, "break_id"), body.owner, by=body.by))


@api.post(
    f"{_PLACE}/comments",
    permission=Permission.FINANCE,
    summary="Comment on a break",
    body=CommentIn,
    answers={200: BreakDetailView},
    problems=("not_found", "role_missing"),
)
async def say(request: Request) -> Response:
    """Kept for ever."""
    body = await read_json(request, CommentIn)
    return reply(await comment(hub_of(request), path_text(request, "break_id"), body.text, by=body.by))


@api.post(
    f"{_PLACE}/proposal",
    permission=Permission.FINANCE,
    summary="Propose what should be done",
    body=ProposeIn,
    answers={200: BreakDetailView},
    problems=("not_found", "break_state", "break_action", "invalid_value", "role_missing"),
)
async def propose(request: Request) -> Response:
    """Nothing moves before another person approves with another key."""
    body = await read_json(request, ProposeIn)
    shown = await break_decisions.propose(
        hub_of(request),
        path_text(request, "break_id"),
        body.action,
        body.params,
        document=body.document,
        by=body.by,
        via=principal_of(request).id,
    )
    return reply(shown)


@api.post(
    f"{_PLACE}/approve",
    permission=Permission.FINANCE,
    summary="Approve exactly what was shown",
    body=ApproveIn,
    answers={200: BreakDetailView},
    problems=_DECIDED,
)
async def approve(request: Request) -> Response:
    """The money moves and the break ends, or nothing happens."""
    body = await read_json(request, ApproveIn)
    break_id, via = path_text(request, "break_id"), principal_of(request).id
    return reply(await break_decisions.approve(hub_of(request), break_id, by=body.by, shown=body.content_hash, via=via))


@api.post(
    f"{_PLACE}/reject",
    permission=Permission.FINANCE,
    summary="Send a proposal back",
    body=RejectIn,
    answers={200: BreakDetailView},
    problems=_DECIDED,
)
async def reject(request: Request) -> Response:
    """The break is open again."""
    body = await read_json(request, RejectIn)
    break_id, via = path_text(request, "break_id"), principal_of(request).id
    return reply(await break_decisions.reject(hub_of(request), break_id, by=body.by, reason=body.reason, via=via))
