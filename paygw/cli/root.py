"""The command line: every verb of contract.md section 2 and 3, one line on stderr for every error."""

import sys
from collections.abc import Sequence
from typing import Final

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

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
from paygw.kernel.errors import PaygwError, Refused

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130

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
    """Run one verb; the exit code. What people did wrong is one line, a defect keeps its stack."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli(args=given or ["--help"], prog_name="paygw", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except TyperException as error:
        return _say(error.format_message(), MISUSED)
    except (PaygwError, ValidationError, OSError) as error:
        return _say(_sentence(error), FAILED)
    return code if isinstance(code, int) else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"{error.detail} ({error.code})"
    if isinstance(error, ValidationError):
        wrong = (f"PAYGW_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        return "; ".join(wrong).replace("PAYGW_: ", "")
    return str(error)


def _say(sentence: str, code: int) -> int:
    print("paygw: " + " ".join(sentence.split()), file=sys.stderr)  # noqa: T201 - the command line speaks
    return code
