"""A bar on stderr while something long goes on; nothing where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]

_TELL_EVERY = 200  # steps of the bar: more would cost more than the work


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Show how far it is; the value is called with what was done since the last call, in the units of `total`."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total or None)
        step, waiting = max(1, total // _TELL_EVERY), 0

        def advance(done: int) -> None:
            nonlocal waiting
            waiting += done
            if waiting >= step:
                bar.advance(task, waiting)
                waiting = 0

        yield advance
        bar.advance(task, waiting)
