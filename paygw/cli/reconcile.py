"""`paygw reconcile`: one bank's day, by hand; the worker does the same after each bank's cut-off."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from paygw.cli.night_words import STEPS, outcome, steps_in_words
from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.cli.progress import progress
from paygw.hub.days import day_of
from paygw.hub.hub import Hub
from paygw.hub.nights import list_nights, show_night
from paygw.jobs.nightly import Files, Night, reconcile
from paygw.kernel.break_words import WORDS
from paygw.kernel.connector import FileKind
from paygw.kernel.errors import Refused
from paygw.settings import Settings
from reconciliation.nightly import Figures, Mode

_PATIENT_S = 600.0


def reconcile_day(  # noqa: PLR0913 - one parameter per option
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
    run: Annotated[int | None, typer.Option(min=1, help="With --as-known: which run; the last without.")] = None,
    as_json: AsJson = False,
) -> None:
    """Reconcile a bank's day: files, matching, repairs, breaks, settlement, minutes; without --bank list the nights."""
    patient = Settings().model_copy(update={"statement_timeout_s": _PATIENT_S})
    if not bank and not day:
        show_all(with_hub(list_nights), as_json=as_json)
        return
    if not bank or not day:
        raise Refused("invalid_value", "A night has a --bank and a --date; without both the nights are listed.")
    if dry_run + intraday + as_known > 1:
        raise Refused("invalid_value", "Choose one of --dry-run, --intraday and --as-known.")
    if run is not None and not as_known:
        raise Refused("invalid_value", "--run says which run --as-known shows.")
    which = day_of(day)
    if as_known:
        night = with_hub(lambda hub: show_night(hub, bank, which, run), patient)
        show(night if as_json else {**night, "steps": steps_in_words(night)}, as_json=as_json)
        return
    mode: Mode = "dry_run" if dry_run else "intraday" if intraday else "night"
    files: dict[FileKind, Path] = {}
    files |= {"settlement": settlement} if settlement else {}
    files |= {"statement": statement} if statement else {}
    done = with_hub(lambda hub: _run(hub, bank, which, mode, files), patient)
    _tell(done, as_json=as_json)
    if done["waits_for"]:
        raise typer.Exit(1)


async def _run(hub: Hub, bank: str, day: date, mode: Mode, files: Files) -> dict[str, Any]:
    with progress(f"{bank} {day}", len(STEPS)) as advance:

        @dataclass(slots=True, kw_only=True)
        class Watched(Night):
            """A night that tells the bar of each step."""

            async def journal(self, step: str, figures: Figures) -> None:
                """Note a finished step, here and on the bar."""
                await Night.journal(self, step, figures)
                advance(1)

        return await reconcile(hub, bank, day, mode=mode, files=files, port=Watched)


def _tell(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(done, as_json=True)
        return
    if done["steps"]:
        show_all(steps_in_words(done), as_json=False)
    if done["breaks"]:
        named = ({"name_vi": WORDS[one["kind"]].name_vi, **one} for one in done["breaks"])
        show_all(list(named), as_json=False)
    for sentence in outcome(done):
        typer.echo(sentence)
