"""What the verbs print: JSON for scripts, tables for people. Knows no hub: some verbs work on files alone."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paygw.cli.labels import LABELS
from paygw.kernel.decide import VIETNAM

Row = Mapping[str, object]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

_WIDE = 200  # columns, where nobody watches
_WHOLE: Final = ("id", "batch", "content_hash")
_COLUMNS_MAX: Final = 13
_NOTHING: Final = "Không có gì. / Nothing."


def show(value: Row, *, as_json: bool) -> None:
    """One thing: an object, or name and value per line; rows inside it as tables below their name."""
    if as_json:
        _json(value)
        return
    for name, one in value.items():
        if _is_rows(one):
            typer.echo(f"\n{label(name)}:")
            _table(cast("Sequence[Row]", one))
        else:
            typer.echo(f"{label(name)}: {plain(name, one)}")


def show_all(rows: Sequence[Row], *, as_json: bool) -> None:
    """Several things of one kind: an array, or a table."""
    if as_json:
        _json(list(rows))
    elif rows:
        _table(rows)
    else:
        typer.echo(_NOTHING)


def label(name: str) -> str:
    """What a field is called for people; its own name beside it."""
    return f"{LABELS[name]} ({name})" if name in LABELS else name


def plain(name: str, value: object) -> str:
    """A value for people: amounts with dots, nothing as nothing."""
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, int) and (name.endswith("_vnd") or name == "vnd"):
        return f"{value:,}".replace(",", ".")
    if isinstance(value, str):
        return _local(value) if name.endswith("_at") or name in {"at", "as_of"} else value
    if isinstance(value, list | tuple):
        return ", ".join(plain(name, one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain(key, one)}" for key, one in _filled(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _local(moment: str) -> str:
    """A moment as a clock in Vietnam shows it; anything else as it is."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{at.astimezone(VIETNAM).replace(microsecond=0).isoformat(' ')}" if at.tzinfo else moment


def _filled(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    return ((key, one) for key, one in value.items() if one not in (None, "", [], {}))


def _is_rows(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _table(rows: Sequence[Row]) -> None:
    """Ids and references are never taken for markup or emoji: `H:bank:…` is an account.

    More columns than a screen can hold are a record per row, a field per line.
    """
    if len(rows[0]) > _COLUMNS_MAX:
        for row in rows:
            typer.echo("\n".join(f"{label(name)}: {plain(name, one)}" for name, one in row.items()) + "\n")
        return
    table = Table()
    for name in rows[0]:
        figures = (row.get(name) for row in rows)
        amounts = name.endswith("vnd") or all(isinstance(one, int) and not isinstance(one, bool) for one in figures)
        head = f"{LABELS[name]}\n{name}" if name in LABELS else name
        whole = name.endswith(_WHOLE)  # to be copied
        table.add_column(Text(head), justify="right" if amounts else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(plain(name, one)) for name, one in row.items()))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))
