"""`paygw fees load|review|publish|show|diff`: versions of tariffs, from draft to force."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from asyncpg import Record

from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.hub.fees import Publication, Shown, list_versions, load_versions, publish, review, view
from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import read_sources
from paygw.kernel.fees.dates import LAST_DAY, Window
from paygw.kernel.fees.differences import changed_windows, entries_changed
from paygw.kernel.fees.versions import Version, versions_of

By = Annotated[str, typer.Option("--by", help="The person who does this.")]
Prefixes = Annotated[list[str] | None, typer.Argument(metavar="VERSION...", help="Beginnings of versions' digests.")]
Everything = Annotated[bool, typer.Option("--all", help="Every version that is at this step.")]

_COLUMNS: Final = ("version", "procedure", "schedule", "jurisdiction", "effective_from", "effective_to", "state")
_DIGEST_SHOWN: Final = 12

_Key = tuple[str, str, str]


def load(
    path: Annotated[Path, typer.Argument(help="A folder of tariffs, or one file and what lies beside it.")],
    *,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Keep every schedule of these files as a draft; what is known already stays what it is."""
    sources = read_sources(path)
    _show_versions(with_hub(lambda hub: load_versions(hub, sources, by=by)), as_json=as_json)


def review_versions(
    prefixes: Prefixes = None, *, everything: Everything = False, by: By, as_json: AsJson = False
) -> None:
    """Confirm, as another person than drafted them, that drafts say what the law says."""

    async def work(hub: Hub) -> list[Shown]:
        chosen = await _chosen(hub, prefixes, everything=everything, state="draft")
        return [await review(hub, digest, by=by) for digest in chosen]

    _show_versions(with_hub(work), as_json=as_json)


def publish_versions(
    prefixes: Prefixes = None,
    *,
    everything: Everything = False,
    by: By,
    supersede: Annotated[bool, typer.Option("--supersede", help="End what is in force in the window.")] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A mark that may go live: memory, illustrative, unmarked, placeholder; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring reviewed versions into force on the dates of their windows."""
    how = Publication(by=by, supersede=supersede, accept=frozenset(accept or ()))

    async def work(hub: Hub) -> list[Shown]:
        chosen = await _chosen(hub, prefixes, everything=everything, state="reviewed")
        return [await publish(hub, digest, how) for digest in chosen]

    _show_versions(with_hub(work), as_json=as_json)


def show_versions(
    what: Annotated[str, typer.Argument(help="A procedure's code, or the beginning of a version's digest.")] = "",
    *,
    state: Annotated[
        Literal["", "draft", "reviewed", "published", "superseded"], typer.Option(help="Only versions of this state.")
    ] = "",
    document: Annotated[bool, typer.Option("--document", help="Print what the version says.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show versions: all of them, those of a procedure, or one."""
    key = "procedure" if "." in what else "prefix"
    rows = with_hub(partial(_rows, what=what, key=key, state=state))
    if what and not rows:
        raise Refused("not_found", f"There is no version of '{what}'.")
    if document:
        for row in rows:
            typer.echo(row["document"])
    elif key == "prefix" and what and len(rows) == 1:
        show(view(rows[0]), as_json=as_json)
    else:
        _show_versions([view(row) for row in rows], as_json=as_json)


def diff(
    old: Annotated[str, typer.Argument(help="A folder, a file, a version, or `in-force`.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two sets of tariffs: which days are charged otherwise, which entries changed."""
    before, after = _documents(old), _documents(new)
    rows: list[Shown] = []
    for key in sorted(before.keys() | after.keys()):
        rows += _differences(key, before.get(key), after.get(key))
    show_all(rows, as_json=as_json)


def _differences(key: _Key, old: tuple[Window, str] | None, new: tuple[Window, str] | None) -> list[Shown]:
    face: Shown = dict(zip(("procedure", "jurisdiction", "schedule"), key, strict=True))
    if old is None or new is None:
        window = old or new
        return [{**face, "change": "added" if old is None else "removed", "days": _days([window[0]] if window else [])}]
    if old[1] == new[1]:
        return []
    both = Window(min(old[0].first, new[0].first), max(old[0].last, new[0].last))
    days = changed_windows(old[1], new[1], both) if old[0] == new[0] else [both]
    entries = [{"path": path, "old": was, "new": now} for path, was, now in entries_changed(old[1], new[1])]
    return [{**face, "change": "changed" if days else "editorial", "days": _days(days), "entries": entries}]


def _documents(what: str) -> dict[_Key, tuple[Window, str]]:
    """Schedules by name, from files where there are some of that name, else from the database."""
    if Path(what).exists():
        return {_key(version): (version.window, version.document) for version in versions_of(read_sources(Path(what)))}
    state, prefix = ("published", "") if what == "in-force" else ("", what)
    rows = with_hub(partial(_rows, what=prefix, key="prefix", state=state))
    if not rows:
        raise Refused("not_found", f"There is neither a file nor a version '{what}'.")
    return {
        (row["procedure"], row["jurisdiction"], row["schedule"]): (
            Window(row["effective_from"], row["effective_to"] or LAST_DAY),
            row["document"],
        )
        for row in rows
    }


def _key(version: Version) -> _Key:
    return version.procedure, version.jurisdiction, version.schedule


def _days(windows: Sequence[Window]) -> list[str]:
    return [f"{one.first}..{'' if one.last == LAST_DAY else one.last}" for one in windows]


async def _rows(hub: Hub, *, what: str, key: str, state: str) -> list[Record]:
    if key == "procedure":
        return await list_versions(hub, procedure=what, state=state)
    return await list_versions(hub, prefix=what, state=state)


async def _chosen(hub: Hub, prefixes: list[str] | None, *, everything: bool, state: str) -> list[str]:
    if bool(prefixes) == everything:
        raise Refused("invalid_value", "Name versions by their digests, or say --all.")
    return prefixes or [row["digest"] for row in await list_versions(hub, state=state)]


def _show_versions(rows: Sequence[Shown], *, as_json: bool) -> None:
    if as_json:
        show_all(rows, as_json=True)
        return
    short = [{**row, "version": str(row["version"])[:_DIGEST_SHOWN]} for row in rows]
    show_all([{name: row[name] for name in _COLUMNS} for row in short], as_json=False)
