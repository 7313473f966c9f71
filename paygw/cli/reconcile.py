"""`paygw reconcile`: one bank's day, by hand; the worker does the same after each bank's cut-off."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub.days import day_of
from paygw.hub.hub import Hub
from paygw.hub.nights import list_nights, show_night
from paygw.jobs.nightly import Files, reconcile
from paygw.kernel.connector import FileKind
from paygw.kernel.errors import Refused
from paygw.settings import Settings
from reconciliation.nightly import Mode

_PATIENT_S = 600.0


def reconcile_day(
    *,
    bank: Annotated[str, typer.Option("--bank", help="Which bank.")] = "",
    day: Annotated[str, typer.Option("--date", help="Which day, yyyy-mm-dd.")] = "",
    settlement: Annotated[Path | None, typer.Option(help="The settlement file, where the bank is not asked.")] = None,
    statement: Annotated[Path | None, typer.Option(help="The account statement likewise.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the differences; write nothing.")] = False,
    intraday: Annotated[
        bool, typer.Option("--intraday", help="Repair what today's file proves; settle nothing.")
    ] = False,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="The night as it was known when it ended: its run and the position then.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Reconcile a bank's day: files, matching, repairs, breaks, settlement, minutes; without --bank list the nights."""
    patient = Settings().model_copy(update={"statement_timeout_s": _PATIENT_S})
    if not bank or not day:
        show_all(with_hub(list_nights), as_json=as_json)
        return
    which = day_of(day)
    if as_known:
        show(with_hub(lambda hub: show_night(hub, bank, which), patient), as_json=as_json)
        return
    if dry_run and intraday:
        raise Refused("invalid_value", "Choose --dry-run or --intraday.")
    mode: Mode = "dry_run" if dry_run else "intraday" if intraday else "night"
    files: dict[FileKind, Path] = {}
    files |= {"settlement": settlement} if settlement else {}
    files |= {"statement": statement} if statement else {}
    done = with_hub(lambda hub: _run(hub, bank, which, mode, files), patient)
    _tell(done, as_json=as_json)
    if done["waits_for"]:
        raise typer.Exit(1)


async def _run(hub: Hub, bank: str, day: date, mode: Mode, files: Files) -> dict[str, Any]:
    return await reconcile(hub, bank, day, mode=mode, files=files)


def _tell(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(done, as_json=True)
        return
    show({name: done[name] for name in ("bank", "day", "mode", "status", "waits_for")}, as_json=False)
    show_all([{"step": step, "figures": figures} for step, figures in done["steps"].items()], as_json=False)
    if done["breaks"]:
        show_all(done["breaks"], as_json=False)
