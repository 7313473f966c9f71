"""`paygw decide`: what two persons decide about money that no break and no batch asks for."""

from typing import Annotated, Literal

import typer

from paygw.cli.output import AsJson, fields_of, show, show_all, with_hub
from paygw.hub import cases, decisions

decide = typer.Typer(help="Decisions about money: one person proposes, another approves exactly that.")

Id = Annotated[str, typer.Argument(metavar="ID", help="dec_…, as the list shows it.")]
By = Annotated[str, typer.Option("--by", help="The person who does this.")]


@decide.command("actions")
def decide_actions(*, as_json: AsJson = False) -> None:
    """Show what can be decided, and the fields each action needs and takes."""
    show_all(decisions.list_actions(), as_json=as_json)


@decide.command("list")
def decide_list(
    *,
    status: Annotated[Literal["open", "approved", "rejected"] | None, typer.Option(help="Only these.")] = None,
    as_json: AsJson = False,
) -> None:
    """List decisions, the newest first."""
    found = with_hub(lambda hub: decisions.list_decisions(hub, status=status))
    if as_json:
        show_all(found, as_json=True)
        return
    names = ("id", "action", "status", "document", "proposed_by", "decided_by", "content_hash")
    show_all([{name: row[name] for name in names} for row in found], as_json=False)


@decide.command("cases")
def decide_cases(
    *,
    status: Annotated[Literal["open", "closed"], typer.Option(help="Those in this state.")] = "open",
    as_json: AsJson = False,
) -> None:
    """List what does not explain itself, the oldest first; `close_case` names one by its key."""
    show_all(with_hub(lambda hub: cases.find_cases(hub, status=status)), as_json=as_json)


@decide.command("show")
def decide_show(decision_id: Id, *, as_json: AsJson = False) -> None:
    """Show a decision: what is asked, what it means, its hash."""
    show(with_hub(lambda hub: decisions.show_decision(hub, decision_id)), as_json=as_json)


@decide.command("propose")
def decide_propose(
    action: Annotated[str, typer.Argument(help="As paygw decide actions names it.")],
    *,
    document: Annotated[str, typer.Option(help="The paper or file both persons look at.")],
    by: By,
    fields: Annotated[list[str] | None, typer.Option("--set", help="name=value; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose what should be done; another person decides."""
    asked = decisions.action_of(action, fields_of(fields))
    show(with_hub(lambda hub: decisions.propose(hub, asked, document=document, by=by)), as_json=as_json)


@decide.command("approve")
def decide_approve(
    decision_id: Id,
    *,
    by: By,
    shown: Annotated[str, typer.Option("--hash", help="The content_hash you looked at; refused if other.")],
    as_json: AsJson = False,
) -> None:
    """Approve exactly what was shown: the money moves."""
    show(with_hub(lambda hub: decisions.approve(hub, decision_id, by=by, shown=shown)), as_json=as_json)


@decide.command("reject")
def decide_reject(decision_id: Id, *, by: By, as_json: AsJson = False) -> None:
    """Say no; nothing moves."""
    show(with_hub(lambda hub: decisions.reject(hub, decision_id, by=by)), as_json=as_json)
