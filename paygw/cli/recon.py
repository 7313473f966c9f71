"""`paygw recon match`: two or three files against each other, without a database."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from paygw.cli.progress import progress
from paygw.cli.showing import AsJson, show
from paygw.kernel.errors import Refused
from reconciliation.charges import read_tariffs
from reconciliation.engine import open_engine
from reconciliation.model import BreakKind, Role
from reconciliation.output import summary, write_outcome
from reconciliation.reconcile import STEPS, Options, reconcile
from reconciliation.sentences import in_vietnamese
from reconciliation.words import WORDS

recon = typer.Typer(help="Reconciliation: files against each other.", no_args_is_help=True)


@recon.callback()
def _group() -> None:
    """Keep `match` a verb of its own."""


@recon.command("match")
def match_files(  # noqa: PLR0913 - one parameter per option
    *,
    book: Annotated[Path, typer.Option(help="What the hub booked: CSV or Parquet, see docs/reconciliation.md.")],
    statement: Annotated[Path, typer.Option(help="What the bank says, line by line.")],
    out: Annotated[Path, typer.Option(help="Folder for breaks.csv, matches.parquet, summary.json and the reports.")],
    third: Annotated[Path | None, typer.Option(help="Net credits, another statement, or what portals applied.")] = None,
    third_is: Annotated[Role | None, typer.Option(help="What the third file is; default: told by its content.")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(help="Memory the engine may take, as 2GB; the rest spills.")
    ] = None,
    period: Annotated[str, typer.Option(help="Days the statement settles, FROM..TO; default: read off it.")] = "",
    tariff: Annotated[Path | None, typer.Option(help="The provider's tariffs, JSON; default: read off it.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="An account of ours; may be repeated.")] = None,
    as_of: Annotated[str, typer.Option(help="When it is judged, ISO 8601 with offset; default: now.")] = "",
    window_days: Annotated[int, typer.Option(min=0, max=60, help="Days until a missing line is a break.")] = 2,
    portal_hours: Annotated[int, typer.Option(min=0, max=720, help="Hours a portal has to apply a payment.")] = 24,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, match and say what is found; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Match a book with a statement, and name every difference."""
    if not dry_run:
        _check_folder(out)
    options = Options(
        as_of=_moment(as_of),
        window_days=window_days,
        portal_hours=portal_hours,
        period=_period(period),
        tariffs=None if tariff is None else read_tariffs(tariff),
        accounts=frozenset(account or ()),
        third_role=third_is,
    )
    scratch = Path(tempfile.mkdtemp(prefix="paygw-recon-"))
    try:
        con = open_engine(scratch=scratch, memory_limit=memory_limit)
        with progress("reconciling", STEPS) as advance:
            outcome = reconcile(
                con, book=book, statement=statement, third=third, options=options, tell=lambda _: advance(1)
            )
            told = summary(outcome) if dry_run else write_outcome(con, outcome, out)
        con.disconnect()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if as_json:
        show(told, as_json=True)
        return
    _say(told, out=None if dry_run else out)


def _say(told: Mapping[str, Any], *, out: Path | None) -> None:
    show(
        {
            "matched": told["matches"]["confirmed"],
            "breaks": told["breaks"]["total"],
            **{_kind(name): found["count"] for name, found in told["breaks"]["by_kind"].items()},
            "suggested": told["matches"]["suggested"],
            "waiting": told["waiting"]["count"],
            "written": "không ghi gì / nothing (dry run)" if out is None else str(out),
        },
        as_json=False,
    )
    for note in told["notes"]:
        said = in_vietnamese(note)
        typer.echo(note if said is None else f"{said} / {note}", err=True)


def _kind(name: str) -> str:
    return f"  {WORDS[BreakKind(name)].name_vi} ({name})"


def _check_folder(out: Path) -> None:
    """Refuse before the work what could not be written after it."""
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise Refused("invalid_value", f"--out names a folder; {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise Refused("invalid_value", f"--out: {there} may not be written; choose another folder")


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("invalid_value", f"--as-of is no time: {text}") from error
    if at.tzinfo is None:
        raise Refused("invalid_value", "--as-of needs an offset, as in 2026-02-28T09:30:00+07:00")
    return at


def _period(text: str) -> tuple[date, date] | None:
    if not text:
        return None
    try:
        first, last = (date.fromisoformat(day) for day in text.split(".."))
    except ValueError as error:
        raise Refused("invalid_value", "--period is written 2026-02-01..2026-02-28") from error
    if first > last:
        raise Refused("invalid_value", "--period ends before it begins")
    return first, last
