"""Files of banks and providers: finance brings them as they are, and sees what became of them."""

import asyncio
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.days import day_of
from paygw.hub.filed import find_files, get_file
from paygw.hub.intake import FILE_BYTES_MAX, FileAsk, receive_upload
from paygw.hub.keyed import keyed
from paygw.web.body import read_bytes
from paygw.web.context import Permission, hub_of, principal_of
from paygw.web.errors import Problem
from paygw.web.portal_api.models import FilePage, FileView
from paygw.web.query import AFTER, LIMIT, Parameter, idempotency_key, path_id, read_limit, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Files")

MEDIA_TYPES: Final = (
    "application/octet-stream",
    "text/csv",
    "text/plain",
    "application/xml",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
_NAME = r"[a-z0-9][a-z0-9-]{0,59}"
BANK: Final = Parameter(name="bank", pattern=r"[a-z0-9][a-z0-9-]{0,39}", description="Whose file it is.", required=True)
PROFILE: Final = Parameter(name="profile", pattern=_NAME, description="How it is read (docs/files.md).", required=True)
ACCOUNT: Final = Parameter(
    name="account", pattern=r"[A-Za-z0-9]{1,34}", description="Whose account; must be the file's."
)
DAY: Final = Parameter(name="day", pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}", description="The business day it is about.")
SEQUENCE: Final = Parameter(
    name="sequence",
    pattern=r"[1-9][0-9]{0,5}",
    description="Version of a file that is sent again; a higher one counts.",
)
NAME: Final = Parameter(name="name", pattern=r"[^/\\\x00-\x1f\x7f]{1,200}", description="What people call it.")
STATE: Final = Parameter(
    name="state",
    pattern="received|staged|refused|superseded",
    description="Only files in this state.",
    schema={"type": "string", "enum": ["received", "staged", "refused", "superseded"]},
)
# Each upload is held in memory whole: so many at once in this process, no more.
_SEATS: Final = asyncio.Semaphore(4)
_OF_BANK: Final = Parameter(name="bank", pattern=BANK.pattern, description="Only files of this bank.")
_UPLOAD: Final = (BANK, PROFILE, ACCOUNT, DAY, SEQUENCE, NAME)
_LIST: Final = (_OF_BANK, STATE, AFTER, LIMIT)
_REPLAYED = {"Idempotent-Replayed": "true"}


@api.post(
    "/files",
    permission=Permission.FINANCE,
    summary="Bring a statement or settlement file",
    idempotent=True,
    raw=MEDIA_TYPES,
    query=_UPLOAD,
    answers={201: FileView},
    problems=("file_empty", "bank_unknown", "invalid_value", "bad_time"),
)
async def bring_file(request: Request) -> Response:
    """The body is the file, at most 20 MiB. It is read soon after: ask for it again by its id."""
    hub, given = hub_of(request), read_query(request, _UPLOAD)
    _require_bytes(request)
    key = idempotency_key(request)
    day = _day(given)
    if _SEATS.locked():
        raise Problem("unavailable", "Other files are being sent now: send the same request again.")
    async with _SEATS:
        data = await read_bytes(request, max_bytes=FILE_BYTES_MAX, timeout_s=hub.settings.file_timeout_s)
        return await _kept(request, given, data, day=day, key=key)


async def _kept(request: Request, given: dict[str, str], data: bytes, *, day: date | None, key: str) -> Response:
    ask = FileAsk(
        bank=given["bank"],
        profile=given["profile"],
        data=data,
        name=given.get("name", ""),
        source="api",
        by=principal_of(request).id,
        account=given.get("account", ""),
        day=day,
        sequence=int(given.get("sequence", 0)),
    )
    hub = hub_of(request)
    answer = await keyed(hub, receive_upload(hub, ask, key=key))
    return reply(answer.body, answer.status, _REPLAYED if answer.replayed else {})


@api.get("/files", permission=Permission.FINANCE, summary="List files", query=_LIST, answers={200: FilePage})
async def list_files(request: Request) -> Response:
    """Newest first."""
    given = read_query(request, _LIST)
    limit = read_limit(request, given)
    page = await find_files(
        hub_of(request),
        bank=given.get("bank", ""),
        state=given.get("state", ""),
        after=given.get("after"),
        limit=limit,
    )
    return reply(page)


@api.get(
    "/files/{file_id}", permission=Permission.FINANCE, summary="Read what became of a file", answers={200: FileView}
)
async def read_one(request: Request) -> Response:
    """`problem` says why it was refused, with a pointer to the line."""
    return reply(await get_file(hub_of(request), path_id(request, "file_id", "fil")))


def _require_bytes(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("unsupported_media_type", f"Send the file as it is, as one of: {', '.join(MEDIA_TYPES)}.")


def _day(given: dict[str, str]) -> date | None:
    return day_of(given["day"]) if "day" in given else None
