"""`paygw refund`: shown to one person, decided by another; paid by transfer where no channel carries it back."""

from typing import Annotated, Literal
from uuid import uuid4

import msgspec
import typer

from paygw.cli.output import AsJson, dong, show, show_all, with_hub
from paygw.hub.hub import Hub
from paygw.hub.payout_refunds import TransferAsk, payee_of
from paygw.hub.payouts import propose_refunds
from paygw.hub.persons import principal_of, require_maker
from paygw.hub.refunds import UnappliedAsk, approve_refund, find_refunds, reject_refund, request_unapplied_refund
from paygw.kernel.errors import Refused
from paygw.kernel.refs import Kind, private_id

refund = typer.Typer(help="Refunds: shown to one person, decided by another.")

RefundId = Annotated[str, typer.Argument(metavar="ID", help="rfd_…, as the list shows it.")]
Decider = Annotated[str, typer.Option("--by", help="The person who decides; never the one who asked.")]
Asker = Annotated[str, typer.Option("--by", help="The person who proposes; another one decides.")]


@refund.command("ask")
def refund_ask(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="rcp_…, as breaks and paygw trace show it.")],
    *,
    amount: Annotated[int, typer.Option(parser=dong, metavar="VND", help="How much, đồng: 12000 or 12.000.")],
    reason: Annotated[str, typer.Option(help="Why, with the document.")],
    by: Asker,
    unclaimed: Annotated[
        bool, typer.Option("--unclaimed", help="Of what went to the treasury as unclaimed (row 24).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask to give a receipt's unapplied money back to its payer."""
    of: Literal["unclaimed", "unapplied"] = "unclaimed" if unclaimed else "unapplied"
    ask = UnappliedAsk(receipt_id=_uuid("rcp", receipt), amount_vnd=amount, reason=reason, of=of)

    async def work(hub: Hub) -> dict[str, object]:
        async with hub.pool.acquire() as connection:
            await require_maker(connection, by)
        made = await request_unapplied_refund(hub, principal_of(by), ask, key=str(uuid4()))
        return msgspec.json.decode(made.body, type=dict[str, object])

    show(with_hub(work), as_json=as_json)


@refund.command("list")
def refund_list(
    *,
    status: Annotated[str | None, typer.Option(help="Only refunds in this state.")] = None,
    order: Annotated[str | None, typer.Option(help="Only refunds of this order.")] = None,
    as_json: AsJson = False,
) -> None:
    """List refunds, the newest first, with the hash of what an approval is bound to."""
    order_id = _uuid("ord", order) if order else None
    show_all(with_hub(lambda hub: find_refunds(hub, status=status, order_id=order_id)), as_json=as_json)


@refund.command("approve")
def refund_approve(
    refund_id: RefundId,
    *,
    by: Decider,
    shown: Annotated[
        str | None, typer.Option("--hash", help="The content_hash you looked at; refused if other.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Approve a refund that somebody else asked for."""
    uid = _uuid("rfd", refund_id)
    show(with_hub(lambda hub: approve_refund(hub, uid, by=by, shown=shown)), as_json=as_json)


@refund.command("reject")
def refund_reject(refund_id: RefundId, *, by: Decider, as_json: AsJson = False) -> None:
    """Reject a refund."""
    uid = _uuid("rfd", refund_id)
    show(with_hub(lambda hub: reject_refund(hub, uid, by=by)), as_json=as_json)


@refund.command("transfer")
def refund_transfer(
    refund_id: RefundId,
    *,
    name: Annotated[str, typer.Option(help="Name of the account's holder.")],
    account: Annotated[str, typer.Option(help="Account number.")],
    bank_code: Annotated[str, typer.Option(help="BIC, or the member id of the bank.")],
    claim: Annotated[str, typer.Option(help="The payer's letter that names the account: number and date.")],
    by: Asker,
    as_json: AsJson = False,
) -> None:
    """Propose to pay a funded refund by transfer: a batch to be approved and exported with paygw disburse."""
    to = payee_of(name=name, account=account, bank_code=bank_code, claim=claim)
    ask = TransferAsk(refund_id, to)
    show(with_hub(lambda hub: propose_refunds(hub, [ask], by=by)), as_json=as_json)


def _uuid(kind: Kind, text: str) -> str:
    found = private_id(kind, text)
    if found is None:
        raise Refused("not_found", f"An id looks like {kind}_ and 32 digits.")
    return found
