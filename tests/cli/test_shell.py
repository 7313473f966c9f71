"""What a shell sees when a verb cannot do its work: one line that says why, and an exit code."""

import asyncpg
import pytest
import typer

from paygw.cli.shell import run_verb


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
