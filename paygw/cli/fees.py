"""`paygw fees`: tariffs, from a file on somebody's desk to what every order is priced by."""

from collections.abc import Callable, Mapping
from typing import Final

import typer

from paygw.cli import fee_files, fee_simulation, fee_versions

fees = typer.Typer(help="Tariffs: quote, check, publish, simulate.", no_args_is_help=True)

_VERBS: Final[Mapping[str, Callable[..., None]]] = {
    "quote": fee_files.quote,
    "check": fee_files.check,
    "test": fee_files.run_examples,
    "simulate": fee_simulation.simulate,
    "diff": fee_versions.diff,
    "load": fee_versions.load,
    "review": fee_versions.review_versions,
    "publish": fee_versions.publish_versions,
    "show": fee_versions.show_versions,
}
for name, verb in _VERBS.items():
    fees.command(name)(verb)
