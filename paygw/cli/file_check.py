"""`paygw files check|profile|profiles`: a profile is written from another and tried on a sample before it goes live."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from paygw.cli.files import Account, Day, ProfileName, files, found_profile
from paygw.cli.output import AsJson, show, show_all
from paygw.hub.days import day_of
from paygw.jobs.reading import ReadLine, bounds_for, read_pieces
from paygw.settings import Settings
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import is_name
from reconciliation.statements.read import SHIPPED, load_profile
from reconciliation.statements.staged import MIB, StagedFile, StagedLine
from reconciliation.statements.table import Given

_SHOWN_MAX: Final = 10
_COLUMNS: Final = (
    "line",
    "bank_txn_id",
    "ref",
    "kind",
    "direction",
    "amount_vnd",
    "fee_vnd",
    "status",
    "booked_at",
    "memo",
)


@files.command("check")
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A sample; without it only the profile is looked at.")
    ] = None,
    *,
    profile: ProfileName,
    account: Account = "",
    day: Day = "",
    as_json: AsJson = False,
) -> None:
    """Try a profile, and a file with it, without a database; shows the first lines, or what is wrong and where."""
    given = Given(account=account, day=day_of(day) if day else None)
    first: dict[int, list[StagedLine]] = {}

    def keep(read: Sequence[ReadLine]) -> None:
        for one in read:
            shown = first.setdefault(one.statement_n, [])
            shown += [one.line] if len(shown) < _SHOWN_MAX else []

    try:
        known = found_profile(profile)
        if path is None:
            show(
                {"ok": True, "profile": known.profile, "kind": known.kind, "columns": list(known.columns)},
                as_json=as_json,
            )
            return
        staged = asyncio.run(
            read_pieces(_pieces(path), known, given, keep, bounds_for(Settings(), path.stat().st_size))
        )
    except BadFile as bad:
        if not as_json:
            raise
        show({"ok": False, "code": bad.code, "line": bad.line, "vi": bad.vi(), "en": bad.en()}, as_json=True)
        raise typer.Exit(1) from bad
    summary = _summary(staged, first)
    if as_json:
        show({"ok": True, "profile": staged.profile, "statements": summary}, as_json=True)
        return
    for one in summary:
        lines = one.pop("first")
        show(one, as_json=False)
        show_all(lines, as_json=False)


@files.command("profiles")
def profiles(*, as_json: AsJson = False) -> None:
    """List the profiles: those shipped and the operator's, with what is wrong in them; exit 1 if anything is."""
    paths = {path.stem: path for folder in _folders() for path in sorted(folder.glob("*.yaml"))}
    rows = [_row(path) for path in paths.values()]
    show_all(rows, as_json=as_json)
    if any(row["wrong"] for row in rows):
        raise typer.Exit(1)


@files.command("profile")
def profile_text(
    name: Annotated[str, typer.Argument(help="The profile to begin with, such as vi-statement or vi-settlement.")],
    *,
    new: Annotated[str, typer.Option("--as", help="Name of the profile that is to be made of it.")] = "",
) -> None:
    """Print a profile, to make another of it: `files profile vi-statement --as bank-moi > bank-moi.yaml`."""
    if new and not is_name(new):
        raise BadFile("profile_name")
    path = next((one for folder in _folders()[::-1] if (one := folder / f"{name}.yaml").is_file()), None)
    if path is None or not is_name(name):
        raise BadFile("profile", name=name)
    typer.echo(path.read_text(encoding="utf-8").replace(f"profile: {name}", f"profile: {new or name}", 1), nl=False)


def _folders() -> list[Path]:
    folder = Settings().file_profiles
    return [SHIPPED, *([folder] if folder is not None else [])]


def _row(path: Path) -> dict[str, str]:
    try:
        one = load_profile(path)
    except BadFile as bad:
        return {"profile": path.stem, "kind": "", "title": "", "source": "", "wrong": bad.vi()}
    return {"profile": one.profile, "kind": one.kind, "title": one.title, "source": one.source, "wrong": ""}


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(MIB):
            yield piece


def _summary(staged: StagedFile, first: dict[int, list[StagedLine]]) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "account": one.account,
            "day": one.day.isoformat(),
            "number": one.number,
            "sequence": one.sequence,
            "opening_vnd": one.opening_vnd,
            "closing_vnd": one.closing_vnd,
            "lines": one.made.lines,
            "credit_vnd": one.made.credit_vnd,
            "debit_vnd": one.made.debit_vnd,
            "net_vnd": one.made.net_vnd,
            "pending": one.pending,
            "columns_not_read": list(one.not_read),
            "first": [_shown(line) for line in first.get(n, [])],
        }
        for n, one in enumerate(staged.statements, 1)
    ]


def _shown(line: StagedLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in _COLUMNS} | {"booked_at": line.booked_at.isoformat()}
