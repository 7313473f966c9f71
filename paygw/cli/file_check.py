"""`paygw files check`: a profile that is being written is tried on a sample before it goes live."""

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
