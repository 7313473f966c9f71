"""`paygw portal|key|bank|person|body|proposal`: who is who, from scripts and by hand.

The same values again give the same result and exit 0; other values are refused unless `--update` is given. In live
mode a change is only proposed: `--by` names the administrator, another one says `paygw proposal approve`.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub import acceptable
from paygw.hub.hub import Hub
from paygw.hub.listing import list_banks, list_bodies, list_keys, list_persons, list_portals
from paygw.hub.proposals import approve, list_proposals, provision, reject
from paygw.hub.provisioning import (
    BankChange,
    BodyChange,
    Change,
    KeyChange,
    KeyEnd,
    KeyRotation,
    PersonChange,
    PortalChange,
    SecretRotation,
    Shown,
    new_key,
    new_secret,
)

portal = typer.Typer(help="Portals: who sends orders.", no_args_is_help=False)
key = typer.Typer(help="API keys.")
bank = typer.Typer(help="Banks: configured instances of a connector.")
person = typer.Typer(help="Members of staff.")
body = typer.Typer(help="Collecting bodies and their budget dimensions.")
proposal = typer.Typer(help="What waits for a second person (live mode).")

Id = Annotated[str, typer.Option("--id", help="Its id, for ever.")]
Name = Annotated[str, typer.Option(help="Its name, for people.")]
By = Annotated[str, typer.Option("--by", help="The person who does this; needed in live mode.")]
Update = Annotated[bool, typer.Option("--update", help="Change what differs instead of refusing.")]
Role = Literal["clerk", "approver", "auditor", "admin", "operator"]


@portal.command("add")
def portal_add(  # noqa: PLR0913 - one parameter per option
    *,
    portal_id: Id,
    name: Name,
    callback_url: Annotated[str, typer.Option(help="Where callbacks go.")],
    return_origin: Annotated[list[str], typer.Option(help="Origin citizens return to; may be repeated.")],
    api_key: Annotated[str, typer.Option("--key", help="Its API key; made if not given.")] = "",
    secret: Annotated[str, typer.Option(help="Signing secret of its callbacks, whsec_…; made if not given.")] = "",
    rate_post: Annotated[int | None, typer.Option(min=1, help="POST requests per second.")] = None,
    rate_get: Annotated[int | None, typer.Option(min=1, help="GET requests per second.")] = None,
    rate_burst: Annotated[int | None, typer.Option(min=1, help="Requests at once on top of the rate.")] = None,
    update: Update = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a portal with its key and its signing secret; what was made is shown once."""

    def change(hub: Hub) -> Change:
        settings = hub.settings
        known = hub.registry.portals.get(portal_id)
        rates = known or settings
        return PortalChange(
            id=acceptable.portal_id(portal_id),
            name=name,
            callback_url=acceptable.callback_url(settings, callback_url),
            return_origins=tuple(acceptable.return_origin(settings, one) for one in return_origin),
            rate_post=rate_post or rates.rate_post,
            rate_get=rate_get or rates.rate_get,
            rate_burst=rate_burst or rates.rate_burst,
            key=acceptable.api_key(settings, api_key) if api_key else "" if known else new_key(settings.mode),
            secret=acceptable.callback_secret(secret) if secret else "" if known else new_secret(),
            update=update,
        )

    show(_provisioned(change, by), as_json=as_json)


@portal.command("list")
def portal_list(*, as_json: AsJson = False) -> None:
    """List the portals; no secrets."""
    show_all(with_hub(list_portals), as_json=as_json)


@portal.command("rotate-key")
def portal_rotate_key(
    *,
    portal_id: Id,
    api_key: Annotated[str, typer.Option("--key", help="The new key; made if not given.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a portal a second key; the one before it works until the next rotation or `paygw key end`."""

    def change(hub: Hub) -> Change:
        given = acceptable.api_key(hub.settings, api_key) if api_key else new_key(hub.settings.mode)
        return KeyRotation(portal_id=portal_id, key=given)

    show(_provisioned(change, by), as_json=as_json)


@portal.command("rotate-secret")
def portal_rotate_secret(
    *,
    portal_id: Id,
    secret: Annotated[str, typer.Option(help="The new signing secret; made if not given.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Sign callbacks with a new secret; the one before it signs too until the next rotation."""

    def change(hub: Hub) -> Change:
        del hub
        given = acceptable.callback_secret(secret) if secret else new_secret()
        return SecretRotation(portal_id=portal_id, secret=given)

    show(_provisioned(change, by), as_json=as_json)


@key.command("add")
def key_add(
    *,
    scope: Annotated[
        Literal["finance", "operator"], typer.Option(help="What it may do; portals get theirs with `portal add`.")
    ],
    api_key: Annotated[str, typer.Option("--key", help="The key; made if not given.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a key that belongs to no portal."""

    def change(hub: Hub) -> Change:
        given = acceptable.api_key(hub.settings, api_key) if api_key else new_key(hub.settings.mode)
        return KeyChange(key=given, scope=scope)

    show(_provisioned(change, by), as_json=as_json)


@key.command("list")
def key_list(*, as_json: AsJson = False) -> None:
    """List the keys in force by their prefix."""
    show_all(with_hub(list_keys), as_json=as_json)


@key.command("end")
def key_end(
    *, prefix: Annotated[str, typer.Option(help="Prefix of the key.")], by: By = "", as_json: AsJson = False
) -> None:
    """End a key now."""
    show(_provisioned(lambda _: KeyEnd(prefix=prefix), by), as_json=as_json)


@bank.command("add")
def bank_add(  # noqa: PLR0913 - one parameter per option
    *,
    bank_id: Id,
    connector: Annotated[str, typer.Option(help="Which protocol it speaks.")],
    base_url: Annotated[str, typer.Option(help="Where its API begins.")],
    secret: Annotated[str, typer.Option(help="Its shared secret.")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value: a further credential or option; may be repeated.")
    ] = None,
    merchant: Annotated[str, typer.Option(help="Who we are to the bank.")] = "PAYGW",
    title: Annotated[str, typer.Option(help="Name shown to citizens; default: the connector's.")] = "",
    home: Annotated[
        Literal["provider", "account"], typer.Option(help="Where its money lands: with the provider, or an account.")
    ] = "provider",
    account: Annotated[str, typer.Option(help="The account money lands in, or is settled to.")] = "",
    holder: Annotated[str, typer.Option(help="Whose account that is (routing).")] = "",
    update: Update = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a bank: an instance of a connector with its credentials."""

    def change(hub: Hub) -> Change:
        values, options = acceptable.credentials(acceptable.connector_of(hub, connector), secret, settings or [])
        acceptable.same_mode(hub, base_url, options)
        return BankChange(
            id=acceptable.bank_id(bank_id),
            connector=connector,
            title=title,
            base_url=acceptable.base_url(hub.settings, base_url),
            merchant=merchant,
            values=values,
            options=options,
            home=home,
            account=account,
            holder=holder or None,
            update=update,
        )

    show(_provisioned(change, by), as_json=as_json)


@bank.command("list")
def bank_list(*, as_json: AsJson = False) -> None:
    """List the banks; no secrets."""
    show_all(with_hub(list_banks), as_json=as_json)


@person.command("add")
def person_add(
    *,
    person_id: Id,
    role: Annotated[Role, typer.Option(help="The one thing this person may do.")],
    name: Name = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a member of staff."""
    change = PersonChange(id=acceptable.portal_id(person_id), name=name or person_id, role=role)
    show(_provisioned(lambda _: change, by), as_json=as_json)


@person.command("list")
def person_list(*, as_json: AsJson = False) -> None:
    """List the members of staff."""
    show_all(with_hub(list_persons), as_json=as_json)


@body.command("add")
def body_add(
    *,
    body_id: Id,
    name: Name,
    chapter: Annotated[str, typer.Option(help="Chương.")],
    area: Annotated[str, typer.Option(help="Mã ĐBHC.")],
    budget_unit: Annotated[str, typer.Option(help="Mã QHNS.")],
    update: Update = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a collecting body."""
    change = BodyChange(
        id=acceptable.portal_id(body_id), name=name, chapter=chapter, area=area, budget_unit=budget_unit, update=update
    )
    show(_provisioned(lambda _: change, by), as_json=as_json)


@body.command("list")
def body_list(*, as_json: AsJson = False) -> None:
    """List the collecting bodies."""
    show_all(with_hub(list_bodies), as_json=as_json)


@proposal.command("list")
def proposal_list(*, as_json: AsJson = False) -> None:
    """List what waits for a second person."""
    show_all(with_hub(list_proposals), as_json=as_json)


@proposal.command("approve")
def proposal_approve(
    proposal_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    by: Annotated[str, typer.Option("--by", help="The person who approves.")],
    as_json: AsJson = False,
) -> None:
    """Apply what another administrator proposed."""
    show(with_hub(lambda hub: approve(hub, proposal_id, by=by)), as_json=as_json)


@proposal.command("reject")
def proposal_reject(
    proposal_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    by: Annotated[str, typer.Option("--by", help="The person who rejects.")],
    as_json: AsJson = False,
) -> None:
    """Close a proposal without applying it."""
    show(with_hub(lambda hub: reject(hub, proposal_id, by=by)), as_json=as_json)


def _provisioned(change: Callable[[Hub], Change], by: str) -> Shown:
    async def work(hub: Hub) -> Shown:
        return await provision(hub, change(hub), by=by)

    return with_hub(work)
