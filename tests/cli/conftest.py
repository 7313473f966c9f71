"""The command line on a fresh database, called in this process as scripts call it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paygw.cli.root import run
from tests.db_fixtures import Database
from tests.house.sources import ROOT

SMALL_CATALOGUE = min((ROOT / "paygw" / "catalogue" / "fees").glob("*.yaml"), key=lambda file: file.stat().st_size)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a verb printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> Any:  # noqa: ANN401 - any JSON
        """What a verb that succeeded printed."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> str:
        """The one line of a verb that refused."""
        assert (self.code, self.out) == (1, "")
        assert self.err.startswith("paygw: ")
        assert self.err.count("\n") == 1
        return self.err


Paygw = Callable[..., Ran]


@pytest.fixture
def paygw(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Paygw:
    """Run a verb, given as words or as one text, with extra environment."""
    way = database.runtime
    word = f":{way.password}" if way.password else ""
    url = f"postgresql://{way.user}{word}@/{way.database}?host={way.host}&port={way.port}"
    base = {"PAYGW_DATABASE_URL": url, "PAYGW_VAR": str(tmp_path), "PAYGW_CATALOGUE": str(SMALL_CATALOGUE)}

    def run_verb(words: str, **environment: str) -> Ran:
        with monkeypatch.context() as patched:
            for name, value in (base | environment).items():
                patched.setenv(name, value)
            capsys.readouterr()
            code = run(words.split())
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run_verb
