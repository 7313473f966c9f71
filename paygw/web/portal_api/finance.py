"""Finance reads: trial balance, ledger entries, unapplied money. Needs a key with scope finance."""

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.finance import list_entries, list_unapplied, show_trial_balance
from paygw.web.context import Permission, hub_of
from paygw.web.portal_api.models import EntryPage, TrialBalanceView, UnappliedPage
from paygw.web.query import AFTER, LIMIT, read_limit, read_query
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1", tag="Finance")
_PAGE = (AFTER, LIMIT)


@api.get(
    "/ledger/trial-balance",
    permission=Permission.FINANCE,
    summary="Who holds what for whom",
    answers={200: TrialBalanceView},
)
async def trial_balance(request: Request) -> Response:
    """All accounts in one snapshot."""
    return reply(await show_trial_balance(hub_of(request)))


@api.get(
    "/ledger/entries", permission=Permission.FINANCE, summary="Read the ledger", query=_PAGE, answers={200: EntryPage}
)
async def entries(request: Request) -> Response:
    """Entries in order; keep `next` and ask again."""
    given = read_query(request, _PAGE)
    return reply(await list_entries(hub_of(request), given.get("after"), limit=read_limit(request, given)))


@api.get(
    "/unapplied",
    permission=Permission.FINANCE,
    summary="All money received and not allocated",
    query=_PAGE,
    answers={200: UnappliedPage},
)
async def unapplied(request: Request) -> Response:
    """Oldest first."""
    given = read_query(request, _PAGE)
    return reply(await list_unapplied(hub_of(request), given.get("after"), limit=read_limit(request, given)))
