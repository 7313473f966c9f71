"""`paygw callback`, `audit`, `ledger`: what people decide about money, and whether the books hold."""

from datetime import datetime
from typing import Annotated, Final

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub import callbacks, sealing
from paygw.hub.finance import list_unapplied
from paygw.hub.hub import Hub
from paygw.hub.measuring import measure_clearing, verify_audit
from paygw.hub.position import moment_of, prove_position
from paygw.hub.tracing import trace_money
from paygw.kernel.errors import Refused
from paygw.settings import Settings
from paygw.store.ledger_checks import find_violations

callback = typer.Typer(help="Callbacks to portals.")
audit = typer.Typer(help="The chains over ledger, evidence and audit trail.")
ledger = typer.Typer(help="The books.")

_LAYERS: Final = {
    "bank_lines": "Dòng của ngân hàng", "orders": "Yêu cầu thanh toán", "receipts": "Tiền đã nhận",
    "slices": "Phần của từng đơn vị hưởng", "refunds": "Hoàn trả", "settlements": "Quyết toán", "payouts": "Chi trả",
    "ledger": "Bút toán", "breaks": "Chênh lệch",
}  # fmt: skip
_PAGE: Final = 500
_AUDIT_S = 3_600.0  # an audit of years may take its time


@callback.command("replay")
def callback_replay(
    *,
    order: Annotated[str | None, typer.Option(help="Events of this order, ord_….")] = None,
    event: Annotated[str | None, typer.Option(help="This event, evt_….")] = None,
    portal: Annotated[str | None, typer.Option(help="Events of this portal.")] = None,
    since: Annotated[str | None, typer.Option(help="Events from this moment on, with offset.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who does this, for the audit trail.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Send callbacks again, with their ids and bodies."""
    chosen = callbacks.selection(portal=portal, order=order, event=event, since=_moment(since), dead_only=dead)
    count = with_hub(lambda hub: callbacks.replay(hub, chosen, principal=by))
    show({"replayed": count}, as_json=as_json)


@callback.command("list")
def callback_list(*, as_json: AsJson = False) -> None:
    """Show per portal what waits and what was given up."""
    show_all(with_hub(callbacks.list_backlog), as_json=as_json)


@callback.command("pause")
def callback_pause(
    *, portal: Annotated[str, typer.Option(help="Portal.")], by: str = "cli", as_json: AsJson = False
) -> None:
    """Hold the callbacks of a portal; nothing is lost."""
    changed = with_hub(lambda hub: callbacks.set_state(hub, portal, "paused", principal=by))
    show({"portal": portal, "state": "paused", "changed": changed}, as_json=as_json)


@callback.command("resume")
def callback_resume(
    *, portal: Annotated[str, typer.Option(help="Portal.")], by: str = "cli", as_json: AsJson = False
) -> None:
    """Send the callbacks of a portal again after a pause, or after it had answered 410."""
    changed = with_hub(lambda hub: callbacks.set_state(hub, portal, "active", principal=by))
    show({"portal": portal, "state": "active", "changed": changed}, as_json=as_json)


@audit.command("verify")
def audit_verify(*, as_json: AsJson = False) -> None:
    """Verify every chain against the rows and the exported heads; name the first bad row and exit 1."""
    bad = with_hub(verify_audit, _patient())
    if bad is None:
        show({"ok": True}, as_json=as_json)
        return
    show({"ok": False, "chain": bad.chain, "seal": bad.seal, "row": bad.row, "fault": bad.fault}, as_json=as_json)
    raise typer.Exit(1)


@audit.command("seal")
def audit_seal(*, as_json: AsJson = False) -> None:
    """Seal what was committed so far, without waiting for the worker."""
    show({"sealed": with_hub(sealing.seal_all)}, as_json=as_json)


@ledger.command("check")
def ledger_check(*, as_json: AsJson = False) -> None:
    """Recompute every invariant of the books from the records; name what is violated and exit 1."""

    async def work(hub: Hub) -> list[str]:
        await measure_clearing(hub)
        async with hub.pool.acquire() as connection:
            return await find_violations(connection, mode=hub.settings.funds)

    violations = with_hub(work, _patient())
    show({"ok": not violations, "violations": violations}, as_json=as_json)
    if violations:
        raise typer.Exit(1)


@ledger.command("unapplied")
def ledger_unapplied(
    *,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: AsJson = False,
) -> None:
    """List money that is still its payer's: no order, too much, too late; the oldest first."""
    page = with_hub(lambda hub: list_unapplied(hub, after, limit=_PAGE))
    if as_json:
        show(page, as_json=True)
        return
    show_all(page["items"], as_json=False)
    if page["next"]:
        typer.echo(f"Trang sau: --after {page['next']}")


@ledger.command("position")
def ledger_position(
    *,
    as_of: Annotated[str | None, typer.Option(help="The ledger as it stood then, with offset.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove per holder, owner, budget code and merchant that held = owed; name every surplus and shortage, exit 1."""
    moment = moment_of(as_of) if as_of else None
    proof = with_hub(lambda hub: prove_position(hub, as_of=moment), _patient())
    if as_json:
        show(proof, as_json=True)
    else:
        for name in ("rows", "differences", "statements"):
            if proof[name]:
                show_all(proof[name], as_json=False)
        show({name: proof[name] for name in ("ok", "as_of", "held_vnd", "owed_vnd", "violations")}, as_json=False)
    if not proof["ok"]:
        raise typer.Exit(1)


def trace(
    name: Annotated[str, typer.Argument(metavar="ID|BANK_TXN", help="Any id or reference of it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Follow money from the bank's line to the beneficiary, by any of its names."""
    found = with_hub(lambda hub: trace_money(hub, name))
    if as_json:
        show(found, as_json=True)
        return
    parts = {name: [{"receipt_id": one["id"], **part} for one in found["receipts"] for part in one[name]]
             for name in ("slices", "refunds")}  # fmt: skip
    whole = {name: value for name, value in found.items() if name != "receipts"} | parts
    whole["receipts"] = [{k: v for k, v in one.items() if k not in parts} for one in found["receipts"]]
    for layer, title in _LAYERS.items():
        if whole[layer]:
            typer.echo(f"\n{title} ({layer})")
            show_all(whole[layer], as_json=False)


def _patient() -> Settings:
    return Settings().model_copy(update={"statement_timeout_s": _AUDIT_S})


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused("bad_time", "Give a time such as 2026-01-31T08:00:00+07:00.") from None
