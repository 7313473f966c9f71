"""What the verbs print: JSON for scripts, tables for people. Knows no hub: some verbs work on files alone."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Row = Mapping[str, object]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

_WIDE = 200  # columns, where nobody watches


def show(value: Row, *, as_json: bool) -> None:
    """One thing: an object, or name and value per line."""
    if as_json:
        _json(value)
        return
    for name, one in value.items():
        typer.echo(f"{name}: {_plain(one)}")


def show_all(rows: Sequence[Row], *, as_json: bool) -> None:
    """Several things of one kind: an array, or a table."""
    if as_json:
        _json(list(rows))
        return
    table = Table(*(rows[0] if rows else ("nothing",)))
    for row in rows:
        table.add_row(*(escape(_plain(one)) for one in row.values()))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
