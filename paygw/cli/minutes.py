"""`paygw minutes`: biên bản đối soát to read, print, sign and approve."""

from pathlib import Path
from typing import Annotated

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub.days import day_of
from paygw.hub.minutes import list_minutes, read_minutes, sign_minutes
from reconciliation.minutes.document import minutes_pdf
from reconciliation.minutes.workbook import minutes_xlsx

minutes = typer.Typer(help="Minutes of reconciliation: one person signs, another approves, both what was shown.")

Bank = Annotated[str, typer.Option("--bank", help="Which bank.")]
Day = Annotated[str, typer.Option("--date", help="Which day, yyyy-mm-dd.")]
By = Annotated[str, typer.Option("--by", help="The person who does this.")]
Shown = Annotated[str, typer.Option("--hash", help="The content_hash you looked at; refused if other.")]
_WRITERS = {".pdf": minutes_pdf, ".xlsx": minutes_xlsx}


@minutes.command("list")
def minutes_list(*, as_json: AsJson = False) -> None:
    """List the latest minutes with their hashes and signatures."""
    show_all(with_hub(list_minutes), as_json=as_json)


@minutes.command("show")
def minutes_show(
    *,
    bank: Bank,
    day: Day,
    number: Annotated[int | None, typer.Option("--no", help="An earlier number; the newest without.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show minutes as they were written."""
    show(with_hub(lambda hub: read_minutes(hub, bank, day_of(day), number)), as_json=as_json)


@minutes.command("export")
def minutes_export(
    *,
    bank: Bank,
    day: Day,
    out: Annotated[Path, typer.Option(help="Where to; .pdf or .xlsx says which.")],
    number: Annotated[int | None, typer.Option("--no", help="An earlier number; the newest without.")] = None,
) -> None:
    """Write minutes as PDF or as a workbook, with the signatures there are."""
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise typer.BadParameter("the file ends in .pdf or .xlsx", param_hint="--out")
    found = with_hub(lambda hub: read_minutes(hub, bank, day_of(day), number))
    out.write_bytes(write(found))
    typer.echo(f"{out}: {found['content_hash']}")


@minutes.command("sign")
def minutes_sign(*, bank: Bank, day: Day, by: By, shown: Shown, as_json: AsJson = False) -> None:
    """Sign the newest minutes of a day."""
    show(with_hub(lambda hub: sign_minutes(hub, bank, day_of(day), role="signed", by=by, shown=shown)), as_json=as_json)


@minutes.command("approve")
def minutes_approve(*, bank: Bank, day: Day, by: By, shown: Shown, as_json: AsJson = False) -> None:
    """Approve what another person signed."""
    show(
        with_hub(lambda hub: sign_minutes(hub, bank, day_of(day), role="approved", by=by, shown=shown)),
        as_json=as_json,
    )
