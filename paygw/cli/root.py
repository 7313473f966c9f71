"""The command line: every verb of contract.md section 2 and 3, one line on stderr for every error."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import typer

from paygw.cli.shell import run_verb

# Where each verb or group of verbs stands: only the one that is asked for is imported.
_VERBS: Final[Mapping[str, str]] = {
    "run": "run:run",
    "serve": "serving:serve",
    "work": "working:work",
    "sandbox": "sandbox:sandbox",
    "migrate": "upkeep:migrate",
    "settings": "upkeep:settings",
    "doctor": "upkeep:doctor",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "openapi": "upkeep:openapi",
    "demo": "demo:demo",
    "trace": "money:trace",
    "connectors": "connectors:connectors",
    "conformance": "connectors:conformance",
    "new-connector": "new_connector:new_connector",
    "reconcile": "reconcile:reconcile_day",
    "portal": "provision:portal",
    "key": "provision:key",
    "person": "provision:person",
    "body": "provision:body",
    "proposal": "provision:proposal",
    "bank": "banks:bank",
    "refund": "refunds:refund",
    "callback": "money:callback",
    "audit": "money:audit",
    "ledger": "money:ledger",
    "fees": "fees:fees",
    "calendar": "calendar:calendar",
    "files": "file_check:files",
    "breaks": "breaks:breaks",
    "recon": "recon:recon",
    "minutes": "minutes:minutes",
    "disburse": "disburse:disburse",
    "decide": "decide:decide",
}


def command_line(given: Sequence[str]) -> typer.Typer:
    """The verb or group that these arguments ask for, or all of them."""
    names = given[:1] if given and given[0] in _VERBS else _VERBS
    made = typer.Typer(
        name="paygw",
        help="Vietnam's public payment hub for the fees of administrative procedures.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    made.callback()(lambda: None)  # one verb alone is still a verb, not the program
    for name in names:
        module, _, part = _VERBS[name].partition(":")
        found = getattr(import_module(f"paygw.cli.{module}"), part)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=name)
        else:
            made.command(name)(found)
    return made


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_verb(command_line(given), given)
