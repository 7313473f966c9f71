"""`paygw minutes`: biên bản đối soát to read, print, sign and approve."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from paygw.cli.output import AsJson, Row, show, show_all, with_hub
from paygw.hub.days import day_of
from paygw.hub.minutes import list_minutes, read_minutes, sign_minutes
from reconciliation.minutes.document import minutes_pdf
from reconciliation.minutes.words import Content, batches, breakdown, breaks, dong, sources, totals
from reconciliation.minutes.workbook import BATCHES, BREAKS, DETAILS, FILES, minutes_xlsx

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
    found = with_hub(lambda hub: read_minutes(hub, bank, day_of(day), number))
    if as_json:
        show(found, as_json=True)
        return
    content = found["content"]
    show({name: found[name] for name in ("bank", "day", "no", "made_at", "content_hash")}, as_json=False)
    typer.echo(f"bằng chữ: {content['in_words']}")
    show({"signatures": found["signatures"]}, as_json=False)
    told: list[Row] = [{"chỉ tiêu": name, "số món": count, "vnd": vnd} for name, count, vnd in totals(content)]
    for title, rows in (("Tổng hợp", told), *tables_of(content)):
        typer.echo(f"\n{title}")
        show_all(rows, as_json=False)


def tables_of(content: Content) -> Iterator[tuple[str, list[Row]]]:
    """The tables of the printed minutes."""
    parts = {
        "Theo cơ quan thu": (DETAILS, breakdown(content)),
        "Quyết toán": (BATCHES, batches(content)),
        "Chênh lệch": (BREAKS, breaks(content)),
        "Tệp nguồn": (FILES, sources(content)),
    }
    for title, (names, rows) in parts.items():
        cells = ([dong(cell) if isinstance(cell, int) else cell for cell in row] for row in rows)
        yield title, [dict(zip(names, row, strict=True)) for row in cells]


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
