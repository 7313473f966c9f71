"""`paygw files`: bring, look at and fetch the files of banks, providers and the treasury."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.cli.progress import progress
from paygw.hub.days import day_of
from paygw.hub.filed import find_files, get_file, missing_files
from paygw.hub.hub import Hub
from paygw.hub.intake import FileAsk, again, reason_of, receive_file
from paygw.jobs.pickup import pick_up
from paygw.jobs.staging import stage_received
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.refs import private_id
from paygw.outside.sources import Source, load_sources
from paygw.settings import Settings
from reconciliation.statements.profile import Profile
from reconciliation.statements.read import find_profile, load_profile

files = typer.Typer(help="Files of banks and providers: bring, look, try, fetch.", no_args_is_help=True)

ProfileName = Annotated[str, typer.Option("--profile", help="How it is read: a name, or for `check` a YAML file.")]
Account = Annotated[str, typer.Option(help="Whose account it is; must be the file's.")]
Day = Annotated[str, typer.Option(help="The business day it is about, yyyy-mm-dd.")]
Sequence = Annotated[int, typer.Option(min=0, max=999_999, help="Version of a file that is sent again.")]

_COLUMNS: Final = ("id", "bank", "name", "day", "state", "lines", "credit_vnd", "debit_vnd", "received_at")
_SHOWN_MAX: Final = 10


@files.command("add")
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one bank and kind.")],
    *,
    bank: Annotated[str, typer.Option(help="Whose files they are.")],
    profile: ProfileName,
    account: Account = "",
    day: Day = "",
    sequence: Sequence = 0,
    as_json: AsJson = False,
) -> None:
    """Bring files, read and stage them now; exit 1 if one is refused."""

    async def bring(hub: Hub) -> list[dict[str, Any]]:
        views = []
        with progress("reading", len(paths)) as advance:
            for path in paths:
                views.append(await _bring(hub, path))
                advance(1)
        return views

    async def _bring(hub: Hub, path: Path) -> dict[str, Any]:
        with path.open("rb") as data:
            ask = FileAsk(
                bank=bank,
                profile=profile,
                data=data,
                bytes_max=found_profile(profile).limits.bytes_max,
                name=path.name,
                source="cli",
                by="operator",
                account=account,
                day=day_of(day) if day else None,
                sequence=sequence,
            )
            received = await receive_file(hub, ask)
        while await stage_received(hub):
            pass
        return await get_file(hub, received.id)

    _tell(with_hub(bring), as_json=as_json)


@files.command("list")
def list_all(
    *,
    bank: Annotated[str, typer.Option(help="Only of this bank.")] = "",
    state: Annotated[str, typer.Option(help="received, staged, refused or superseded.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List files, newest first."""

    async def listed(hub: Hub) -> list[dict[str, Any]]:
        return list((await find_files(hub, bank=bank, state=state, limit=limit))["items"])

    views = with_hub(listed)
    show_all(views if as_json else [{name: view[name] for name in _COLUMNS} for view in views], as_json=as_json)


@files.command("show")
def show_one(file_id: Annotated[str, typer.Argument(metavar="ID")], *, as_json: AsJson = False) -> None:
    """Show a file and, if it was refused, why and in which line."""
    show(with_hub(lambda hub: get_file(hub, _uid(file_id))), as_json=as_json)


@files.command("again")
def read_again(file_id: Annotated[str, typer.Argument(metavar="ID")], *, as_json: AsJson = False) -> None:
    """Read a refused file once more, after its profile was mended."""

    async def work(hub: Hub) -> list[dict[str, Any]]:
        await again(hub, _uid(file_id))
        while await stage_received(hub):
            pass
        return [await get_file(hub, _uid(file_id))]

    _tell(with_hub(work), as_json=as_json)


@files.command("fetch")
def fetch(
    sources: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which; default: all.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Look now at drop folders and SFTP servers; exit 1 if one is out of reach."""
    chosen = _sources(sources or [])

    async def work(hub: Hub) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        with progress("fetching", len(chosen)) as advance:
            for source in chosen:
                rows += [{name: getattr(one, name) for name in one.__slots__} for one in await pick_up(hub, [source])]
                advance(1)
        return rows

    rows = with_hub(work)
    show_all(rows, as_json=as_json)
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


@files.command("missing")
def missing(*, day: Day = "", as_json: AsJson = False) -> None:
    """List expected files of a day that are not staged; exit 1 if one is late. Default: yesterday in Vietnam."""
    wanted = day_of(day) if day else datetime.now(UTC).astimezone(VIETNAM).date() - timedelta(days=1)
    rows = with_hub(lambda hub: _missing(hub, wanted))
    show_all(rows, as_json=as_json)
    if any(row["late"] for row in rows):
        raise typer.Exit(1)


def _tell(views: list[dict[str, Any]], *, as_json: bool) -> None:
    rows = [{name: view[name] for name in _COLUMNS} | {"problem": reason_of(view)} for view in views]
    show_all(views if as_json else rows, as_json=as_json)
    if any(view["state"] == "refused" for view in views):
        raise typer.Exit(1)


async def _missing(hub: Hub, day: date) -> list[dict[str, Any]]:
    found = await missing_files(hub, _sources([]), day)
    return [
        {name: str(value) if isinstance(value := getattr(one, name), date) else value for name in one.__slots__}
        for one in found
    ]


def _sources(names: list[str]) -> list[Source]:
    known = load_sources(Settings().file_sources)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused("nothing_selected", f"No source is called {', '.join(unknown)}: see PAYGW_FILE_SOURCES.")
    return [known[name] for name in names] if names else list(known.values())


def found_profile(name: str) -> Profile:
    """A profile by name, or one file that is being written. Raises BadFile."""
    if name.endswith((".yaml", ".yml")):
        return load_profile(Path(name))
    folder = Settings().file_profiles
    return find_profile(name, *([folder] if folder is not None else []))


def _uid(file_id: str) -> str:
    uid = private_id("fil", file_id)
    if uid is None:
        raise Refused("not_found", "A file has an id such as fil_0199….")
    return uid
