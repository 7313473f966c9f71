"""`paygw disburse`: money to its owners; one person proposes a batch, another approves exactly that."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub import decisions, payees, payouts
from paygw.hub.days import day_of
from paygw.hub.slips import export_slips
from paygw.settings import Settings

disburse = typer.Typer(help="Money out: to the treasury and to agencies, by slice (custody).")

Batch = Annotated[str, typer.Argument(metavar="BATCH", help="The batch, as the list shows it.")]
By = Annotated[str, typer.Option("--by", help="The person who does this.")]
Document = Annotated[str, typer.Option(help="The paper or file both persons look at.")]
Group = Annotated[int, typer.Option("--group", min=1, help="Which payment order of the batch.")]
_PATIENT_S = 120.0
_FORMS: Final = {"pain001": payouts.export_payout, "c1-02ns": export_slips}


@disburse.command("payee")
def disburse_payee(  # noqa: PLR0913 - one parameter per option
    *,
    beneficiary: Annotated[str, typer.Option(help="Whose money, as slices name it; `treasury` for the budget.")],
    name: Annotated[str, typer.Option(help="Name of the account's holder.")],
    account: Annotated[str, typer.Option(help="Account number.")],
    bank_code: Annotated[str, typer.Option(help="BIC, or the member id of the bank or treasury unit.")],
    by: By,
    document: Document,
    treasury_unit: Annotated[str, typer.Option(help="KBNN, four digits.")] = "",
    collecting_office: Annotated[str, typer.Option(help="Cơ quan thu, for C1-02/NS.")] = "",
    every: Annotated[Literal["day", "week", "month"], typer.Option(help="How often the law wants it.")] = "day",
    remit_by: Annotated[int, typer.Option("--remit-by", help="Working days after; weekday 1-5; or day of month.")] = 1,
    basis: Annotated[str, typer.Option(help="The text of law.")] = "",
    as_json: AsJson = False,
) -> None:
    """Propose where a beneficiary's money goes and by when; another person approves with paygw decide."""
    given = {
        "beneficiary": beneficiary, "name": name, "account": account, "bank_code": bank_code, "remit_by": remit_by,
        "treasury_unit": treasury_unit, "collecting_office": collecting_office, "remit_every": every, "basis": basis,
    }  # fmt: skip
    asked = decisions.action_of("set_payee", given)
    show(with_hub(lambda hub: decisions.propose(hub, asked, document=document, by=by)), as_json=as_json)


@disburse.command("payees")
def disburse_payees(*, as_json: AsJson = False) -> None:
    """List where money goes, by when, and which two persons said so."""
    show_all(with_hub(payees.list_payees), as_json=as_json)


@disburse.command("due")
def disburse_due(*, as_json: AsJson = False) -> None:
    """Show what waits for its owner, since when, and by when the law wants it there."""
    show_all(with_hub(payees.list_due), as_json=as_json)


@disburse.command("list")
def disburse_list(*, as_json: AsJson = False) -> None:
    """List the latest batches."""
    show_all(with_hub(payouts.list_payouts), as_json=as_json)


@disburse.command("show")
def disburse_show(batch: Batch, *, as_json: AsJson = False) -> None:
    """Show a batch: its payment orders, states and hash."""
    show(with_hub(lambda hub: payouts.show_payout(hub, batch)), as_json=as_json)


@disburse.command("propose")
def disburse_propose(
    *,
    account: Annotated[str, typer.Option(help="Which of our accounts.")],
    by: By,
    beneficiary: Annotated[str | None, typer.Option(help="Only this owner's money.")] = None,
    until: Annotated[str | None, typer.Option(help="Only money of up to this day, yyyy-mm-dd.")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose a batch of everything that can leave an account."""
    last = day_of(until) if until else None
    show(
        with_hub(lambda hub: payouts.propose_payout(hub, account, by=by, beneficiary=beneficiary, until=last)),
        as_json=as_json,
    )


@disburse.command("approve")
def disburse_approve(
    batch: Batch,
    *,
    by: By,
    shown: Annotated[str, typer.Option("--hash", help="The content_hash you looked at; refused if other.")],
    document: Document,
    as_json: AsJson = False,
) -> None:
    """Approve exactly what was shown; every slice is posted, or none."""
    patient = Settings().model_copy(update={"statement_timeout_s": _PATIENT_S})
    work = payouts.approve_payout
    show(with_hub(lambda hub: work(hub, batch, by=by, shown=shown, document=document), patient), as_json=as_json)


@disburse.command("reject")
def disburse_reject(batch: Batch, *, by: By, as_json: AsJson = False) -> None:
    """Drop a proposed batch."""
    show(with_hub(lambda hub: payouts.reject_payout(hub, batch, by=by)), as_json=as_json)


@disburse.command("export")
def disburse_export(
    batch: Batch,
    *,
    by: By,
    out: Annotated[Path, typer.Option(help="Where to.")],
    form: Annotated[
        Literal["pain001", "c1-02ns"],
        typer.Option(help="The payment message (XML), or the slips of what goes into the budget (PDF)."),
    ] = "pain001",
) -> None:
    """Write the payment orders as pain.001.001.09, or their C1-02/NS slips; again gives the same bytes."""
    write = _FORMS[form]
    out.write_bytes(with_hub(lambda hub: write(hub, batch, by=by)))
    typer.echo(str(out))


@disburse.command("confirm")
def disburse_confirm(batch: Batch, *, group: Group, by: By, as_json: AsJson = False) -> None:
    """Note that the bank paid a payment order."""
    show(with_hub(lambda hub: payouts.confirm_group(hub, batch, group, by=by)), as_json=as_json)


@disburse.command("return")
def disburse_return(batch: Batch, *, group: Group, by: By, as_json: AsJson = False) -> None:
    """Note that a payment order came back."""
    show(with_hub(lambda hub: payouts.return_group(hub, batch, group, by=by)), as_json=as_json)


@disburse.command("again")
def disburse_again(batch: Batch, *, group: Group, by: By, as_json: AsJson = False) -> None:
    """Propose what came back of a payment order as a batch of its own: approved, exported, confirmed like any."""
    show(with_hub(lambda hub: payouts.propose_again(hub, batch, group, by=by)), as_json=as_json)
