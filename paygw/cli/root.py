"""The command line: every verb of contract.md section 2 and 3, one line on stderr for every error."""

from collections.abc import Sequence
from typing import Final

import typer

from paygw.cli import banks, money, provision, serving, upkeep
from paygw.cli.breaks import breaks
from paygw.cli.calendar import calendar
from paygw.cli.connectors import conformance, connectors
from paygw.cli.demo import demo
from paygw.cli.disburse import disburse
from paygw.cli.fees import fees
from paygw.cli.files import files
from paygw.cli.minutes import minutes
from paygw.cli.new_connector import new_connector
from paygw.cli.recon import recon
from paygw.cli.reconcile import reconcile_day
from paygw.cli.run import run as run_all
from paygw.cli.sandbox import sandbox
from paygw.cli.shell import run_verb

cli = typer.Typer(
    name="paygw",
    help="Vietnam's public payment hub for the fees of administrative procedures.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_VERBS: Final = (
    run_all,
    serving.serve,
    serving.work,
    sandbox,
    upkeep.migrate,
    upkeep.settings,
    upkeep.doctor,
    upkeep.openapi,
    demo,
    money.trace,
    connectors,
    conformance,
    new_connector,
)
for verb in _VERBS:
    cli.command()(verb)
for group in ("portal", "key", "person", "body", "proposal"):
    cli.add_typer(getattr(provision, group), name=group)
cli.add_typer(banks.bank, name="bank")
for group in ("refund", "callback", "audit", "ledger"):
    cli.add_typer(getattr(money, group), name=group)
cli.add_typer(fees, name="fees")
cli.add_typer(calendar, name="calendar")
cli.add_typer(files, name="files")
cli.add_typer(breaks, name="breaks")
cli.add_typer(recon, name="recon")
cli.add_typer(minutes, name="minutes")
cli.add_typer(disburse, name="disburse")
cli.command("reconcile")(reconcile_day)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code."""
    return run_verb(cli, arguments)
