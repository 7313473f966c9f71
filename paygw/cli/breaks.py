"""`paygw breaks`: the workbench of reconciliation. One person proposes, another one decides on just that content."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import typer

from paygw.cli.output import AsJson, Row, fields_of, show, show_all, with_hub
from paygw.hub import break_decisions
from paygw.hub.breaks import assign, comment, list_breaks, show_break
from paygw.hub.days import day_of
from paygw.kernel.breaks import Action

breaks = typer.Typer(help="Reconciliation differences: who owns them, what is proposed, what was decided.")

BreakId = Annotated[str, typer.Argument(metavar="ID", help="brk_…, as the list shows it.")]
By = Annotated[str, typer.Option("--by", help="The person who does this.")]


@breaks.command("list")
def breaks_list(
    *,
    status: Annotated[Literal["open", "proposed", "resolved"] | None, typer.Option(help="Only these.")] = None,
    bank: Annotated[str | None, typer.Option(help="Only of this bank.")] = None,
    date: Annotated[str | None, typer.Option(help="Only of this day, yyyy-mm-dd.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    after: Annotated[str | None, typer.Option(help="The id the page before ended with.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List breaks with age, clock, owner and value at risk."""
    day = day_of(date) if date else None
    page = with_hub(
        lambda hub: list_breaks(hub, status=status, bank=bank, day=day, kind=kind, after=after, limit=limit)
    )
    if as_json:
        show(page, as_json=True)
        return
    names = (
        "id",
        "kind",
        "name_vi",
        "bank",
        "day",
        "risk_vnd",
        "age_days",
        "due_on",
        "overdue",
        "escalated",
        "owner",
        "status",
    )
    show_all([{name: row[name] for name in names} for row in page["items"]], as_json=False)


@breaks.command("show")
def breaks_show(break_id: BreakId, *, as_json: AsJson = False) -> None:
    """Show a break: its history, what two persons may decide, the proposal that waits with its hash."""
    shown = with_hub(lambda hub: show_break(hub, break_id))
    show(shown, as_json=as_json)
    if not as_json:
        for line in _next_steps(shown):
            typer.echo(line)


def _next_steps(shown: Row) -> Iterator[str]:
    """The verb that decides on it, ready to be typed."""
    waiting, suggested, place = shown["proposal"], shown["suggested"], f"{shown['id']}"
    if isinstance(waiting, Mapping):
        yield f"\nDuyệt: paygw breaks approve {place} --hash {waiting['content_hash']} --by NGƯỜI_KHÁC"
    elif isinstance(suggested, Mapping):
        params = " ".join(f"--set {name}={value}" for name, value in suggested["params"].items())
        yield f"\nĐề nghị: paygw breaks propose {place} --action {suggested['action']} {params} --document … --by …"


@breaks.command("assign")
def breaks_assign(
    break_id: BreakId,
    *,
    to: Annotated[str, typer.Option("--to", help="The person who takes it.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """Give a break to somebody."""
    show(with_hub(lambda hub: assign(hub, break_id, to, by=by)), as_json=as_json)


@breaks.command("comment")
def breaks_comment(
    break_id: BreakId,
    text: Annotated[str, typer.Argument(help="What you found; no personal data.")],
    *,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Add to its history."""
    show(with_hub(lambda hub: comment(hub, break_id, text, by=by)), as_json=as_json)


@breaks.command("propose")
def breaks_propose(
    break_id: BreakId,
    *,
    action: Annotated[Action, typer.Option(help="What should be done.")],
    document: Annotated[str, typer.Option(help="The paper or file both persons look at.")],
    by: By,
    params: Annotated[
        list[str] | None, typer.Option("--set", help="name=value the action needs; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose what should be done; another person decides."""
    given = fields_of(params)
    work = break_decisions.propose
    show(
        with_hub(lambda hub: work(hub, break_id, action.value, given, document=document, by=by)),
        as_json=as_json,
    )


@breaks.command("approve")
def breaks_approve(
    break_id: BreakId,
    *,
    by: By,
    shown: Annotated[str, typer.Option("--hash", help="The content_hash you looked at; refused if other.")],
    as_json: AsJson = False,
) -> None:
    """Approve exactly what was shown: the money moves, the break ends."""
    show(with_hub(lambda hub: break_decisions.approve(hub, break_id, by=by, shown=shown)), as_json=as_json)


@breaks.command("reject")
def breaks_reject(
    break_id: BreakId,
    *,
    by: By,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send a proposal back; the break is open again."""
    show(with_hub(lambda hub: break_decisions.reject(hub, break_id, by=by, reason=reason)), as_json=as_json)
