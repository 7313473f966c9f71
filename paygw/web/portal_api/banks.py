"""Banks for who runs the hub: how they are, and new secrets for them. Needs a key with scope operator."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from paygw.hub import acceptable
from paygw.hub.abilities import list_bank_states
from paygw.hub.bank_changes import SecretsRotation
from paygw.hub.proposals import provision
from paygw.kernel.errors import Refused
from paygw.web.body import In, read_json
from paygw.web.context import Permission, hub_of, path_text, principal_of
from paygw.web.reply import reply
from paygw.web.routes import Routes

api = Routes(prefix="/v1/banks", tag="Banks")

_Secret = Annotated[str, Meta(min_length=1, max_length=4_096)]


class BankView(msgspec.Struct, kw_only=True):
    """A bank: where it is offered, when it is away, whether its secrets rotate, how it answers. Never a secret."""

    id: str
    title: str
    connector: str
    methods: list[str]
    enabled: bool
    rotating: list[str]
    terms: list[dict[str, Any]]
    maintenance: list[dict[str, str]]
    under_maintenance: bool
    health: dict[str, Any]


class BankPage(msgspec.Struct, kw_only=True):
    """Every bank, by id."""

    items: list[BankView]


class SecretsIn(In, frozen=True, kw_only=True):
    """New secret values by name; what is not given stays. In live mode `by` names the administrator who proposes."""

    values: Annotated[dict[str, _Secret], Meta(max_length=8)] = msgspec.field(default_factory=dict)
    end_previous: bool = False
    by: Annotated[str, Meta(max_length=64)] = ""


class SecretsView(msgspec.Struct, kw_only=True):
    """What became of it: `rotated`, `unchanged`, `revoked` (those before have ended) or, in live mode, `proposed`."""

    state: str
    id: str
    rotated: list[str]
    proposal: str | None = None


@api.get("", permission=Permission.OPERATOR, summary="How the banks are", answers={200: BankPage})
async def banks(request: Request) -> Response:
    """Terms, maintenance, rotation and the contacts of the last minutes."""
    return reply({"items": await list_bank_states(hub_of(request))})


@api.post(
    "/{bank}/secrets",
    permission=Permission.OPERATOR,
    summary="Give a bank new secrets",
    body=SecretsIn,
    answers={200: SecretsView},
    problems=("not_found", "invalid_value", "role_missing"),
)
async def rotate(request: Request) -> Response:
    """Messages under the secrets before these are read until the next rotation, or until they are ended."""
    hub, body = hub_of(request), await read_json(request, SecretsIn)
    bank = acceptable.bank_here(hub, path_text(request, "bank"))
    if body.end_previous and body.values:
        raise Refused("invalid_value", "end_previous: stands alone; give the new secrets first, by themselves.")
    values = {} if body.end_previous else acceptable.secret_values(bank.connector, body.values)
    change = SecretsRotation(id=bank.id, values=values, finish=body.end_previous)
    by = body.by if hub.settings.mode == "live" else principal_of(request).id
    shown = await provision(hub, change, by=by)
    return reply({"id": bank.id, "rotated": sorted(values), "proposal": None, **shown})
