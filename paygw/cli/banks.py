"""`paygw bank offer|limit|maintenance|rotate-secret`: where banks are offered, for which sums, their keys.

The same values again change nothing. In live mode each is proposed by one administrator and approved by another.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from paygw.cli.output import AsJson, dong, show, with_hub
from paygw.cli.provision import By, Id
from paygw.cli.provision import bank as group
from paygw.hub import acceptable
from paygw.hub.bank_changes import BankPart, SecretsRotation, TermChange, WindowChange
from paygw.hub.hub import Hub
from paygw.hub.proposals import provision
from paygw.hub.provisioning import Shown
from paygw.kernel.errors import Refused

bank = group  # the verbs of `paygw bank`, these among them

Portal = Annotated[str, typer.Option(help="For orders of this portal only; default: of every portal.")]
Body = Annotated[str, typer.Option(help="For this collecting body only; default: for every one.")]


@group.command("offer")
def bank_offer(
    *,
    bank_id: Id,
    portal: Portal = "",
    body: Body = "",
    offered: Annotated[bool, typer.Option("--on/--off", help="Offer it, or do not.")] = True,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Offer a bank to payers or hide it; the most specific of several such words counts."""
    show(_provisioned(lambda _: TermChange(id=bank_id, portal=portal, body=body, offered=offered), by), as_json=as_json)


@group.command("limit")
def bank_limit(
    *,
    bank_id: Id,
    least: Annotated[int | None, typer.Option("--min", parser=dong, metavar="VND", help="Least sum; 0: none.")] = None,
    most: Annotated[int | None, typer.Option("--max", parser=dong, metavar="VND", help="Most; 0: none.")] = None,
    portal: Portal = "",
    body: Body = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Take only sums between these, in đồng, within what the protocol allows; every limit that applies counts."""
    change = TermChange(id=bank_id, portal=portal, body=body, min_vnd=least, max_vnd=most)
    show(_provisioned(lambda _: change, by), as_json=as_json)


@group.command("maintenance")
def bank_maintenance(
    *,
    bank_id: Id,
    starts: Annotated[str, typer.Option("--from", help="When it begins, in Vietnam: 2026-11-30T22:00.")],
    until: Annotated[str, typer.Option(help="When it ends; without it, the one that begins then is called off.")] = "",
    note_vi: Annotated[str, typer.Option(help="Shown to payers in Vietnamese.")] = "",
    note_en: Annotated[str, typer.Option(help="Shown to payers in English.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Announce a bank's maintenance: its ways to pay are shown, closed, with the time they come back."""
    change = WindowChange(
        id=bank_id,
        starts_at=acceptable.moment("from", starts),
        ends_at=acceptable.moment("until", until) if until else None,
        note_vi=note_vi,
        note_en=note_en,
    )
    show(_provisioned(lambda _: change, by), as_json=as_json)


@group.command("rotate-secret")
def bank_rotate_secret(
    *,
    bank_id: Id,
    secret: Annotated[str, typer.Option(help="The new shared secret, where the connector has one.")] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="name=value: a further secret; may be repeated.")
    ] = None,
    end_previous: Annotated[bool, typer.Option("--end-previous", help="End the secrets before these now.")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Give a bank new secrets; messages under those before them are read until the next rotation or --end-previous."""

    def change(hub: Hub) -> BankPart:
        if end_previous and (secret or settings):
            raise Refused("invalid_value", "end-previous: stands alone; give the new secrets first, by themselves.")
        if end_previous:
            return SecretsRotation(id=bank_id, values={}, finish=True)
        known = acceptable.bank_here(hub, bank_id, f"There is no bank {bank_id}: paygw bank list shows them.")
        return SecretsRotation(id=bank_id, values=acceptable.rotated(known.connector, secret, settings or []))

    show(_provisioned(change, by), as_json=as_json)


def _provisioned(change: Callable[[Hub], BankPart], by: str) -> Shown:
    async def work(hub: Hub) -> Shown:
        return await provision(hub, change(hub), by=by)

    return with_hub(work)
