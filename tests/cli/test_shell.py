"""What a shell sees when a verb cannot do its work: one line that says why, and an exit code."""

from pathlib import Path
from typing import get_args

import asyncpg
import pytest
import typer

from paygw.cli.refusal_words import WORDS
from paygw.cli.shell import run_verb
from paygw.kernel.errors import Refused
from paygw.kernel.fees.errors import FeeErrorCode
from tests.house.sources import sources
from tests.web.test_errors import codes_said


@pytest.mark.parametrize(
    "trouble",
    [
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_a_database_that_goes_away_is_one_line(trouble: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    cli = typer.Typer()

    @cli.command()
    def verb() -> None:
        raise trouble

    code = run_verb(cli, ["--"])

    assert code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the database does not answer" in said


def test_every_refusal_is_told_in_vietnamese_first(capsys: pytest.CaptureFixture[str]) -> None:
    cli = typer.Typer()

    @cli.command()
    def verb() -> None:
        raise Refused("same_person", "A second person must decide.")

    assert run_verb(cli, ["--"]) == 1
    assert capsys.readouterr().err == (
        "paygw: Người duyệt phải khác người đề nghị. A second person must decide. (same_person)\n"
    )


def test_no_refusal_of_the_hub_lacks_its_words() -> None:
    hub = [source for source in sources() if source.path.startswith(("paygw/hub/", "paygw/jobs/", "paygw/kernel/"))]
    said = {code for source in hub for code, _ in codes_said(source)}

    assert said - WORDS.keys() - set(get_args(FeeErrorCode)) == set()


def test_a_path_that_leads_nowhere_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cli = typer.Typer()

    @cli.command()
    def verb() -> None:
        Path("/nowhere/at/all").read_bytes()

    assert run_verb(cli, ["--"]) == 1
    said = capsys.readouterr().err
    assert (said.count("\n"), "/nowhere/at/all" in said, "Errno" in said) == (1, True, False)
