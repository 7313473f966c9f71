"""GET and POST /webhooks/{bank}: the banks' way in. The signature decides; the bank's own words go back."""

from dataclasses import replace
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response

from paygw.hub.bills import receive_bill_call
from paygw.hub.webhooks import receive_webhook
from paygw.web.body import read_bytes
from paygw.web.context import Permission, hub_of, message_of, path_text
from paygw.web.errors import Problem
from paygw.web.routes import Routes

api = Routes(prefix="/webhooks", tag="Banks")


async def _webhook(request: Request) -> Response:
    hub = hub_of(request)
    started = perf_counter()
    bank = hub.registry.banks.get(path_text(request, "bank"))
    if bank is None:
        raise Problem("not_found", "There is no such bank here.")
    body = await read_bytes(request, max_bytes=hub.settings.webhook_max_bytes, timeout_s=hub.settings.body_timeout_s)
    message = replace(message_of(request, hub.settings.origin), body=body)
    receive = receive_webhook if bank.connector.inquiry is None else receive_bill_call
    answer = await receive(hub, bank, message)
    hub.observe.took("paygw_webhook_ack_seconds", perf_counter() - started, bank=bank.id)
    return Response(answer.body, answer.status, dict(answer.headers))


@api.post("/{bank}", permission=Permission.BANK, summary="A bank tells us", documented=False, hot=True)
async def post_webhook(request: Request) -> Response:
    """A message with a body."""
    return await _webhook(request)


@api.post(
    "/{bank}/{operation}", permission=Permission.BANK, summary="A collecting bank calls", documented=False, hot=True
)
async def post_call(request: Request) -> Response:
    """The same, with the operation named in the address."""
    return await _webhook(request)


@api.get(
    "/{bank}", permission=Permission.BANK, summary="A bank tells us, in a query string", documented=False, hot=True
)
async def get_webhook(request: Request) -> Response:
    """A message in the address."""
    return await _webhook(request)
