"""Finance reads: the position proof and the trace of any đồng. Needs a key with scope finance."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.position import prove_position
from paygw.hub.tracing import trace_money
from paygw.web.context import Permission, hub_of
from paygw.web.portal_api.book_models import PositionView, TraceView
from paygw.web.query import Parameter, read_instant, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Finance")
AS_OF: Final = Parameter(
    name="as_of",
    pattern=r"[0-9T:.+Z-]{10,40}",
    description="The ledger as it stood at this moment; now, with all records, without it.",
    schema={"format": "date-time"},
)
NAME: Final = Parameter(
    name="name",
    pattern=r"[^\x00-\x1f]{1,128}",
    description="Any id (ord_, rcp_, rfd_, ...), reference of a bank or portal, or dossier code.",
    required=True,
)


@api.get(
    "/ledger/position",
    permission=Permission.FINANCE,
    summary="Prove that held = owed",
    query=(AS_OF,),
    answers={200: PositionView},
)
async def position(request: Request) -> Response:
    """Per holder, owner, budget code and merchant; every surplus and shortage by name."""
    given = read_query(request, (AS_OF,))
    return reply(await prove_position(hub_of(request), as_of=read_instant(given, "as_of")))


@api.get(
    "/trace",
    permission=Permission.FINANCE,
    summary="Follow money from the bank's line to the beneficiary",
    query=(NAME,),
    answers={200: TraceView},
    problems=("not_found",),
)
async def trace(request: Request) -> Response:
    """Everything that bears one of its names, by layer."""
    return reply(await trace_money(hub_of(request), read_query(request, (NAME,))["name"]))
